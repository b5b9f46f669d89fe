"""From a decision to its answer, and what a call remembers of itself.

Answers for: the one way out of a real number, which is opened last of all and leaves only inside the answer. Must not
know: a PBX's format, SQL, how a leg is looked up or written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Connect, Decision, Hangup, Line, Party, Thread
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.domain.ids import BindingId
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import DEFAULT_LANGUAGE, PromptId, say, say_whisper
from maskservice.services.content import open_phone
from maskservice.services.guarding import Alarm
from maskservice.services.hooking import HookOutcome
from maskservice.services.lookup import care_line_of
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Met, Receipt


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


def thread_of(legs: Sequence[Receipt], virtual_number: str) -> Thread:
    """The call's memory, from the receipts of its legs."""
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


def met_in(binding_id: BindingId, found: Sequence[Met], uow: UnitOfWork) -> Met:
    for met in found:
        if met.stored.binding.id == binding_id:
            return met
    one = uow.calls.line_and_binding(binding_id)
    if one is None or one[1] is None:
        raise DatabaseUnavailable("The binding is gone.")
    return one[1]


def answer_of(decision: Decision, line: Line, found: Sequence[Met], *, uow: UnitOfWork, ports: Ports) -> Answer:
    if not isinstance(decision, Connect):
        return decision
    met = met_in(decision.binding, found, uow)
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
