"""The service and the FastAGI entrance as processes, on a fresh embedded database, set up by its own command line.

Answers for: start, stop, a tenant, X numbers, a PBX, orders. Must not know: telephony.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.pbx.service_app import DELAY_FILE

ROOT = Path(__file__).parents[2]
X, NATIONAL_X = "+886900000000", "0900000000"
_START_S = 30.0


def free_tcp_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


@dataclass(frozen=True)
class Order:
    """What a platform holds of a binding, and the number that nobody else may see."""

    id: str
    extension: str
    recipient: str


class Service:
    """``folder`` holds everything. Use :meth:`start` and :meth:`stop`; it may be started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._delay = folder / "delay"
        self.port = free_tcp_port()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MASKSERVICE_")},
            "MASKSERVICE_HOME": str(folder / "home"),
            "MASKSERVICE_BIND": f"127.0.0.1:{self.port}",
            "MASKSERVICE_WORKERS": "1",
            DELAY_FILE: str(self._delay),
        }
        self._run("init")
        tenant = self._run("tenant", "create", "商店")
        self._run("numbers", "import", X, "--pool", "default")
        self.pbx_id, self.secret = self.create_pbx("asterisk")
        self._api = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {tenant['api_key']}"},
            trust_env=False,
        )
        self._server: subprocess.Popen[bytes] | None = None
        self._agi: subprocess.Popen[bytes] | None = None
        self.agi_port = 0

    @property
    def url(self) -> str:
        return self.url_of(self.pbx_id)

    @property
    def pids(self) -> list[int]:
        return [each.pid for each in (self._server, self._agi) if each is not None]

    @property
    def log(self) -> str:
        names = ("server.log", "agi.log")
        return "".join((self._folder / name).read_text("utf-8") for name in names if (self._folder / name).exists())

    def create_pbx(self, dialect: str) -> tuple[str, str]:
        """A PBX of this dialect: its id and its secret."""
        pbx = self._run("pbx", "create", f"{dialect}-1", "--dialect", dialect)
        return pbx["pbx_id"], pbx["secret"]

    def url_of(self, pbx_id: str) -> str:
        return f"http://127.0.0.1:{self.port}/v1/pbx/{pbx_id}"

    def start(self) -> None:
        command = ["gunicorn", "-c", str(ROOT / "config/gunicorn.conf.py"), "tests.pbx.service_app:create()"]
        self._server = self._spawn(command, "server.log")
        end = time.monotonic() + _START_S
        while not self._is_up():
            assert self._server.poll() is None, self.log
            assert time.monotonic() < end, f"the service does not start: {self.log}"
            time.sleep(0.05)

    def start_agi(self) -> None:
        with (self._folder / "agi.log").open("ab") as log:
            self._agi = subprocess.Popen(
                [sys.executable, "-m", "maskservice", "agi", "--bind", "127.0.0.1:0", "--recorded"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._agi.stdout is not None
        line = self._agi.stdout.readline()
        assert line.strip(), self.log
        self.agi_port = int(line.rpartition(b":")[2])

    def set_up(self, *arguments: str) -> None:
        """Changes a setting by the command line, of the tenant where one is named ``商店``."""
        self._run(*arguments)

    def stop(self) -> None:
        """The HTTP service alone."""
        _end(self._server)
        self._server = None

    def stop_all(self) -> None:
        self.stop()
        if self._agi is not None:
            _end(self._agi)
            assert self._agi.stdout is not None
            self._agi.stdout.close()
        self._api.close()

    def slow(self, seconds: float | None) -> None:
        """Makes every request of a PBX wait."""
        if seconds is None:
            self._delay.unlink(missing_ok=True)
        else:
            self._delay.write_text(str(seconds))

    def bind(self, recipient: str, *, order_id: str) -> Order:
        body = {"order_id": order_id, "recipient": {"name": "陳小美", "phone": recipient}}
        made = self._api.post("/v1/bindings", json=body)
        assert made.status_code == 201, made.text
        return Order(made.json()["id"], made.json()["extension"], recipient)

    def release(self, order: Order) -> None:
        assert self._api.delete(f"/v1/bindings/{order.id}").status_code == 204

    def calls(self, order: Order) -> list[dict[str, Any]]:
        """The records of the order's calls, the newest first."""
        answer = self._api.get("/v1/calls", params={"binding_id": order.id})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def last_outcome(self, order: Order, *, expected: str, seconds: float = 4.0) -> str:
        """The outcome of the order's last call, once the PBX's report is in."""
        end = time.monotonic() + seconds
        while True:
            records = self.calls(order)
            outcome = str(records[0]["outcome"]) if records else "no call"
            if outcome == expected or time.monotonic() > end:
                return outcome
            time.sleep(0.05)

    def _is_up(self) -> bool:
        try:
            return self._api.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def _run(self, *arguments: str) -> Any:
        command = [sys.executable, "-m", "maskservice", *arguments, "--json"]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _spawn(self, module: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
