"""Eight processes with four threads each fill a small pool: nothing twice, nothing but 201 and 503, the ceiling
exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.conftest import Figures
from tests.system.installation import ROOT, Installation, install

PROCESSES = 8
NUMBERS = ("0900-000000", "0900-000001", "02-2345-0000")
CEILING = 100  # of each number


def race(installation: Installation, *, processes: int = PROCESSES) -> list[dict]:  # type: ignore[type-arg]
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.racer", str(processes), installation.api_key],
        cwd=ROOT,
        env={**installation.environment, "MASKSERVICE_LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture
def small(tmp_path: Path, database_url: str) -> Installation:
    return install(tmp_path / "home", database_url, density="0.01", numbers=NUMBERS)


@pytest.mark.slow
def test_a_small_pool_is_filled_to_its_ceiling_exactly(small: Installation, figures: Figures) -> None:
    results = race(small)
    won = Counter(tuple(each) for result in results for each in result["won"])
    statuses = sum((Counter(result["statuses"]) for result in results), Counter())  # type: ignore[var-annotated]
    kind = small.database_url.partition(":")[0].partition("+")[0]
    slowest = max(result["slowest"] for result in results) * 1000
    figures.note(f"race on {kind}: slowest answer {slowest:.0f} ms of {sum(statuses.values())}")
    assert set(statuses) == {"201", "503"}, statuses
    assert max(won.values()) == 1
    assert len(won) == CEILING * len(NUMBERS)
    assert set(Counter(number for number, _ in won).values()) == {CEILING}
    assert max(result["slowest"] for result in results) < 5


@pytest.mark.slow
def test_with_the_uniqueness_taken_out_the_race_is_lost(small: Installation) -> None:
    """The proof that the database's own uniqueness is what the promise rests on."""
    engine = create_engine(small.database_url)
    with engine.begin() as connection:
        if small.database_url.startswith("sqlite"):
            connection.execute(text("alter table slots rename to old"))
            connection.execute(text("create table slots as select * from old"))
            connection.execute(text("drop table old"))
        else:
            connection.execute(text("alter table slots drop constraint pk_slots"))
    engine.dispose()
    statuses = sum((Counter(result["statuses"]) for result in race(small, processes=2)), Counter())  # type: ignore[var-annotated]
    assert set(statuses) - {"201", "503"}, "the guard is gone and nothing noticed"
