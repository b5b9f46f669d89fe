"""The facts of a call, as statements: the number, and the bindings that a leg may be about, in one read.

Answers for: what is joined to what, and which rows lead to a binding. Must not know: who asks, the decision.
Every table is named with the virtual number, by a parameter and not only by a join, so that a distributed database asks
one node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, Uuid, and_, bindparam, literal_column, select, true

from maskservice.storage.guard_models import GUARD_CALLERS, GUARD_NUMBERS
from maskservice.storage.hot_models import BINDINGS, CONTACTS, PASSES, SLOTS, not_ended
from maskservice.storage.models import NUMBERS, POOLS, TENANTS
from maskservice.storage.pools import usable_by
from maskservice.storage.roster_models import COURIER_PHONES, COURIERS, WHOLE_TENANT
from maskservice.storage.rows import LINE_COLUMNS, MET_COLUMNS, OF_BINDING, OF_TENANT

_B, _C, _N, _P, _S = BINDINGS.c, CONTACTS.c, NUMBERS.c, PASSES.c, SLOTS.c
MOST_OWN = 50
_MOST_REPEAT = 2
ENDED, OWN, PASS, REPEAT = range(-1, 3)  # why a bare call may be about a binding; the lowest come last
Joined = tuple[FromClause, ColumnElement[bool]]
"""A table with the condition by which it is joined."""

NUMBER = bindparam("at_number", type_=_N.virtual_number.type)
_TENANT = bindparam("at_tenant", type_=_B.tenant_id.type)
_MARK = bindparam("mark", type_=_B.phone_mark.type)
_CALLER = bindparam("caller", type_=COURIER_PHONES.c.caller.type)
_CODE = bindparam("code", type_=COURIERS.c.pin_mark.type)


def line_from(
    met_by: ColumnElement[bool],
    *,
    through: Sequence[Joined] = (),
    narrowed: bool = False,
) -> FromClause:
    """The number with its pool, the bindings that ``met_by`` picks (``through`` what leads to them, each with its
    condition), each with its tenant and contact."""
    line: FromClause = NUMBERS.join(POOLS, POOLS.c.id == _N.pool_id).outerjoin(
        GUARD_NUMBERS, GUARD_NUMBERS.c.virtual_number == NUMBER
    )
    for each in through:
        line = line.outerjoin(*each)
    mine = _B.tenant_id == _TENANT if narrowed else true()
    return (
        line.outerjoin(BINDINGS, (_B.virtual_number == NUMBER) & met_by & mine)
        .outerjoin(TENANTS, TENANTS.c.id == _B.tenant_id)
        .outerjoin(CONTACTS, (_C.virtual_number == NUMBER) & (_C.binding == _B.key))
        .outerjoin(GUARD_CALLERS, (GUARD_CALLERS.c.pool_id == _N.pool_id) & (GUARD_CALLERS.c.caller == _C.caller))
        .outerjoin(COURIER_PHONES, (COURIER_PHONES.c.tenant_id == _B.tenant_id) & (COURIER_PHONES.c.caller == _CALLER))
        .outerjoin(COURIERS, (COURIERS.c.tenant_id == _B.tenant_id) & (COURIERS.c.pin_mark == _CODE))
        .outerjoin(OF_TENANT, _rule(OF_TENANT, binding=bindparam("whole_tenant", WHOLE_TENANT, type_=Uuid())))
        .outerjoin(OF_BINDING, _rule(OF_BINDING, binding=_B.key))
    )


def _rule(rules: FromClause, *, binding: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(rules.c.tenant_id == _B.tenant_id, rules.c.binding == binding, rules.c.caller == _CALLER)


def _narrow(statement: Select[Any], *, narrowed: bool) -> Select[Any]:
    statement = statement.where(_N.virtual_number == NUMBER)
    return statement.where(usable_by(_TENANT)) if narrowed else statement


_SLOT = (SLOTS, (_S.virtual_number == NUMBER) & (_S.extension == bindparam("digits", type_=_S.extension.type)))
# A binding that was rekeyed answers to its present extension only: the old slot rests and leads nowhere.
_HOLDS_SLOT = (_B.key == _S.binding) & (_B.extension == _S.extension)


def by_slot(*, narrowed: bool = False, through: Sequence[Joined] = (), more: Sequence[Any] = ()) -> Select[Any]:
    """The number, the binding that holds the extension ``digits``, and ``more`` of what ``through`` joins."""
    source = line_from(_HOLDS_SLOT, through=(_SLOT, *through), narrowed=narrowed)
    return _narrow(select(*LINE_COLUMNS, *MET_COLUMNS, *more).select_from(source), narrowed=narrowed)


def by_key() -> Select[Any]:
    """The number, and the binding ``at_key``."""
    source = line_from(_B.key == bindparam("at_key"))
    return _narrow(select(*LINE_COLUMNS, *MET_COLUMNS).select_from(source), narrowed=False)


def _wanted(*, narrowed: bool) -> FromClause:
    """The keys of the bindings that a bare call may be about, each arm by an index of its own: an OR over both would
    leave the planner a choice to read the whole table."""
    own_way, pass_way, repeat_way = (literal_column(str(way), Integer()).label("way") for way in (OWN, PASS, REPEAT))
    here = BINDINGS.alias("mine")
    own = select(here.c.key.label("key"), own_way).where(
        here.c.virtual_number == NUMBER, here.c.phone_mark == _MARK, not_ended(here)
    )
    if narrowed:
        own = own.where(here.c.tenant_id == _TENANT)
    passed = select(_P.binding.label("key"), pass_way).where(
        _P.virtual_number == NUMBER, _P.mark == _MARK, _P.expires_at > bindparam("now")
    )
    last = CONTACTS.alias("last")
    repeat = (
        select(last.c.binding.label("key"), repeat_way)
        .where(
            last.c.virtual_number == NUMBER,
            last.c.mark == _MARK,
            last.c.expires_at > bindparam("now"),
            last.c.reached_at > bindparam("lately"),
        )
        .order_by(last.c.reached_at.desc())
        .limit(literal_column(str(_MOST_REPEAT)))
        .subquery("repeat_last")
    )
    return own.union_all(passed, select(repeat), _ended(narrowed=narrowed)).subquery("wanted")


def _ended(*, narrowed: bool) -> Select[Any]:
    """The recipient's ended bindings of the tenants that want to be asked about such calls. They come last. The tenant
    is looked up for each that is found, so that a caller who has none costs an index probe."""
    late = BINDINGS.alias("late")
    asks: Select[Any] = select(literal_column("1")).where(
        TENANTS.c.id == late.c.tenant_id, TENANTS.c.asks_out_of_session.is_(true())
    )
    ended = select(late.c.key, literal_column(str(ENDED), Integer()).label("way")).where(
        late.c.virtual_number == NUMBER, late.c.phone_mark == _MARK, late.c.ended_at.is_not(None), asks.exists()
    )
    return ended.where(late.c.tenant_id == _TENANT) if narrowed else ended


def by_recipient(*, narrowed: bool = False, through: Sequence[Joined] = (), more: Sequence[Any] = ()) -> Select[Any]:
    """The number, and each binding that a call without digits of the caller ``mark`` may be about; ``more`` as for
    :func:`by_slot`. Its last two columns are the way to the binding and whether the caller is a courier of late."""
    wanted = _wanted(narrowed=narrowed)
    source = line_from(_B.key == wanted.c.key, through=((wanted, true()), *through), narrowed=narrowed)
    reached = CONTACTS.alias("reached")
    courier: Select[Any] = select(literal_column("1")).where(
        reached.c.virtual_number == NUMBER, reached.c.mark == _MARK, reached.c.expires_at > bindparam("now")
    )
    if narrowed:
        own = BINDINGS.alias("own")
        courier = courier.where(
            select(literal_column("1"))
            .where(own.c.virtual_number == NUMBER, own.c.key == reached.c.binding, own.c.tenant_id == _TENANT)
            .exists()
        )
    columns = (*LINE_COLUMNS, *MET_COLUMNS, *more, wanted.c.way, courier.exists().label("is_courier"))
    statement = select(*columns).select_from(source)
    # The pass and the repeated ones are rows more than the recipient's own, and first, so that the limit never cuts
    # them off.
    ordered = _narrow(statement, narrowed=narrowed).order_by(wanted.c.way.desc(), _B.key.desc())
    return ordered.limit(MOST_OWN + 1 + _MOST_REPEAT)
