"""Plans on a million bindings and a million calls: no statement on the way of a call, of a creation or of the worker
reads a whole table, and the gauge of bindings costs next to nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.binding import Status
from maskservice.domain.ids import CallId, first_key_of
from maskservice.domain.months import month_of, months_after
from maskservice.services.records import Who
from maskservice.storage.call_months import make, part_of
from maskservice.storage.db import Database
from maskservice.storage.postgresql import UNHURRIED
from tests.conftest import Figures
from tests.counting import count_statements
from tests.databases import make as make_database
from tests.factories import NOW, NUMBER
from tests.postgres import PostgresServer
from tests.storage.conftest import World, build_world
from tests.storage.many import fill, fill_calls
from tests.storage.test_plans import scanned, sent_to, use_everything

# One worker fills the database once for all of them.
pytestmark = pytest.mark.xdist_group("million rows")

ROWS = 1_000_000
MONTHS = 4
FILLED = {"bindings", "slots", "order_index", "contacts"}


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer, postgres_template: str) -> Iterator[tuple[Flask, Database, World]]:
    url = postgres_server.create_database(postgres_template)
    app, database = make_database(url)
    began = time.monotonic()
    with app.app_context():
        with database.unit() as uow:
            world = build_world(uow, policy=PoolPolicy(extension_length=6))
            uow.commit()
        with _unhurried(database) as connection, connection.begin():
            _load(connection, world)
        with _unhurried(database).execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("RESET statement_timeout")
    print(f"\nloaded in {time.monotonic() - began:.1f} s")
    yield app, database, world
    database.dispose()
    postgres_server.drop_database(url)


def _unhurried(database: Database) -> Connection:
    return database.engine.connect().execution_options(**{UNHURRIED: True})


def _load(connection: Connection, world: World) -> None:
    """Keys and indexes are built afterwards, each in one go: a third of the time."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
    connection.exec_driver_sql("SET LOCAL max_parallel_maintenance_workers = 0")
    for place in range(1, MONTHS):
        make(connection, part_of(months_after(month_of(NOW), -place)))
    tables = ("bindings", "slots", "order_index", "contacts", "calls")
    found = connection.execute(
        text(
            "SELECT i.tablename, i.indexname, i.indexdef, c.conname IS NOT NULL FROM pg_indexes AS i "
            "LEFT JOIN pg_constraint AS c ON c.conname = i.indexname WHERE i.tablename = ANY(:tables)"
        ),
        {"tables": list(tables)},
    ).all()
    for table, name, _, is_key in found:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if is_key else f"DROP INDEX {name}")
    parts = connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")).all()
    for table in (*tables[:-1], *parts):
        connection.exec_driver_sql(f"ALTER TABLE {table} SET UNLOGGED")
    fill(connection, ROWS, pool=world.pool.id, tenant=world.tenant.id, expires=NOW, contact_every=10)
    fill_calls(connection, ROWS, pool=world.pool.id, apart="8 seconds")
    for table, name, definition, is_key in found:
        columns = definition.partition("(")[2].rpartition(")")[0]
        key = f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY ({columns})"
        connection.exec_driver_sql(key if is_key else definition.replace(" ON ONLY ", " ON "))


@pytest.mark.slow
def test_no_hot_statement_reads_a_whole_table(filled: tuple[Flask, Database, World], figures: Figures) -> None:
    app, database, world = filled
    with app.app_context():
        with sent_to(database) as sent, database.unit() as uow:
            use_everything(uow, world)
        with database.engine.connect() as connection:
            months = connection.scalars(
                text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND reltuples > 1000")
            ).all()
        assert len(months) == MONTHS
        found = {each: scanned(database, each, given, big=FILLED | set(months)) for each, given in sent}
    assert len(found) > 60
    assert {statement: plan for statement, plan in found.items() if plan} == {}
    figures.note(f"EXPLAIN on {ROWS:,} bindings and calls: {len(found)} statements, none reads a whole table")


@pytest.mark.slow
def test_a_look_up_reads_a_handful_of_blocks(filled: tuple[Flask, Database, World]) -> None:
    """What the plan promises, as the server counts it."""
    app, database, _ = filled
    with app.app_context():
        with sent_to(database) as sent, database.unit(write=False) as uow:
            uow.calls.line_and_slot(NUMBER, "000123")
            uow.calls.line_and_recipient(NUMBER, Who(b"m" * 16), now=NOW)
            uow.calls.get(CallId(NUMBER, first_key_of(NOW - timedelta(days=40))))
        with database.engine.connect() as connection:
            for statement, parameters in sent:
                plan: Any = connection.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
                ).scalar()
                top = plan[0]["Plan"]
                assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 60, statement


@pytest.mark.slow
def test_the_worker_s_batches_read_what_they_change(filled: tuple[Flask, Database, World]) -> None:
    app, database, _ = filled
    with app.app_context():
        with sent_to(database) as sent, database.unit() as uow:
            due = uow.bindings.due(now=NOW + timedelta(seconds=500), limit=200)
            assert len(uow.endings.end([_dead(each) for each in due])) == 200
            rested = uow.slots.rested(now=NOW + timedelta(days=90), limit=200)
            assert len(rested) == 200
            assert uow.endings.purge(rested, at=NOW) == 200
            assert uow.endings.free(rested) == 200
            assert uow.endings.forget(purged_before=NOW + timedelta(days=1), limit=200) == 200
        found = {each: scanned(database, each, given, big=FILLED) for each, given in sent}
    assert {statement: plan for statement, plan in found.items() if plan} == {}


def _dead(binding: Any) -> Any:
    from maskservice.domain.binding import expired

    return expired(binding, NOW + timedelta(seconds=500))


@pytest.mark.slow
def test_the_gauge_is_an_estimate_that_reads_no_rows(filled: tuple[Flask, Database, World]) -> None:
    app, database, _ = filled
    with app.app_context():
        with count_statements(database) as sent, database.unit(write=False) as uow:
            counts = uow.bindings.count_by_status(NOW)
        assert abs(counts[Status.ACTIVE] - ROWS) < ROWS * 0.02
        assert set(counts) == set(Status)
        assert len(sent) == 2
        assert not any("FROM bindings" in each for each in sent)


