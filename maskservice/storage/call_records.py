"""The record of every call.

Answers for: the half of the repository ``Calls`` that writes records and gives them back, and finding the group of a
redialled call. Must not know: the decision, look-ups. Every statement on the way of a call names the virtual number, by
a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    ScalarSelect,
    Select,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    null,
    select,
    tuple_,
    update,
)

from maskservice.domain.attempts import REDIAL_WITHIN
from maskservice.domain.call import Outcome
from maskservice.domain.ids import CallId, first_key_of, time_of
from maskservice.services.call_filter import EVERY_CALL, CallFilter
from maskservice.services.records import CallRecord
from maskservice.storage.call_rows import RECORD_COLUMNS, record_of, record_to_row
from maskservice.storage.hot_models import CALLS
from maskservice.storage.statements import Statements

_K = CALLS.c

_NUMBER = bindparam("at_number", type_=_K.virtual_number.type)
_TENANT = bindparam("at_tenant", type_=_K.tenant_id.type)
_KEY = bindparam("at_key", type_=_K.key.type)
_START = bindparam("at_start", type_=_K.started_at.type)
_ROOM = bindparam("room", type_=Integer())

_HERE = (_K.virtual_number == _NUMBER, _K.started_at == _START, _K.key == _KEY)
_FIXED = frozenset(
    {"virtual_number", "started_at", "key", "pbx_id", "pbx_call_id", "pool_id", "caller", "attempt_group"}
)
_LEG = (
    "outcome", "trace", "tenant_id", "binding", "direction", "party", "tries_used", "connected_at", "ended_at", "cause",
    "ended_by",
)  # fmt: skip
_NEW = {column.name: bindparam(f"new_{column.name}", type_=column.type) for column in CALLS.columns}


def _group_nearby() -> ScalarSelect[Any]:
    """The group of the call that this one belongs to, if there is one.

    Mostly that is the call before. Where two calls of one caller run side by side, the later may be the first to meet
    the binding: then the earlier joins it.
    """
    near = CALLS.alias("near")
    is_before = case((near.c.key < _KEY, 1), else_=0)
    # In a CASE, so that no planner goes by the binding: all that ever met none on this number would be read.
    same_binding = case((near.c.binding.is_not_distinct_from(_NEW["binding"]), 1), else_=0) == literal_column("1")
    return (
        select(near.c.attempt_group)
        .where(
            near.c.virtual_number == _NUMBER,
            near.c.caller == _NEW["caller"],
            near.c.started_at >= bindparam("near_since", type_=_K.started_at.type),
            near.c.started_at <= bindparam("near_until", type_=_K.started_at.type),
            same_binding,
            near.c.key != _KEY,
        )
        .order_by(is_before.desc(), near.c.key.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
    )


def added_where(*conditions: ColumnElement[bool]) -> Insert:
    """A new record, where the conditions hold. INSERT … SELECT: Citus takes no subquery in VALUES."""
    places = {"virtual_number": _NUMBER, "started_at": _START, "key": _KEY}
    values: dict[str, Any] = _NEW | places
    values["attempt_group"] = func.coalesce(_group_nearby(), _NEW["attempt_group"])
    return insert(CALLS).from_select(list(values), select(*values.values()).where(*conditions), include_defaults=False)


def leg_saved_where(*conditions: ColumnElement[bool]) -> Update:
    """What a further leg changes of a record, where the conditions hold."""
    same = _K.binding.is_not_distinct_from(_NEW["binding"])
    group = case((same, _K.attempt_group), else_=func.coalesce(_group_nearby(), _NEW["attempt_group"]))
    once = {name: func.coalesce(_K[name], _NEW[name]) for name in ("asked_at", "keyed_at")}
    asking: ColumnElement[str] = literal_column(f"'{Outcome.ASKING.value}'")
    changes: dict[str, Any] = {name: _NEW[name] for name in _LEG} | once | {"attempt_group": group}
    return update(CALLS).where(*_HERE, _K.outcome == asking, *conditions).values(changes)


_ADD, _SAVE_LEG = added_where(), leg_saved_where()
_SAVE = update(CALLS).where(*_HERE)
_GET = select(*RECORD_COLUMNS).where(*_HERE)
_GET_LOCKED = _GET.with_for_update()

_CONDITIONS = {
    "number": _K.virtual_number == _NUMBER,
    "binding": _K.binding == bindparam("met", type_=_K.binding.type),
    "group": _K.attempt_group == bindparam("in_group", type_=_K.attempt_group.type),
    "direction": _K.direction == bindparam("only_direction", type_=_K.direction.type),
    "outcome": _K.outcome == bindparam("only_outcome", type_=_K.outcome.type),
    "cause": _K.cause == bindparam("only_cause", type_=_K.cause.type),
    "since": _K.key >= bindparam("from_key", type_=_K.key.type),
    "until": _K.key < bindparam("to_key", type_=_K.key.type),
    "before": _K.key < bindparam("before", type_=_K.key.type),
}
# A key begins with its call's start: so these say nothing new, but to the one index that begins with the number alone.
_STARTS = {
    "since": _K.started_at >= bindparam("from_start", type_=_K.started_at.type),
    "until": _K.started_at < bindparam("to_start", type_=_K.started_at.type),
    "before": _K.started_at <= bindparam("before_start", type_=_K.started_at.type),
}


@lru_cache(maxsize=8)
def _forget_callers(limit: int) -> Update:
    """The limit stands in the text, as in ``slots.py``: a plan for an unknown one reads the whole table."""
    old = (
        select(_K.virtual_number, _K.started_at, _K.key)
        .where(_K.caller.is_not(None), _K.key < bindparam("to_key", type_=_K.key.type))
        .order_by(_K.key)
        .limit(literal_column(str(limit)))
        .with_for_update(skip_locked=True)
    )
    return update(CALLS).where(tuple_(_K.virtual_number, _K.started_at, _K.key).in_(old)).values(caller=null())


@lru_cache(maxsize=256)
def _page(named: frozenset[str], *, unbound: bool) -> Select[Any]:
    """Each form of it is read off an index in its order: by tenant, by binding, by group, or by number."""
    statement = select(*RECORD_COLUMNS)
    statement = statement.where(_K.tenant_id.is_(None) if unbound else _K.tenant_id == _TENANT)
    statement = statement.where(*(condition for name, condition in _CONDITIONS.items() if name in named))
    if "number" in named and not named & {"binding", "group"}:  # the filter's own
        starts = (condition for name, condition in _STARTS.items() if name in named)
        statement = statement.where(*starts).order_by(_K.started_at.desc(), _K.key.desc())
    elif unbound and "number" not in named:
        # PostgreSQL does not take IS NULL for one value: without this it would sort what the index has in order.
        statement = statement.order_by(_K.tenant_id.desc(), _K.key.desc())
    else:
        statement = statement.order_by(_K.key.desc())
    return statement.limit(_ROOM)


def _at(call_id: CallId) -> dict[str, Any]:
    return {"at_number": call_id.virtual_number, "at_start": call_id.started_at, "at_key": call_id.key}


def asked_to_write(record: CallRecord) -> dict[str, Any]:
    """What a record is added, or a leg of it saved, with."""
    start = record.id.started_at
    near = {"near_since": start - REDIAL_WITHIN, "near_until": start + REDIAL_WITHIN}
    return {f"new_{name}": value for name, value in record_to_row(record).items()} | _at(record.id) | near


def _wanted(which: CallFilter) -> dict[str, dict[str, Any]]:
    """What each condition that the filter names is asked with."""
    found: dict[str, dict[str, Any]] = {}
    if which.binding is not None:
        found["binding"] = {"met": which.binding.key}
    if which.group is not None:
        found["group"] = {"in_group": which.group.key}
    for name, word in (("direction", which.direction), ("outcome", which.outcome), ("cause", which.cause)):
        if word is not None:
            found[name] = {f"only_{name}": word.value}
    if which.since is not None:
        found["since"] = {"from_key": first_key_of(which.since), "from_start": which.since}
    if which.until is not None:
        found["until"] = {"to_key": first_key_of(which.until), "to_start": which.until}
    return found


class SqlCallRecords:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, record: CallRecord) -> None:
        self._statements.require_month(record.id.started_at)
        self._statements.change(_ADD, asked_to_write(record))

    def save_leg(self, record: CallRecord) -> None:
        self._statements.change(_SAVE_LEG, asked_to_write(record))

    def save(self, record: CallRecord) -> None:
        changes = {name: value for name, value in record_to_row(record).items() if name not in _FIXED}
        self._statements.change(_SAVE, changes | _at(record.id))

    def get(self, call_id: CallId, *, for_update: bool = False) -> CallRecord | None:
        row = self._statements.first(_GET_LOCKED if for_update else _GET, _at(call_id))
        return None if row is None else record_of(row)

    def forget_callers(self, *, older_than: datetime, limit: int) -> int:
        return self._statements.change(_forget_callers(limit), {"to_key": first_key_of(older_than)})

    def page(
        self, tenant_id: str | None, *, limit: int, before: UUID | None, which: CallFilter = EVERY_CALL
    ) -> Sequence[CallRecord]:
        numbers = {which.virtual_number, *(each.virtual_number for each in (which.binding, which.group) if each)}
        if len(numbers - {None}) > 1:
            return []  # a binding and a group of different numbers have no call in common
        wanted = _wanted(which)
        for number in numbers - {None}:
            wanted["number"] = {"at_number": number}
        if before is not None:
            # The key of a forged cursor may lie outside of any calendar; who may name a number forges none.
            start = {} if which.virtual_number is None else {"before_start": time_of(before)}
            wanted["before"] = {"before": before} | start
        parameters: dict[str, Any] = {"room": limit}
        if tenant_id is not None:
            parameters["at_tenant"] = tenant_id
        for part in wanted.values():
            parameters |= part
        statement = _page(frozenset(wanted), unbound=tenant_id is None)
        return [record_of(row) for row in self._statements.rows(statement, parameters)]
