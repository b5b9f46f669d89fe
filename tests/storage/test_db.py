"""The database as an object: addresses, settings of a connection, the life of a unit of work, failures."""

from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import make_url

from maskservice.domain.errors import DatabaseNotMigrated, DatabaseUnavailable, MaskServiceError
from maskservice.storage.db import Database, normalise_url
from maskservice.storage.postgresql import connect_arguments
from maskservice.storage.schema import is_current, migrate
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.databases import make, opened
from tests.factories import NOW, NUMBER, BindingIdFactory, StoredBindingFactory, TenantFactory
from tests.postgres import PostgresServer


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://u:p%40ss@h:5433/n?sslmode=require", "postgresql+psycopg://u:p%40ss@h:5433/n?sslmode=require"),
        ("postgresql://h/n", "postgresql+psycopg://h/n"),
        ("postgresql+psycopg://h/n", "postgresql+psycopg://h/n"),
        ("sqlite:////srv/mask.db", "sqlite+pysqlite:////srv/mask.db"),
        ("sqlite:///var/mask.db", "sqlite+pysqlite:////base/var/mask.db"),
    ],
)
def test_addresses_are_written_out(given: str, expected: str) -> None:
    assert normalise_url(given, base=Path("/base")) == expected
    assert normalise_url(expected) == expected


@pytest.mark.parametrize(
    "given",
    [
        "mysql://u:hidden@h/n",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?uri=true",
        "hidden",
        "",
        "postgresql+psycopg2://h/n",
    ],
)
def test_other_addresses_are_refused_without_being_repeated(given: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///path") as caught:
        normalise_url(given)
    assert "hidden" not in str(caught.value)


def test_file_and_folder_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "mask.db"
    with opened(f"sqlite:///{path}") as database:
        assert not path.exists()  # nothing connects before it is asked to
        migrate(database)
        with database.unit() as uow:
            uow.tenants.add(TenantFactory())
            uow.commit()
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (path.parent, *path.parent.iterdir())}
    assert modes == {"home": 0o700, "mask.db": 0o600, "mask.db-wal": 0o600, "mask.db-shm": 0o600}


def test_what_a_sqlite_connection_is_set_to(sqlite_database: tuple[Flask, Database]) -> None:
    _, database = sqlite_database
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 5000}
    with database.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    assert found == wanted


def test_what_a_postgresql_connection_is_set_to(postgres_database: tuple[Flask, Database]) -> None:
    _, database = postgres_database
    wanted = {
        "lock_timeout": "4s",
        "statement_timeout": "4500ms",
        "idle_in_transaction_session_timeout": "30s",
        "application_name": "maskservice",
        "TimeZone": "UTC",
        "transaction_isolation": "read committed",
    }
    with database.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in wanted}
    assert found == wanted


def test_a_vanished_postgresql_peer_is_noticed_by_tcp() -> None:
    found = connect_arguments(make_url("postgresql+psycopg://h/n?options=-c%20work_mem%3D8MB"), patience_s=7)
    assert found["connect_timeout"] == 3
    assert found["tcp_user_timeout"] == 7000
    assert found["keepalives"] == 1
    assert "lock_timeout=6000ms" in found["options"]
    assert "statement_timeout=6500ms" in found["options"]
    assert found["options"].endswith("work_mem=8MB")


def test_a_unit_needs_a_context_and_does_not_nest(database_app: tuple[Flask, Database]) -> None:
    app, database = database_app
    with pytest.raises(RuntimeError, match="app context"):
        database.unit()
    with app.app_context(), database.unit() as outer:
        outer.tenants.all()
        with pytest.raises(RuntimeError, match="already"), database.unit():
            pass
        with app.app_context(), database.unit(write=False) as inner:
            assert inner.tenants.all() == []


def test_what_was_not_committed_is_taken_back(database: Database) -> None:
    kept, undone, forgotten, failed = (TenantFactory() for _ in range(4))
    with database.unit() as uow:
        uow.tenants.add(kept)
        uow.commit()
        uow.tenants.add(undone)
        uow.rollback()
        assert uow.tenants.get(undone.id) is None
        uow.tenants.add(forgotten)

    def fail() -> None:
        with database.unit() as uow:
            uow.tenants.add(failed)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.unit(write=False) as uow:
        assert uow.tenants.all() == [kept]
    assert database.waiting_writers == 0


def test_a_unit_that_reads_refuses_to_write(database: Database) -> None:
    with database.unit(write=False) as uow:
        with pytest.raises(RuntimeError, match="for reading"):
            uow.tenants.add(TenantFactory())
        with pytest.raises(RuntimeError, match="for reading"):
            uow.numbers.take(NUMBER, ceiling=1)


def test_a_reader_takes_no_writers_place(database_app: tuple[Flask, Database]) -> None:
    app, database = database_app
    with app.app_context(), database.unit() as writer:
        writer.tenants.add(TenantFactory())
        with app.app_context(), database.unit(write=False) as reader:
            assert reader.tenants.all() == []


@pytest.mark.parametrize(
    "moment",
    [NOW, NOW.replace(microsecond=0), NOW.astimezone(timezone(timedelta(hours=8))), datetime(9999, 12, 31, tzinfo=UTC)],
)
def test_times_come_back_in_utc_to_the_microsecond(uow: SqlUnitOfWork, moment: datetime) -> None:
    tenant = TenantFactory(created_at=moment)
    uow.tenants.add(tenant)
    found = uow.tenants.get(tenant.id)
    assert found is not None
    assert found.created_at == moment
    assert found.created_at.tzinfo is UTC


def test_a_naive_time_is_refused(uow: SqlUnitOfWork) -> None:
    with pytest.raises(MaskServiceError):
        uow.tenants.add(TenantFactory(created_at=NOW.replace(tzinfo=None)))


def test_a_database_without_tables_says_which_command_mends_it(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'empty.db'}") as database:
        with pytest.raises(DatabaseNotMigrated, match="maskservice init"), database.unit() as uow:
            uow.tenants.all()
        assert not is_current(database)


def test_a_postgresql_without_tables_says_so_too(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    with opened(url) as database, pytest.raises(DatabaseNotMigrated), database.unit(write=False) as uow:
        uow.tenants.all()
    postgres_server.drop_database(url)


@pytest.mark.parametrize("url", ["postgresql://u:hidden@127.0.0.1:1/none", "sqlite:////proc/none/mask.db"])
def test_a_database_that_cannot_be_reached_is_unavailable(url: str) -> None:
    with opened(url) as database:
        with pytest.raises(DatabaseUnavailable) as caught, database.unit() as uow:
            uow.tenants.all()
        with pytest.raises(DatabaseUnavailable):
            is_current(database)
    assert "hidden" not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "mask.db"
    path.write_bytes(b"not a database at all, but longer than a header" * 40)
    with opened(f"sqlite:///{path}") as database, pytest.raises(DatabaseUnavailable), database.unit() as uow:
        uow.tenants.all()


def test_a_full_pool_of_connections_is_unavailable(database_url: str) -> None:
    app, database = make(database_url, pool_size=1, pool_overflow=0, pool_timeout_s=0.05)
    with app.app_context(), database.unit(write=False) as first:
        first.tenants.all()
        with app.app_context(), pytest.raises(DatabaseUnavailable), database.unit(write=False) as second:
            second.tenants.all()
    with app.app_context(), database.unit(write=False) as third:
        third.tenants.all()
    database.dispose()


def test_a_text_that_cannot_be_stored_is_refused_without_being_repeated(uow: SqlUnitOfWork) -> None:
    with pytest.raises(MaskServiceError) as caught:
        uow.tenants.add(TenantFactory(name="0912345678\ud800"))
    error: BaseException | None = caught.value
    while error is not None:
        assert "0912345678" not in repr(error)
        error = error.__cause__ or error.__context__


def test_no_error_carries_parameters(uow: SqlUnitOfWork) -> None:
    stored = StoredBindingFactory(binding__order_id="TW-0912345678", content__name=b"sealed 0912345678")
    uow.bindings.add(stored, creation_answer=None)
    with pytest.raises(MaskServiceError) as caught:
        uow.bindings.add(stored, creation_answer=None)
    # SQLite names columns, PostgreSQL the constraint, a cluster only what kind of refusal it was.
    assert any(part in str(caught.value) for part in ("virtual_number", "pk_bindings", "23505)."))
    error: BaseException | None = caught.value
    while error is not None:
        assert "0912345678" not in repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


def _cut(database: Database, admin_url: str) -> None:
    """Ends every connection of the service to its database, as a restart of the server does."""
    with opened(admin_url) as admin, admin.engine.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name"),
            {"name": make_url(database.engine.url).database},
        )


def test_the_pool_notices_that_the_server_restarted(
    postgres_server: PostgresServer, postgres_database: tuple[Flask, Database]
) -> None:
    app, database = postgres_database
    barrier = threading.Barrier(4)

    def use() -> None:
        with app.app_context(), database.unit(write=False) as uow:
            uow.tenants.all()
            barrier.wait(5)  # all at once, so that the pool holds four connections

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _cut(database, postgres_server.admin_url)
    for write in (False, True, False, True, False):  # not one request fails
        with app.app_context(), database.unit(write=write) as uow:
            assert uow.tenants.all() == []


def test_a_unit_that_is_cut_off_fails_and_the_next_one_works(
    postgres_server: PostgresServer, postgres_database: tuple[Flask, Database]
) -> None:
    app, database = postgres_database
    with app.app_context():
        with database.unit() as uow:
            uow.tenants.add(TenantFactory())
            _cut(database, postgres_server.admin_url)
            with pytest.raises(DatabaseUnavailable):
                uow.commit()
        with database.unit() as uow:
            assert uow.tenants.all() == []
            _cut(database, postgres_server.admin_url)
            with pytest.raises(DatabaseUnavailable):
                uow.tenants.all()
            uow.rollback()
            assert uow.tenants.all() == []


def test_a_deadlock_is_unavailable_and_one_of_the_two_goes_on(postgres_database: tuple[Flask, Database]) -> None:
    app, database = postgres_database
    ids = [BindingIdFactory(), BindingIdFactory()]
    with app.app_context(), database.unit() as uow:
        for each in ids:
            uow.bindings.add(StoredBindingFactory(binding__id=each), creation_answer=None)
        uow.commit()
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def lock(order: list[object]) -> None:
        try:
            with app.app_context(), database.unit() as uow:
                uow.bindings.get(order[0], for_update=True)
                barrier.wait(5)
                uow.bindings.get(order[1], for_update=True)
                uow.commit()
            outcomes.append("done")
        except DatabaseUnavailable:
            outcomes.append("unavailable")

    threads = [threading.Thread(target=lock, args=(order,)) for order in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "unavailable"]
