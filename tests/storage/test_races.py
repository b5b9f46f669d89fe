"""Races with real threads and real processes: what only one may have, only one gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from maskservice.domain.errors import MaskServiceError
from maskservice.storage.db import Database
from tests.databases import opened
from tests.factories import NUMBER
from tests.storage.conftest import build_world
from tests.storage.races import CEILING, Result, run, run_threads

ROOT = Path(__file__).resolve().parents[2]
THREADS, PROCESSES = 8, 8
PLACES = 40
CLAIMS = ("slot", "order", "receipt", "idempotency")


def in_processes(url: str, *tasks: str, count: int, threads: int = 1) -> dict[str, list[Result]]:
    command = [sys.executable, str(ROOT / "tests/storage/races.py"), url, ",".join(tasks), str(count), str(threads)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    racers = [
        subprocess.Popen(
            [*command, str(seed)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for seed in range(PROCESSES)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        answers = [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    return {task: [tuple(result) for answer in answers for result in answer[task]] for task in tasks}


def wins(results: list[Result]) -> list[str]:
    return [win for mine, _ in results for win in mine]


def slowest(results: list[Result], request: pytest.FixtureRequest) -> float:
    """Seconds of the slowest unit; kept in the test's properties (junit) and shown with -s."""
    worst = max(max(seconds) for _, seconds in results)
    units = sum(len(seconds) for _, seconds in results)
    print(f"\n{request.node.name}: {units} units, slowest {worst * 1000:.0f} ms")
    request.node.user_properties.append(("slowest_ms", round(worst * 1000)))
    return worst


@pytest.mark.parametrize("task", CLAIMS)
def test_threads_win_each_place_once(database_app: tuple[Flask, Database], task: str) -> None:
    won = wins(run_threads(*database_app, task, count=PLACES, threads=THREADS))
    assert len(won) == len(set(won)) == PLACES


@pytest.mark.slow
def test_processes_win_each_place_once(database_url: str) -> None:
    for task, results in in_processes(database_url, *CLAIMS, count=PLACES // 2).items():
        won = wins(results)
        assert len(won) == len(set(won)) == PLACES // 2, task


def test_threads_fill_a_number_to_its_ceiling(
    database_app: tuple[Flask, Database], request: pytest.FixtureRequest
) -> None:
    app, database = database_app
    with app.app_context(), database.unit() as uow:
        build_world(uow)
        uow.commit()
    results = run_threads(app, database, "allocate", count=CEILING // THREADS + 10, threads=THREADS)
    slowest(results, request)
    with app.app_context():
        assert_full(database, wins(results))


@pytest.mark.slow
def test_processes_fill_a_number_to_its_ceiling_and_nobody_starves(
    database_url: str, request: pytest.FixtureRequest
) -> None:
    """Eight processes of two threads. On SQLite a bare BEGIN IMMEDIATE starves some past a second."""
    with opened(database_url) as database, database.unit() as uow:
        build_world(uow)
        uow.commit()
    results = in_processes(database_url, "allocate", count=CEILING // (2 * PROCESSES) + 10, threads=2)["allocate"]
    worst = slowest(results, request)
    with opened(database_url) as database:
        if database.is_sqlite:  # on an overloaded machine everything takes long: then a share of the whole race
            assert worst < max(1.0, max(sum(seconds) for _, seconds in results) / 4)
        assert_full(database, wins(results))


def assert_full(database: Database, won: list[str]) -> None:
    assert len(won) == len(set(won)) == CEILING
    with database.unit(write=False) as uow:
        assert [held for _, held in uow.numbers.of_pool(uow.pools.all()[0].id)] == [CEILING]
        assert uow.slots.taken(NUMBER, first="0000", last="9999") == set(won)


def test_without_the_uniqueness_a_claim_does_not_work_at_all(database: Database) -> None:
    """The statements name their conflict targets: who drops a key hears of it at once, not by two calls on a slot."""
    drop = (
        "ALTER TABLE slots DROP CONSTRAINT pk_slots",
        "ALTER TABLE order_index DROP CONSTRAINT pk_order_index",
        "ALTER TABLE idempotency_keys DROP CONSTRAINT pk_idempotency_keys",
    )
    with database.engine.begin() as connection:
        if database.is_sqlite:  # SQLite cannot drop a primary key: the table is made anew without one
            for table in ("slots", "order_index", "idempotency_keys"):
                connection.exec_driver_sql(f"CREATE TABLE copy AS SELECT * FROM {table}")
                connection.exec_driver_sql(f"DROP TABLE {table}")
                connection.exec_driver_sql(f"ALTER TABLE copy RENAME TO {table}")
        else:
            for statement in drop:
                connection.exec_driver_sql(statement)
    for task in ("slot", "order", "idempotency"):
        with pytest.raises(MaskServiceError, match="refused a statement"):
            run(database, task, 1, 0)
