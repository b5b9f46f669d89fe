"""What a purge leaves in SQLite's files, and that scrubbing removes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from flask import Flask

from maskservice.domain.ids import BindingId
from maskservice.storage.db import Database
from tests.factories import NOW, NUMBER, StoredBindingFactory, TenantFactory, key

ROWS = 300


def _fill(app: Flask, database: Database) -> list[bytes]:
    """Bindings in no order of key, which makes pages split in the middle; the sealed texts that went in."""
    sealed = [b"sealed-%05d-" % place + bytes([65 + place % 26]) * 90 for place in range(ROWS)]
    with app.app_context():
        for place in range(ROWS):
            identity = BindingId(NUMBER, key(place * 7919 % 10007))
            with database.unit() as uow:
                stored = StoredBindingFactory(
                    binding__id=identity,
                    binding__extension="5678",
                    content__name=sealed[place],
                    content__wrapped_key=b"key" + sealed[place],
                )
                uow.bindings.add(stored, creation_answer=None)
                uow.commit()
    return sealed


def _purge(app: Flask, database: Database) -> None:
    with app.app_context(), database.unit() as uow:
        for place in range(ROWS):
            uow.endings.purge([(NUMBER, "5678", key(place * 7919 % 10007))], at=NOW)
        uow.commit()


def _left(database: Database, sealed: Sequence[bytes]) -> int:
    """How many sealed texts still stand somewhere in the files."""
    path = Path(str(database.engine.url.database))
    files = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    return sum(each in files for each in sealed)


def test_what_was_purged_leaves_the_files(sqlite_database: tuple[Flask, Database]) -> None:
    app, database = sqlite_database
    sealed = _fill(app, database)
    _purge(app, database)
    assert _left(database, sealed) > ROWS // 2  # in the WAL, and in the main file
    assert database.scrub()
    assert Path(f"{database.engine.url.database}-wal").stat().st_size == 0
    assert _left(database, sealed) < ROWS // 5  # what SQLite moved when it split a page, if any
    assert database.scrub(whole=True)
    assert _left(database, sealed) == 0
    with app.app_context(), database.unit() as uow:
        uow.tenants.add(TenantFactory())
        uow.commit()


def test_what_sqlite_moved_aside_goes_with_the_whole_file(sqlite_database: tuple[Flask, Database]) -> None:
    """A row that grows in the middle splits its page, and secure_delete does not wipe where its neighbours were. A
    table of our own, since it takes just these sizes to show it each time."""
    _, database = sqlite_database
    sealed = [b"sealed-%05d-" % place + b"a" * 60 for place in range(ROWS)]
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE odd (k INTEGER PRIMARY KEY, kept TEXT, a BLOB, b BLOB)")
        rows = [(place, "k" * 150, each, b"b" * 700) for place, each in enumerate(sealed)]
        connection.exec_driver_sql("INSERT INTO odd VALUES (?, ?, ?, ?)", rows)
        grown = [(b"c" * 1100, place) for place in range(0, ROWS, 2)]
        connection.exec_driver_sql("UPDATE odd SET b = ? WHERE k = ?", grown)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE odd SET a = NULL, b = NULL")
    assert database.scrub()
    assert _left(database, sealed) > 0  # else SQLite has mended it, and docs/operations.rst says too much
    assert database.scrub(whole=True)
    assert _left(database, sealed) == 0


@pytest.mark.parametrize("whole", [False, True])
def test_a_reader_that_lingers_makes_it_false_and_nothing_worse(
    sqlite_database: tuple[Flask, Database], whole: bool
) -> None:
    app, database = sqlite_database
    with app.app_context(), database.unit(write=False) as reader:
        reader.tenants.all()
        with app.app_context(), database.unit() as writer:
            writer.tenants.add(TenantFactory())
            writer.commit()
        assert database.scrub(whole=whole) is False
        assert reader.tenants.all() == []
        with app.app_context(), database.unit() as writer:
            writer.tenants.add(TenantFactory())
            writer.commit()
    assert database.scrub(whole=whole)
    assert database.waiting_writers == 0


def test_a_writer_of_another_process_makes_it_false(sqlite_database: tuple[Flask, Database]) -> None:
    app, database = sqlite_database
    with app.app_context(), database.unit() as uow:
        uow.tenants.add(TenantFactory())
        uow.commit()
    other = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert database.scrub() is False
    other.execute("ROLLBACK")
    other.close()
    assert database.scrub()


def test_a_file_that_cannot_be_opened_is_false(tmp_path: Path) -> None:
    from tests.databases import make

    _, database = make(f"sqlite:///{tmp_path / 'folder'}")
    (tmp_path / "folder").mkdir()
    assert database.scrub() is False
    database.dispose()


def test_on_postgresql_it_is_the_server_s(postgres_database: tuple[Flask, Database]) -> None:
    _, database = postgres_database
    assert database.scrub()
    assert database.scrub(whole=True)


def test_the_settings_are_as_before(sqlite_database: tuple[Flask, Database]) -> None:
    _, database = sqlite_database
    assert database.scrub()
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
