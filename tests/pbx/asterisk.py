"""A real Asterisk on loopback: the configuration that the docs give their reader, in a private tree, run without root.

Answers for: replacing the docs' placeholder addresses and nothing else, start, stop, console. Must not know: what is
tested. The files that the docs leave to the operator (asterisk.conf, modules.conf …) are the shortest that work.
"""

from __future__ import annotations

import math
import os
import pwd
import re
import shutil
import struct
import subprocess
import time
import wave
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs/pbx/asterisk"
MODULES_16 = Path("/usr/lib/asterisk/modules")
MODULES_22 = Path("/usr/lib/x86_64-linux-gnu/asterisk/modules")
PBX_IP, COURIER_IP, LEAKY_COURIER_IP, RECIPIENT_IP = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
AGI_COURIER_IP, GOSSIP_COURIER_IP = "127.0.0.6", "127.0.0.7"

# res_pjsip_pubsub is not used, but without it chan_pjsip declines to load and no INVITE is ever answered (pbx.md).
# app_exec, app_system and func_shell are what an injection would reach for: they are there so that it could succeed.
_MODULES = (
    "app_dial app_exec app_playback app_read app_stack app_system bridge_builtin_features "
    "bridge_builtin_interval_features bridge_holding bridge_native_rtp bridge_simple bridge_softmix chan_pjsip "
    "codec_alaw codec_ulaw format_pcm format_wav func_callerid func_channel func_curl func_global func_json "
    "func_logic func_rand func_shell func_strings func_timeout func_uri pbx_config res_agi res_curl res_pjproject "
    "res_pjsip res_pjsip_acl res_pjsip_caller_id res_pjsip_diversion res_pjsip_dtmf_info "
    "res_pjsip_endpoint_identifier_ip res_pjsip_header_funcs res_pjsip_logger res_pjsip_nat res_pjsip_pubsub "
    "res_pjsip_rfc3326 res_pjsip_sdp_rtp res_pjsip_session res_rtp_asterisk res_speech res_sorcery_astdb "
    "res_sorcery_config res_sorcery_memory res_sorcery_realtime res_timing_timerfd "
)
_EMPTY = ("features", "cel", "udptl", "pjproject", "ccss", "indications", "manager", "cdr", "http", "ari")
_TRUSTS = ("trust_id_outbound", "trust_id_inbound")
_START_S = 15.0
RECORDED = (
    "mask/enter_extension",
    "mask/try_again",
    "mask/choose_order",
    "mask/goodbye",
    "mask/order",
    "mask/press",
    "mask/whisper",
)
WHISPER_HZ = 1000 + 20 * (1 + RECORDED.index("mask/whisper"))


class AsteriskMissing(Exception):
    """The program cannot be had; the text names the part."""


class Asterisk:
    """``folder`` is made and owned by whoever runs it. ``settings`` are the dialplan's globals."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, sip_port: int, rtp_base: int) -> None:
        program = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise AsteriskMissing("asterisk is not installed: run .ci/telephony")
        self._program, self._folder = program, folder
        self.sip_port = sip_port
        self._write(settings, rtp_base)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        path = self._folder / "log/messages"
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Returns once it is fully booted; raises AsteriskMissing with its last words when it does not get there."""
        out = (self._folder / "stdout").open("wb")
        self._process = subprocess.Popen(
            [self._program, "-f", "-C", str(self._folder / "asterisk.conf")],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=self._without_root(),
        )
        out.close()
        end = time.monotonic() + _START_S
        while "fully booted" not in self.console("core waitfullybooted"):
            if self._process.poll() is not None or time.monotonic() > end:
                said = (self._folder / "stdout").read_text("utf-8", errors="replace")[-600:]
                raise AsteriskMissing(f"asterisk is installed but does not boot: {said}")
            time.sleep(0.05)

    def console(self, command: str) -> str:
        """What the console answers."""
        conf = str(self._folder / "asterisk.conf")
        done = subprocess.run(
            [self._program, "-C", conf, "-rx", command],
            capture_output=True,
            timeout=10,
            check=False,
            preexec_fn=self._without_root(),
        )
        return done.stdout.decode("utf-8", errors="replace")

    def set_global(self, name: str, value: str) -> None:
        """Changes one of the dialplan's [globals] for the calls that follow."""
        said = self.console(f"dialplan set global {name} {value}")
        assert "set to" in said, said

    def channels(self) -> int:
        """How many are up."""
        found = re.search(r"(\d+) active channel", self.console("core show channels count"))
        return int(found.group(1)) if found else 0

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _without_root(self) -> object:
        """What the child does before it becomes Asterisk: it never runs as root."""
        if os.geteuid() != 0:
            return None
        user = _unprivileged()

        def drop() -> None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)

        return drop

    def _write(self, settings: Mapping[str, str], rtp_base: int) -> None:
        folder = self._folder
        sounds = ("lib/sounds/en/mask", "lib/sounds/en/digits")
        for name in ("etc", "lib", "spool", "run", "log", "db", "agi-bin", *sounds):
            (folder / name).mkdir(parents=True, exist_ok=True)
        # Asterisk does not boot without the descriptions of its own options, which lie beside the sounds.
        (folder / "lib/documentation").symlink_to("/usr/share/asterisk/documentation")
        modules = MODULES_16 if MODULES_16.is_dir() else MODULES_22
        places = {
            "astetcdir": "etc", "astmoddir": modules, "astvarlibdir": "lib", "astdbdir": "db", "astkeydir": "lib",
            "astdatadir": "lib", "astagidir": "agi-bin", "astspooldir": "spool", "astrundir": "run", "astlogdir": "log",
        }  # fmt: skip
        lines = ["[directories]", *(f"{name} => {folder / place}" for name, place in places.items())]
        lines += ["[options]", "systemname = test", "nocolor = yes", "[files]", "astctlpermissions = 0660"]
        (folder / "asterisk.conf").write_text("\n".join(lines) + "\n")
        etc = folder / "etc"
        for name in _EMPTY:
            (etc / f"{name}.conf").write_text("[general]\n" + ("enabled=no\n" if name in ("http", "manager") else ""))
        (etc / "acl.conf").write_text("")
        wanted = [f"load = {name}.so" for name in _MODULES.split() if (modules / f"{name}.so").exists()]
        (etc / "modules.conf").write_text("[modules]\nautoload=no\n" + "\n".join(wanted) + "\n")
        (etc / "rtp.conf").write_text(f"[general]\nrtpstart={rtp_base}\nrtpend={rtp_base + 998}\n")
        (etc / "logger.conf").write_text("[general]\n[logfiles]\nmessages => notice,warning,error\n")
        (etc / "extensions.conf").write_text(dialplan(settings))
        (etc / "pjsip.conf").write_text(trunks(self.sip_port))
        for number, name in enumerate(("beep", *RECORDED, *(f"digits/{digit}" for digit in range(10)))):
            _tone(
                folder / f"lib/sounds/en/{name}.wav",
                hertz=1000 + 20 * number,
                seconds=1.2 if name in ("mask/goodbye", "mask/whisper") else 0.15,
            )
        if os.geteuid() == 0:
            user = _unprivileged()
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def dialplan(settings: Mapping[str, str]) -> str:
    """The docs' dialplan with the globals given, and a copy of it that lacks what masks, for the test of the test."""
    text = (DOCS / "extensions.conf").read_text("utf-8")
    for name, value in settings.items():
        text, found = re.subn(rf"^{name}=.*$", lambda _, line=f"{name}={value}": line, text, flags=re.M)
        assert found == 1, f"the docs' dialplan has no global {name}"
    _, _, contexts = text.partition("[mask-http]")
    return text + "\n" + _without_masking("[mask-http]" + contexts)


def _without_masking(contexts: str) -> str:
    """The same contexts under the names ``leaky-…``, with all that clears and hides taken out."""
    masking = re.compile(r"Set\((CALLERID|REDIRECTING|CONNECTEDLINE)\(")
    kept = [line for line in contexts.splitlines() if not masking.search(line)]
    text = "\n".join(kept).replace("mask-", "leaky-")
    text, found = re.subn(r"Iif\(<\$\{MASK_X\}>\)", "", text)
    assert found == 1, "the docs' Dial() has no options I, i and f"
    return text + "\n"


def trunks(sip_port: int) -> str:
    """The docs' trunk with loopback addresses; beside it the same by FastAGI (``agi``), one that tells all it knows
    before the docs' dialplan (``gossip``), and the same before a dialplan that does not mask (``leaky``).
    """
    text = (DOCS / "pjsip.conf").read_text("utf-8")
    head, _, carrier = text.partition("[carrier]")
    for place, ours in (
        ("192.0.2.10:5060", f"{PBX_IP}:{sip_port}"),
        ("192.0.2.10", PBX_IP),
        ("sip.carrier.example:5060", f"{RECIPIENT_IP}:9"),
        ("match=198.51.100.20", f"match={COURIER_IP},{RECIPIENT_IP}"),
    ):
        assert place in head + carrier, f"the docs' pjsip.conf has no {place}"
        head, carrier = head.replace(place, ours), carrier.replace(place, ours)
    carrier = "[carrier]" + carrier
    by_agi = carrier.replace("carrier", "agi").replace("mask-http", "mask-agi")
    by_agi = re.sub(r"match=.*", f"match={AGI_COURIER_IP}", by_agi)
    gossip = re.sub(r"match=.*", f"match={GOSSIP_COURIER_IP}", carrier.replace("carrier", "gossip"))
    for name in (*(f"send_{each}" for each in ("pai", "rpid", "diversion", "connected_line")), *_TRUSTS):
        gossip, found = re.subn(rf"^{name}=no$", f"{name}=yes", gossip, flags=re.M)
        assert found == 1, f"the docs' trunk does not say {name}=no"
    leaky = gossip.replace("gossip", "leaky").replace("mask-http", "leaky-http")
    leaky = leaky.replace(f"match={GOSSIP_COURIER_IP}", f"match={LEAKY_COURIER_IP}")
    return "\n".join((head, carrier, by_agi, gossip, leaky))


def _unprivileged() -> pwd.struct_passwd:
    for name in ("asterisk", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AsteriskMissing("there is no unprivileged user to run asterisk as")


def _tone(path: Path, *, hertz: int, seconds: float) -> None:
    count = int(8000 * seconds)
    samples = (int(9000 * math.sin(2 * math.pi * hertz * index / 8000)) for index in range(count))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
