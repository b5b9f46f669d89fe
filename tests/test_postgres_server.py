"""The test suite's own PostgreSQL: it starts, clones, dumps, drops and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.postgres import OVERRIDE_VARIABLE, PostgresServer, PostgresUnavailableError, dump_by_copy

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    try:
        running = PostgresServer().start()
    except PostgresUnavailableError as why:
        pytest.skip(str(why))
    yield running
    running.stop()


@pytest.fixture
def database(server: PostgresServer) -> Iterator[str]:
    url = server.create_database()
    yield url
    server.drop_database(url)


def run(url: str, *statements: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def test_it_speaks_utf8_and_utc_and_takes_many_connections(database: str) -> None:
    rows = run(
        database,
        "SELECT current_setting('server_encoding'), current_setting('TimeZone'), "
        "current_setting('max_connections')::int >= 200, upper('é')",
    )
    assert rows == [("UTF8", "UTC", True, "É")]


def test_a_clone_has_the_templates_rows_and_a_life_of_its_own(server: PostgresServer, database: str) -> None:
    run(database, "CREATE TABLE parcel (label text)", "INSERT INTO parcel VALUES ('陳O美')")
    clone = server.create_database(template=database)
    try:
        assert run(clone, "SELECT label FROM parcel") == [("陳O美",)]
        run(clone, "DELETE FROM parcel")
        assert run(database, "SELECT count(*) FROM parcel") == [(1,)]
    finally:
        server.drop_database(clone)


@pytest.mark.parametrize("way", ["dump", "dump_by_copy"])
def test_a_dump_holds_every_table_and_row(server: PostgresServer, database: str, way: str) -> None:
    run(
        database,
        "CREATE TABLE call (month int, note text) PARTITION BY LIST (month)",
        "CREATE TABLE call_11 PARTITION OF call FOR VALUES IN (11)",
        "INSERT INTO call VALUES (11, 'needle 針')",
        "CREATE SCHEMA side",
        "CREATE TABLE side.letter (body bytea)",
        "INSERT INTO side.letter VALUES ('\\xcafe')",
    )
    dumped = server.dump(database) if way == "dump" else dump_by_copy(database)
    assert dumped.count("needle 針".encode()) == 1
    assert b"call_11" in dumped
    assert b"side.letter" in dumped
    assert b"\\xcafe" in dumped


def test_a_dropped_database_is_gone_even_with_somebody_connected(server: PostgresServer) -> None:
    url = server.create_database()
    engine = create_engine(url)
    with engine.connect() as held:
        held.execute(text("SELECT 1"))
        server.drop_database(url)
        server.drop_database(url)  # twice is fine
        held.invalidate()
    engine.dispose()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url.replace("+psycopg", ""))


def test_a_named_server_is_used_and_left_running(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OVERRIDE_VARIABLE, server.admin_url)
    with PostgresServer() as named:
        assert named.admin_url == server.admin_url
        named.drop_database(named.create_database())
    assert run(server.admin_url, "SELECT 1") == [(1,)]


def test_a_named_server_that_does_not_answer_is_said_aloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(OVERRIDE_VARIABLE, f"postgresql://someone:secret@/postgres?host={tmp_path}")
    with pytest.raises(PostgresUnavailableError, match=r"^NO POSTGRESQL: .*does not answer") as caught:
        PostgresServer().start()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_durable_server_has_fsync_even_where_a_faster_one_is_named(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if OVERRIDE_VARIABLE in os.environ:
        pytest.skip("a named server has whatever settings its owner chose")
    assert run(server.admin_url, "SHOW fsync") == [("off",)]
    monkeypatch.setenv(OVERRIDE_VARIABLE, server.admin_url)
    with PostgresServer(durable=True) as durable:
        names = ("fsync", "synchronous_commit", "full_page_writes")
        rows = [run(durable.admin_url, f"SHOW {name}") for name in names]
    assert rows == [[("on",)]] * 3


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.usefixtures("server")  # skips where no server can be had
def test_nothing_is_left_when_the_run_is_cut_short(end: signal.Signals) -> None:
    code = (
        "import time; from tests.postgres import PostgresServer; "
        "print(PostgresServer().start().admin_url, flush=True); time.sleep(60)"
    )
    environment = {name: value for name, value in os.environ.items() if name != OVERRIDE_VARIABLE}
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with child:
        assert child.stdout is not None
        home = Path(child.stdout.readline().strip().partition("host=")[2].partition("&")[0])
        postmaster = int((home / "d" / "postmaster.pid").read_text().splitlines()[0])
        child.send_signal(end)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and (home.exists() or alive(postmaster)):
        time.sleep(0.05)
    assert not alive(postmaster)
    assert not home.exists()


def alive(pid: int) -> bool:
    """Whether a program runs under this id; one that has ended and waits to be collected does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
