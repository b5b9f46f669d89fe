"""The Python B2BUA as a process, with the face of a PBX that the laboratory knows.

Answers for: start, stop, log, and where calls leave by. Must not know: sippy.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from tests.pbx.service import ROOT
from tests.pbx.sipp import free_udp_port


class SippyMissing(Exception):
    """The package cannot be had; the text names the part."""


class StandIn:
    """``service`` is the PBX's address at the service, ``secret`` what it signs with; ``plan`` holds both, and a change
    counts from the next start on."""

    def __init__(self, folder: Path, *, address: str, service: str, secret: str) -> None:
        if importlib.util.find_spec("sippy") is None:
            raise SippyMissing("sippy is not installed: run .ci/telephony")
        self._log, self._address = folder / "b2bua.log", address
        self.plan = {"address": address, "service": service, "secret": secret}
        self._process: subprocess.Popen[bytes] | None = None
        self.sip_port = 0

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", errors="replace") if self._log.exists() else ""

    def set_global(self, name: str, value: str) -> None:
        """``MASK_CARRIER`` starts it anew, on another port; there is one trunk."""
        if name == "MASK_CARRIER":
            host, _, port = value.rpartition(":")
            self._start((host, int(port)))

    def _start(self, carrier: tuple[str, int]) -> None:
        self.stop()
        self.sip_port = free_udp_port(self._address)
        plan = json.dumps({**self.plan, "carrier": carrier, "port": self.sip_port})
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.pbx.b2bua", plan],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", self.log

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            assert self._process.stdout is not None
            self._process.stdout.close()
        self._process = None
