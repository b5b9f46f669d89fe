"""PgBouncer in transaction mode before PostgreSQL: the storage suite's core, a create and a call, time-outs and races.

Where there is none to start, the closing summary says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from maskservice.storage.schema import current_revision, head_revision, migrate
from tests.conftest import Figures
from tests.databases import make, opened
from tests.pgbouncer import MISSING, SERVER_CONNECTIONS, PgBouncer, program
from tests.postgres import PostgresServer
from tests.system.installation import ROOT, install, order, pbx_of, serving

# What a session could spoil: locks, conflicts, prepared statements, plans, races between threads and processes.
CORE = ("bindings", "calls", "slots", "orders", "receipts", "passes", "pools", "endings", "call_months", "races")


@pytest.fixture(scope="module")
def pooler(postgres_server: PostgresServer) -> Iterator[PgBouncer]:
    if program() is None:
        if os.environ.get("MASKSERVICE_TEST_REQUIRE_PGBOUNCER"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with PgBouncer(postgres_server.admin_url) as started:
        yield started


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.mark.slow
def test_the_core_of_the_storage_suite_passes_through_it(pooler: PgBouncer, postgres_server: PostgresServer) -> None:
    files = [f"tests/storage/test_{name}.py" for name in CORE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "postgresql", *_there(files)],
        cwd=ROOT,
        env=os.environ
        | {
            "MASKSERVICE_TEST_POSTGRES_URL": postgres_server.admin_url,
            "MASKSERVICE_TEST_POOLER": str(pooler.folder),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


def _there(files: list[str]) -> list[str]:
    return [file for file in files if (ROOT / file).is_file()]


def test_it_is_migrated_through_the_pooler_and_has_its_time_outs(pooler: PgBouncer, empty: str) -> None:
    """No session can be given settings, so the role has them in this database, from the next connection on."""
    with opened(pooler.through(empty)) as database:
        migrate(database)
        assert current_revision(database) == head_revision()
        migrate(database)
    with opened(empty, patience_s=60) as direct, direct.engine.begin() as connection:
        kept = connection.execute(text("SELECT unnest(setconfig) FROM pg_db_role_setting")).scalars().all()
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                 "AND pid <> pg_backend_pid()")
        )
    assert {"lock_timeout=4000ms", "statement_timeout=4500ms", "idle_in_transaction_session_timeout=30s"} <= set(kept)
    with opened(pooler.through(empty)) as database, database.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "4500ms"
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "4s"


def test_without_the_option_a_session_is_refused_and_not_half_set(pooler: PgBouncer, empty: str) -> None:
    """So that nobody runs without time-outs, or with prepared statements of somebody else, for want of a word."""
    url = pooler.through(empty).replace("&pooler=transaction", "")
    with opened(url) as database, pytest.raises(Exception, match="did not answer in time, or could not be reached"):
        current_revision(database)


def test_sessions_share_server_connections_and_none_finds_a_statement_of_another(
    pooler: PgBouncer, empty: str
) -> None:
    with opened(pooler.through(empty)) as database:
        migrate(database)
    app, database = make(pooler.through(empty))
    pids: set[int] = set()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with app.app_context():
                for _ in range(20):  # far past the number after which psycopg would prepare a statement
                    with database.unit() as uow:
                        uow.tenants.all()
                        uow.pools.use()
                    with database.unit(write=False) as uow:
                        uow.tenants.all()
                        pids.add(uow._statements.rows(text("SELECT pg_backend_pid()"))[0][0])  # type: ignore[attr-defined]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3 * SERVER_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.dispose()
    assert failures == []
    assert 1 <= len(pids) <= SERVER_CONNECTIONS


@pytest.mark.slow
def test_a_create_and_a_call_go_through_it(
    pooler: PgBouncer, empty: str, tmp_path: Path, figures: Figures
) -> None:
    place = install(tmp_path / "home", pooler.through(empty))
    with serving(place) as server:
        made = [
            httpx.post(f"{server.url}/v1/bindings", json=order(each), headers=place.headers) for each in range(40)
        ]
        assert {answer.status_code for answer in made} == {201}
        with pbx_of(place, server) as pbx:
            for answer in made:
                story = pbx.call("+886987654321", answer.json()["masked_number"])
                assert story.called is not None
                assert story.called.reveal() == "+886912345678"
    assert "ERROR" not in pooler.log
    figures.note("PgBouncer: 40 creates and 40 calls through transaction mode")
