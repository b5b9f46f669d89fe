"""The steps of a binding's life: deliver, lock, unlock, release, change.

Answers for: loading the tenant's own binding, one step of ``domain.binding``, one commit. Must not know: HTTP, SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from maskservice.domain import binding as rules
from maskservice.domain.binding import Binding
from maskservice.domain.call_policy import BindingRules
from maskservice.domain.ids import BindingId
from maskservice.domain.names import mask_name
from maskservice.domain.phone import PhoneNumber, PhoneReading
from maskservice.services.content import Recipient, open_recipient, printable_address, seal_content
from maskservice.services.endings import load_own, write_end
from maskservice.services.judging import judged_phone
from maskservice.services.ports import Ports, RowCipher, UnitOfWork
from maskservice.services.records import StoredBinding, Tenant
from maskservice.services.views import BindingView, open_view


class Unchanged(Enum):
    """Stands for a field that the request did not name; None is a value of its own."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
_Unchanged = Literal[Unchanged.UNCHANGED]


@dataclass(frozen=True, slots=True)
class ChangeBinding:
    """What a PATCH names. ``address``, ``waybill``, ``metadata`` and ``call_rules`` may be None: taken away."""

    tenant: Tenant
    binding_id: BindingId
    name: str | _Unchanged = field(default=UNCHANGED, repr=False)
    phone: PhoneReading | _Unchanged = field(default=UNCHANGED, repr=False)
    address: str | _Unchanged | None = field(default=UNCHANGED, repr=False)
    waybill: str | _Unchanged | None = UNCHANGED
    metadata: dict[str, Any] | _Unchanged | None = field(default=UNCHANGED, repr=False)
    expires_in: int | None = None
    expires_at: datetime | None = None
    call_rules: BindingRules | _Unchanged | None = UNCHANGED


def deliver_binding(
    tenant: Tenant, binding_id: BindingId, *, delivered_at: datetime | None, ports: Ports
) -> BindingView:
    """Delivery reported: dies at delivery + the tenant's grace. Again: unchanged. Raises NotFound, BindingNotLive,
    InvalidContent."""

    def step(binding: Binding, now: datetime) -> Binding:
        return rules.delivered(binding, delivered_at=delivered_at or now, now=now, grace=tenant.policy.grace)

    return _step(tenant, binding_id, step, ports)


def lock_binding(tenant: Tenant, binding_id: BindingId, *, reason: str | None, ports: Ports) -> BindingView:
    """Frozen at once: no call is connected until it is unlocked. The reason is kept sealed. Raises NotFound,
    BindingNotLive."""
    with ports.unit() as uow:
        now = ports.clock.now()
        stored = load_own(tenant.id, binding_id, uow, now, change=True)
        after = rules.locked(stored.binding, now)
        if after is not stored.binding:
            uow.bindings.save(after)
            content = stored.content
            if content is not None and reason is not None:
                row = _row(stored, ports)
                uow.bindings.save_content(binding_id, replace(content, lock_reason=row.seal("lock_reason", reason)))
        uow.commit()
        return open_view(replace(stored, binding=after), cipher=ports.cipher, now=now)


def unlock_binding(tenant: Tenant, binding_id: BindingId, *, ports: Ports) -> BindingView:
    """Back to what it was. Raises NotFound, BindingNotLive when it is not locked."""
    return _step(tenant, binding_id, rules.unlocked, ports)


def release_binding(tenant: Tenant, binding_id: BindingId, *, ports: Ports) -> None:
    """Ended by hand at once; again: nothing. Raises NotFound, BindingNotLive when it had expired."""
    _step(tenant, binding_id, rules.released, ports)


def change_binding(command: ChangeBinding, ports: Ports) -> BindingView:
    """Changes what the request names, all or nothing. Raises NotFound, BindingNotLive, InvalidContent."""
    with ports.unit() as uow:
        now = ports.clock.now()
        stored = load_own(command.tenant.id, command.binding_id, uow, now, change=True)
        rules.require_changeable(stored.binding, now)
        after = replace(stored, binding=_changed_facts(command, stored.binding, now=now))
        warnings: tuple[str, ...] = ()
        if command.name is not UNCHANGED or _content_is_named(command):
            after, warnings = _changed_content(command, after, uow=uow, ports=ports)
        uow.bindings.save(after.binding)
        _shorten_contact(stored.binding, after.binding, uow)
        if after.binding.waybill != stored.binding.waybill:
            binding = after.binding
            uow.orders.set_waybill(binding.tenant_id, binding.order_id, binding=binding.id, waybill=binding.waybill)
        uow.commit()
        return replace(open_view(after, cipher=ports.cipher, now=now), warnings=warnings)


def _step(
    tenant: Tenant, binding_id: BindingId, step: Callable[[Binding, datetime], Binding], ports: Ports
) -> BindingView:
    with ports.unit() as uow:
        now = ports.clock.now()
        stored = load_own(tenant.id, binding_id, uow, now, change=True)
        after = step(stored.binding, now)
        if after is not stored.binding:
            # A delivery reported late can set the end into the past: then it is dead now, and stored so.
            after = rules.expired(after, now)
            if after.status in rules.ENDED:
                write_end(after, uow)
            else:
                uow.bindings.save(after)
                _shorten_contact(stored.binding, after, uow)
        uow.commit()
        return open_view(replace(stored, binding=after), cipher=ports.cipher, now=now)


def _shorten_contact(before: Binding, after: Binding, uow: UnitOfWork) -> None:
    """A contact never outlives its binding."""
    if after.expires_at < before.expires_at:
        uow.contacts.shorten(after.id, until=after.expires_at)


def _row(stored: StoredBinding, ports: Ports) -> RowCipher:
    wrapped = b"" if stored.content is None else stored.content.wrapped_key
    return ports.cipher.open_row(stored.binding.tenant_id, str(stored.binding.id), wrapped)


def _content_is_named(command: ChangeBinding) -> bool:
    return any(value is not UNCHANGED for value in (command.phone, command.address, command.metadata))


def _changed_facts(command: ChangeBinding, binding: Binding, *, now: datetime) -> Binding:
    policy = command.tenant.policy
    if command.expires_in is not None or command.expires_at is not None:
        moment = rules.resolve_expiry(
            now=now,
            expires_in=command.expires_in,
            expires_at=command.expires_at,
            default=policy.default_life,
            longest=policy.longest_life,
        )
        binding = replace(binding, expires_at=moment)
    if command.waybill is not UNCHANGED:
        binding = replace(binding, waybill=command.waybill)
    if command.call_rules is not UNCHANGED:
        rules_given = command.call_rules
        binding = replace(binding, call_rules=None if rules_given is None else rules_given.or_none())
    if command.name is not UNCHANGED:
        binding = replace(binding, masked_name=mask_name(command.name, mask=policy.mask, latin_mask=policy.latin_mask))
    return binding


def _changed_content(
    command: ChangeBinding, stored: StoredBinding, *, uow: UnitOfWork, ports: Ports
) -> tuple[StoredBinding, tuple[str, ...]]:
    """Seals everything anew under the same data key: the contact and the first answer are sealed under it too. With
    the warnings: the address is looked at again, since a new phone may stand in the old one."""
    before = open_recipient(stored, ports.cipher)
    phone: PhoneNumber = before.phone
    if command.phone is not UNCHANGED:
        phone = judged_phone(command.phone, command.tenant, uow, ports)
    typed = before.address if command.address is UNCHANGED else command.address
    address, warnings = printable_address(typed, phone)
    recipient = Recipient(
        name=before.name if command.name is UNCHANGED else command.name,
        phone=phone,
        address=address,
        metadata=before.metadata if command.metadata is UNCHANGED else command.metadata,
    )
    binding, old = stored.binding, stored.content
    row = _row(stored, ports)
    content = seal_content(recipient, row, index=ports.index, virtual_number=binding.id.virtual_number)
    if old is not None:
        content = replace(content, lock_reason=old.lock_reason)
        if content.phone_mark != old.phone_mark:
            # A recipient's pass leads to the courier. To whom is the recipient no more it would lead to the new one.
            uow.passes.withdraw(binding.id, old.phone_mark)
    uow.bindings.save_content(binding.id, content)
    return StoredBinding(binding, content), warnings


__all__ = [
    "UNCHANGED",
    "ChangeBinding",
    "change_binding",
    "deliver_binding",
    "lock_binding",
    "release_binding",
    "unlock_binding",
]
