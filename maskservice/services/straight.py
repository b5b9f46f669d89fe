"""The straight way of a leg: one read, one decision, one write, and no lock between them.

Answers for: taking it only where nothing else has to be asked or counted on the way, and writing nothing where what was
read has changed by then. Must not know: SQL, a PBX's format, the rules.
What makes it right without a lock: whoever is connected must be, when it is written, at the turn at which his state was
read; a wrong try and a reach raise it. So of guesses that are sent at once those that come too late go the long way
(``calls.py``), behind each other. Who may be connected is read for every leg anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from maskservice.domain.call import Connect, Line, Outcome, Party
from maskservice.domain.guard import CallerState
from maskservice.domain.ids import CallId
from maskservice.domain.question import Keyed, question_of
from maskservice.domain.routing import decide
from maskservice.domain.ruling import Ruling
from maskservice.services.answering import Routed, answer_of, neutral, thread_of
from maskservice.services.call_memory import Courier, Webhook, contact_with, receipt_of, record_of
from maskservice.services.guarding import Alarm, GuardedCaller, is_asked_of_guard, state_after_reach
from maskservice.services.hooking import HookQuestion, settle
from maskservice.services.leg_records import GuardTurn, LegWritten, Opening, Remembered
from maskservice.services.opening import OpenedLeg, open_leg
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Met

TOUCHED_AFTER: Final = timedelta(days=1)
"""A caller who changes nothing is noted as seen again after this, so that he is not forgotten while he calls."""


class PbxUnconfirmed(Exception):
    """The secrets by which the webhook was checked are no longer the PBX's, or nothing was read that could tell: check
    it again, by what the database says."""


def straight(webhook: Webhook, virtual_number: str, ports: Ports) -> Routed | HookQuestion | None:
    """The answer; or a question where a tenant's hook must be asked first; or None where the leg needs the long way.
    Only with an answer anything is written.

    Raises PbxUnconfirmed; DatabaseUnavailable, KeyMissing, SealBroken.
    """
    now = ports.clock.now()
    with ports.unit(whole=True) as uow:
        opened = open_leg(webhook, virtual_number, now=now, uow=uow, ports=ports)
        opening = None if opened is None else opened.opening
        if webhook.pbx_revision is not None:
            revision = uow.pbxs.revision(webhook.pbx_id) if opening is None else opening.pbx_revision
            if revision != webhook.pbx_revision:
                raise PbxUnconfirmed
        if opened is None:
            return None
        if opening is None:
            return Routed(neutral(), Outcome.UNAVAILABLE)
        routed = _decided(webhook, opened, opening, now=now, uow=uow, ports=ports)
        if isinstance(routed, Routed):
            uow.commit()
    return routed


def _decided(
    webhook: Webhook, opened: OpenedLeg, opening: Opening, *, now: datetime, uow: UnitOfWork, ports: Ports
) -> Routed | HookQuestion | None:
    call, question, line, remembered = webhook.call, opened.question, opening.found.line, opening.caller
    thread = thread_of(opening.legs, line.virtual_number)
    if opening.is_known or thread.ended or question_of(call, thread) != question:
        return None
    facts, found = opened.facts(opening)
    is_asked = is_asked_of_guard(question, line, facts)
    if is_asked:
        facts = replace(facts, caller=remembered.state)
    ruling = decide(question, facts, thread=thread, caller_known=call.caller is not None, now=now)
    call_id = opening.legs[0].call if opening.legs else _new_call(line, now, ports)
    settled = settle(ruling, None, question=question, facts=facts, thread=thread, call=call, call_id=call_id, now=now)
    if isinstance(settled, HookQuestion):
        return settled
    if _needs_more(found, ruling, now=now):
        return None
    caller = GuardedCaller(opened.key.guard_key, opened.who.caller is None, facts.caller)
    after = state_after_reach(ruling, line, caller, now=now)
    turn = _turn(ruling, line, caller, after, remembered, now=now) if is_asked else None
    answer = answer_of(ruling.decision, line, found, uow=uow, ports=ports)
    receipt = receipt_of(webhook, call_id, opening.legs, ruling, now=now)
    keyed = isinstance(question, Keyed)
    record = record_of(webhook, receipt, ruling, pool_id=line.pool_id, guard_key=caller.key, keyed=keyed)
    written = LegWritten(receipt, record, not opening.legs, turn)
    met = _met(ruling, found)
    if ruling.remember_caller and met is not None and call.caller is not None and opened.who.mark is not None:
        courier = Courier(call.caller, opened.who.mark, caller.key, enrolled=ruling.trusted)
        contact = contact_with(met, courier, call=call_id, now=now, ports=ports)
        takes_over = met.contact is not None and met.contact.withdrawn
        written = replace(written, contact=contact, takes_over=takes_over)
    if not uow.legs.write(written):
        return None
    alarms = (Alarm.CALLER_BLOCKED,) if after.is_blocked(now) and not caller.state.is_blocked(now) else ()
    return Routed(answer, record.outcome, ruling.direction or "none", alarms=alarms, pool_id=line.pool_id)


def _turn(
    ruling: Ruling, line: Line, caller: GuardedCaller, after: CallerState, remembered: Remembered, *, now: datetime
) -> GuardTurn | None:
    """Whoever is connected must still be as he was read: of a right guess among wrong ones that are sent with it
    nobody can say that it came first. But for the one who reached this recipient last, who knows the extension."""
    contact = None if ruling.concerns is None else ruling.concerns.contact
    guesses = isinstance(ruling.decision, Connect) and (contact is None or contact.caller != caller.key)
    is_old = remembered.seen_at is not None and now - remembered.seen_at > TOUCHED_AFTER
    # Of a caller who is not known there is no row that could be looked at: it is made, by one of them.
    changes = after != caller.state or is_old or (guesses and remembered.turn is None)
    if not changes and not guesses:
        return None
    return GuardTurn(line.pool_id, caller.key, after, remembered.turn, now, changes=changes)


def _new_call(line: Line, now: datetime, ports: Ports) -> CallId:
    return CallId.new(line.virtual_number, now=now, randomness=ports.randomness.randbytes(10))


def _needs_more(found: Sequence[Met], ruling: Ruling, *, now: datetime) -> bool:
    """Whether something must be counted or ended on the way: a wrong try, a call of the day's budget, a death that
    nobody has written yet."""
    if ruling.wrong_try or any(met.stored.binding.needs_end(now) for met in found):
        return True
    concerns = ruling.concerns
    if isinstance(ruling.decision, Connect):
        if _met(ruling, found) is None:
            return True
        counted = concerns is not None and concerns.calls.calls_per_day is not None
        return counted and ruling.decision.party is Party.RECIPIENT
    return False


def _met(ruling: Ruling, found: Sequence[Met]) -> Met | None:
    if ruling.concerns is None:
        return None
    wanted = ruling.concerns.binding.id
    return next((met for met in found if met.stored.binding.id == wanted), None)


__all__ = ["PbxUnconfirmed", "straight"]
