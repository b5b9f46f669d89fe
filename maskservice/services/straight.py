"""The straight way of a leg: one read, one decision, one write, and no lock between them.

Answers for: taking it only where nothing else has to be asked or counted on the way, and writing nothing where what was
read has changed by then. Must not know: SQL, a PBX's format, the rules.
What makes it right without a lock: the caller's state is written by whoever read its last turn, so of guesses that are
sent at once one goes this way and the others the long one (``calls.py``), behind each other. Who may be connected is
read for every leg anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from maskservice.domain.call import Connect, Line, Outcome, Party
from maskservice.domain.ids import CallId
from maskservice.domain.question import Keyed, question_of
from maskservice.domain.routing import decide
from maskservice.domain.ruling import Ruling
from maskservice.services.answering import Routed, answer_of, neutral, thread_of
from maskservice.services.call_memory import Courier, Webhook, contact_with, receipt_of, record_of
from maskservice.services.guarding import Alarm, GuardedCaller, is_asked_of_guard, state_after_reach
from maskservice.services.hooking import HookQuestion, settle
from maskservice.services.leg_records import GuardTurn, LegWritten, Opening
from maskservice.services.opening import OpenedLeg, open_leg
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Met

TOUCHED_AFTER: Final = timedelta(days=1)
"""A caller who changes nothing is noted as seen again after this, so that he is not forgotten while he calls."""


class PbxChanged(Exception):
    """The secrets by which the webhook was checked are no longer the PBX's: check it again, by those of now."""


def straight(webhook: Webhook, virtual_number: str, ports: Ports) -> Routed | HookQuestion | None:
    """The answer; or a question where a tenant's hook must be asked first; or None where the leg needs the long way.
    Only with an answer anything is written.

    Raises PbxChanged; DatabaseUnavailable, KeyMissing, SealBroken.
    """
    now = ports.clock.now()
    with ports.unit(whole=True) as uow:
        opened = open_leg(webhook, virtual_number, now=now, uow=uow, ports=ports)
        opening = None if opened is None else opened.opening
        if webhook.pbx_revision is not None:
            revision = uow.pbxs.revision(webhook.pbx_id) if opening is None else opening.pbx_revision
            if revision != webhook.pbx_revision:
                raise PbxChanged
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
    is_old = is_asked and remembered.seen_at is not None and now - remembered.seen_at > TOUCHED_AFTER
    turn = GuardTurn(line.pool_id, caller.key, after, remembered.turn, now) if after != caller.state or is_old else None
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


__all__ = ["PbxChanged", "straight"]
