"""PostgreSQL restarts under load: callers hear something, platforms are told to come again, what was acknowledged is
there afterwards, and the service is not started anew."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from maskservice.telephony import signature
from tests.postgres import PostgresServer
from tests.system.installation import Installation, Server, install, order, serving

COURIER, RECIPIENT = "+886987654321", "+886912345678"


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server of this test's own, that keeps what it acknowledged."""
    with PostgresServer(durable=True) as server:
        if not server.is_own:
            pytest.skip("the PostgreSQL that the environment names is not ours to restart")
        yield server


def until(moment: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not moment():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


class Load:
    """Creates and calls on a few threads, each answer noted, until :meth:`end`."""

    def __init__(self, place: Installation, server: Server, dialled: str) -> None:
        self.creates: list[httpx.Response] = []
        self.calls: list[dict[str, Any]] = []
        self._place, self._server, self._dialled = place, server, dialled
        self._over, self._turn = threading.Event(), count()
        self._threads = [threading.Thread(target=each) for each in (self._create, self._call) for _ in range(3)]
        for each in self._threads:
            each.start()

    def end(self) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def _create(self) -> None:
        with httpx.Client(base_url=self._server.url, headers=self._place.headers, timeout=20) as client:
            while not self._over.is_set():
                self.creates.append(client.post("/v1/bindings", json=order(f"load-{next(self._turn)}")))

    def _call(self) -> None:
        secret = signature.parse_secret(self._place.pbx_secret)
        with httpx.Client(base_url=self._server.url, timeout=20) as client:
            while not self._over.is_set():
                name = f"call-{next(self._turn)}"
                body = json.dumps({"call_id": name, "from": COURIER, "to": self._dialled, "digits": None}).encode()
                signed = signature.sign(secret=secret, webhook_id=name, sent_at=datetime.now(UTC), body=body)
                headers = {**signed, "Content-Type": "application/json"}
                answer = client.post(f"/v1/pbx/{self._place.pbx_id}/calls", content=body, headers=headers)
                assert answer.status_code == 200, answer.text
                self.calls.append(answer.json())


@pytest.mark.slow
def test_a_restart_of_the_database_is_outlived(tmp_path: Path, postgres: PostgresServer) -> None:
    place = install(tmp_path / "home", postgres.create_database(), density="0.9")
    with serving(place) as server, httpx.Client(base_url=server.url, headers=place.headers) as client:
        made = client.post("/v1/bindings", json=order("first")).json()
        load = Load(place, server, f"{made['virtual_number']}#{made['extension']}")
        until(lambda: len(load.creates) > 50 and len(load.calls) > 50)
        for _ in range(2):
            postgres.restart()
            creates, calls = len(load.creates), len(load.calls)
            until(lambda at=creates: sum(each.status_code == 201 for each in load.creates[at:]) > 20)
            until(lambda at=calls: sum(each["action"] == "connect" for each in load.calls[at:]) > 20)
        load.end()
        # Whoever calls hears something: he is connected, or told the one neutral sentence.
        assert {each["action"] for each in load.calls} <= {"connect", "hangup"}
        assert {each["connect"]["to"] for each in load.calls if each["action"] == "connect"} == {RECIPIENT}
        assert {each["prompt"]["id"] for each in load.calls if each["action"] == "hangup"} <= {"goodbye"}
        # A platform is bound, or told when to come again.
        refused = [each for each in load.creates if each.status_code != 201]
        assert {(each.status_code, each.json()["code"]) for each in refused} <= {(503, "database_unavailable")}
        assert all(int(each.headers["Retry-After"]) > 0 for each in refused)
        assert refused or any(each["action"] == "hangup" for each in load.calls), "the restart was not noticed at all"
        kept = [each.json() for each in load.creates if each.status_code == 201]
        assert all(client.get(f"/v1/bindings/{each['id']}").json() == each for each in kept[::10])
        assert len({each["masked_number"] for each in kept}) == len(kept)
        assert server.process.poll() is None
