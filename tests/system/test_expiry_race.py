"""Several ``maskservice worker`` processes beside a server that takes calls: every end is one."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from maskservice.app import create_app
from maskservice.domain.phone import read_phone
from maskservice.services.bindings import CreateBinding, create_binding
from maskservice.services.tenants import list_tenants
from tests.ends import counted_ends, watch_ends, wrong_ends
from tests.system.installation import ROOT, Installation, install, pbx_of, serving, settings_of

COUNT, PROCESSES = 240, 3


class Earlier:
    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=61)


def bind(place: Installation) -> list[str]:
    """Orders of two months ago, dead by now, that nobody has noticed."""
    app = create_app(settings_of(place.home, place.database_url), clock=Earlier())
    with app.app_context():
        ports = app.extensions["maskservice"].ports
        (tenant,) = list_tenants(ports)
        made = [
            create_binding(CreateBinding(tenant, f"o-{each}", "陳小美", read_phone("0912-345-678"), pool="p"), ports)
            for each in range(COUNT)
        ]
    app.extensions["maskservice.database"].dispose()
    return [f"{each.view.masked_number.virtual_number}#{each.view.masked_number.extension}" for each in made]


@pytest.mark.slow
def test_worker_processes_and_calls_end_every_binding_once(tmp_path: Path, database_url: str) -> None:
    place = install(tmp_path / "home", database_url)
    numbers = bind(place)
    engine = create_engine(database_url)
    watch_ends(engine)
    with serving(place) as server, pbx_of(place, server) as pbx:
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "maskservice", "worker", "--once", "--json"],
                cwd=ROOT,
                env={**place.environment, "MASKSERVICE_WORKER_BATCH": "7"},
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        stories = [pbx.call("+886987654321", number, in_dial_string=True) for number in numbers[::12]]
        told = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    assert not any(story.connected for story in stories)
    assert counted_ends(engine) == [1] * COUNT
    assert wrong_ends(engine) == 0
    assert COUNT - len(stories) <= sum(each["ended"] for each in told) <= COUNT
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM bindings WHERE status <> 'expired'")).scalar() == 0
    engine.dispose()
