"""PostgreSQL under SIGSTOP: whoever waits is told in time, and after SIGCONT all works again."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from psycopg.errors import ConnectionTimeout
from sqlalchemy import text
from sqlalchemy.engine import make_url

from maskservice.domain.errors import DatabaseUnavailable
from maskservice.storage.db import Database
from maskservice.storage.postgresql import UNHURRIED, Door
from maskservice.storage.schema import is_current, migrate
from tests.conftest import Figures
from tests.databases import make
from tests.factories import TenantFactory
from tests.postgres import OVERRIDE_VARIABLE, PostgresServer, PostgresUnavailableError

PATIENCE_S = 1.5
SLACK_S = 1.5


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """Ours alone: nobody else's tests may hang with it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(OVERRIDE_VARIABLE, raising=False)
        try:
            server = PostgresServer().start()
        except PostgresUnavailableError as why:
            pytest.skip(str(why))
        yield server
        server.stop()


@pytest.fixture
def hurried(own_server: PostgresServer) -> Iterator[tuple[Flask, Database]]:
    app, database = make(own_server.create_database(), patience_s=PATIENCE_S)
    with app.app_context():
        migrate(database)
    yield app, database
    database.dispose()


def _signal(server: PostgresServer, number: signal.Signals) -> None:
    """To the postmaster and to every session: PostgreSQL puts each in a group of its own."""
    home = Path(str(make_url(server.admin_url).query["host"]))
    postmaster = int((home / "d" / "postmaster.pid").read_text().split("\n", 1)[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for each in (postmaster, *map(int, children)):
        os.kill(each, number)


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    _signal(server, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(server, signal.SIGCONT)


def use(app: Flask, database: Database) -> float:
    """Seconds until the unit was refused."""
    began = time.monotonic()
    with app.app_context(), pytest.raises(DatabaseUnavailable), database.unit() as uow:
        uow.tenants.all()
    return time.monotonic() - began


@pytest.mark.slow
def test_a_server_that_hangs_is_unavailable_and_comes_back(
    own_server: PostgresServer, hurried: tuple[Flask, Database]
) -> None:
    app, database = hurried
    with app.app_context(), database.unit() as uow:  # one connection lies in the pool
        uow.tenants.add(TenantFactory(name="before"))
        uow.commit()
    with frozen(own_server):
        assert PATIENCE_S - 0.2 < use(app, database) < PATIENCE_S + SLACK_S  # a statement under way
        assert use(app, database) < 3 + SLACK_S  # a new connection
        began = time.monotonic()
        with app.app_context(), pytest.raises(DatabaseUnavailable):
            is_current(database)
        assert time.monotonic() - began < 3 + SLACK_S
    with app.app_context(), database.unit(write=False) as uow:
        assert [each.name for each in uow.tenants.all()] == ["before"]
    assert database.engine.pool.status().count("Current Checked out connections: 0") == 1


@pytest.mark.slow
def test_a_commit_that_hangs_is_unavailable(own_server: PostgresServer, hurried: tuple[Flask, Database]) -> None:
    app, database = hurried
    with app.app_context():
        with database.unit() as uow:
            uow.tenants.add(TenantFactory())
            with frozen(own_server):
                began = time.monotonic()
                with pytest.raises(DatabaseUnavailable):
                    uow.commit()
                assert time.monotonic() - began < PATIENCE_S + SLACK_S
        with database.unit() as uow:
            uow.tenants.all()


@pytest.mark.slow
def test_many_do_not_wait_one_after_the_other(own_server: PostgresServer, hurried: tuple[Flask, Database]) -> None:
    app, database = hurried
    took: list[float] = []

    def ask() -> None:
        for _ in range(3):
            took.append(use(app, database))

    with frozen(own_server):
        use(app, database)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    # While one tries the server for three seconds the others are refused in half a one.
    assert len(took) == 24
    assert sorted(took)[12] < 1.0
    assert max(took) < 3 + SLACK_S
    with app.app_context(), database.unit() as uow:
        assert uow.tenants.all() == []


def test_a_server_that_lives_says_so_before_the_deadline(hurried: tuple[Flask, Database]) -> None:
    _, database = hurried
    with database.engine.connect() as connection:
        with pytest.raises(Exception, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(3)"))
        assert not connection.invalidated
    with database.engine.connect().execution_options(**{UNHURRIED: True}) as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_sleep({PATIENCE_S + 0.3})"))
    with database.engine.connect() as connection:  # the same connection, hurried again
        connection.execute(text("SET statement_timeout = 0"))
        with pytest.raises(Exception, match="deadline"):
            connection.execute(text("SELECT pg_sleep(3)"))


def test_a_door_stays_open_while_the_server_only_refuses() -> None:
    door = Door(patience_s=1)

    def refuse() -> None:
        raise psycopg.OperationalError("the server is starting up")

    for _ in range(3):
        with pytest.raises(psycopg.OperationalError, match="starting up"):
            door.enter(refuse)
    assert door.enter(lambda: "in") == "in"


def test_while_one_tries_a_silent_server_the_others_are_refused_at_once() -> None:
    door = Door(patience_s=1)
    inside, go = threading.Event(), threading.Event()

    def time_out() -> None:
        inside.set()
        go.wait(5)
        raise ConnectionTimeout("connection timeout expired")

    def come() -> None:
        with pytest.raises(ConnectionTimeout):
            door.enter(time_out)

    go.set()
    come()  # from here on the server is known to be silent
    go.clear()
    inside.clear()
    first = threading.Thread(target=come)
    first.start()
    assert inside.wait(5)
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="another thread"):
        door.enter(lambda: "in")
    assert time.monotonic() - began < 1
    go.set()
    first.join()
    assert door.enter(lambda: "in") == "in"
    assert door.enter(lambda: "in") == "in"


def test_what_the_deadline_costs_a_statement(hurried: tuple[Flask, Database], figures: Figures) -> None:
    _, database = hurried
    with database.engine.connect() as connection:
        driver = connection.connection.dbapi_connection

        def seconds(*, deadline: bool) -> float:
            driver.hurried = deadline
            began = time.perf_counter()
            for _ in range(500):
                driver.execute("SELECT 1")
            return time.perf_counter() - began

        with_it, without = (min(seconds(deadline=each) for _ in range(5)) for each in (True, False))
    figures.note(f"PostgreSQL, a deadline for each statement: {(with_it - without) / 500 * 1e6:+.1f} µs each")
