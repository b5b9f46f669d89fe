"""SQLite's writers stand in line: in order, never for ever, and nobody who left or died keeps the place."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask import Flask

from maskservice.domain.errors import DatabaseUnavailable, MaskServiceError
from maskservice.storage import sqlite
from maskservice.storage.db import Database
from tests.factories import TenantFactory

AppAndDatabase = tuple[Flask, Database]


@pytest.fixture
def others(sqlite_database: AppAndDatabase) -> Iterator[sqlite3.Connection]:
    """Another process' connection, as far as SQLite can tell."""
    _, database = sqlite_database
    with closing(sqlite3.connect(str(database.engine.url.database), isolation_level=None)) as connection:
        yield connection


def write(app: Flask, database: Database) -> None:
    with app.app_context(), database.unit() as uow:
        uow.tenants.add(TenantFactory())
        uow.commit()


def fail(database: Database) -> None:
    with database.unit() as uow:
        uow.tenants.add(TenantFactory())
        raise ZeroDivisionError


def in_thread(target: object, *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
    thread.start()
    return thread


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_first_come_first_served(sqlite_database: AppAndDatabase) -> None:
    app, database = sqlite_database
    served: list[int] = []

    def one(place: int) -> None:
        with app.app_context(), database.unit() as uow:
            uow.tenants.add(TenantFactory())
            served.append(place)
            uow.commit()

    with app.app_context(), database.unit() as uow:
        uow.tenants.add(TenantFactory())
        threads = []
        for place in range(10):
            threads.append(in_thread(one, place))
            wait_for(lambda place=place: database.waiting_writers == place + 2)
        uow.commit()
    for thread in threads:
        thread.join()
    assert served == list(range(10))
    assert database.waiting_writers == 0


def test_the_place_is_given_back_however_a_unit_ends(sqlite_database: AppAndDatabase) -> None:
    app, database = sqlite_database
    with app.app_context():
        with database.unit() as uow:
            uow.tenants.add(TenantFactory())
            assert database.waiting_writers == 1
            uow.commit()
            assert database.waiting_writers == 0
            uow.tenants.add(TenantFactory())
            uow.rollback()
            assert database.waiting_writers == 0
            uow.tenants.add(TenantFactory())
        assert database.waiting_writers == 0
        with pytest.raises(ZeroDivisionError):
            fail(database)
        assert database.waiting_writers == 0
        tenant = TenantFactory()
        with database.unit() as uow:
            uow.tenants.add(tenant)
            with pytest.raises(MaskServiceError):
                uow.tenants.add(TenantFactory(id=tenant.id))
        assert database.waiting_writers == 0
    write(app, database)


def test_an_invalidated_connection_gives_the_place_back(sqlite_database: AppAndDatabase) -> None:
    _, database = sqlite_database
    connection = database.engine.connect()
    connection.begin()
    assert database.waiting_writers == 1
    connection.invalidate()
    assert database.waiting_writers == 0
    connection.close()


def test_a_forgotten_connection_gives_the_place_back(sqlite_database: AppAndDatabase) -> None:
    app, database = sqlite_database
    with app.app_context():
        unit = database.unit()
        unit.__enter__()
        unit.tenants.add(TenantFactory())
        assert database.waiting_writers == 1
    # The end of the app context closes its session.
    assert database.waiting_writers == 0
    write(app, database)


def test_a_thread_that_died_inside_its_transaction_keeps_nobody_waiting(sqlite_database: AppAndDatabase) -> None:
    app, database = sqlite_database
    lost = TenantFactory()
    kept: list[object] = []

    def die() -> None:
        context = app.app_context()
        context.push()
        unit = database.unit()
        unit.__enter__()
        unit.tenants.add(lost)
        kept.extend((context, unit))  # nothing is collected, nothing is closed

    in_thread(die).join()
    assert database.waiting_writers == 1
    started = time.monotonic()
    write(app, database)
    assert time.monotonic() - started < 1
    assert database.waiting_writers == 0
    with app.app_context(), database.unit(write=False) as uow:
        assert lost not in uow.tenants.all()
    # Whoever still holds the dead unit cannot go on outside of a transaction.
    with pytest.raises(DatabaseUnavailable):
        kept[1].tenants.add(TenantFactory())  # type: ignore[attr-defined]
    kept[1].__exit__(None, None, None)  # type: ignore[attr-defined]


def test_another_process_that_does_not_let_go_makes_it_unavailable(
    sqlite_database: AppAndDatabase, others: sqlite3.Connection
) -> None:
    app, database = sqlite_database
    others.execute("BEGIN IMMEDIATE")
    outcomes: list[tuple[type, float]] = []

    def attempt() -> None:
        started = time.monotonic()
        try:
            write(app, database)
        except DatabaseUnavailable as failure:
            outcomes.append((type(failure), time.monotonic() - started))

    # Two in line: both give up after five seconds, not one after the other.
    threads = [in_thread(attempt), in_thread(attempt)]
    for thread in threads:
        thread.join()
    assert [kind for kind, _ in outcomes] == [DatabaseUnavailable] * 2
    assert all(4.9 < seconds < 6 for _, seconds in outcomes)
    assert database.waiting_writers == 0
    others.execute("ROLLBACK")
    write(app, database)


def test_a_short_gap_of_another_process_is_used(sqlite_database: AppAndDatabase, others: sqlite3.Connection) -> None:
    app, database = sqlite_database
    others.execute("BEGIN IMMEDIATE")
    waited: list[float] = []

    def attempt() -> None:
        started = time.monotonic()
        write(app, database)
        waited.append(time.monotonic() - started)

    thread = in_thread(attempt)
    time.sleep(0.6)
    others.execute("ROLLBACK")
    thread.join()
    assert 0.55 < waited[0] < 0.7  # SQLite's own handler would sleep in steps of 100 ms by now


def test_whoever_leaves_the_line_is_passed_over(sqlite_database: AppAndDatabase) -> None:
    queue = sqlite.WriterQueue()
    with closing(sqlite3.connect(":memory:")) as connection:
        head = queue.enter(connection, deadline=time.monotonic())
        with pytest.raises(sqlite3.OperationalError):
            queue.enter(connection, deadline=time.monotonic() + 0.05)
        assert len(queue) == 1
        queue.leave(head)
        queue.leave(head)
        assert len(queue) == 0
        queue.leave(queue.enter(connection, deadline=time.monotonic()))
