"""Calls: the facts for a decision in one statement each.

Answers for: the look-ups of the repository ``Calls``. Must not know: the decision, real numbers, what is recorded.
Every statement names the virtual number, by a parameter and not only by a join, so that a distributed database asks one
node.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, Uuid, bindparam, literal_column, select, true

from maskservice.domain.call import Line
from maskservice.domain.call_policy import REPEAT_WITHIN
from maskservice.domain.ids import BindingId
from maskservice.services.records import NOBODY, BareFindings, Met, Who
from maskservice.storage.call_records import SqlCallRecords
from maskservice.storage.guard_models import GUARD_CALLERS, GUARD_NUMBERS
from maskservice.storage.hot_models import BINDINGS, CONTACTS, PASSES, SLOTS, not_ended
from maskservice.storage.models import NUMBERS, POOLS, TENANTS
from maskservice.storage.pools import usable_by
from maskservice.storage.roster_models import COURIER_PHONES, COURIERS, WHOLE_TENANT
from maskservice.storage.rows import LINE_COLUMNS, LINE_WIDTH, MET_COLUMNS, OF_BINDING, OF_TENANT, line_of, met_of

_B, _C, _N, _P, _S = BINDINGS.c, CONTACTS.c, NUMBERS.c, PASSES.c, SLOTS.c
_MOST_OWN = 50
_MOST_REPEAT = 2
_ENDED, _OWN, _PASS, _REPEAT = range(-1, 3)  # why a bare call may be about a binding; the lowest come last

_NUMBER = bindparam("at_number", type_=_N.virtual_number.type)
_TENANT = bindparam("at_tenant", type_=_B.tenant_id.type)
_MARK = bindparam("mark", type_=_B.phone_mark.type)
_CALLER = bindparam("caller", type_=COURIER_PHONES.c.caller.type)
_CODE = bindparam("code", type_=COURIERS.c.pin_mark.type)


def _line(
    met_by: ColumnElement[bool],
    *,
    through: tuple[FromClause, ColumnElement[bool]] | None = None,
    narrowed: bool,
) -> FromClause:
    """The number with its pool, the bindings that ``met_by`` picks (``through`` what leads to them and its condition),
    each with its tenant and contact."""
    line: FromClause = NUMBERS.join(POOLS, POOLS.c.id == _N.pool_id).outerjoin(
        GUARD_NUMBERS, GUARD_NUMBERS.c.virtual_number == _NUMBER
    )
    if through is not None:
        line = line.outerjoin(*through)
    mine = _B.tenant_id == _TENANT if narrowed else true()
    return (
        line.outerjoin(BINDINGS, (_B.virtual_number == _NUMBER) & met_by & mine)
        .outerjoin(TENANTS, TENANTS.c.id == _B.tenant_id)
        .outerjoin(CONTACTS, (_C.virtual_number == _NUMBER) & (_C.binding == _B.key))
        .outerjoin(GUARD_CALLERS, (GUARD_CALLERS.c.pool_id == _N.pool_id) & (GUARD_CALLERS.c.caller == _C.caller))
        .outerjoin(COURIER_PHONES, (COURIER_PHONES.c.tenant_id == _B.tenant_id) & (COURIER_PHONES.c.caller == _CALLER))
        .outerjoin(COURIERS, (COURIERS.c.tenant_id == _B.tenant_id) & (COURIERS.c.pin_mark == _CODE))
        .outerjoin(OF_TENANT, _rule(OF_TENANT, binding=bindparam("whole_tenant", WHOLE_TENANT, type_=Uuid())))
        .outerjoin(OF_BINDING, _rule(OF_BINDING, binding=_B.key))
    )


def _rule(rules: Any, *, binding: ColumnElement[Any]) -> ColumnElement[bool]:
    return (rules.c.tenant_id == _B.tenant_id) & (rules.c.binding == binding) & (rules.c.caller == _CALLER)  # type: ignore[no-any-return]


def _narrow(statement: Select[Any], *, narrowed: bool) -> Select[Any]:
    statement = statement.where(_N.virtual_number == _NUMBER)
    return statement.where(usable_by(_TENANT)) if narrowed else statement


@lru_cache(maxsize=2)
def _by_slot(*, narrowed: bool) -> Select[Any]:
    # A binding that was rekeyed answers to its present extension only: the old slot rests and leads nowhere.
    slot = (SLOTS, (_S.virtual_number == _NUMBER) & (_S.extension == bindparam("digits")))
    source = _line((_B.key == _S.binding) & (_B.extension == _S.extension), through=slot, narrowed=narrowed)
    return _narrow(select(*LINE_COLUMNS, *MET_COLUMNS).select_from(source), narrowed=narrowed)


@lru_cache(maxsize=1)
def _by_key() -> Select[Any]:
    source = _line(_B.key == bindparam("at_key"), narrowed=False)
    return _narrow(select(*LINE_COLUMNS, *MET_COLUMNS).select_from(source), narrowed=False)


def _wanted(*, narrowed: bool) -> FromClause:
    """The keys of the bindings that a bare call may be about, each arm by an index of its own: an OR over both would
    leave the planner a choice to read the whole table."""
    own_way, pass_way, repeat_way = (literal_column(str(way), Integer()).label("way") for way in (_OWN, _PASS, _REPEAT))
    here = BINDINGS.alias("mine")
    own = select(here.c.key.label("key"), own_way).where(
        here.c.virtual_number == _NUMBER, here.c.phone_mark == _MARK, not_ended(here)
    )
    if narrowed:
        own = own.where(here.c.tenant_id == _TENANT)
    passed = select(_P.binding.label("key"), pass_way).where(
        _P.virtual_number == _NUMBER, _P.mark == _MARK, _P.expires_at > bindparam("now")
    )
    last = CONTACTS.alias("last")
    repeat = (
        select(last.c.binding.label("key"), repeat_way)
        .where(
            last.c.virtual_number == _NUMBER,
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
    ended = select(late.c.key, literal_column(str(_ENDED), Integer()).label("way")).where(
        late.c.virtual_number == _NUMBER, late.c.phone_mark == _MARK, late.c.ended_at.is_not(None), asks.exists()
    )
    return ended.where(late.c.tenant_id == _TENANT) if narrowed else ended


@lru_cache(maxsize=2)
def _by_recipient(*, narrowed: bool) -> Select[Any]:
    wanted = _wanted(narrowed=narrowed)
    source = _line(_B.key == wanted.c.key, through=(wanted, true()), narrowed=narrowed)
    reached = CONTACTS.alias("reached")
    courier: Select[Any] = select(literal_column("1")).where(
        reached.c.virtual_number == _NUMBER, reached.c.mark == _MARK, reached.c.expires_at > bindparam("now")
    )
    if narrowed:
        own = BINDINGS.alias("own")
        courier = courier.where(
            select(literal_column("1"))
            .where(own.c.virtual_number == _NUMBER, own.c.key == reached.c.binding, own.c.tenant_id == _TENANT)
            .exists()
        )
    statement = select(*LINE_COLUMNS, *MET_COLUMNS, wanted.c.way, courier.exists().label("is_courier")).select_from(
        source
    )
    # The pass and the repeated ones are rows more than the recipient's own, and first, so that the limit never cuts
    # them off.
    ordered = _narrow(statement, narrowed=narrowed).order_by(wanted.c.way.desc(), _B.key.desc())
    return ordered.limit(_MOST_OWN + 1 + _MOST_REPEAT)


def _asked(virtual_number: str, who: Who) -> dict[str, Any]:
    return {"at_number": virtual_number, "own_mark": who.own_mark, "caller": who.caller, "code": who.code}


class SqlCalls(SqlCallRecords):
    def line_and_slot(
        self, virtual_number: str, extension: str, who: Who = NOBODY, *, tenant_id: str | None = None
    ) -> tuple[Line, Met | None] | None:
        narrowed = tenant_id is not None
        parameters = _asked(virtual_number, who) | {"digits": extension}
        row = self._statements.first(
            _by_slot(narrowed=narrowed), parameters | {"at_tenant": tenant_id} if narrowed else parameters
        )
        return None if row is None else (line_of(row[:LINE_WIDTH]), met_of(row[LINE_WIDTH:]))

    def line_and_binding(self, binding_id: BindingId, who: Who = NOBODY) -> tuple[Line, Met | None] | None:
        parameters = _asked(binding_id.virtual_number, who) | {"at_key": binding_id.key}
        row = self._statements.first(_by_key(), parameters)
        return None if row is None else (line_of(row[:LINE_WIDTH]), met_of(row[LINE_WIDTH:]))

    def line_and_recipient(
        self, virtual_number: str, who: Who, *, now: datetime, tenant_id: str | None = None
    ) -> BareFindings | None:
        """Bindings past their expiry that no job has ended yet are among them, and ended ones that a hook may be asked
        about: the rules know what is live."""
        narrowed = tenant_id is not None
        parameters = _asked(virtual_number, who) | {"mark": who.mark, "now": now, "lately": now - REPEAT_WITHIN}
        rows = self._statements.rows(
            _by_recipient(narrowed=narrowed), parameters | {"at_tenant": tenant_id} if narrowed else parameters
        )
        if not rows:
            return None
        found: dict[int, list[Met]] = {_ENDED: [], _OWN: [], _PASS: [], _REPEAT: []}
        for row in rows:
            met = met_of(row[LINE_WIDTH:-2])
            if met is not None:
                found[row[-2]].append(met)
        own = [*found[_OWN], *found[_ENDED]][:_MOST_OWN]
        passed = found[_PASS][0] if found[_PASS] else None
        line, is_courier = line_of(rows[0][:LINE_WIDTH]), bool(rows[0][-1])
        return BareFindings(line, own, is_courier, passed, tuple(found[_REPEAT]))
