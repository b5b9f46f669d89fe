"""What the guard remembers: callers and attacked numbers.

Answers for: the repository ``Guard``; counting is atomic for all processes. Must not know: budgets and blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, bindparam, case, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.guard import CallerState, NumberState
from maskservice.domain.ids import BindingId
from maskservice.storage.guard_models import GUARD_CALLERS, GUARD_NUMBERS, GUARD_SCANS
from maskservice.storage.hot_models import CALL_DAYS
from maskservice.storage.models import NUMBERS
from maskservice.storage.statements import Statements

_C, _D, _N, _S = GUARD_CALLERS.c, CALL_DAYS.c, GUARD_NUMBERS.c, GUARD_SCANS.c
CALLER_STATE = ("wrong", "blocked_at", "blocked_until", "blocks", "reached", "reached_day")
_STATE = tuple(_C[name] for name in CALLER_STATE)
NUMBER_STATE_COLUMNS = (_N.window_start, _N.wrong, _N.callers, _N.enrolled_only_until)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _hold() -> Insert:
    """Makes or touches the caller's row, which locks it until the unit ends, and returns it: a write that reads."""
    statement = upsert(GUARD_CALLERS)
    return statement.on_conflict_do_update(
        index_elements=[_C.pool_id, _C.caller], set_={"seen_at": statement.excluded.seen_at}
    ).returning(*_STATE)  # type: ignore[return-value]  # returning() keeps the insert


def _count_wrong() -> Insert:
    """One more wrong try in this window, or the first of a new one."""
    statement = upsert(GUARD_NUMBERS)
    new = statement.excluded
    same = _N.window_start == new.window_start
    return statement.on_conflict_do_update(
        index_elements=[_N.virtual_number],
        set_={
            "window_start": new.window_start,
            "wrong": case((same, _N.wrong + 1), else_=1),
            "callers": case((same, _N.callers + new.callers), else_=new.callers),
        },
    ).returning(*NUMBER_STATE_COLUMNS)  # type: ignore[return-value]


def _restrict() -> Insert:
    statement = upsert(GUARD_NUMBERS)
    return statement.on_conflict_do_update(
        index_elements=[_N.virtual_number], set_={"enrolled_only_until": statement.excluded.enrolled_only_until}
    )


def _claim_call() -> Insert:
    statement = upsert(CALL_DAYS)
    new = statement.excluded
    same = _D.day == new.day
    return statement.on_conflict_do_update(
        index_elements=[_D.virtual_number, _D.binding],
        set_={"day": new.day, "calls": case((same, _D.calls + 1), else_=1)},
        where=(_D.day != new.day) | (_D.calls < bindparam("most", type_=Integer())),
    )


_HOLD, _COUNT_WRONG, _RESTRICT = _hold(), _count_wrong(), _restrict()
_CLAIM_CALL = _claim_call()
_SAVE = (
    update(GUARD_CALLERS)
    .where(_C.pool_id == bindparam("at_pool"), _C.caller == bindparam("at_caller"))
    .values(turn=_C.turn + 1, **{column.name: bindparam(f"new_{column.name}", type_=column.type) for column in _STATE})
)
_FIRST_IN_WINDOW = upsert(GUARD_SCANS).on_conflict_do_nothing(
    index_elements=[_S.virtual_number, _S.window_start, _S.caller]
)
_NUMBER = select(*NUMBER_STATE_COLUMNS).where(_N.virtual_number == bindparam("at_number"))
_RESTRICTED = (
    select(_N.virtual_number, _N.enrolled_only_until)
    .join_from(NUMBERS, GUARD_NUMBERS, _N.virtual_number == NUMBERS.c.virtual_number)
    .where(NUMBERS.c.pool_id == bindparam("wanted"), _N.enrolled_only_until > bindparam("now"))
)
_ROOM = bindparam("room", type_=Integer())
_FORGET_CALLERS = delete(GUARD_CALLERS).where(
    tuple_(_C.pool_id, _C.caller).in_(
        select(_C.pool_id, _C.caller)
        .where(_C.seen_at < bindparam("limit_time"))
        .order_by(_C.seen_at)
        .limit(_ROOM)
        .with_for_update(skip_locked=True)
    )
)
_FORGET_SCANS = delete(GUARD_SCANS).where(
    tuple_(_S.virtual_number, _S.window_start, _S.caller).in_(
        select(_S.virtual_number, _S.window_start, _S.caller)
        .where(_S.window_start < bindparam("limit_time"))
        .order_by(_S.window_start)
        .limit(_ROOM)
        .with_for_update(skip_locked=True)
    )
)


def number_state_of(cells: Sequence[Any]) -> NumberState:
    """From :data:`NUMBER_STATE_COLUMNS`; the empty state where an outer join found none."""
    start, wrong, callers, until = cells
    return NumberState() if start is None else NumberState(start, wrong, callers, until)


def caller_state_of(cells: Sequence[Any]) -> CallerState:
    """From the columns that :data:`CALLER_STATE` names; the empty state where an outer join found none."""
    wrong, blocked_at, blocked_until, blocks, reached, day = cells
    if blocks is None:
        return CallerState()
    moments = tuple(_EPOCH + moment * _MILLISECOND for moment in wrong or ())
    return CallerState(moments, blocked_at, blocked_until, blocks, reached, day)


def caller_state_to_row(state: CallerState) -> dict[str, Any]:
    return {
        "wrong": [(moment - _EPOCH) // _MILLISECOND for moment in state.wrong],
        "blocked_at": state.blocked_at,
        "blocked_until": state.blocked_until,
        "blocks": state.blocks,
        "reached": state.reached,
        "reached_day": state.reached_day,
    }


class SqlGuard:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def hold(self, pool_id: str, caller: bytes, *, at: datetime) -> CallerState:
        row = self._statements.changed(
            _HOLD,
            {
                "pool_id": pool_id,
                "caller": caller,
                "seen_at": at,
                "wrong": [],
                "blocks": 0,
                "reached": 0,
                "reached_day": "",
                "blocked_at": None,
                "blocked_until": None,
            },
        )
        if row is None:  # an upsert always returns its row
            return CallerState()
        return caller_state_of(row)

    def save(self, pool_id: str, caller: bytes, state: CallerState) -> None:
        self._statements.change(
            _SAVE,
            {
                "at_pool": pool_id,
                "at_caller": caller,
                **{f"new_{name}": value for name, value in caller_state_to_row(state).items()},
            },
        )

    def claim_call(self, binding_id: BindingId, *, day: str, most: int) -> bool:
        place = {"virtual_number": binding_id.virtual_number, "binding": binding_id.key}
        return self._statements.change(_CLAIM_CALL, {**place, "day": day, "calls": 1, "most": most}) == 1

    def count_wrong(self, virtual_number: str, caller: bytes, *, window_start: datetime) -> tuple[NumberState, bool]:
        scan = {"virtual_number": virtual_number, "window_start": window_start, "caller": caller}
        first = self._statements.change(_FIRST_IN_WINDOW, scan)
        row = self._statements.changed(
            _COUNT_WRONG,
            {
                "virtual_number": virtual_number,
                "window_start": window_start,
                "wrong": 1,
                "callers": first,
                "enrolled_only_until": None,
            },
        )
        return NumberState() if row is None else number_state_of(row), first == 1

    def number(self, virtual_number: str) -> NumberState:
        row = self._statements.first(_NUMBER, {"at_number": virtual_number})
        return NumberState() if row is None else number_state_of(row)

    def restrict(self, virtual_number: str, *, until: datetime | None, at: datetime) -> None:
        self._statements.change(
            _RESTRICT,
            {
                "virtual_number": virtual_number,
                "window_start": at,
                "wrong": 0,
                "callers": 0,
                "enrolled_only_until": until,
            },
        )

    def restricted(self, pool_id: str, *, now: datetime) -> Mapping[str, datetime]:
        return {row[0]: row[1] for row in self._statements.rows(_RESTRICTED, {"wanted": pool_id, "now": now})}

    def forget(self, *, older_than: datetime, limit: int) -> int:
        given = {"limit_time": older_than, "room": limit}
        return self._statements.change(_FORGET_CALLERS, given) + self._statements.change(_FORGET_SCANS, given)
