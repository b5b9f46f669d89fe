"""What is written of a call with its decision: the receipt, the record, the contact.

Answers for: what the next leg, a retry, the tenant and a call-back will find. Must not know: the decision's rules, SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from maskservice.domain.attempts import group_founded_by
from maskservice.domain.call import Connect, Gather, Hangup, InboundCall, Outcome
from maskservice.domain.causes import Cause, EndedBy
from maskservice.domain.ids import CallId
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import DEFAULT_LANGUAGE, Prompt, PromptId
from maskservice.domain.ruling import Ruling
from maskservice.services.content import holds_mobile, seal_phone
from maskservice.services.judging import can_be_bound
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import CallRecord, Met, Receipt, SealedContact


@dataclass(frozen=True, slots=True)
class Webhook:
    """An authenticated request of a PBX; ``webhook_id`` names the request, whatever the call. ``pbx_revision``: of the
    secrets that it was checked with, where those were kept in memory."""

    pbx_id: str
    webhook_id: str
    call: InboundCall
    pbx_revision: int | None = None


def call_name(pbx_call_id: str, ports: Ports) -> str:
    """The PBX's call id as it may be stored and shown: some PBXs make theirs of the caller's number, and then a keyed
    fingerprint stands for it, under which later legs and events find the call just as well."""
    if not holds_mobile(pbx_call_id):
        return pbx_call_id
    return "hidden-" + ports.index.fingerprint("call id", pbx_call_id.encode()).hex()[:32]


def without_number(webhook: Webhook, ports: Ports) -> Webhook:
    """The webhook with a call id and a webhook id that hold no phone number."""
    call = replace(webhook.call, pbx_call_id=call_name(webhook.call.pbx_call_id, ports))
    return replace(webhook, webhook_id=call_name(webhook.webhook_id, ports), call=call)


def receipt_of(webhook: Webhook, call_id: CallId, legs: Sequence[Receipt], ruling: Ruling, *, now: datetime) -> Receipt:
    last, concerns = (legs[-1] if legs else None), ruling.concerns
    # What the call met stays with it, also when a later try of it meets nothing.
    met = (None, None) if last is None else (last.binding, last.tenant_id)
    binding, tenant_id = met if concerns is None else (concerns.binding.id.key, concerns.binding.tenant_id)
    receipt = Receipt(
        virtual_number=call_id.virtual_number,
        pbx_id=webhook.pbx_id,
        pbx_call_id=webhook.call.pbx_call_id,
        leg=len(legs) + 1,
        webhook_id=webhook.webhook_id,
        received_at=now,
        call=call_id,
        action="hangup",
        tries_used=ruling.thread.tries_used,
        binding=binding,
        tenant_id=tenant_id,
        trace=(() if last is None else last.trace) + ruling.trace,
    )
    match ruling.decision:
        case Gather(prompt=prompt, max_digits=most, attempts_left=left):
            return replace(
                receipt,
                action="gather",
                prompt=prompt.id,
                prompt_text=prompt.text if ruling.thread.menu else None,
                max_digits=most,
                attempts_left=left,
                menu=tuple(each.key for each in ruling.thread.menu),
                pending=ruling.thread.pending,
                language=_spoken(prompt),
            )
        case Connect(party=party):
            return replace(receipt, action="connect", party=party)
        case Hangup(prompt=None):
            return replace(receipt, prompt=SILENT)
        case Hangup(prompt=Prompt(id=PromptId.FROM_TENANT, text=text) as said):
            return replace(receipt, prompt=PromptId.FROM_TENANT, prompt_text=text, language=_spoken(said))
        case Hangup(prompt=said):
            return receipt if said is None else replace(receipt, language=_spoken(said))


def _spoken(prompt: Prompt) -> str | None:
    return None if prompt.language == DEFAULT_LANGUAGE else prompt.language


SILENT = "silent"
"""Stands for the prompt of a hangup that says nothing."""

_OUTCOMES = {"gather": Outcome.ASKING, "connect": Outcome.CONNECTING, "hangup": Outcome.UNAVAILABLE}


def record_of(
    webhook: Webhook, receipt: Receipt, ruling: Ruling, *, pool_id: str, guard_key: bytes, keyed: bool
) -> CallRecord:
    """The record as this leg leaves it. ``guard_key``: the caller's. ``keyed``: the leg brought digits."""
    outcome, now = _OUTCOMES[receipt.action], receipt.received_at
    refused = outcome is Outcome.UNAVAILABLE
    return CallRecord(
        id=receipt.call,
        pbx_id=webhook.pbx_id,
        pbx_call_id=webhook.call.pbx_call_id,
        pool_id=pool_id,
        outcome=outcome,
        trace=receipt.trace,
        caller_tail=None if webhook.call.caller is None else webhook.call.caller.last3,
        tenant_id=receipt.tenant_id,
        binding=receipt.binding,
        direction=ruling.direction,
        party=receipt.party,
        tries_used=receipt.tries_used,
        connected_at=now if outcome is Outcome.CONNECTING else None,
        ended_at=now if refused else None,
        asked_at=now if outcome is Outcome.ASKING else None,
        keyed_at=now if keyed else None,
        cause=Cause.REFUSED if refused else None,
        ended_by=EndedBy.SERVICE if refused else None,
        caller=guard_key,
        attempt_group=group_founded_by(receipt.call, receipt.binding),
    )


@dataclass(frozen=True, slots=True)
class Courier:
    """Who reached a recipient: his number, its marks on this virtual number and for the guard, and whether he is one
    whom the tenant knows."""

    phone: PhoneNumber
    mark: bytes
    guard_key: bytes
    enrolled: bool


def remember_courier(met: Met, courier: Courier, *, call: CallId, now: datetime, uow: UnitOfWork, ports: Ports) -> None:
    """The contact is written at the connect decision: the recipient may miss the call and ring back."""
    contact = contact_with(met, courier, call=call, now=now, ports=ports)
    if contact is not None:
        uow.contacts.remember(contact, takes_over=met.contact is not None and met.contact.withdrawn)


def contact_with(met: Met, courier: Courier, *, call: CallId, now: datetime, ports: Ports) -> SealedContact | None:
    """What is remembered of the courier; it never outlives the binding. Who shows a number that the tenant would not
    bind either (premium rate, a country that is not allowed, nonsense) is not remembered: a call-back would ring
    whatever number he made up."""
    binding, content = met.stored.binding, met.stored.content
    if content is None or not can_be_bound(courier.phone, met.tenant):
        return None
    row = ports.cipher.open_row(binding.tenant_id, str(binding.id), content.wrapped_key)
    return SealedContact(
        binding_id=binding.id,
        mark=courier.mark,
        phone=seal_phone(courier.phone, row, "contact"),
        call=call.key,
        reached_at=now,
        expires_at=min(now + met.tenant.policy.contact_life, binding.expires_at),
        caller=courier.guard_key,
        enrolled=courier.enrolled,
    )
