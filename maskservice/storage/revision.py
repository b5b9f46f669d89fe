"""Which schema a database has, and which one this version works with.

Answers for: the comparison, without Alembic: a serving process never migrates, and Alembic with its dialects would cost
it ten megabytes and a tenth of a second at its start. Must not know: how a schema is changed (``schema.py``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import text

from maskservice.domain.errors import DatabaseNotMigrated
from maskservice.storage import sqlite
from maskservice.storage.db import Database
from maskservice.storage.failures import STORAGE_ERRORS, translated

MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Alembic's own table, with one row of one column.
_CURRENT: Final = text("SELECT version_num FROM alembic_version")


def head_revision() -> str:
    """The revision that this version works with: a file's name begins with its number, and they stand in one line."""
    return max(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_revision(database: Database) -> str | None:
    """The database's revision, None for an empty one. Raises DatabaseUnavailable."""
    try:
        with database.engine.connect().execution_options(**{sqlite.READS_ONLY: True}) as connection:
            found: str | None = connection.execute(_CURRENT).scalar()
            return found
    except STORAGE_ERRORS as error:
        failure = translated(error)
    if isinstance(failure, DatabaseNotMigrated):
        return None
    raise failure


def is_current(database: Database) -> bool:
    """Whether the database has the schema of this version. Raises DatabaseUnavailable."""
    return current_revision(database) == head_revision()
