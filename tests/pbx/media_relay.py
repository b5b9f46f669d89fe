"""A real rtpengine on loopback, in user space: the media relay that docs/pbx/kamailio.rst speaks of.

Answers for: start and stop. Must not know: Kamailio.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

from tests.pbx.sipp import free_udp_port

RELAY_IP = "127.0.0.1"
_START_S = 10.0


class RelayMissing(Exception):
    """The program cannot be had; the text names the part."""


class MediaRelay:
    """Started when made. ``socket`` is what Kamailio's MASK_RTPENGINE wants."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("rtpengine", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise RelayMissing("rtpengine is not installed: run .ci/telephony")
        folder.mkdir(parents=True, exist_ok=True)
        port, low = free_udp_port(RELAY_IP), random.randrange(32_000, 32_500, 10)
        self.socket = f"udp:{RELAY_IP}:{port}"
        self._log = folder / "log"
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    *(program, "--foreground", "--log-stderr", "--table=-1", f"--interface={RELAY_IP}"),
                    *(f"--listen-ng={RELAY_IP}:{port}", f"--port-min={low}", f"--port-max={low + 199}"),
                    *("--delete-delay=0", f"--pidfile={folder / 'pid'}", "--num-threads=1"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + _START_S
        while "Startup complete" not in self.log:
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RelayMissing(f"rtpengine is installed but does not start: {self.log[-400:]}")
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", errors="replace")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(5)
