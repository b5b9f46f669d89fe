"""Bringing a database to the schema of this version, and telling whether it is there.

Answers for: running the migrations inside the package, one run at a time. Must not know: what they do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from maskservice.storage import postgresql, sqlite
from maskservice.storage.db import Database
from maskservice.storage.failures import STORAGE_ERRORS, translated

WAIT_S = 60
# Any fixed number that no other program on the server uses for its advisory locks: 'mask' in ASCII.
_MIGRATION_LOCK = 0x6D61736B
_T = TypeVar("_T")


def head_revision() -> str:
    """The revision that this version works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("the package holds no migrations")
    return head


def current_revision(database: Database) -> str | None:
    """The database's revision, None for an empty one. Raises DatabaseUnavailable."""
    return _on(database, _revision, write=False)


def is_current(database: Database) -> bool:
    """Whether the database has the schema of this version. Raises DatabaseUnavailable."""
    return current_revision(database) == head_revision()


def migrate(database: Database) -> None:
    """Brings the tables to this version, whole or not at all. A second run started meanwhile waits up to a minute, then
    finds nothing to do.

    Raises DatabaseUnavailable.
    """
    _on(database, lambda connection: command.upgrade(_config(connection), "head"), write=True)


def downgrade(database: Database, *, to: str) -> None:
    """Back to an earlier revision, 'base' for no table at all. Raises DatabaseUnavailable."""
    _on(database, lambda connection: command.downgrade(_config(connection), to), write=True)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _on(database: Database, step: Callable[[Connection], _T], *, write: bool) -> _T:
    """One transaction, which on SQLite is also the lock against other runs."""
    options = {sqlite.WAIT_S: WAIT_S, postgresql.UNHURRIED: True} if write else {sqlite.READS_ONLY: True}
    try:
        with database.engine.connect().execution_options(**options) as connection, connection.begin():
            if write and connection.dialect.name == "postgresql":
                # The wait for another run; env.py sets what holds for the migrations themselves.
                connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
                connection.execute(text(f"SET LOCAL statement_timeout = '{WAIT_S}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                if database.is_pooled:
                    postgresql.keep_settings(connection)
            return step(connection)
    except STORAGE_ERRORS as error:
        failure = translated(error)
    raise failure
