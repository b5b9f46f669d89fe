"""Column types of our own: moments that cannot be naive, ids that take sixteen bytes.

Answers for: what goes in comes out, on both databases. Must not know: which tables use them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Dialect, String, Uuid, cast
from sqlalchemy.types import TypeDecorator, TypeEngine

from maskservice.domain.errors import NotFound
from maskservice.domain.ids import plain_id, read_plain_id

ID_LENGTH = 40
_KNOWN_IDS = 4096  # tenants and pools of an installation: each is read once a process


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


class PlainId(TypeDecorator[str]):
    """A ``prefix_…`` id that stands in many rows: on PostgreSQL its key as a ``uuid``, 16 bytes in place of 31; on
    SQLite the text. A text that is no such id is NULL in a statement: it equals nothing, and no column that needs a
    value takes it.
    """

    impl = String
    cache_ok = True

    def __init__(self, prefix: str) -> None:
        super().__init__(length=ID_LENGTH)
        self.prefix = prefix

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(ID_LENGTH) if dialect.name == "sqlite" else Uuid())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        return value if value is None or dialect.name == "sqlite" else _key_in(self.prefix, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return value if value is None or dialect.name == "sqlite" else _id_of(self.prefix, value)

    def listed(self, cell: ColumnElement[str], dialect: str) -> ColumnElement[Any]:
        """A cell of ``listed.py`` that holds what :meth:`written` gives."""
        return cell if dialect == "sqlite" else cast(cell, Uuid)

    def written(self, value: str, dialect: str) -> str | None:
        if dialect == "sqlite":
            return value
        key = _key_in(self.prefix, value)
        return None if key is None else key.hex


@lru_cache(maxsize=_KNOWN_IDS)
def _key_in(prefix: str, text: str) -> UUID | None:
    try:
        return read_plain_id(prefix, text)
    except NotFound:
        return None


@lru_cache(maxsize=_KNOWN_IDS)
def _id_of(prefix: str, key: UUID) -> str:
    return plain_id(prefix, key)


TENANT_ID = PlainId("ten")
POOL_ID = PlainId("pool")
