"""A real Kamailio on loopback: the script that the docs give their reader, with a mask-local.cfg of the test's own.

Answers for: start, stop, its log, and the one global that tests change (where calls leave by), which starts it anew on
another port: nothing of an earlier call can reach the next. Must not know: what is tested.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.pbx.sipp import free_udp_port

DOCS = Path(__file__).parents[2] / "docs/pbx/kamailio"
_MODULES = {"http_client.so", "jansson.so", "topoh.so", "uac.so", "dialog.so"}
_START_S = 10.0
_PROBE = (
    "OPTIONS sip:probe@{address} SIP/2.0\r\nVia: SIP/2.0/UDP {ours};branch=z9hG4bKprobe{port}\r\n"
    "From: <sip:probe@{ours}>;tag=1\r\nTo: <sip:probe@{address}>\r\nCall-ID: probe{port}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
)


class KamailioMissing(Exception):
    """The program cannot be had; the text names the part."""


class Kamailio:
    """``folder`` is made. ``settings`` are the defines of mask-local.cfg, a value quoted where it is a string; a value
    of '' only defines the name.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], *, address: str, sources: str) -> None:
        program = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise KamailioMissing("kamailio is not installed: run .ci/telephony")
        modules = {path.name for path in Path("/usr/lib").glob("*/kamailio/modules/*.so")}
        if lacking := sorted(_MODULES - modules):
            raise KamailioMissing(f"kamailio lacks {', '.join(lacking)}: run .ci/telephony")
        self._program, self._folder, self._address = program, folder, address
        self.settings = {
            "MASK_SOURCES": f'"{sources}"',
            "MASK_HIDING_KEY": '"3f1c0a9d77b2"',
            "MASK_WORKERS": "4",
            **settings,
        }
        self.sip_port = 0
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(DOCS / "kamailio.cfg", folder / "kamailio.cfg")

    @property
    def log(self) -> str:
        path = self._folder / "log"
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def set_global(self, name: str, value: str) -> None:
        """Starts it anew with this define. There is one trunk, so ``MASK_TRUNK`` changes nothing."""
        if name != "MASK_TRUNK":
            self.settings[name] = f'"{value}"'
            self.start()

    def start(self) -> None:
        """Returns once it answers; fails with its last words when it does not get there."""
        self.stop()
        self.sip_port = free_udp_port(self._address)
        self._starts += 1
        lines = [f"#!define {name} {value}".rstrip() for name, value in self.settings.items()]
        lines.append(f"#!define MASK_LISTEN udp:{self._address}:{self.sip_port}")
        (self._folder / "mask-local.cfg").write_text("\n".join(lines) + "\n")
        run = self._folder / f"run{self._starts}"
        run.mkdir()
        out = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *(self._program, "-f", "kamailio.cfg", "-DD", "-E", "-m", "64", "-M", "8"),
                *("-Y", str(run), "-P", str(run / "pid")),
            ],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        out.close()
        end = time.monotonic() + _START_S
        while not self._answers():
            assert self._process.poll() is None, f"kamailio does not start: {self.log[-1500:]}"
            assert time.monotonic() < end, f"kamailio does not answer: {self.log[-1500:]}"

    def stop(self) -> None:
        """At once, with all its processes: its own way of ending takes seconds."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)
        self._process = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.9", 0))
            probe.settimeout(0.1)
            port = probe.getsockname()[1]
            text = _PROBE.format(address=self._address, ours=f"127.0.0.9:{port}", port=port)
            probe.sendto(text.encode(), (self._address, self.sip_port))
            try:
                return probe.recv(4096).startswith(b"SIP/2.0 200")
            except OSError:
                return False
