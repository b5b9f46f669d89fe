"""From the cells of a row to the records of ``services/records.py``, and back.

Answers for: which columns make up a record, in which order. Must not know: statements.
Cells are taken by position: a look-up that joins five tables reads some fifty of them, and by name each would cost a
search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Uuid, bindparam, func, literal_column, select

from maskservice.domain.binding import Binding, Status
from maskservice.domain.call import Line, Standing, TraceStep, Verdict
from maskservice.domain.hooks import HookKind
from maskservice.domain.ids import BindingId
from maskservice.services.records import Met, SealedContact, SealedContent, StoredBinding, Tenant, TenantPolicy
from maskservice.storage.call_policy import binding_rules_of, calls_to_json, pool_calls_of, tenant_calls_of
from maskservice.storage.guard import NUMBER_STATE_COLUMNS, number_state_of
from maskservice.storage.guard_models import GUARD_CALLERS
from maskservice.storage.guard_policy import guard_of
from maskservice.storage.hot_models import BINDINGS, CONTACTS
from maskservice.storage.models import NUMBERS, POOLS, TENANTS
from maskservice.storage.roster_models import ASSIGNMENTS, CALLER_RULES, COURIER_PHONES, COURIERS, WHOLE_TENANT
from maskservice.storage.statements import Cells

_B, _C, _T = BINDINGS.c, CONTACTS.c, TENANTS.c

FACT_COLUMNS = (
    _B.virtual_number, _B.key, _B.tenant_id, _B.order_id, _B.waybill, _B.extension, _B.status,
    _B.status_before_lock, _B.created_at, _B.expires_at, _B.delivered_at, _B.ended_at, _B.purged_at, _B.reopened_number,
    _B.reopened_key, _B.masked_name, _B.rekeyed_at, _B.call_rules,
)  # fmt: skip
CONTENT_COLUMNS = (
    _B.wrapped_key, _B.sealed_phone, _B.sealed_name, _B.phone_mark, _B.shared_line, _B.sealed_address,
    _B.sealed_metadata, _B.sealed_lock_reason,
)  # fmt: skip
BINDING_COLUMNS = (*FACT_COLUMNS, *CONTENT_COLUMNS)
TENANT_COLUMNS = (
    _T.id, _T.name, _T.created_at, _T.grace, _T.default_life, _T.longest_life, _T.contact_life, _T.countries, _T.mask,
    _T.latin_mask, _T.care_line, _T.wrapped_key, _T.calls, _T.asks_before_connect, _T.asks_out_of_session,
)  # fmt: skip
CONTACT_COLUMNS = (
    _C.virtual_number, _C.binding, _C.mark, _C.phone, _C.call, _C.reached_at, _C.expires_at, _C.caller,
    _C.enrolled,
)  # fmt: skip
_OWN = NUMBERS.alias("own")
CALLER_IS_OURS = (
    select(literal_column("1")).where(_OWN.c.mark == bindparam("own_mark", type_=_OWN.c.mark.type)).exists()
).label("caller_is_ours")
LINE_COLUMNS = (
    NUMBERS.c.virtual_number, NUMBERS.c.pool_id, POOLS.c.extension_length, POOLS.c.check_digit, POOLS.c.guard,
    POOLS.c.calls, *NUMBER_STATE_COLUMNS, CALLER_IS_OURS,
)  # fmt: skip
OF_TENANT, OF_BINDING = CALLER_RULES.alias("of_tenant"), CALLER_RULES.alias("of_binding")
_A = ASSIGNMENTS.c
IS_ASSIGNED = (
    select(literal_column("1"))
    .where(
        _A.virtual_number == bindparam("at_number", type_=_A.virtual_number.type),
        _A.binding == _B.key,
        _A.courier_id.in_((COURIER_PHONES.c.courier_id, COURIERS.c.id)),
    )
    .exists()
).label("is_assigned")
STANDING_COLUMNS = (
    COURIER_PHONES.c.courier_id, COURIERS.c.id, IS_ASSIGNED, OF_TENANT.c.to_recipient, OF_TENANT.c.to_courier,
    OF_BINDING.c.to_recipient, OF_BINDING.c.to_courier,
)  # fmt: skip


def _said_of_courier(binding: ColumnElement[Any]) -> ScalarSelect[Any]:
    rules = CALLER_RULES.alias()
    said = select(rules.c.to_recipient).where(rules.c.tenant_id == _B.tenant_id, rules.c.binding == binding)
    return said.where(rules.c.caller == _C.caller).correlate(BINDINGS, CONTACTS).scalar_subquery()


# Of the contact's courier: when the guard blocked him last, and what the lists say of him, the binding's own first.
# No joins: most callers are on no list, and where there is no contact nothing is looked up.
WITHDRAWAL_COLUMNS = (
    GUARD_CALLERS.c.blocked_at,
    func.coalesce(
        _said_of_courier(_B.key), _said_of_courier(bindparam("whole_tenant", WHOLE_TENANT, type_=Uuid()))
    ).label("said_of_courier"),
)
MET_COLUMNS = (
    *BINDING_COLUMNS, *TENANT_COLUMNS, *CONTACT_COLUMNS, *WITHDRAWAL_COLUMNS, *STANDING_COLUMNS,
)  # fmt: skip

_FACTS = len(FACT_COLUMNS)
_BINDING = len(BINDING_COLUMNS)
_TENANT = _BINDING + len(TENANT_COLUMNS)
_CONTACT = _TENANT + len(CONTACT_COLUMNS) + len(WITHDRAWAL_COLUMNS)
_STRANGER = Standing()
LINE_WIDTH, MET_WIDTH = len(LINE_COLUMNS), len(MET_COLUMNS)
_NO_HOOKS: frozenset[HookKind] = frozenset()


def binding_of(cells: Cells) -> Binding:
    """From :data:`FACT_COLUMNS`."""
    (
        virtual_number, key, tenant_id, order_id, waybill, extension, status, before,
        created_at, expires_at, delivered_at, ended_at, purged_at, reopened_number, reopened_key, masked_name,
        rekeyed_at, call_rules,
    ) = cells  # fmt: skip
    return Binding(
        id=BindingId(virtual_number, key),
        tenant_id=tenant_id,
        order_id=order_id,
        extension=extension,
        status=Status(status),
        created_at=created_at,
        expires_at=expires_at,
        waybill=waybill,
        masked_name=masked_name,
        delivered_at=delivered_at,
        ended_at=ended_at,
        purged_at=purged_at,
        status_before_lock=None if before is None else Status(before),
        reopened_from=None if reopened_key is None else BindingId(reopened_number, reopened_key),
        rekeyed_at=rekeyed_at,
        call_rules=binding_rules_of(call_rules),
    )


def content_of(cells: Cells) -> SealedContent | None:
    """From :data:`CONTENT_COLUMNS`; None after the purge."""
    wrapped_key, phone, name, mark, shared_line, address, metadata, lock_reason = cells
    if wrapped_key is None:
        return None
    return SealedContent(wrapped_key, phone, name, mark, shared_line, address, metadata, lock_reason)


def stored_binding(cells: Cells) -> StoredBinding:
    """From :data:`BINDING_COLUMNS`."""
    return StoredBinding(binding_of(cells[:_FACTS]), content_of(cells[_FACTS:]))


def facts_to_row(binding: Binding) -> dict[str, Any]:
    """What :data:`FACT_COLUMNS` hold."""
    before, origin = binding.status_before_lock, binding.reopened_from
    return {
        "virtual_number": binding.id.virtual_number,
        "key": binding.id.key,
        "tenant_id": binding.tenant_id,
        "order_id": binding.order_id,
        "waybill": binding.waybill,
        "extension": binding.extension,
        "status": binding.status.value,
        "status_before_lock": None if before is None else before.value,
        "created_at": binding.created_at,
        "expires_at": binding.expires_at,
        "delivered_at": binding.delivered_at,
        "ended_at": binding.ended_at,
        "purged_at": binding.purged_at,
        "reopened_number": None if origin is None else origin.virtual_number,
        "reopened_key": None if origin is None else origin.key,
        "masked_name": binding.masked_name,
        "rekeyed_at": binding.rekeyed_at,
        "call_rules": calls_to_json(binding.call_rules),
    }


def content_to_row(content: SealedContent | None) -> dict[str, Any]:
    """What :data:`CONTENT_COLUMNS` hold; of a purged binding nothing."""
    if content is None:
        return {column.name: None for column in CONTENT_COLUMNS} | {"shared_line": False}
    return {
        "wrapped_key": content.wrapped_key,
        "sealed_phone": content.phone,
        "sealed_name": content.name,
        "phone_mark": content.phone_mark,
        "shared_line": content.shared_line,
        "sealed_address": content.address,
        "sealed_metadata": content.metadata,
        "sealed_lock_reason": content.lock_reason,
    }


def tenant_of(cells: Cells) -> Tenant:
    """From :data:`TENANT_COLUMNS`."""
    (
        tenant_id, name, created_at, grace, default_life, longest_life, contact_life, countries, mask, latin_mask,
        care_line, wrapped_key, calls, *asks,
    ) = cells  # fmt: skip
    policy = TenantPolicy(
        grace, default_life, longest_life, contact_life, frozenset(countries.split()), mask, latin_mask,
        tenant_calls_of(calls),
    )  # fmt: skip
    return Tenant(tenant_id, name, created_at, policy, care_line, wrapped_key, hooks_of(asks))


def hooks_of(asks: Sequence[bool]) -> frozenset[HookKind]:
    """From the tenant's two marks, in the order of the kinds."""
    if not any(asks):
        return _NO_HOOKS
    return frozenset(kind for kind, is_asked in zip(HookKind, asks, strict=True) if is_asked)


def contact_of(cells: Cells) -> SealedContact | None:
    """From :data:`CONTACT_COLUMNS`, and where they were looked up :data:`WITHDRAWAL_COLUMNS`: a contact is withdrawn
    where its courier was blocked since, or is on the block list. None where an outer join found none."""
    virtual_number, key, mark, phone, call, reached_at, expires_at, caller, enrolled, *rest = cells
    if virtual_number is None:
        return None
    blocked_at, said = rest or (None, None)
    withdrawn = said == Verdict.BLOCK or (blocked_at is not None and blocked_at >= reached_at)
    return SealedContact(
        BindingId(virtual_number, key),
        mark,
        phone,
        call,
        reached_at,
        expires_at,
        caller or b"",
        withdrawn,
        bool(enrolled),
    )


def line_of(cells: Cells) -> Line:
    """From :data:`LINE_COLUMNS`. The check digit is dialled on top of the extension."""
    virtual_number, pool_id, extension_length, check_digit, guard, calls, *state, is_ours = cells
    return Line(
        virtual_number,
        pool_id,
        extension_length + (1 if check_digit else 0),
        bool(check_digit),
        bool(is_ours),
        guard_of(guard),
        number_state_of(state),
        pool_calls_of(calls),
    )


def met_of(cells: Cells) -> Met | None:
    """From :data:`MET_COLUMNS`; None where an outer join found no binding."""
    if cells[1] is None:
        return None
    return Met(
        stored_binding(cells[:_BINDING]),
        tenant_of(cells[_BINDING:_TENANT]),
        contact_of(cells[_TENANT:_CONTACT]),
        standing_of(cells[_CONTACT:]),
    )


def standing_of(cells: Cells) -> Standing:
    """From :data:`STANDING_COLUMNS`."""
    by_phone, by_code, is_assigned, *listed = cells
    if not any(cells):
        return _STRANGER
    tenant_to_recipient, tenant_to_courier, to_recipient, to_courier = (each and Verdict(each) for each in listed)
    return Standing(
        enrolled=by_phone is not None,
        by_code=by_code is not None,
        assigned=bool(is_assigned),
        to_recipient=to_recipient or tenant_to_recipient or None,
        to_courier=to_courier or tenant_to_courier or None,
    )


def menu_to_text(menu: tuple[UUID, ...]) -> str | None:
    return " ".join(key.hex for key in menu) or None


def trace_to_json(trace: Sequence[TraceStep]) -> list[list[str | None]]:
    return [[step.step, step.found, step.tenant_id] for step in trace]


def trace_of(steps: Sequence[Sequence[Any]]) -> tuple[TraceStep, ...]:
    return tuple(TraceStep(*step) for step in steps)


def menu_of(text: str | None) -> tuple[UUID, ...]:
    return tuple(UUID(word) for word in (text or "").split())
