"""Batches over the same orders, single creates, releases and the worker on one small pool: nothing twice, the ceiling
exactly, no deadlock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.system.installation import ROOT, Installation, install

PROCESSES = 3
NUMBERS = ("0900-000000", "0900-000001", "02-2345-0000")
CEILING = 100  # of each number


def race(installation: Installation, mode: str) -> tuple[list[tuple[str, str, str]], Counter[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.batch_racer", str(PROCESSES), installation.api_key, mode],
        cwd=ROOT,
        env={**installation.environment, "MASKSERVICE_LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    statuses: Counter[str] = sum((Counter(each["statuses"]) for each in told), Counter())
    return [tuple(each) for result in told for each in result["bound"]], statuses


def counts(installation: Installation) -> dict[str, tuple[int, int]]:
    """(count, slots) of each number."""
    engine = create_engine(installation.database_url)
    with engine.connect() as connection:
        taken = "select virtual_number, count(*) from slots group by virtual_number"
        slots: dict[str, int] = {number: int(count) for number, count in connection.execute(text(taken))}
        numbers = connection.execute(text("select virtual_number, held from virtual_numbers"))
        found = {number: (held, slots.get(number, 0)) for number, held in numbers}
    engine.dispose()
    return found


def deadlocks(installation: Installation) -> int:
    """That the server has broken up."""
    if installation.database_url.startswith("sqlite"):
        return 0
    engine = create_engine(installation.database_url)
    with engine.connect() as connection:
        statement = "select deadlocks from pg_stat_database where datname = current_database()"
        found = int(connection.execute(text(statement)).scalar_one())
    engine.dispose()
    return found


@pytest.fixture
def small(tmp_path: Path, database_url: str) -> Installation:
    return install(tmp_path / "home", database_url, density="0.01", numbers=NUMBERS)


@pytest.mark.slow
def test_batches_fill_a_pool_to_its_ceiling_exactly(small: Installation) -> None:
    """More orders than places, each asked for many times, in batches and alone."""
    bound, statuses = race(small, "fill")
    assert deadlocks(small) == 0
    statuses.pop("503 too_many_batches", None)  # a process takes two at once, and three threads ask
    assert set(statuses) == {"200", "201", "503 pool_exhausted"}, statuses
    assert statuses["201"] == CEILING * len(NUMBERS)
    of_order: dict[str, set[tuple[str, str]]] = {}
    for order_id, number, extension in bound:
        of_order.setdefault(order_id, set()).add((number, extension))
    assert all(len(each) == 1 for each in of_order.values()), "an order got two masked numbers"
    assert len({slot for each in of_order.values() for slot in each}) == CEILING * len(NUMBERS)
    assert set(counts(small).values()) == {(CEILING, CEILING)}


@pytest.mark.slow
def test_nothing_waits_in_a_ring_while_slots_are_freed(small: Installation) -> None:
    engine = create_engine(small.database_url)
    zero = "'1970-01-01 00:00:00.000000'" if small.database_url.startswith("sqlite") else "interval '0'"
    with engine.begin() as connection:
        connection.execute(text(f"update pools set quarantine = {zero} where name = 'p'"))
    engine.dispose()
    _, statuses = race(small, "churn")
    assert deadlocks(small) == 0
    statuses.pop("503 too_many_batches", None)
    assert set(statuses) <= {"200", "201", "503 pool_exhausted"}, statuses
    assert statuses["201"] > CEILING * len(NUMBERS)
    for held, slots in counts(small).values():
        assert held == slots
        assert slots <= CEILING
