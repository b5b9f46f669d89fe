"""``worker``: rounds, signals, back-off, and one warning a crossing."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta

import pytest

from maskservice.app import create_app
from maskservice.cli.opening import close_app, wiring_of
from maskservice.cli.worker import PoolWatch
from maskservice.domain.phone import read_phone
from maskservice.logs import configure_logging
from maskservice.services.bindings import CreateBinding, create_binding
from maskservice.services.tenants import list_tenants
from maskservice.settings import Settings


class ClockAt:
    def __init__(self, ago: timedelta) -> None:
        self._ago = ago

    def now(self) -> datetime:
        return datetime.now(UTC) - self._ago


def bind(ago: timedelta, *orders: str) -> None:
    """Orders of the pool ``default``, made that long ago."""
    app = create_app(Settings.load(), clock=ClockAt(ago))
    with app.app_context():
        ports = wiring_of(app).ports
        (tenant,) = list_tenants(ports)
        for order in orders:
            create_binding(CreateBinding(tenant, order, "陳小美", read_phone("0912-345-678")), ports)
    close_app(app)


@pytest.fixture(autouse=True)
def _tenant(home, run):
    assert run("tenant", "create", "店").exit_code == 0
    assert run("numbers", "import", "0900-000000", "--pool", "default").exit_code == 0


def test_once_does_all_that_is_due(result_of, monkeypatch):
    monkeypatch.setenv("MASKSERVICE_WORKER_BATCH", "2")
    bind(timedelta(days=100), "old-1", "old-2", "old-3")
    bind(timedelta(days=61), "dead")
    bind(timedelta(days=1), "alive")
    done = result_of("worker", "--once")
    assert (done["ended"], done["freed"]) == (4, 3)
    assert done["rounds"] >= 3
    nothing = {"ended": 0, "freed": 0, "forgotten": 0, "rounds": 1}
    nothing |= {"months_dropped": 0, "calls_deleted": 0, "bindings_deleted": 0}
    assert result_of("worker", "--once") == nothing
    held = result_of("numbers", "list", "--pool", "default")["data"][0]["held"]
    assert held == 2


def test_once_for_people(run):
    assert "0 bindings ended" in run("worker", "--once").stdout


def test_json_without_once_is_a_mistake(refused):
    assert "--once" in refused("worker", "--json", code=2)


def test_once_with_a_database_that_cannot_be_read(refused, home):
    damage(home)
    assert "MASKSERVICE_DATABASE_URL" in refused("worker", "--once")


def events(text: str) -> list[str]:
    return [json.loads(line)["event"] for line in text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT"])
def test_it_works_until_it_is_told_to_stop(how, start, result_of):
    bind(timedelta(days=61), "dead")
    program = start("worker", MASKSERVICE_WORKER_INTERVAL_S="0.05")
    program.until(lambda: "round_done" in program.stderr)
    bind(timedelta(days=61), "dead-2")
    program.until(lambda: program.stderr.count("round_done") == 2)
    assert program.end(signal.Signals[how]) == 0
    assert events(program.stderr)[0] == "worker_started"
    assert events(program.stderr)[-1] == "worker_stopped"


def test_it_ends_at_once_while_it_sleeps(start):
    program = start("worker", MASKSERVICE_WORKER_INTERVAL_S="3600")
    program.until(lambda: "worker_started" in program.stderr)
    assert program.end() == 0


def test_two_share_the_work(start, result_of):
    bind(timedelta(days=100), *(f"old-{number}" for number in range(60)))
    both = [start("worker", MASKSERVICE_WORKER_BATCH="3", MASKSERVICE_WORKER_INTERVAL_S="0.05") for _ in range(2)]
    for program in both:
        program.until(lambda program=program: "worker_started" in program.stderr)
    both[0].until(lambda: result_of("numbers", "list", "--pool", "default")["data"][0]["held"] == 0)
    for program in both:
        assert program.end() == 0
        assert "Traceback" not in program.stderr
    lines = [json.loads(line) for program in both for line in program.stderr.splitlines() if "round_done" in line]
    assert sum(line["ended"] for line in lines) == 60
    assert sum(line["freed"] for line in lines) == 60


def test_a_database_that_is_down_is_waited_for(start, home):
    bind(timedelta(days=61), "dead")
    kept = (home / "maskservice.db").read_bytes()
    damage(home)
    program = start("worker", MASKSERVICE_WORKER_INTERVAL_S="0.05")
    program.until(lambda: program.stderr.count("retry_in_s") == 2)
    pauses = [json.loads(line)["retry_in_s"] for line in program.stderr.splitlines() if "retry_in_s" in line]
    assert pauses == [1.0, 2.0]
    (home / "maskservice.db").write_bytes(kept)
    program.until(lambda: "round_done" in program.stderr)
    assert program.end() == 0
    assert "Traceback" not in program.stderr


def damage(home) -> None:
    for each in home.glob("maskservice.db-*"):
        each.unlink()
    (home / "maskservice.db").write_bytes(b"no database at all " * 400)


def test_a_pool_that_runs_low_is_told_once_a_crossing(run, capfd):
    run("pool", "create", "small", "--density", "0.0005", "--tenant", "店")  # 5 extensions, low from 4
    app = create_app(Settings.load())
    watch = PoolWatch()

    def told() -> list[str]:
        configure_logging()  # each command has sent the lines to its own standard error
        watch.look(app)
        return [json.loads(line)["pool"] for line in capfd.readouterr().err.splitlines() if "pool_running_low" in line]

    assert told() == ["small"]  # it has no number yet
    assert told() == []
    run("numbers", "import", "0900-000001", "--pool", "small")
    capfd.readouterr()
    assert told() == []
    with app.app_context():
        ports = wiring_of(app).ports
        (tenant,) = list_tenants(ports)
        for order in ("a", "b", "c", "d"):
            create_binding(CreateBinding(tenant, order, "陳小美", read_phone("0912-345-678"), pool="small"), ports)
    assert told() == ["small"]
    assert told() == []
    close_app(app)
