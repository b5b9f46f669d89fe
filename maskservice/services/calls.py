"""A PBX asks what to do with a call: the straight way where it serves, else the long one.

Answers for: the legs of a call knowing each other, a retried webhook getting the same answer, the contact and the
record being written with the decision. Must not know: a PBX's format, SQL.
The long way holds the caller's row from before the decision until the commit, and does whatever a leg may need: wrong
tries, budgets of the day, hooks, menus, deaths that are seen, the end of a bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from maskservice.domain.call import Connect, Outcome
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.domain.ids import CallId
from maskservice.domain.question import Choice, Keyed, question_of
from maskservice.domain.routing import decide
from maskservice.domain.ruling import Facts
from maskservice.services.answering import Routed, answer_of, met_in, neutral, thread_of
from maskservice.services.call_events import note_bridge
from maskservice.services.call_memory import (
    Courier,
    Webhook,
    receipt_of,
    record_of,
    remember_courier,
    without_number,
)
from maskservice.services.endings import end_seen
from maskservice.services.facts import look_up, who_calls
from maskservice.services.guarding import ask_guard, tell_guard, within_day
from maskservice.services.hooking import HookQuestion, Said, ask_hook, settle
from maskservice.services.opening import heard, open_leg
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Receipt
from maskservice.services.replaying import replay
from maskservice.services.straight import PbxUnconfirmed, straight

_RACES = 10


def route_call(webhook: Webhook, ports: Ports) -> Routed:
    """Decides one leg and remembers it. A number that is none of ours is hung up on and leaves nothing behind.

    Raises PbxUnconfirmed where the webhook was checked by secrets kept in memory and has to be checked again;
    DatabaseUnavailable, KeyMissing, SealBroken: the entrance then answers with :func:`neutral`.
    """
    dialled = webhook.call.dialled
    if dialled is None:
        if webhook.pbx_revision is not None:
            raise PbxUnconfirmed
        return Routed(neutral(), Outcome.UNAVAILABLE)
    webhook = without_number(webhook, ports)
    routed = straight(webhook, dialled.virtual_number, ports)
    if isinstance(routed, Routed):
        return routed
    said = None if routed is None else ask_hook(routed, ports, before=None)
    for _ in range(_RACES):
        with ports.unit() as uow:
            tried = _leg(webhook, dialled.virtual_number, uow, ports, said)
            if isinstance(tried, Routed):
                uow.commit()
                return tried if said is None else replace(tried, hooked=said.outcomes)
        if tried is not None:
            said = ask_hook(tried, ports, before=said)
    raise DatabaseUnavailable("Other requests of the same call were faster every time.")


def _leg(
    webhook: Webhook, virtual_number: str, uow: UnitOfWork, ports: Ports, said: Said | None
) -> Routed | HookQuestion | None:
    """One try; None where another request of the same call was written in between and everything must be looked at
    again; a question where a tenant's hook must be asked first, which may take a second: nothing is written then."""
    now = ports.clock.now()
    call = webhook.call
    opened = open_leg(webhook, virtual_number, now=now, uow=uow, ports=ports)
    receipts = heard(opened, webhook, virtual_number, uow)
    for receipt in receipts:
        if receipt.webhook_id == webhook.webhook_id:
            if receipt.pbx_call_id != call.pbx_call_id:
                # Two calls under one webhook id: one of them would get the other's recipient.
                return Routed(neutral(), Outcome.UNAVAILABLE)
            return replay(receipt, now=now, uow=uow, ports=ports)
    legs = [each for each in receipts if each.pbx_call_id == call.pbx_call_id]
    thread = thread_of(legs, virtual_number)
    question = question_of(call, thread)
    if opened is not None and question == opened.question:
        who = opened.who
        facts, found = (Facts(None), ()) if opened.opening is None else opened.facts(opened.opening)
    else:
        who = who_calls(call, question, virtual_number, ports)
        facts, found = look_up(question, virtual_number, who, now=now, uow=uow)
    line = facts.line
    if line is None:
        return Routed(neutral(), Outcome.UNAVAILABLE)
    caller = ask_guard(question, facts, who, webhook.pbx_id, now=now, uow=uow, ports=ports)
    facts = replace(facts, caller=caller.state)
    ruling = decide(question, facts, thread=thread, caller_known=call.caller is not None, now=now)
    call_id = _call_id(legs, said) or CallId.new(virtual_number, now=now, randomness=ports.randomness.randbytes(10))
    settled = settle(ruling, said, question=question, facts=facts, thread=thread, call=call, call_id=call_id, now=now)
    if isinstance(settled, HookQuestion):
        return settled
    # After the hook: a call that is vetoed counts for nothing.
    ruling = within_day(settled, line, thread, question=question, now=now, uow=uow)
    for met in found:
        end_seen(met.stored, uow, now)
    answer = answer_of(ruling.decision, line, found, uow=uow, ports=ports)
    receipt = receipt_of(webhook, call_id, legs, ruling, now=now)
    if not uow.receipts.add(receipt):
        return None
    ended = False
    keyed = isinstance(question, Keyed | Choice)
    record = record_of(webhook, receipt, ruling, pool_id=line.pool_id, guard_key=caller.key, keyed=keyed)
    if not legs:
        uow.calls.add(record)
    elif not thread.ended:
        uow.calls.save_leg(record)
    elif thread.connected is not None and call.bridge_ended is not None:
        then = record if isinstance(ruling.decision, Connect) else None
        ended = note_bridge(call_id, call.bridge_ended, then, at=now, uow=uow)
    alarms = tell_guard(ruling, line, caller, now=now, uow=uow)
    if ruling.remember_caller and ruling.concerns is not None and call.caller is not None and who.mark is not None:
        courier = Courier(call.caller, who.mark, caller.key, enrolled=ruling.trusted)
        met = met_in(ruling.concerns.binding.id, found, uow)
        remember_courier(met, courier, call=call_id, now=now, uow=uow, ports=ports)
    return Routed(
        answer,
        record.outcome,
        ruling.direction or "none",
        alarms=alarms,
        pool_id=line.pool_id,
        ended=call.bridge_ended if ended else None,
    )


def _call_id(legs: Sequence[Receipt], said: Said | None) -> CallId | None:
    """The id that the call has already: from its first leg, or as a hook was told it."""
    return legs[0].call if legs else None if said is None else said.call_id


__all__ = ["PbxUnconfirmed", "Routed", "Webhook", "neutral", "route_call"]
