"""Bringing a database to the schema of this version.

Answers for: running the migrations inside the package, one run at a time. Must not know: what they do.
"""

from __future__ import annotations

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from maskservice.storage import postgresql, sqlite
from maskservice.storage.db import Database
from maskservice.storage.failures import STORAGE_ERRORS, translated
from maskservice.storage.revision import MIGRATIONS, current_revision, head_revision, is_current

WAIT_S = 60
# Any fixed number that no other program on the server uses for its advisory locks: 'mask' in ASCII.
_MIGRATION_LOCK = 0x6D61736B


def migrate(database: Database) -> None:
    """Brings the tables to this version, whole or not at all. A second run started meanwhile waits up to a minute, then
    finds nothing to do.

    Raises DatabaseUnavailable.
    """
    _on(database, lambda connection: command.upgrade(_config(connection), "head"))


def downgrade(database: Database, *, to: str) -> None:
    """Back to an earlier revision, 'base' for no table at all. Raises DatabaseUnavailable."""
    _on(database, lambda connection: command.downgrade(_config(connection), to))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _on(database: Database, step: Callable[[Connection], None]) -> None:
    """One transaction, which on SQLite is also the lock against other runs."""
    options = {sqlite.WAIT_S: WAIT_S, postgresql.UNHURRIED: True}
    try:
        with database.engine.connect().execution_options(**options) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                # The wait for another run; env.py sets what holds for the migrations themselves.
                connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
                connection.execute(text(f"SET LOCAL statement_timeout = '{WAIT_S}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                if database.is_pooled:
                    postgresql.keep_settings(connection)
            step(connection)
            return
    except STORAGE_ERRORS as error:
        failure = translated(error)
    raise failure


__all__ = ["current_revision", "downgrade", "head_revision", "is_current", "migrate"]
