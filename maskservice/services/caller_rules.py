"""Block and allow lists: what a tenant, or one of its bindings, says of a caller.

Answers for: making, listing and taking back rules; a caller has one rule in a tenant and one in a binding. Must not
know: HTTP, SQL, how a call is decided by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from maskservice.domain.binding import ENDED
from maskservice.domain.call import Direction
from maskservice.domain.caller_rule import DIRECTIONS, RuleDirection, Verdict, ruled_phone
from maskservice.domain.errors import BindingNotLive, FieldError, InvalidContent, NotFound, PhoneRefused
from maskservice.domain.ids import BindingId, plain_id, read_plain_id, time_of, uuid7
from maskservice.domain.phone import PhoneNumber, PhoneReading
from maskservice.services.binding_reads import Page
from maskservice.services.endings import load_own
from maskservice.services.guarding import CALLER_SCOPE
from maskservice.services.idempotency import IdempotentRequest, claim_plain_key
from maskservice.services.judging import own_mark
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Tenant
from maskservice.services.roster_records import CallerRule

RULE_PREFIX = "rule"
PHONE_POINTER = "/phone"
_INHERITED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SetRule:
    """``binding_id`` None: for all of the tenant's bindings."""

    phone: PhoneReading = field(repr=False)
    verdict: Verdict
    direction: RuleDirection = RuleDirection.BOTH
    binding_id: BindingId | None = None


@dataclass(frozen=True, slots=True)
class RuleView:
    """``last3`` is the most that is shown of the caller."""

    id: str
    last3: str
    binding_id: BindingId | None
    to_recipient: Verdict | None
    to_courier: Verdict | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RuleSet:
    """``created`` is False where the caller had a rule already; ``replayed`` as for bindings."""

    view: RuleView
    created: bool
    replayed: bool = False


def set_rule(
    tenant: Tenant, command: SetRule, ports: Ports, *, idempotency: IdempotentRequest | None = None
) -> RuleSet:
    """Adds a rule, or changes the caller's: the verdict of a direction that is not named stays.

    Raises InvalidContent at /phone, NotFound for another's binding, BindingNotLive for an ended one,
    IdempotencyKeyReused, IdempotencyInProgress.
    """
    with ports.unit() as uow:
        now = ports.clock.now()
        key = uuid7(now, ports.randomness.randbytes(10))
        if command.binding_id is not None:
            # First: a death that is seen is committed at once, and must take nothing of ours along.
            binding = load_own(tenant.id, command.binding_id, uow, now, change=True).binding
        earlier = claim_plain_key(idempotency, tenant, key=key, now=now, uow=uow, ports=ports)
        if earlier is None and command.binding_id is not None and binding.status in ENDED:
            raise BindingNotLive("The binding has ended: no call reaches it any more.")
        phone = _ruled(command.phone, uow, ports)
        if earlier is not None:
            first = _rule(tenant, command, phone, earlier.binding, ports)
            # A changed rule holds what was said before, too; where it is gone, what was asked for is told.
            there = None if earlier.created else uow.caller_rules.get(tenant.id, first.id)
            return RuleSet(_view(there or first), created=earlier.created, replayed=True)
        rule = _rule(tenant, command, phone, key, ports)
        stored = uow.caller_rules.put(rule)
        if idempotency is not None and stored.id != rule.id:
            changed = read_plain_id(RULE_PREFIX, stored.id)
            uow.idempotency.answered_with(tenant.id, idempotency.key, binding=changed)
        uow.commit()
    return RuleSet(_view(stored), created=stored.id == rule.id)


def inherit_rules(tenant: Tenant, old: BindingId, new: BindingId, uow: UnitOfWork, ports: Ports) -> None:
    """The new binding of a reopened order blocks and allows whom the old one did: the recipient is the same. Couriers
    given to the old one are not given to the new one: a return has a courier of its own."""
    now = ports.clock.now()
    before: str | None = None
    while rules := uow.caller_rules.page(tenant.id, limit=_INHERITED_AT_ONCE, before=before, binding=old):
        for rule in rules:
            key = uuid7(now, ports.randomness.randbytes(10))
            uow.caller_rules.put(replace(rule, id=plain_id(RULE_PREFIX, key), created_at=now, binding=new))
        before = rules[-1].id


def list_rules(
    tenant: Tenant, *, limit: int, before: UUID | None = None, binding_id: BindingId | None = None, ports: Ports
) -> Page[RuleView]:
    """Newest first; all of the tenant's, or one binding's. Raises NotFound for another's binding."""
    last = None if before is None else plain_id(RULE_PREFIX, before)
    with ports.unit(write=False) as uow:
        if binding_id is not None:
            stored = uow.bindings.get(binding_id)
            if stored is None or stored.binding.tenant_id != tenant.id:
                raise NotFound("There is no such binding.")
        found = uow.caller_rules.page(tenant.id, limit=limit + 1, before=last, binding=binding_id)
    rows = [_view(each) for each in found[:limit]]
    return Page(rows, read_plain_id(RULE_PREFIX, rows[-1].id) if len(found) > limit else None)


def delete_rule(tenant: Tenant, rule_id: str, *, ports: Ports) -> None:
    """Raises NotFound."""
    read_plain_id(RULE_PREFIX, rule_id)
    with ports.unit() as uow:
        if not uow.caller_rules.delete(tenant.id, rule_id):
            raise NotFound("There is no such rule.")
        uow.commit()


def rule_phone_fault(reading: PhoneReading, ports: Ports) -> FieldError | None:
    """The phone's field error, for a request that is refused for other fields too: all errors are told at once."""
    with ports.unit(write=False) as uow:
        try:
            _ruled(reading, uow, ports)
        except InvalidContent as refusal:
            return refusal.errors[0]
    return None


def _ruled(reading: PhoneReading, uow: UnitOfWork, ports: Ports) -> PhoneNumber:
    own = reading.base is not None and uow.numbers.is_own(own_mark(reading.base.reveal(), ports))
    try:
        return ruled_phone(reading, is_own=own)
    except PhoneRefused as refusal:
        raise InvalidContent((FieldError(PHONE_POINTER, refusal.code, refusal.detail),)) from None


def _rule(tenant: Tenant, command: SetRule, phone: PhoneNumber, key: UUID, ports: Ports) -> CallerRule:
    spoken = DIRECTIONS[command.direction]
    return CallerRule(
        id=plain_id(RULE_PREFIX, key),
        tenant_id=tenant.id,
        caller=ports.index.number(CALLER_SCOPE, phone.reveal()),
        last3=phone.last3,
        # From the key, so that the first answer can be told again from it.
        created_at=time_of(key),
        binding=command.binding_id,
        to_recipient=command.verdict if Direction.TO_RECIPIENT in spoken else None,
        to_courier=command.verdict if Direction.TO_COURIER in spoken else None,
    )


def _view(rule: CallerRule) -> RuleView:
    return RuleView(rule.id, rule.last3, rule.binding, rule.to_recipient, rule.to_courier, rule.created_at)


__all__ = [
    "PHONE_POINTER", "RULE_PREFIX", "RuleSet", "RuleView", "SetRule", "delete_rule", "list_rules", "rule_phone_fault",
    "set_rule",
]  # fmt: skip
