"""Counting what is sent to the database.

Answers for: the statements of a block of code, without those of transactions and PRAGMAs. Must not know: what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from maskservice.storage.db import Database

_NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


@contextmanager
def count_statements(database: Database) -> Iterator[list[str]]:
    """``with count_statements(database) as sent:`` fills ``sent`` with the SQL of every statement, from any thread."""
    sent: list[str] = []

    def listen(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if not statement.lstrip().upper().startswith(_NOT_COUNTED):
            sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", listen)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", listen)
