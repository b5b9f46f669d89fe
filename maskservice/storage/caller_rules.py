"""Block and allow lists: what a tenant says of a caller.

Answers for: the repository ``CallerRules``; a caller has one rule in a tenant and one in a binding, by the primary key.
Must not know: numbers, what a verdict leads to. The purge of a binding (``bindings.py``) forgets its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.caller_rule import Verdict
from maskservice.domain.ids import BindingId
from maskservice.services.roster_records import CallerRule
from maskservice.storage.roster_models import CALLER_RULES, WHOLE_TENANT
from maskservice.storage.statements import Cells, Statements

_R = CALLER_RULES.c
_COLUMNS = (
    _R.id, _R.tenant_id, _R.caller, _R.last3, _R.created_at, _R.virtual_number, _R.binding, _R.to_recipient,
    _R.to_courier,
)  # fmt: skip


def _put() -> Insert:
    """A verdict that the new rule does not name stays as it was."""
    statement = upsert(CALLER_RULES)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[_R.tenant_id, _R.binding, _R.caller],
        set_={name: func.coalesce(new[name], _R[name]) for name in ("to_recipient", "to_courier")},
    ).returning(*_COLUMNS)  # type: ignore[return-value]  # returning() keeps the insert


_PUT = _put()
_GET = select(*_COLUMNS).where(_R.tenant_id == bindparam("at_tenant"), _R.id == bindparam("at_id"))
_DELETE = delete(CALLER_RULES).where(_R.tenant_id == bindparam("at_tenant"), _R.id == bindparam("at_id"))


@lru_cache(maxsize=4)
def _page(*, before: bool, binding: bool) -> Select[Any]:
    statement = select(*_COLUMNS).where(_R.tenant_id == bindparam("at_tenant"))
    if before:
        statement = statement.where(_R.id < bindparam("before"))
    if binding:
        statement = statement.where(_R.binding == bindparam("at_key"), _R.virtual_number == bindparam("at_number"))
    return statement.order_by(_R.id.desc()).limit(bindparam("room", type_=Integer()))


def _rule_of(cells: Cells) -> CallerRule:
    rule_id, tenant_id, caller, last3, created_at, virtual_number, key, to_recipient, to_courier = cells
    return CallerRule(
        rule_id,
        tenant_id,
        caller,
        last3,
        created_at,
        None if virtual_number is None else BindingId(virtual_number, key),
        None if to_recipient is None else Verdict(to_recipient),
        None if to_courier is None else Verdict(to_courier),
    )


class SqlCallerRules:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def put(self, rule: CallerRule) -> CallerRule:
        row = self._statements.changed(
            _PUT,
            {
                "id": rule.id,
                "tenant_id": rule.tenant_id,
                "binding": WHOLE_TENANT if rule.binding is None else rule.binding.key,
                "virtual_number": None if rule.binding is None else rule.binding.virtual_number,
                "caller": rule.caller,
                "last3": rule.last3,
                "created_at": rule.created_at,
                "to_recipient": rule.to_recipient,
                "to_courier": rule.to_courier,
            },
        )
        return rule if row is None else _rule_of(row)  # an upsert always returns its row

    def get(self, tenant_id: str, rule_id: str) -> CallerRule | None:
        row = self._statements.first(_GET, {"at_tenant": tenant_id, "at_id": rule_id})
        return None if row is None else _rule_of(row)

    def page(
        self, tenant_id: str, *, limit: int, before: str | None, binding: BindingId | None = None
    ) -> Sequence[CallerRule]:
        parameters: dict[str, Any] = {"at_tenant": tenant_id, "room": limit}
        if before is not None:
            parameters["before"] = before
        if binding is not None:
            parameters |= {"at_number": binding.virtual_number, "at_key": binding.key}
        statement = _page(before=before is not None, binding=binding is not None)
        return [_rule_of(row) for row in self._statements.rows(statement, parameters)]

    def delete(self, tenant_id: str, rule_id: str) -> bool:
        return self._statements.change(_DELETE, {"at_tenant": tenant_id, "at_id": rule_id}) > 0
