"""Slots: who holds which extension of a virtual number, and until when it rests.

Answers for: the repository ``Slots``; one extension is held once, by the primary key. Must not know: how extensions are
drawn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert

from maskservice.services.records import SlotClaim
from maskservice.storage.hot_models import SLOTS
from maskservice.storage.listed import LISTED, listed, written
from maskservice.storage.statements import Statements

_S = SLOTS.c

_TAKEN = select(_S.extension).where(
    _S.virtual_number == bindparam("number"), _S.extension.between(bindparam("first"), bindparam("last"))
)
_OWN_SLOT = (
    _S.virtual_number == bindparam("number"),
    _S.extension == bindparam("digits"),
    _S.binding == bindparam("holder", type_=_S.binding.type),
)
_REST = update(SLOTS).where(*_OWN_SLOT).values(free_at=bindparam("until", type_=_S.free_at.type))


@lru_cache(maxsize=8)
def _rested(limit: int) -> Select[Any]:
    """The limit stands in the text: a plan for an unknown one expects a tenth of the table, and reads all of it."""
    return (
        select(_S.virtual_number, _S.extension, _S.binding)
        .where(_S.free_at.is_not(None), _S.free_at <= bindparam("now"))
        .order_by(_S.free_at)
        .limit(literal_column(str(limit)))
        .with_for_update(skip_locked=True)
    )


def _proposals(dialect: str) -> tuple[FromClause, ColumnElement[int], ColumnElement[str]]:
    """A JSON list of extensions as rows, with each one's place. One parameter, so one statement for a handful of any
    size; sixteen rows in a UNION take PostgreSQL four times as long to plan as the rest to run."""
    if dialect == "sqlite":
        listed: Any = func.json_each(bindparam("proposals", type_=Text)).table_valued("key", "value", name="listed")
        return listed, listed.c.key, listed.c.value
    array: Any = func.json_array_elements_text(cast(bindparam("proposals", type_=Text), JSON(none_as_null=True)))
    listed = array.table_valued(column("value", Text), with_ordinality="key", name="listed").render_derived()
    return listed, listed.c.key, listed.c.value


def claimed_where(dialect: str, *conditions: ColumnElement[bool]) -> ReturningInsert[Any]:
    """INSERT … SELECT of the first proposal that no row holds, where the conditions hold.

    Two units can still pick the same one at once: the conflict target is named, so one gets it by the primary key and
    the other nothing; without that key the statement itself fails, and no test of uniqueness can pass by luck.
    """
    number = bindparam("number", type_=_S.virtual_number.type)
    listed, place, extension = _proposals(dialect)
    held = SLOTS.alias("held")
    # A scalar subquery and not an EXISTS: each proposal is looked up by the key, where a planner could turn the EXISTS
    # into a join with all of the number's slots.
    holder = (
        select(held.c.binding).where(held.c.virtual_number == number, held.c.extension == extension).scalar_subquery()
    )
    first_free = (
        select(
            number, extension, bindparam("holder", type_=_S.binding.type), bindparam("moment", type_=_S.taken_at.type)
        )
        .select_from(listed)
        .where(holder.is_(None), *conditions)
        .order_by(place)
        .limit(literal_column("1"))
    )
    return (
        upsert(SLOTS)
        .from_select([_S.virtual_number, _S.extension, _S.binding, _S.taken_at], first_free, include_defaults=False)
        .on_conflict_do_nothing(index_elements=[_S.virtual_number, _S.extension])
        .returning(_S.extension)
    )


@lru_cache(maxsize=2)
def _claim(dialect: str) -> ReturningInsert[Any]:
    return claimed_where(dialect)


@lru_cache(maxsize=2)
def _claim_many(dialect: str) -> ReturningInsert[Any]:
    """INSERT … SELECT of those that no row holds.

    Like :func:`claimed_where` it looks first: a slot that the worker is just deleting counts as held. A bare
    insert would wait for that worker, who in turn waits for the number's row. All are looked up at once: Citus refuses
    a look-up for each row of a list.
    """
    rows, place, (number, extension, key) = listed(dialect, 3)
    binding: ColumnElement[Any] = key if dialect == "sqlite" else cast(key, Uuid)
    free = (
        select(number, extension, binding, bindparam("moment", type_=_S.taken_at.type))
        .select_from(rows)
        .where(tuple_(number, extension).not_in(_held(dialect, 3)))
        .order_by(place)
    )
    return (
        upsert(SLOTS)
        .from_select([_S.virtual_number, _S.extension, _S.binding, _S.taken_at], free, include_defaults=False)
        .on_conflict_do_nothing(index_elements=[_S.virtual_number, _S.extension])
        .returning(_S.binding)
    )


def _held(dialect: str, width: int) -> Select[str, str]:
    """Those of the listed slots (the first two cells of each row) that a row holds."""
    rows, _, (number, extension, *_) = listed(dialect, width, name="wanted")
    held = SLOTS.alias("held")
    wanted = select(number, extension).select_from(rows)
    return select(held.c.virtual_number, held.c.extension).where(
        tuple_(held.c.virtual_number, held.c.extension).in_(wanted)
    )


@lru_cache(maxsize=2)
def _held_among(dialect: str) -> Select[str, str]:
    return _held(dialect, 2)


def asked_to_claim(virtual_number: str, proposals: Sequence[str], *, binding: UUID, at: datetime) -> dict[str, Any]:
    """What :func:`claimed_where` is asked with."""
    return {"number": virtual_number, "holder": binding, "moment": at, "proposals": json.dumps(list(proposals))}


class SqlSlots:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def claim(self, virtual_number: str, proposals: Sequence[str], *, binding: UUID, at: datetime) -> str | None:
        """None also where another unit was faster on the one that was picked, which it cannot be after
        ``numbers.take``, a statement of its own: that holds the number's row until the end of the unit."""
        if not proposals:
            return None
        row = self._statements.changed(
            _claim(self._statements.dialect),
            asked_to_claim(virtual_number, proposals, binding=binding, at=at),
        )
        return None if row is None else str(row[0])

    def claim_many(self, claims: Sequence[SlotClaim], *, at: datetime) -> frozenset[UUID]:
        rows = [(claim.virtual_number, claim.extension, claim.binding.hex) for claim in claims]
        given = {"moment": at, LISTED: written(rows)}
        return frozenset(row[0] for row in self._statements.changed_rows(_claim_many(self._statements.dialect), given))

    def held_among(self, slots: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        rows = self._statements.rows(_held_among(self._statements.dialect), {LISTED: written(slots)})
        return frozenset((row[0], row[1]) for row in rows)

    def taken(self, virtual_number: str, *, first: str, last: str) -> frozenset[str]:
        rows = self._statements.rows(_TAKEN, {"number": virtual_number, "first": first, "last": last})
        return frozenset(row[0] for row in rows)

    def rest(self, virtual_number: str, extension: str, *, binding: UUID, until: datetime) -> None:
        own = {"number": virtual_number, "digits": extension, "holder": binding}
        self._statements.change(_REST, own | {"until": until})

    def rested(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str, UUID]]:
        """In the order of the numbers: workers that count several numbers down then never wait for each other in a
        ring."""
        rows = self._statements.rows(_rested(limit), {"now": now})
        return sorted((number, extension, binding) for number, extension, binding in rows)
