"""Calls per second that Asterisk and the service hold together: ``benchmarks/telephony.py [RATE…] [--seconds S]``.

Answers for: SIPp courier and recipient, the docs' dialplan over HTTP, the real service with one gunicorn worker on
SQLite, all on this machine. Each call dials X with an extension, is answered and hung up after 0.1 s: two requests to
the service, no audio. SIPp's success says nothing of masking, so every message received is searched for the other side.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.sip import measured
from tests.pbx.asterisk import PBX_IP, Asterisk
from tests.pbx.lab import Lab
from tests.pbx.service import Service
from tests.pbx.sipp import free_udp_port

_COLUMNS = "| {:>6} | {:>6} | {:>6} | {:>7} | {:>9} | {:>10} | {:>10} | {:>6} |"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("rates", nargs="*", type=int, default=[5, 10, 20, 40])
    arguments.add_argument("--seconds", type=int, default=10)
    asked = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="maskservice-benchmark-"))
    folder.chmod(0o755)
    service = Service(folder / "service")
    service.start()
    service.start_agi()
    globals_ = {
        "MASK_URL": service.url,
        "MASK_SECRET": service.secret,
        "MASK_PBX": service.pbx_id,
        "MASK_RECORDED": "yes",
        "MASK_AGI": f"agi://127.0.0.1:{service.agi_port}",
    }
    asterisk = Asterisk(folder / "asterisk", globals_, sip_port=free_udp_port(PBX_IP), rtp_base=20_000)
    asterisk.start()
    try:
        print(_COLUMNS.format("calls/s", "asked", "good", "failed", "retrans.", "median ms", "slowest ms", "leaks"))
        for rate in asked.rates:
            _measure(Lab(asterisk, service, folder / str(rate)), rate, rate * asked.seconds)
    finally:
        asterisk.stop()
        service.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _measure(lab: Lab, rate: int, count: int) -> None:
    heard = measured(lab, lab.order(), rate=rate, count=count)
    print(
        _COLUMNS.format(
            rate, count, heard.good, count - heard.good, heard.again, f"{heard.median_ms:.0f}",
            f"{heard.slowest_ms:.0f}", heard.leaks,
        ),
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
