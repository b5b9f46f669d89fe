"""What a phone of SIPp's sent and received, read from its own record of messages.

Answers for: giving back each message whole, and how long an answer took. Must not know: scenarios, leaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_MESSAGE = re.compile(rb"-{40,} ([^\n]*)\nUDP message (sent|received)[^\n]*\n\n(.*?)(?=\n-{40,}|\Z)", re.S)
_CALL_ID = re.compile(rb"\r?\nCall-ID: *([^\r\n]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Played:
    """``code`` is 0 when every step of every call went as the scenario says."""

    code: int
    folder: Path

    @property
    def received(self) -> list[bytes]:
        """Every message, whole, as it came in: requests, replies, ACK, BYE, re-INVITE, SDP."""
        return [body for _, way, body in self._messages() if way == b"received"]

    def first_line(self, index: int) -> str:
        return self.received[index].split(b"\r\n", 1)[0].decode()

    def why(self) -> str:
        """For a test that fails: what went wrong, and who said what in which order."""
        errors = self.folder / "errors"
        text = errors.read_text("utf-8", errors="replace")[-1500:] if errors.exists() else ""
        lines = [
            f"{way.decode():8} {body.lstrip().splitlines()[0].decode(errors='replace')}"
            for _, way, body in self._messages()
        ]
        return "\n".join((f"exit {self.code}", text, *lines))

    def answer_times_ms(self) -> list[float]:
        """From the first sending of each INVITE to its 200."""
        sent: dict[bytes, datetime] = {}
        times = []
        for at, way, body in self._messages():
            found = _CALL_ID.search(body)
            moment = datetime.fromisoformat(at.decode().replace("\t", " ").split("  ")[0].strip()[:26])
            if found and way == b"sent" and body.lstrip().startswith(b"INVITE "):
                sent.setdefault(found[1], moment)
            elif found and way == b"received" and body.startswith(b"SIP/2.0 200") and b"CSeq: 1 INVITE" in body:
                begun = sent.pop(found[1], None)
                times += [] if begun is None else [(moment - begun).total_seconds() * 1000]
        return times

    @property
    def raw(self) -> bytes:
        """The record as SIPp wrote it; empty when there is none."""
        path = self.folder / "messages"
        return path.read_bytes() if path.exists() else b""

    def _messages(self) -> list[tuple[bytes, bytes, bytes]]:
        return _MESSAGE.findall(self.raw)
