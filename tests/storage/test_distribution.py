"""``distribute`` against a stand-in for Citus: three functions that write down what they were asked. It shows that the
command asks for the right things in the right order and can be taken up again; it shows nothing of Citus itself.

With MASKSERVICE_TEST_CITUS_URL (a coordinator, an empty database of its own, the extension in it) the same runs there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from maskservice.storage import postgresql
from maskservice.storage.db import Database
from maskservice.storage.distribution import CannotDistribute, Placement, distribute, plan
from maskservice.storage.schema import downgrade
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.factories import NOW
from tests.storage.conftest import build_world
from tests.storage.test_plans import sent_to

ROOT = Path(__file__).parents[2]
CITUS = "MASKSERVICE_TEST_CITUS_URL"
MISSING = f"NO CITUS: the storage suite did not run on a cluster. Name a coordinator's empty database in {CITUS}."

STAND_IN = (
    "SET allow_system_table_mods = on",
    "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) "
    "VALUES (99999, 'citus', 10, 'public'::regnamespace, false, '12.1-1')",
    "RESET allow_system_table_mods",
    "CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, place serial, said text)",
    "CREATE FUNCTION create_reference_table(t regclass) RETURNS void LANGUAGE sql AS "
    "$$ INSERT INTO pg_dist_partition (logicalrelid, said) VALUES (t, 'reference') $$",
    "CREATE FUNCTION create_distributed_table(t regclass, c text, colocate_with text) RETURNS void LANGUAGE sql AS "
    "$$ INSERT INTO pg_dist_partition (logicalrelid, said) VALUES (t, c || ' with ' || colocate_with) $$",
    "CREATE FUNCTION truncate_local_data_after_distributing_table(t regclass) RETURNS void LANGUAGE sql AS $$ $$",
    "CREATE FUNCTION citus_get_active_worker_nodes() RETURNS SETOF text LANGUAGE sql AS $$ VALUES ('a'), ('b') $$",
)


def stand_in(database: Database) -> None:
    with database.engine.begin() as connection:
        for statement in STAND_IN:
            connection.exec_driver_sql(statement)


def said(database: Database) -> list[tuple[str, str]]:
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT logicalrelid::text, said FROM pg_dist_partition ORDER BY place"))
        return [(str(name), str(what)) for name, what in rows]


Opened = tuple[Flask, Database]


def test_sqlite_is_refused(sqlite_database: Opened) -> None:
    with pytest.raises(CannotDistribute, match="MASKSERVICE_DATABASE_URL"):
        distribute(sqlite_database[1], dry_run=True)


def test_a_server_without_the_extension_is_refused_kindly(postgres_database: Opened) -> None:
    _, database = postgres_database
    with pytest.raises(CannotDistribute, match="CREATE EXTENSION citus"):
        distribute(database, dry_run=False)
    dry = distribute(database, dry_run=True)
    assert (dry.citus, dry.workers) == (None, None)
    assert [step.placement for step in dry.steps] == list(plan())
    assert not any(step.done or step.before for step in dry.steps)


def test_a_database_that_is_not_migrated_is_refused(postgres_database: Opened) -> None:
    _, database = postgres_database
    downgrade(database, to="base")
    with pytest.raises(CannotDistribute, match="maskservice init"):
        distribute(database, dry_run=True)


def test_each_table_is_placed_once_and_in_order(postgres_database: Opened) -> None:
    app, database = postgres_database
    with app.app_context(), database.unit() as uow:
        build_world(uow)
        uow.commit()
    stand_in(database)
    distribute(database, dry_run=True)
    assert said(database) == []
    asked: list[Placement] = []
    done = distribute(database, dry_run=False, progress=asked.append)
    assert (done.citus, done.workers) == ("12.1-1", 2)
    assert all(step.done and not step.before for step in done.steps)
    assert asked == list(plan())
    found = said(database)
    assert [name for name, _ in found] == [each.table for each in plan()]
    assert dict(found)["tenants"] == "reference"
    assert dict(found)["slots"] == "virtual_number with none"
    assert dict(found)["calls"] == "virtual_number with slots"
    assert dict(found)["order_index"] == "tenant_id with none"
    assert dict(found)["idempotency_keys"] == "tenant_id with order_index"
    again = distribute(database, dry_run=False)
    assert all(step.before and not step.done for step in again.steps)
    assert said(database) == found
    with database.engine.connect() as connection:
        kept = (
            "SELECT setconfig FROM pg_db_role_setting "
            "JOIN pg_database ON oid = setdatabase AND datname = current_database()"
        )
        assert connection.execute(text(kept)).scalars().all() == [["citus.enable_deadlock_prevention=off"]]


def test_a_run_that_was_cut_off_is_taken_up(postgres_database: Opened) -> None:
    _, database = postgres_database
    stand_in(database)

    def stop_at_calls(placement: Placement) -> None:
        if placement.table == "calls":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distribute(database, dry_run=False, progress=stop_at_calls)
    before = said(database)
    done = distribute(database, dry_run=False)
    assert [step.placement.table for step in done.steps if step.before] == [name for name, _ in before]
    assert len(said(database)) == len(plan())


def use_worker_statements(uow: SqlUnitOfWork) -> None:
    uow.bindings.due(now=NOW, limit=5)
    uow.receipts.forget(older_than=NOW, limit=5)
    uow.endings.forget(purged_before=NOW, limit=5)


def test_on_a_cluster_no_worker_statement_asks_for_a_lock_that_citus_refuses(postgres_database: Opened) -> None:
    app, database = postgres_database
    stand_in(database)
    with app.app_context():
        with sent_to(database) as sent, database.unit() as uow:
            use_worker_statements(uow)
        assert all("FOR UPDATE SKIP LOCKED" in statement for statement, _ in sent)
        distribute(database, dry_run=False)
    # What a process knows of the cluster it knows for good: servers and workers are restarted after the command.
    other = Database(database.engine.url.render_as_string(hide_password=False))
    app = Flask(__name__)
    other.init_app(app)
    try:
        with app.app_context(), other.unit() as uow:
            use_worker_statements(uow)
            with other.engine.connect() as connection:
                asked = connection.exec_driver_sql("SELECT 'x FOR UPDATE SKIP LOCKED'").scalar()
        assert asked == "x"
    finally:
        other.dispose()
    assert postgresql.on_a_cluster("SELECT 1 FOR UPDATE") == "SELECT 1 FOR UPDATE"


@pytest.mark.slow
@pytest.mark.xdist_group("citus")
def test_the_storage_suite_on_a_real_cluster() -> None:
    url = os.environ.get(CITUS)
    if not url:
        pytest.skip(MISSING)
    if os.environ.get("MASKSERVICE_TEST_ON_CITUS"):
        pytest.skip("this is that run")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "postgresql", "tests/storage"],
        cwd=ROOT,
        env=os.environ | {"MASKSERVICE_TEST_ON_CITUS": url},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
