"""SIGKILL to the whole server under load: what was acknowledged is there afterwards, what was released stays
released."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.system.installation import install, order, serving


@dataclass
class Acknowledged:
    bound: dict[str, dict] = field(default_factory=dict)  # type: ignore[type-arg]
    released: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def load(url: str, headers: dict[str, str], name: int, seen: Acknowledged, enough: threading.Event) -> None:
    """Creates, and releases every third, until the server is gone."""
    with httpx.Client(base_url=url, headers=headers, timeout=10) as client:
        for place in range(10_000):
            try:
                answer = client.post("/v1/bindings", json=order(f"{name}-{place}"))
                if answer.status_code != 201:
                    continue
                made = answer.json()
                with seen.lock:
                    seen.bound[made["id"]] = made
                    if len(seen.bound) >= 60:
                        enough.set()
                if place % 3 == 0:
                    with seen.lock:
                        seen.asked.add(made["id"])
                    if client.delete(f"/v1/bindings/{made['id']}").status_code == 204:
                        with seen.lock:
                            seen.released.add(made["id"])
            except httpx.TransportError:
                return


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, database_url: str) -> None:
    installation = install(tmp_path / "home", database_url)
    seen, enough = Acknowledged(), threading.Event()
    with serving(installation) as server:
        threads = [
            threading.Thread(target=load, args=(server.url, installation.headers, name, seen, enough))
            for name in range(6)
        ]
        for thread in threads:
            thread.start()
        assert enough.wait(60), "the server was too slow to be killed under load"
        server.kill()
        for thread in threads:
            thread.join()
    assert len(seen.bound) >= 60
    assert seen.released
    with serving(installation) as server, httpx.Client(base_url=server.url, headers=installation.headers) as client:
        for binding_id, made in seen.bound.items():
            now = client.get(f"/v1/bindings/{binding_id}").json()
            if binding_id in seen.released:
                assert now["status"] == "released"
                continue
            assert now["masked_number"] == made["masked_number"]
            if binding_id not in seen.asked:  # a release that was asked for and not answered may be either
                assert now == made
                resolved = client.post("/v1/resolutions", json={"masked_number": made["masked_number"]})
                assert resolved.json()["binding_id"] == binding_id
        assert len({each["masked_number"] for each in seen.bound.values()}) == len(seen.bound)


def test_a_server_stops_gracefully(tmp_path: Path, sqlite_url: str) -> None:
    installation = install(tmp_path / "home", sqlite_url)
    with serving(installation) as server:
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert server.stop() == 0
