"""What a slow service does to a PBX's workers: ``benchmarks/slow_service.py [--delay S] [--seconds S] [--save FILE]``.

Answers for: SIPp courier and recipient, the docs' Asterisk (func_curl) and the docs' Kamailio with 16 workers, all on
this machine, and a service that answers every call with the same connect after ``--delay`` seconds, however many ask at
once: what is measured is the PBX. The last rows are Kamailio without what keeps a retransmitted INVITE from being asked
again. A call counts as good when it was answered and hung up; every message is searched for the other side.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import RESULTS
from benchmarks.sip import measured
from tests.pbx.asterisk import PBX_IP, Asterisk
from tests.pbx.kamailio import DOCS, Kamailio
from tests.pbx.lab import Lab
from tests.pbx.proxy_lab import ProxyLab
from tests.pbx.scripted_service import ScriptedService
from tests.pbx.service import Order, X
from tests.pbx.sipp import free_udp_port

_RECIPIENT, _EXTENSION, _WORKERS, _MANY = "+886912700001", "5678", 16, 64
_MORE, _NAKED = f"kamailio, {_MANY} workers", "kamailio, no transaction"
_CONNECT = {
    "call_id": "x",
    "action": "connect",
    "to": _RECIPIENT,
    "caller_id": X,
    "post_dial_digits": "",
    "ring_timeout_s": "30",
    "max_duration_s": "1800",
}
_GUARDS = (
    '    if (!t_newtran()) exit;\n    t_reply("100", "Trying");\n',
    "    if (t_precheck_trans()) { t_check_trans(); exit; }\n",
)
_COLUMNS = "| {:<24} | {:>7} | {:>6} | {:>6} | {:>9} | {:>9} | {:>10} | {:>5} |"
_HEADS = ("PBX", "calls/s", "asked", "good", "questions", "median ms", "slowest ms", "leaks")
_RUNS = (
    ("asterisk", (10, 14, 30, 60)),
    ("kamailio", (10, 14, 30)),
    (_MORE, (30,)),
    (_NAKED, (5, 10)),
)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--delay", type=float, default=1.0)
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--save", type=Path, default=RESULTS / "slow_service.txt")
    asked = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="maskservice-benchmark-"))
    folder.chmod(0o755)
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f} by whatever else runs here"
    lines = [f"The service answers after {asked.delay:g} s; {asked.seconds} s a row; {machine}."]
    lines.append(_COLUMNS.format(*_HEADS))
    print("\n".join(lines), flush=True)
    try:
        for name, rates in _RUNS:
            for rate in rates:
                place = folder / f"{re.sub('[^a-z]', '', name)}{rate}"
                place.mkdir(mode=0o755)
                scripted = ScriptedService([_CONNECT], delay_s=asked.delay)
                with scripted as service, _lab(name, place, service.url) as lab:
                    lines.append(_measured(name, lab, service, rate=rate, count=rate * asked.seconds))
                print(lines[-1], flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    asked.save.write_text("\n".join(lines) + "\n", "utf-8")
    return 0


@contextmanager
def _lab(name: str, folder: Path, url: str) -> Iterator[Lab]:
    """No service but the scripted one is asked: a laboratory can do without."""
    if name == "asterisk":
        settings = {"MASK_URL": url, "MASK_SECRET": "whsec_x", "MASK_PBX": "pbx_1", "MASK_RECORDED": "yes"}
        settings["MASK_AGI"] = "agi://127.0.0.1:9"
        asterisk = Asterisk(folder / "pbx", settings, sip_port=free_udp_port(PBX_IP), rtp_base=20_000)
        asterisk.start()
        try:
            yield Lab(asterisk, None, folder)  # type: ignore[arg-type]
        finally:
            asterisk.stop()
        return
    workers = _MANY if name == _MORE else _WORKERS
    settings = {"MASK_URL": f'"{url}"', "MASK_SECRET": '"whsec_x"', "MASK_WORKERS": str(workers)}
    kamailio = Kamailio(folder / "pbx", settings, address=PBX_IP, sources=r"^127[.]0[.]0[.][2-9]$")
    if name == _NAKED:
        text = (DOCS / "kamailio.cfg").read_text("utf-8")
        for guard in _GUARDS:
            assert guard in text, "the docs' script has no such guard to take out"
            text = text.replace(guard, "")
        (folder / "pbx/kamailio.cfg").write_text(text, "utf-8")
    try:
        yield ProxyLab(kamailio, None, folder, by_proxy=True)  # type: ignore[arg-type]
    finally:
        kamailio.stop()


def _measured(name: str, lab: Lab, service: ScriptedService, *, rate: int, count: int) -> str:
    heard = measured(lab, Order("", _EXTENSION, _RECIPIENT), rate=rate, count=count)
    return _COLUMNS.format(
        name, rate, count, heard.good, len(service.asked), f"{heard.median_ms:.0f}", f"{heard.slowest_ms:.0f}",
        heard.leaks,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
