"""Many rows in one parameter: a JSON list of lists that a statement reads as a table, on both databases.

Answers for: one statement text for any number of rows, and the rows' order. Must not know: what is listed.
A parameter a cell would make PostgreSQL parse and plan a new text for every count of rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import JSON, ColumnElement, FromClause, Text, bindparam, cast, column, func, literal_column

LISTED = "listed"
"""The name of the parameter."""

_T = TypeVar("_T")


def listed(
    dialect: str, width: int, *, name: str = "listed"
) -> tuple[FromClause, ColumnElement[int], Sequence[ColumnElement[str]]]:
    """(what to select from, each row's place to order by, its cells as texts). ``name``: another one where a statement
    reads the list twice."""
    given = bindparam(LISTED, type_=Text)
    if dialect == "sqlite":
        each: Any = func.json_each(given).table_valued("key", "value", name=name)
        cells = [func.json_extract(each.c.value, literal_column(f"'$[{place}]'"), type_=Text) for place in range(width)]
        return each, each.c.key, cells
    rows: Any = func.json_array_elements(cast(given, JSON(none_as_null=True)))
    each = rows.table_valued(column("value", JSON), with_ordinality="key", name=name).render_derived()
    cells = [each.c.value.op("->>", return_type=Text())(literal_column(str(place))) for place in range(width)]
    return each, each.c.key, cells


def written(rows: Sequence[Sequence[str | None]]) -> str:
    """The parameter's value."""
    return json.dumps(rows, separators=(",", ":"))


def padded(values: Sequence[_T]) -> list[_T]:
    """At least one value, repeated until their number is a power of two: an expanding IN then has few texts."""
    wanted = 1 << (len(values) - 1).bit_length()
    return [*values, *[values[-1]] * (wanted - len(values))]
