"""Pieces of a write of several tables in one statement, as a plain PostgreSQL takes it.

Answers for: inserting a row by parameters where the piece before was done. Must not know: which tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, bindparam, select
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert


def named(prefix: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that :func:`inserted_where` is asked with."""
    return {f"{prefix}_{name}": value for name, value in row.items()}


def inserted_where(
    table: Table,
    prefix: str,
    *conditions: ColumnElement[bool],
    found: Mapping[str, ColumnElement[Any]] | None = None,
    source: FromClause | None = None,
) -> Insert:
    """All columns of the table from parameters ``prefix_column``, but for those that are ``found`` in the ``source``,
    where the conditions hold."""
    values = {column.name: bindparam(f"{prefix}_{column.name}", type_=column.type) for column in table.columns}
    chosen: Select[Any] = select(*(values | dict(found or {})).values()).where(*conditions)
    if source is not None:
        chosen = chosen.select_from(source)
    return upsert(table).from_select(list(values), chosen, include_defaults=False)
