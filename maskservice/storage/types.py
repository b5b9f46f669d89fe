"""Column types of our own: moments that cannot be naive.

Answers for: aware UTC in, aware UTC out, on both databases. Must not know: which tables use them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """A moment to the microsecond: ``timestamptz`` on PostgreSQL, on SQLite a text ``YYYY-MM-DD HH:MM:SS.ffffff`` in
    UTC, whose order as a text is its order in time. Binding a naive value raises ValueError.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time was given")
        moment = value if value.tzinfo is UTC else value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None or value.tzinfo is UTC:
            return value
        # Where a pooler in between dropped our timezone setting, PostgreSQL answers in its own zone.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
