"""From checked bodies to the commands of the binding use cases.

Answers for: all field errors at once, the phone's own among them. Must not know: how a use case goes on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from maskservice.domain.binding import resolve_expiry
from maskservice.domain.call_policy import BindingRules
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.ids import BindingId
from maskservice.domain.phone import read_phone
from maskservice.services.batches import Faulty, Row
from maskservice.services.binding_steps import UNCHANGED, ChangeBinding
from maskservice.services.bindings import CreateBinding
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.judging import phone_fault, pool_fault
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.reopening import ReopenBinding
from maskservice.web.bodies import exclusive_errors, idempotent_request, read_object
from maskservice.web.schemas import check, read_moment
from maskservice.web.schemas_bindings import ChangeBindingBody, CreateBindingBody, ReopenBody
from maskservice.web.schemas_settings import CallRulesBody

PHONE = "/recipient/phone"


def read_create(tenant: Tenant, ports: Ports) -> CreateBinding:
    """Raises InvalidContent with every field error, and what reading a body raises."""
    content = read_object()
    body, errors = check(CreateBindingBody, content)
    errors += exclusive_errors(content)
    if body is None or errors:
        raise InvalidContent(errors + _judged_errors(content, errors, tenant, ports))
    return _creating(body, tenant, idempotent_request("POST /v1/bindings", content))


def read_row(content: object, tenant: Tenant, now: datetime) -> Row:
    """A row of a batch. Raises nothing: what is wrong with it is the row's own answer."""
    if not isinstance(content, dict):
        return Faulty((FieldError("", "wrong_type", "Send a JSON object."),))
    body, errors = check(CreateBindingBody, content)
    errors += exclusive_errors(content)
    if body is not None and not errors:
        return _creating(body, tenant, None)
    told = {error.pointer for error in errors}
    phone, pool = _phone_in(content, told), content.get("pool", "default")
    return Faulty(
        errors,
        phone=None if phone is None else read_phone(phone),
        pool=pool if isinstance(pool, str) and "/pool" not in told else None,
        more=_expiry_errors(content, told, tenant, now),
    )


def _creating(body: CreateBindingBody, tenant: Tenant, idempotency: IdempotentRequest | None) -> CreateBinding:
    recipient = body.recipient
    return CreateBinding(
        tenant=tenant,
        order_id=body.order_id,
        name=recipient.name,
        phone=read_phone(recipient.phone),
        address=_or_none(recipient.address),
        pool=body.pool,
        expires_in=body.expires_in,
        expires_at=body.expires_at,
        waybill=body.waybill,
        metadata=body.metadata,
        idempotency=idempotency,
        call_rules=rules_of(body.call_rules),
    )


def read_change(tenant: Tenant, binding_id: BindingId, ports: Ports) -> ChangeBinding:
    """A PATCH: what the body does not name stays. Raises InvalidContent with every error, and what reading raises."""
    content = read_object()
    body, errors = check(ChangeBindingBody, content)
    errors += exclusive_errors(content)
    if body is None or errors:
        raise InvalidContent(errors + _judged_errors(content, errors, tenant, ports))
    recipient = body.recipient
    named = body.model_fields_set | {f"recipient.{name}" for name in recipient.model_fields_set}
    return ChangeBinding(
        tenant=tenant,
        binding_id=binding_id,
        name=recipient.name if "recipient.name" in named else UNCHANGED,
        phone=read_phone(recipient.phone) if "recipient.phone" in named else UNCHANGED,
        address=_or_none(recipient.address) if "recipient.address" in named else UNCHANGED,
        waybill=body.waybill if "waybill" in named else UNCHANGED,
        metadata=body.metadata if "metadata" in named else UNCHANGED,
        expires_in=body.expires_in,
        expires_at=body.expires_at,
        call_rules=rules_of(body.call_rules) if "call_rules" in named else UNCHANGED,
    )


def read_reopen(tenant: Tenant, binding_id: BindingId) -> ReopenBinding:
    """Raises InvalidContent with every field error, and what reading a body raises."""
    content = read_object(optional=True)
    body, errors = check(ReopenBody, content)
    errors += exclusive_errors(content)
    if body is None or errors:
        raise InvalidContent(errors)
    return ReopenBinding(
        tenant=tenant,
        binding_id=binding_id,
        expires_in=body.expires_in,
        expires_at=body.expires_at,
        idempotency=idempotent_request(f"POST /v1/bindings/{binding_id}/reopen", content),
    )


def rules_of(body: CallRulesBody | None) -> BindingRules | None:
    return None if body is None else BindingRules(body.access, body.directions)


def _or_none(address: str | None) -> str | None:
    """A blank address is none: order systems send empty texts for what they do not have."""
    return address if address is not None and address.strip() else None


def _judged_errors(
    content: dict[str, Any], errors: tuple[FieldError, ...], tenant: Tenant, ports: Ports
) -> tuple[FieldError, ...]:
    """What would be refused next, in a request that is refused already."""
    told = {error.pointer for error in errors}
    return (
        *_phone_errors(content, told, tenant, ports),
        *_pool_errors(content, told, tenant, ports),
        *_expiry_errors(content, told, tenant, ports.clock.now()),
    )


def _phone_errors(content: dict[str, Any], told: set[str], tenant: Tenant, ports: Ports) -> tuple[FieldError, ...]:
    phone = _phone_in(content, told)
    fault = None if phone is None else phone_fault(read_phone(phone), tenant, ports)
    return () if fault is None else (fault,)


def _phone_in(content: dict[str, Any], told: set[str]) -> str | None:
    recipient = content.get("recipient")
    phone = recipient.get("phone") if isinstance(recipient, dict) else None
    return phone if isinstance(phone, str) and PHONE not in told else None


def _pool_errors(content: dict[str, Any], told: set[str], tenant: Tenant, ports: Ports) -> tuple[FieldError, ...]:
    pool = content.get("pool")
    if not isinstance(pool, str) or "/pool" in told:
        return ()
    fault = pool_fault(pool, tenant, ports)
    return () if fault is None else (fault,)


def _expiry_errors(content: dict[str, Any], told: set[str], tenant: Tenant, now: datetime) -> tuple[FieldError, ...]:
    expires_in, expires_at = content.get("expires_in"), content.get("expires_at")
    if told & {"/expires_in", "/expires_at"} or (expires_in is None and expires_at is None):
        return ()
    policy = tenant.policy
    try:
        resolve_expiry(
            now=now,
            expires_in=expires_in,
            expires_at=None if expires_at is None else read_moment(expires_at),
            default=policy.default_life,
            longest=policy.longest_life,
        )
    except InvalidContent as refusal:
        return refusal.errors
    return ()
