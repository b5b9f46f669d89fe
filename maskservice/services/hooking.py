"""A call asks a tenant's hook: outside of every unit of work, with an answer that holds for this one decision only.

Answers for: what is told to a hook, its answer being used for the same binding and party within seconds or not at all,
and no call asking without end. Must not know: HTTP, SQL, the rules (``domain/hook_rules.py``).
The unit that decided is left without a commit; with the answer in hand everything is looked up and decided again, so
that nothing a hook said outlives a release, a lock or another extension that came meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from maskservice.domain.call import InboundCall, Thread
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.domain.hook_rules import Subject, ruled, subject_of
from maskservice.domain.hooks import FailurePolicy, HookFailure, HookKind, HookRequest, HookVerdict, Reading, read_reply
from maskservice.domain.ids import CallId
from maskservice.domain.question import Question
from maskservice.domain.ruling import Facts, Ruling
from maskservice.services.hooks import open_hook
from maskservice.services.ports import Ports

GOOD_FOR: Final = timedelta(seconds=5)
_MOST_ASKED: Final = 2


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """For metrics and logs. ``seconds``: how long the call waited for it."""

    kind: HookKind
    verdict: HookVerdict
    failure: HookFailure | None
    seconds: float
    tenant_id: str


@dataclass(frozen=True, slots=True)
class HookQuestion:
    """A decision that has to ask first. ``call_id``: the id that the call will have, if it is recorded after this."""

    subject: Subject
    call_id: CallId
    leg: int
    caller_tail: str | None
    direction: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer to what was asked ``at``. ``reading`` is None where the hook was taken away meanwhile: then there is
    nothing to ask."""

    subject: Subject
    call_id: CallId
    reading: Reading | None
    policy: FailurePolicy | None
    at: datetime
    outcomes: tuple[HookOutcome, ...] = ()


def settle(
    ruling: Ruling,
    said: Said | None,
    *,
    question: Question,
    facts: Facts,
    thread: Thread,
    call: InboundCall,
    call_id: CallId,
    now: datetime,
) -> Ruling | HookQuestion:
    """The decision as it stands after the hook, or the question that must be asked first."""
    subject = subject_of(question, facts, ruling, now=now)
    if subject is None:
        return ruling
    if said is None or not subject.is_same(said.subject) or not timedelta() <= now - said.at <= GOOD_FOR:
        tail = None if call.caller is None else call.caller.last3
        return HookQuestion(subject, call_id, thread.legs + 1, tail, ruling.direction)
    if said.reading is None or facts.line is None:
        return ruling
    return ruled(
        subject, said.reading, said.policy, question=question, line=facts.line, ruling=ruling, thread=thread, now=now
    )


def ask_hook(question: HookQuestion, ports: Ports, *, before: Said | None) -> Said:
    """Asks, with no unit open. ``before``: what the same request asked already; where things change under it a second
    time it gets the neutral sentence, not a third second of waiting. Raises DatabaseUnavailable, KeyMissing,
    SealBroken."""
    outcomes = () if before is None else before.outcomes
    if len(outcomes) >= _MOST_ASKED:
        raise DatabaseUnavailable("The binding changed every time that its hook was asked.")
    subject = question.subject
    tenant_id = subject.met.binding.tenant_id
    with ports.unit(write=False) as uow:
        hook = uow.hooks.get(tenant_id, subject.kind)
    if hook is None:
        return Said(subject, question.call_id, None, None, ports.clock.now(), outcomes)
    url, secret = open_hook(hook, ports)
    asked_at = ports.clock.now()
    body = json.dumps(_told(question, asked_at), ensure_ascii=False, separators=(",", ":")).encode()
    reply = ports.hook_line.ask(
        HookRequest(hook.id, url, secret, f"{question.call_id}:{question.leg}:{subject.kind}", asked_at, body)
    )
    reading = read_reply(subject.kind, reply)
    outcome = HookOutcome(subject.kind, reading.verdict, reading.failure, reply.seconds, tenant_id)
    return Said(subject, question.call_id, reading, hook.on_failure, asked_at, (*outcomes, outcome))


def _told(question: HookQuestion, at: datetime) -> dict[str, Any]:
    """The tenant's own facts, and of the caller three digits: never a number."""
    subject, binding = question.subject, question.subject.met.binding
    caller = None if question.caller_tail is None else {"last3": question.caller_tail}
    told: dict[str, Any] = {
        "type": f"call.{subject.kind}",
        "call_id": str(question.call_id),
        "binding_id": str(binding.id),
        "order_id": binding.order_id,
        "virtual_number": binding.id.virtual_number,
    }
    if subject.kind is HookKind.BEFORE_CONNECT:
        told |= {"direction": question.direction, "party": str(subject.party), "caller": caller}
    else:
        known_as = {"is": str(subject.party)}
        told |= {"reason": str(binding.status_at(at)), "caller": known_as if caller is None else caller | known_as}
    return told | {"at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


__all__ = ["HookOutcome", "HookQuestion", "Said", "ask_hook", "settle"]
