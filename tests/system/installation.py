"""A whole installation for system tests: home, key ring, database, tenant, pool, PBX, and the shipped server as
processes.

Answers for: starting and killing what is tested, from outside. Must not know: what a test asserts.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx

from maskservice.app import create_app, initialise
from maskservice.domain.allocation import PoolPolicy
from maskservice.services import pbxs, pools, tenants
from maskservice.services.records import TenantPolicy
from maskservice.settings import Settings
from maskservice.simulator import SimulatedPbx

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Installation:
    home: Path
    database_url: str
    tenant_id: str
    api_key: str
    pbx_id: str
    pbx_secret: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MASKSERVICE_")}
        return {
            **kept,
            "MASKSERVICE_ENV": "testing",
            "MASKSERVICE_HOME": str(self.home),
            "MASKSERVICE_DATABASE_URL": self.database_url,
            "PYTHONPATH": str(ROOT),
        }

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


def settings_of(home: Path, database_url: str) -> Settings:
    return Settings(home=home, database_url=database_url, log_level="DEBUG", workers=2)


def install(
    home: Path,
    database_url: str,
    *,
    density: str = "0.10",
    numbers: Sequence[str] = ("0900-000000",),
    care_line: str | None = None,
) -> Installation:
    """Everything that an operator would set up, through the use cases."""
    settings = settings_of(home, database_url)
    initialise(settings)
    app = create_app(settings)
    with app.app_context():
        ports = app.extensions["maskservice"].ports
        made = tenants.create_tenant("示範商店", policy=TenantPolicy(), care_line=care_line, pools=(), ports=ports)
        pools.create_pool("p", policy=PoolPolicy(density=Decimal(density)), tenants=("示範商店",), ports=ports)
        pools.import_numbers(numbers, pool_name="p", ports=ports)
        pbx = pbxs.create_pbx("總機", ports=ports)
    app.extensions["maskservice.database"].dispose()
    return Installation(home, database_url, made.tenant.id, made.api_key, pbx.pbx.id, pbx.secret)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL to the master and every worker at once: the power cut of a process."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(installation: Installation, *, workers: int = 2, **environment: str) -> Iterator[Server]:
    """The shipped server under gunicorn with the shipped configuration."""
    bind = f"127.0.0.1:{free_port()}"
    log = installation.home / f"server-{bind.rpartition(':')[2]}.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "-c",
                str(ROOT / "config/gunicorn.conf.py"),
                "maskservice.app:create_app()",
            ],
            env={
                **installation.environment,
                "MASKSERVICE_BIND": bind,
                "MASKSERVICE_WORKERS": str(workers),
                **environment,
            },
            cwd=installation.home,
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://{bind}", process, log)
    try:
        _await(server)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def _await(server: Server, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{server.url}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if server.process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{server.log.read_text(encoding='utf-8')[-4000:]}")


def order(place: object, *, phone: str = "0912-345-678", pool: str = "p", **more: object) -> dict[str, object]:
    return {
        "order_id": f"TW-{place}",
        "recipient": {"name": "陳小美", "phone": phone, "address": "台北市大安區敦化南路1段111號"},
        "pool": pool,
        **more,
    }


def pbx_of(installation: Installation, server: Server) -> SimulatedPbx:
    return SimulatedPbx(server.url, installation.pbx_id, installation.pbx_secret)


def spellings(e164: str) -> dict[str, bytes]:
    """How a Taiwanese number could stand somewhere: national, with separators, E.164, digits only, base64, hex,
    percent-encoded."""
    import base64

    digits = e164.removeprefix("+")
    national = "0" + digits.removeprefix("886")
    texts = {
        "national": national,
        "hyphens": f"{national[:4]}-{national[4:7]}-{national[7:]}",
        "mobile 4-6": f"{national[:4]}-{national[4:]}",
        "subscriber": digits.removeprefix("886"),
        "digits": digits,
    }
    found = {name: text.encode() for name, text in texts.items()}
    for name, text in (("national", national), ("E.164", e164), ("digits", digits)):
        raw = text.encode()
        found[f"hex of {name}"] = raw.hex().encode()
        # Base64 at each of the three alignments, without the ends that depend on what stands around it.
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
            inner = encoded[(0, 2, 3)[shift] : len(encoded) - 1]
            found[f"base64 of {name} at {shift}"] = inner
    return found


def leaks(content: bytes, numbers: Sequence[str]) -> list[str]:
    """Which spelling of which number (by its last three digits) stands in the content."""
    lowered = content.lower()
    return [
        f"{name} of …{number[-3:]}"
        for number in numbers
        for name, spelling in spellings(number).items()
        if (spelling in content) or ("base64" not in name and re.escape(spelling).lower() in lowered)
    ]
