"""The record of every call.

Answers for: the half of the repository ``Calls`` that writes records and gives them back. Must not know: the decision,
look-ups. Every statement on the way of a call names the virtual number, by a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, insert, literal_column, select, update

from maskservice.domain.call import Direction, Outcome
from maskservice.domain.ids import BindingId, CallId
from maskservice.services.records import CallRecord
from maskservice.storage.hot_models import CALLS
from maskservice.storage.rows import trace_of, trace_to_json
from maskservice.storage.statements import Statements

_K = CALLS.c

_NUMBER = bindparam("at_number", type_=_K.virtual_number.type)
_TENANT = bindparam("at_tenant", type_=_K.tenant_id.type)
_ROOM = bindparam("room", type_=Integer())

_RECORD_COLUMNS = (
    _K.virtual_number, _K.key, _K.pbx_id, _K.pbx_call_id, _K.pool_id, _K.outcome, _K.trace, _K.caller_tail,
    _K.tenant_id, _K.binding, _K.direction, _K.party, _K.tries_used, _K.connected_at, _K.ringing_at, _K.answered_at,
    _K.ended_at, _K.duration_s,
)  # fmt: skip
_HERE = (_K.virtual_number == _NUMBER, _K.started_at == bindparam("at_start"), _K.key == bindparam("at_key"))
_FIXED = frozenset({"virtual_number", "started_at", "key", "pbx_id", "pbx_call_id", "pool_id"})

_ADD = insert(CALLS)
_SAVE = update(CALLS).where(*_HERE)
_SAVE_LEG = update(CALLS).where(*_HERE, _K.outcome == literal_column(f"'{Outcome.ASKING.value}'"))
_LEG = ("outcome", "trace", "tenant_id", "binding", "direction", "party", "tries_used", "connected_at", "ended_at")
_GET = select(*_RECORD_COLUMNS).where(*_HERE)
_GET_LOCKED = _GET.with_for_update()


@lru_cache(maxsize=4)
def _page(*, before: bool, binding: bool) -> Select[Any]:
    statement = select(*_RECORD_COLUMNS).where(_K.tenant_id == _TENANT)
    if binding:
        statement = statement.where(_K.virtual_number == _NUMBER, _K.binding == bindparam("met"))
    if before:
        statement = statement.where(_K.key < bindparam("before"))
    return statement.order_by(_K.key.desc()).limit(_ROOM)


def _row(record: CallRecord) -> dict[str, Any]:
    return {
        "virtual_number": record.id.virtual_number,
        "started_at": record.id.started_at,
        "key": record.id.key,
        "pbx_id": record.pbx_id,
        "pbx_call_id": record.pbx_call_id,
        "pool_id": record.pool_id,
        "tenant_id": record.tenant_id,
        "binding": record.binding,
        "direction": None if record.direction is None else record.direction.value,
        "outcome": record.outcome.value,
        "party": record.party,
        "tries_used": record.tries_used,
        "caller_tail": record.caller_tail,
        "trace": trace_to_json(record.trace),
        "connected_at": record.connected_at,
        "ringing_at": record.ringing_at,
        "answered_at": record.answered_at,
        "ended_at": record.ended_at,
        "duration_s": record.duration_s,
    }


def _record_of(cells: Sequence[Any]) -> CallRecord:
    number, key, pbx_id, pbx_call_id, pool_id, outcome, trace, tail, tenant_id, binding, direction, *rest = cells
    return CallRecord(
        CallId(number, key),
        pbx_id,
        pbx_call_id,
        pool_id,
        Outcome(outcome),
        trace_of(trace),
        tail,
        tenant_id,
        binding,
        None if direction is None else Direction(direction),
        *rest,
    )


def _at(call_id: CallId) -> dict[str, Any]:
    return {"at_number": call_id.virtual_number, "at_start": call_id.started_at, "at_key": call_id.key}


class SqlCallRecords:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, record: CallRecord) -> None:
        self._statements.change(_ADD, _row(record))

    def save_leg(self, record: CallRecord) -> None:
        row = _row(record)
        self._statements.change(_SAVE_LEG, {name: row[name] for name in _LEG} | _at(record.id))

    def save(self, record: CallRecord) -> None:
        changes = {name: value for name, value in _row(record).items() if name not in _FIXED}
        self._statements.change(_SAVE, changes | _at(record.id))

    def get(self, call_id: CallId, *, for_update: bool = False) -> CallRecord | None:
        row = self._statements.first(_GET_LOCKED if for_update else _GET, _at(call_id))
        return None if row is None else _record_of(row)

    def page(
        self, tenant_id: str, *, limit: int, before: UUID | None, binding: BindingId | None = None
    ) -> Sequence[CallRecord]:
        parameters: dict[str, Any] = {"at_tenant": tenant_id, "room": limit}
        if before is not None:
            parameters["before"] = before
        if binding is not None:
            parameters |= {"at_number": binding.virtual_number, "met": binding.key}
        statement = _page(before=before is not None, binding=binding is not None)
        return [_record_of(row) for row in self._statements.rows(statement, parameters)]
