"""Migrations: up, down, the same as the models, one at a time, all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import MetaData, inspect, text

from maskservice.storage.db import Database
from maskservice.storage.hot_models import ONLY_ON
from maskservice.storage.models import Base
from maskservice.storage.schema import _config, current_revision, downgrade, head_revision, is_current, migrate
from tests.databases import make
from tests.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Flask, Database]]:
    """An empty database of each kind."""
    server: PostgresServer | None = None
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        url = server.create_database()
    app, database = make(url)
    yield app, database
    database.dispose()
    if server is not None:
        server.drop_database(url)


def partitions(database: Database) -> set[str]:
    """The months of call records: parts of a table, and none of the models'."""
    if database.is_sqlite:
        return set()
    with database.engine.connect() as connection:
        return set(connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")))


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"} - partitions(database)


def test_up_and_down_and_up_again(empty: tuple[Flask, Database]) -> None:
    _, database = empty
    assert current_revision(database) is None
    assert not is_current(database)
    migrate(database)
    assert current_revision(database) == head_revision()
    assert is_current(database)
    assert tables(database) == set(Base.metadata.tables)
    migrate(database)
    downgrade(database, to="base")
    assert tables(database) == set()
    assert not is_current(database)
    migrate(database)
    assert is_current(database)


@contextmanager
def models_of(dialect: str) -> Iterator[MetaData]:
    """The models without the indexes that only the other kind of database has: Alembic does not ask for which one an
    index is."""
    elsewhere = [
        (table, index)
        for table in Base.metadata.sorted_tables
        for index in table.indexes
        if index.info.get(ONLY_ON, dialect) != dialect
    ]
    for table, index in elsewhere:
        table.indexes.remove(index)
    try:
        yield Base.metadata
    finally:
        for table, index in elsewhere:
            table.indexes.add(index)


def test_the_migrated_schema_is_that_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection, models_of(connection.dialect.name) as models:
        options = {"compare_type": True, "compare_server_default": True}
        options["include_name"] = lambda name, kind, parents: kind != "table" or name not in partitions(database)
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, models) == []


def test_indexes_and_checks_are_those_of_the_models(database: Database, tmp_path: Path) -> None:
    """Alembic compares neither check constraints nor the condition of a partial index: here they are."""
    is_sqlite = database.is_sqlite
    found = inspect(database.engine)
    for table in Base.metadata.sorted_tables:
        checks = {check["name"] for check in found.get_check_constraints(table.name)}
        assert checks == {str(each.name) for each in table.constraints if type(each).__name__ == "CheckConstraint"}, (
            table.name
        )
        option = "sqlite" if is_sqlite else "postgresql"
        partial = {
            index["name"]
            for index in found.get_indexes(table.name)
            if index["dialect_options"].get(f"{option}_where") is not None
        }
        assert partial == {
            str(index.name) for index in table.indexes if index.dialect_options[option]["where"] is not None
        }


def test_every_hot_key_holds_the_virtual_number(database: Database) -> None:
    """What a table distributed by virtual number needs, and no foreign key on it."""
    found = inspect(database.engine)
    for name in ("slots", "bindings", "contacts", "passes", "calls", "webhook_receipts", "assignments"):
        keys = [found.get_pk_constraint(name)["constrained_columns"]]
        keys += [index["column_names"] for index in found.get_indexes(name) if index["unique"]]
        keys += [unique["column_names"] for unique in found.get_unique_constraints(name)]
        assert all("virtual_number" in key for key in keys), name
        assert found.get_foreign_keys(name) == []
    assert "started_at" in found.get_pk_constraint("calls")["constrained_columns"]


def test_revisions_are_numbered_in_sequence() -> None:
    script = ScriptDirectory.from_config(_config())
    revisions = [revision.revision for revision in script.walk_revisions()][::-1]
    assert revisions == [f"{place:04d}" for place in range(1, len(revisions) + 1)]
    assert all(Path(revision.path).name.startswith(f"{revision.revision}_") for revision in script.walk_revisions())
    assert head_revision() == script.get_current_head()


def test_runs_at_the_same_time_wait_for_each_other(empty: tuple[Flask, Database]) -> None:
    _, database = empty
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(database)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert is_current(database)


def test_a_migration_that_fails_leaves_nothing_behind(empty: tuple[Flask, Database]) -> None:
    _, database = empty
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE webhook_receipts (stands_in_the_way INTEGER)"))
    with pytest.raises(Exception, match="database"):
        migrate(database)
    assert tables(database) == {"webhook_receipts"}
    assert current_revision(database) is None
