"""From the cells of a call's row to its record, and back.

Answers for: which columns make up a record, in which order. Must not know: statements.
"""

from __future__ import annotations

from typing import Any

from maskservice.domain.call import Direction, Outcome
from maskservice.domain.causes import Cause, EndedBy
from maskservice.domain.ids import CallId
from maskservice.services.records import CallRecord
from maskservice.storage.hot_models import CALLS
from maskservice.storage.rows import trace_of, trace_to_json
from maskservice.storage.statements import Cells

_K = CALLS.c
RECORD_COLUMNS = (
    _K.virtual_number, _K.key, _K.pbx_id, _K.pbx_call_id, _K.pool_id, _K.outcome, _K.trace, _K.caller_tail,
    _K.tenant_id, _K.binding, _K.direction, _K.party, _K.tries_used, _K.connected_at, _K.ringing_at, _K.answered_at,
    _K.ended_at, _K.duration_s, _K.asked_at, _K.keyed_at, _K.cause, _K.ended_by, _K.caller, _K.attempt_group,
)  # fmt: skip


def record_to_row(record: CallRecord) -> dict[str, Any]:
    """Every column of the table."""
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
        "asked_at": record.asked_at,
        "keyed_at": record.keyed_at,
        "cause": None if record.cause is None else record.cause.value,
        "ended_by": None if record.ended_by is None else record.ended_by.value,
        "caller": record.caller,
        "attempt_group": record.attempt_group,
    }


def record_of(cells: Cells) -> CallRecord:
    """From :data:`RECORD_COLUMNS`."""
    (
        number, key, pbx_id, pbx_call_id, pool_id, outcome, trace, tail, tenant_id, binding, direction, party, tries,
        connected_at, ringing_at, answered_at, ended_at, duration_s, asked_at, keyed_at, cause, ended_by, caller, group,
    ) = cells  # fmt: skip
    return CallRecord(
        id=CallId(number, key),
        pbx_id=pbx_id,
        pbx_call_id=pbx_call_id,
        pool_id=pool_id,
        outcome=Outcome(outcome),
        trace=trace_of(trace),
        caller_tail=tail,
        tenant_id=tenant_id,
        binding=binding,
        direction=None if direction is None else Direction(direction),
        party=party,
        tries_used=tries,
        connected_at=connected_at,
        ringing_at=ringing_at,
        answered_at=answered_at,
        ended_at=ended_at,
        duration_s=duration_s,
        asked_at=asked_at,
        keyed_at=keyed_at,
        cause=None if cause is None else Cause(cause),
        ended_by=None if ended_by is None else EndedBy(ended_by),
        caller=caller,
        attempt_group=group,
    )
