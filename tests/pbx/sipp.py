"""SIPp as a telephone: scenarios built step by step, run on an address and ports of their own, their messages kept.

Answers for: what a courier's and a recipient's phone send, headers that give them away included. Must not know: the
service. A scenario is XML that SIPp reads; each message received is given back as it came.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.pbx.digits import duration_ms, write_pcap
from tests.pbx.traces import Played

_SDP = """v=0
o={user} 53655765 2353687637 IN IP4 [local_ip]
s=call of {name}
i={name} {user}
e={user}@phone.example ({name})
p=+{user}
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
"""


class SippMissing(Exception):
    """The program cannot be had; the text names the part."""


def sipp_program() -> str:
    program = shutil.which("sipp")
    if program is None:
        raise SippMissing("sipp is not installed: run .ci/telephony")
    return program


def can_send_rtp() -> bool:
    """``play_pcap_audio`` writes to a raw socket."""
    return os.geteuid() == 0


def free_udp_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.bind((address, 0))
        port: int = trial.getsockname()[1]
        return port


@dataclass
class Phone:
    """``number`` and ``name`` stand in every header that a phone can be made to say them in. ``withheld``: the caller
    asks for privacy. ``by_proxy``: what it reaches is a proxy, so it has routes to record and to follow.
    """

    address: str
    number: str
    name: str = "Somebody"
    withheld: bool = False
    by_proxy: bool = False
    sip_port: int = 0
    rtp_port: int = 0
    steps: list[str] = field(default_factory=list)
    _pcaps: list[tuple[str, str]] = field(default_factory=list)
    _cseq: int = 1

    def __post_init__(self) -> None:
        self.sip_port = self.sip_port or free_udp_port(self.address)
        self.rtp_port = self.rtp_port or free_udp_port(self.address) // 2 * 2

    # -- both sides

    def waits(self, milliseconds: int) -> Self:
        self.steps.append(f'<pause milliseconds="{milliseconds}"/>')
        return self

    def is_hung_up(self, *, within_ms: int = 15_000, thinks_ms: int = 0) -> Self:
        self.steps.append(f'<recv request="BYE" timeout="{within_ms}"/>')
        if thinks_ms:
            self.waits(thinks_ms)
        # In a dialog the tag stands in To already.
        self.steps.append(_send(_REPLY.format(status="200 OK", tag="", extra="", sdp="")))
        return self

    # -- the one who calls

    def dials(self, to: str) -> Self:
        """``to`` is the user part of the URI, percent-encoded where it has to be."""
        shown = "Anonymous" if self.withheld else self.name
        user = "anonymous" if self.withheld else self.number
        tells = _TELLS.format(number=self.number, name=self.name)
        privacy = "Privacy: id\n" if self.withheld else ""
        self.to = to
        self.from_header = f'"{shown}" <sip:{user}@[local_ip]:[local_port]>;tag=courier[call_number]'
        head = _request("INVITE", to=to, from_header=self.from_header, cseq=1, opening=True)
        sdp = _SDP.format(user=self.number.lstrip("+"), name=self.name)
        contact = f"Contact: <sip:{self.number}@[local_ip]:[local_port]>\n"
        body = f"{head}{contact}{tells}{privacy}Content-Type: application/sdp\nContent-Length: [len]\n\n{sdp}"
        self.steps.append(_send(body, retransmit=True))
        return self

    def is_answered(self) -> Self:
        self._provisional()
        self.steps.append('<recv response="200" rrs="true" timeout="12000"/>')
        self.steps.append(_send(self._within("ACK", cseq=1) + _EMPTY))
        return self

    def is_refused(self, status: int) -> Self:
        self._provisional()
        self.steps.append(f'<recv response="{status}" timeout="15000"/>')
        return self._confirms_refusal()

    def hears_ringing(self) -> Self:
        self.steps.append('<recv response="100" optional="true"/>')
        self.steps.append('<recv response="180" rrs="true" timeout="10000"/>')
        return self

    def hears_trying(self) -> Self:
        self.steps.append('<recv response="100" timeout="5000"/>')
        return self

    def negotiates_again(self) -> Self:
        """A re-INVITE that tells as much as the first INVITE, and its ACK."""
        self._cseq += 1
        tells = f"Contact: <sip:{self.number}@[local_ip]:[local_port]>\n"
        tells += _TELLS.format(number=self.number, name=self.name)
        sdp = _SDP.format(user=self.number.lstrip("+"), name=self.name)
        head = self._within("INVITE", cseq=self._cseq)
        body = f"{head}{tells}Content-Type: application/sdp\nContent-Length: [len]\n\n{sdp}"
        self.steps.append(_send(body, retransmit=True))
        self._provisional()
        self.steps.append('<recv response="200" timeout="5000"/>')
        self.steps.append(_send(self._within("ACK", cseq=self._cseq) + _EMPTY))
        return self

    def hangs_up_early(self, status: int) -> Self:
        """A BYE before the answer, which is refused."""
        self.steps.append(_send(self._within("BYE", cseq=self._cseq + 1) + _EMPTY, retransmit=True))
        self.steps.append(f'<recv response="{status}" timeout="5000"/>')
        return self

    def gives_up(self, *, before_ringing: bool = False) -> Self:
        """``before_ringing``: nobody else is to be told, so the call's own end comes first."""
        head = _request("CANCEL", to=self.to, from_header=self.from_header, cseq=1, opening=True)
        canceled = '<recv response="200" timeout="5000"/>'
        self.steps.append(_send(head + _EMPTY))
        self.steps += [] if before_ringing else [canceled]
        self.steps.append('<recv response="487" timeout="5000"/>')
        self._confirms_refusal()
        self.steps += [canceled] if before_ringing else []
        return self

    def keys(self, digits: str, *, by_info: bool = False) -> Self:
        """Presses keys by RFC 4733, or by SIP INFO where raw sockets are not ours (or ``by_info``)."""
        if by_info or not can_send_rtp():
            for digit in digits:
                self._cseq += 1
                head = self._within("INFO", cseq=self._cseq)
                body = f"Signal={digit}\nDuration=100\n"
                tail = "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\n"
                self.steps += [_send(head + tail + body, retransmit=True), '<recv response="200" timeout="4000"/>']
                self.waits(60)
            return self
        name = f"keys{len(self._pcaps)}.pcap"
        self._pcaps.append((name, digits))
        self.steps.append(f'<nop><action><exec play_pcap_audio="{name}"/></action></nop>')
        return self.waits(duration_ms(digits) + 100)

    def hangs_up(self) -> Self:
        self._cseq += 1
        self.steps.append(_send(self._within("BYE", cseq=self._cseq) + _EMPTY, retransmit=True))
        self.steps.append('<recv response="200" timeout="5000"/>')
        return self

    def _within(self, method: str, *, cseq: int) -> str:
        """The head of a request within the dialog."""
        head = _request(method, to=self.to, from_header=self.from_header, cseq=cseq)
        return head + ("[routes]\n" if self.by_proxy else "")

    def _confirms_refusal(self) -> Self:
        ack = _request("ACK", to=self.to, from_header=self.from_header, cseq=1, opening=True)
        self.steps.append(_send(ack.replace(f"To: <sip:{self.to}@[remote_ip]:[remote_port]>", "[last_To:]") + _EMPTY))
        return self

    def _provisional(self) -> None:
        self.steps += [f'<recv response="{each}" optional="true"/>' for each in (100, 180, 183)]

    # -- the one who is called

    def is_called(self) -> Self:
        """Keeps the caller's dialog and rings."""
        self.steps.append(
            '<recv request="INVITE" timeout="20000"><action>'
            '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/>'
            '<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="2"/>'
            '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="3"/>'
            + ('<ereg regexp=".*" search_in="hdr" header="Record-Route:" assign_to="4"/>' if self.by_proxy else "")
            + "</action></recv>"
        )
        return self

    def rings(self) -> Self:
        return self.replies("180 Ringing")

    def replies(self, status: str, *, sdp: bool = False) -> Self:
        contact = f"Contact: <sip:{self.number}@[local_ip]:[local_port]>\n"
        extra = contact + _TELLS.format(number=self.number, name=self.name)
        extra += "[last_Record-Route:]\n" if self.by_proxy else ""
        text = _SDP.format(user=self.number.lstrip("+"), name=self.name) if sdp else ""
        if sdp:
            extra += "Content-Type: application/sdp\n"
        retransmit = sdp or int(status[:3]) >= 300
        self.steps.append(_send(_REPLY.format(status=status, tag=_TAG, extra=extra, sdp=text), retransmit=retransmit))
        if retransmit:
            self.steps.append('<recv request="ACK" timeout="6000"/>')
        return self

    def answers(self) -> Self:
        if self.by_proxy:
            # A proxy's workers may overtake each other, so that the 180 comes after the 200; people are slower.
            self.waits(40)
        return self.replies("200 OK", sdp=True)

    def takes_info(self) -> Self:
        self.steps.append('<recv request="INFO" timeout="5000"/>')
        self.steps.append(_send(_REPLY.format(status="200 OK", tag="", extra="", sdp="")))
        return self

    def sees_it_given_up(self, *, replies: bool = True) -> Self:
        """The caller cancels, or the PBX does when nobody answers. ``replies``: to the INVITE too."""
        self.steps.append('<recv request="CANCEL" timeout="15000"/>')
        self.steps.append(_send(_REPLY.format(status="200 OK", tag=_TAG, extra="", sdp="")))
        if not replies:
            return self
        # The final answer to the INVITE has the INVITE's own CSeq.
        refusal = _REPLY.format(status="487 Request Terminated", tag=_TAG, extra="", sdp="")
        self.steps.append(_send(refusal.replace("[last_CSeq:]", "CSeq:[$3]"), retransmit=True))
        self.steps.append('<recv request="ACK" timeout="6000"/>')
        return self

    def hangs_up_on_caller(self) -> Self:
        self.steps.append(
            _send(
                "BYE [$2] SIP/2.0\n"
                "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
                f'From: "{self.name}" <sip:{self.number}@[local_ip]:[local_port]>;tag=recipient[call_number]\n'
                "To:[$1]\n[last_Call-ID:]\nCSeq: 1 BYE\nMax-Forwards: 70\n"
                + ("Route:[$4]\n" if self.by_proxy else "")
                + _EMPTY,
                retransmit=True,
            )
        )
        self.steps.append('<recv response="200" timeout="5000"/>')
        return self

    # -- running

    def start(
        self, folder: Path, pbx: tuple[str, int], *, seconds: int = 15, count: int = 1, rate: int | None = None
    ) -> Running:
        """Begins to play ``count`` calls, to or from ``pbx``: one after the other, or ``rate`` new ones a second."""
        folder.mkdir(parents=True, exist_ok=True)
        for place, (name, digits) in enumerate(self._pcaps):
            write_pcap(folder / name, digits, round=place)
        variables = "1,2,3,4" if self.by_proxy else "1,2,3"
        uses = f'<Reference variables="{variables}"/>' if any('assign_to="1"' in step for step in self.steps) else ""
        steps = "".join(self.steps) + uses
        scenario = f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="phone">{steps}</scenario>\n'
        (folder / "scenario.xml").write_text(scenario, "utf-8")
        pace = f"-m {count} -l 1" if rate is None else f"-m {count} -r {rate} -l 5000"
        traces = "-trace_msg -message_file messages -trace_err -error_file errors"
        command = [
            *(sipp_program(), f"{pbx[0]}:{pbx[1]}", *f"-sf scenario.xml -i {self.address} -p {self.sip_port}".split()),
            *f"-mi {self.address} -mp {self.rtp_port} {pace} -nostdin".split(),
            *f"-timeout {seconds}s -timeout_error {traces}".split(),
        ]
        out = (folder / "stdout").open("wb")
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        out.close()
        return Running(process, folder, seconds)


@dataclass
class Running:
    """A phone at work."""

    process: subprocess.Popen[bytes]
    folder: Path
    seconds: int

    def ends(self) -> Played:
        """Waits until the scenario is over."""
        try:
            code = self.process.wait(self.seconds + 5)
        finally:
            self.stop()
        return Played(code, self.folder)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)


_EMPTY = "Content-Length: 0\n\n"
# All the places in which a phone or its network may say who it is.
_TELLS = (
    'P-Asserted-Identity: "{name}" <sip:{number}@[local_ip]>\n'
    'Remote-Party-ID: "{name}" <sip:{number}@[local_ip]>;party=calling;privacy=off;screen=no\n'
    "Diversion: <sip:{number}@[local_ip]>;reason=unconditional\n"
    "X-Secret: {number}\n"
    "Subject: {name} {number}\n"
    "User-Agent: phone of {name}\n"
)
_TAG = ";tag=recipient[call_number]"
_REPLY = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
{extra}Content-Length: [len]

{sdp}"""


def _request(method: str, *, to: str, from_header: str, cseq: int, opening: bool = False) -> str:
    """``opening``: INVITE, and what belongs to its transaction (CANCEL, the ACK of a refusal)."""
    place = f"sip:{to}@[remote_ip]:[remote_port]" if opening else "[next_url]"
    branch = "z9hG4bK-opening-[pid]-[call_number]" if opening else "[branch]"
    tag = "" if opening else "[peer_tag_param]"
    return (
        f"{method} {place} SIP/2.0\n"
        f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}\n"
        f"From: {from_header}\n"
        f"To: <sip:{to}@[remote_ip]:[remote_port]>{tag}\n"
        f"Call-ID: [call_id]\nCSeq: {cseq} {method}\nMax-Forwards: 70\n"
    )


def _send(text: str, *, retransmit: bool = False) -> str:
    again = ' retrans="500"' if retransmit else ""
    return f"<send{again}><![CDATA[\n\n{text}\n]]></send>"
