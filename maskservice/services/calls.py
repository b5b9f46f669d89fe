"""A PBX asks what to do with a call: one look-up, one pure decision, one commit.
Answers for: the legs of a call knowing each other, a retried webhook getting the same answer, the contact and the
record being written with
the decision. Must not know: a PBX's format, SQL. The real number is opened last of all and leaves only inside the
answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from maskservice.domain.call import (
    Answer,
    Bridge,
    BridgeEnd,
    Connect,
    Decision,
    Gather,
    Hangup,
    Line,
    Outcome,
    Party,
    Thread,
)
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.domain.ids import BindingId, CallId
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import DEFAULT_LANGUAGE, Prompt, PromptId, say, say_whisper
from maskservice.domain.question import Choice, Keyed, question_of
from maskservice.domain.routing import decide
from maskservice.services.call_events import note_bridge
from maskservice.services.call_memory import (
    SILENT,
    Courier,
    Webhook,
    receipt_of,
    record_of,
    remember_courier,
    without_number,
)
from maskservice.services.content import open_phone
from maskservice.services.endings import end_seen
from maskservice.services.facts import look_up, who_calls
from maskservice.services.guarding import Alarm, ask_guard, tell_guard, within_day
from maskservice.services.hooking import HookOutcome, HookQuestion, Said, ask_hook, settle
from maskservice.services.lookup import care_line_of, reachable
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Met, Receipt

_RACES = 10


@dataclass(frozen=True, slots=True)
class Routed:
    """The answer, and what metrics and logs are told: outcome, direction, whether it was a retry, the guard's alarms
    and the pool that they are about, how the call ended where this leg told it, the hooks that were asked. It holds no
    number."""

    answer: Answer
    outcome: str
    direction: str = "none"
    replayed: bool = False
    alarms: tuple[Alarm, ...] = ()
    pool_id: str | None = None
    ended: BridgeEnd | None = None
    hooked: tuple[HookOutcome, ...] = ()


def neutral(language: str = DEFAULT_LANGUAGE) -> Hangup:
    """The one answer for whatever cannot be answered."""
    return Hangup(say(PromptId.GOODBYE, language=language))


def route_call(webhook: Webhook, ports: Ports) -> Routed:
    """Decides one leg and remembers it. A number that is none of ours is hung up on and leaves nothing behind.

    Raises DatabaseUnavailable, KeyMissing, SealBroken: the entrance then answers with :func:`neutral`.
    """
    dialled = webhook.call.dialled
    if dialled is None:
        return Routed(neutral(), Outcome.UNAVAILABLE)
    webhook = without_number(webhook, ports)
    said: Said | None = None
    for _ in range(_RACES):
        with ports.unit() as uow:
            routed = _leg(webhook, dialled.virtual_number, uow, ports, said)
            if isinstance(routed, Routed):
                uow.commit()
                return routed if said is None else replace(routed, hooked=said.outcomes)
        if routed is not None:
            said = ask_hook(routed, ports, before=said)
    raise DatabaseUnavailable("Other requests of the same call were faster every time.")


def _leg(
    webhook: Webhook, virtual_number: str, uow: UnitOfWork, ports: Ports, said: Said | None
) -> Routed | HookQuestion | None:
    """One try; None where another request of the same call was written in between and everything must be looked at
    again; a question where a tenant's hook must be asked first, which may take a second: nothing is written then."""
    now = ports.clock.now()
    call = webhook.call
    receipts = uow.receipts.thread(virtual_number, webhook.pbx_id, call.pbx_call_id, webhook.webhook_id)
    for receipt in receipts:
        if receipt.webhook_id == webhook.webhook_id:
            if receipt.pbx_call_id != call.pbx_call_id:
                # Two calls under one webhook id: one of them would get the other's recipient.
                return Routed(neutral(), Outcome.UNAVAILABLE)
            return _replay(receipt, now=now, uow=uow, ports=ports)
    legs = [each for each in receipts if each.pbx_call_id == call.pbx_call_id]
    thread = _thread_of(legs, virtual_number)
    question = question_of(call, thread)
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
    answer = _answer(ruling.decision, line, found, uow=uow, ports=ports)
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
        met = _met(ruling.concerns.binding.id, found, uow)
        remember_courier(met, courier, call=call_id, now=now, uow=uow, ports=ports)
    return Routed(
        answer,
        record.outcome,
        ruling.direction or "none",
        alarms=alarms,
        pool_id=line.pool_id,
        ended=call.bridge_ended if ended else None,
    )


def _thread_of(legs: Sequence[Receipt], virtual_number: str) -> Thread:
    if not legs:
        return Thread()
    last = legs[-1]
    menu = tuple(BindingId(virtual_number, key) for key in last.menu)
    connected = None
    if last.action == "connect" and last.party is not None and last.binding is not None:
        connected = Connect(Party(last.party), BindingId(virtual_number, last.binding))
    return Thread(
        len(legs), last.tries_used, menu, ended=last.action != "gather", pending=last.pending, connected=connected
    )


def _call_id(legs: Sequence[Receipt], said: Said | None) -> CallId | None:
    """The id that the call has already: from its first leg, or as a hook was told it."""
    return legs[0].call if legs else None if said is None else said.call_id


def _met(binding_id: BindingId, found: Sequence[Met], uow: UnitOfWork) -> Met:
    for met in found:
        if met.stored.binding.id == binding_id:
            return met
    one = uow.calls.line_and_binding(binding_id)
    if one is None or one[1] is None:
        raise DatabaseUnavailable("The binding is gone.")
    return one[1]


def _answer(decision: Decision, line: Line, found: Sequence[Met], *, uow: UnitOfWork, ports: Ports) -> Answer:
    if not isinstance(decision, Connect):
        return decision
    met = _met(decision.binding, found, uow)
    number = _number_of(decision.party, met, ports)
    policy = met.tenant.policy.calls
    # A switchboard's extension is keyed after the answer: who is meant is not there yet.
    whispers = policy.whisper and decision.party is Party.RECIPIENT and number.extension is None
    return Bridge(
        to=number,
        caller_id=decision.binding.virtual_number,
        post_dial_digits=number.extension,
        ring_timeout_s=policy.ring_timeout_s,
        max_duration_s=policy.max_duration_s,
        whisper=say_whisper(met.tenant.name, language=line.calls.language) if whispers else None,
    )


def _number_of(party: Party, met: Met, ports: Ports) -> PhoneNumber:
    """The one way out of a real number."""
    binding, content = met.stored.binding, met.stored.content
    if party is Party.CARE_LINE:
        return care_line_of(met.tenant, ports.cipher)
    if content is None:
        raise DatabaseUnavailable("The binding is purged.")
    row = ports.cipher.open_row(binding.tenant_id, str(binding.id), content.wrapped_key)
    if party is Party.COURIER and met.contact is not None:
        return open_phone(met.contact.phone, row, "contact")
    return open_phone(content.phone, row)


def _replay(receipt: Receipt, *, now: datetime, uow: UnitOfWork, ports: Ports) -> Routed:
    """The same answer to the same webhook. A connect is opened anew: where the binding has ended or been frozen
    since, nobody may be
    connected to it any more, not even by a retry, and the sentence is the neutral one."""
    if receipt.action == "connect" and receipt.binding is not None and receipt.party is not None:
        party = Party(receipt.party)
        one = uow.calls.line_and_binding(BindingId(receipt.virtual_number, receipt.binding))
        line, met = (None, None) if one is None else one
        if line is None or met is None:
            return Routed(neutral(), Outcome.UNAVAILABLE, replayed=True)
        gone = party is Party.COURIER and reachable(met, None).reached_by(now) is None
        binding = met.stored.binding
        # A hook forwarded a call about a binding that had ended by then: its end is no news, and the care line is the
        # tenant's.
        forwarded = party is Party.CARE_LINE and (binding.ended_at or binding.expires_at) <= receipt.received_at
        if gone or not (binding.is_live(now) or (forwarded and met.tenant.care_line is not None)):
            return Routed(neutral(line.calls.language), Outcome.UNAVAILABLE, replayed=True)
        answer = _answer(Connect(party, binding.id), line, (met,), uow=uow, ports=ports)
        return Routed(answer, Outcome.CONNECTING, replayed=True)
    if receipt.action == "gather" and receipt.prompt is not None:
        prompt_id = PromptId(receipt.prompt)
        language, text = receipt.language or DEFAULT_LANGUAGE, receipt.prompt_text
        prompt = say(prompt_id, language=language) if text is None else Prompt(prompt_id, text, language)
        gather = Gather(prompt, max_digits=receipt.max_digits or 1, attempts_left=receipt.attempts_left or 1)
        return Routed(gather, Outcome.ASKING, replayed=True)
    if receipt.prompt is not None and receipt.prompt_text is not None:
        told = Prompt(PromptId(receipt.prompt), receipt.prompt_text, receipt.language or DEFAULT_LANGUAGE)
        return Routed(Hangup(told), Outcome.UNAVAILABLE, replayed=True)
    answer = Hangup(None) if receipt.prompt == SILENT else neutral(receipt.language or DEFAULT_LANGUAGE)
    return Routed(answer, Outcome.UNAVAILABLE, replayed=True)


__all__ = ["Routed", "Webhook", "neutral", "route_call"]
