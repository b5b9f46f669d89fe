"""Who is connected to whom: the rules of a call, as functions of what is known.

Answers for: the decision with its trace (:func:`decide`).
Must not know: where the facts come from, how an answer is written, the real numbers.
Source: product.md 'A call'. Wrong, expired, locked and blocked take one path, so that the service is no oracle for
live extensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from maskservice.domain.access import bar_to_courier, bar_to_recipient, goes_without_code, is_trusted
from maskservice.domain.call import MENU_LENGTH, Direction, Hangup, Line, Party, Reachable, Thread, TraceStep
from maskservice.domain.call_policy import Codes
from maskservice.domain.check_digit import passes_check
from maskservice.domain.prompts import order_tail
from maskservice.domain.question import Bare, Choice, Keyed, Over, Question, Silence, Star, Unreached
from maskservice.domain.ruling import (
    Facts,
    Ruling,
    Steps,
    again,
    ask,
    ask_for_code,
    ask_with_code,
    connect,
    end,
    offer_menu,
)


def decide(question: Question, facts: Facts, *, thread: Thread, caller_known: bool, now: datetime) -> Ruling:
    """The one decision. ``caller_known`` is False for a withheld number, which cannot be remembered for a call-back."""
    line = facts.line
    if line is None:
        return end(None, thread, (TraceStep("line", "none"),))
    # One of our own numbers as the caller is spoofed or a loop: nobody could be reached under it.
    caller_known = caller_known and not line.caller_is_ours
    opening = TraceStep("line", "found")
    match question:
        case Over(talked):
            ruling = end(line, thread, (opening, TraceStep("call", "over")))
            return replace(ruling, decision=Hangup(None)) if talked else ruling
        case Unreached(connected, outcome):
            missed = TraceStep(connected.party, outcome)
            return _not_reached(line, connected.party, facts.met, thread=thread, steps=(opening, missed), now=now)
        case Bare():
            return _bare(line, facts, thread=thread, opening=opening, caller_known=caller_known, now=now)
        case Star():
            return ask_with_code(line, thread, (opening, TraceStep("digits", "star")), now=now)
        case Silence():
            return again(line, thread, (opening, TraceStep("digits", "none")), now=now)
        case Keyed():
            return _keyed(question, line, facts, thread=thread, opening=opening, caller_known=caller_known, now=now)
        case Choice(binding):
            steps = (opening, TraceStep("menu", "none" if binding is None else "chosen"))
            # A menu is read to a recipient; whoever continues his call from another phone chooses nothing.
            met = facts.met if facts.met is not None and facts.met.is_recipient else None
            chosen = _meet(line, facts, met, thread=thread, steps=steps, caller_known=caller_known, now=now)
            # A key of the menu guesses nothing: the guard blocks nobody for it, and it is no part of a scan.
            return replace(chosen, wrong_try=False)


def _keyed(
    keyed: Keyed, line: Line, facts: Facts, *, thread: Thread, opening: TraceStep, caller_known: bool, now: datetime
) -> Ruling:
    well_formed = keyed.extension is not None and _well_formed(keyed.extension, line)
    met = facts.met if well_formed else None
    steps: Steps = (opening, TraceStep("digits", "keyed"))
    if keyed.code is None:
        known = goes_without_code(line, met, facts.caller, now=now)
        if line.calls.codes is Codes.ASKED and not keyed.asked and not known:
            # What cannot be an extension is not remembered: people key their own phone number.
            extension = keyed.extension if well_formed else None
            return ask_for_code(line, thread, steps, extension=extension or "", now=now)
        return _meet(line, facts, met, thread=thread, steps=steps, caller_known=caller_known, now=now)
    steps = (*steps, TraceStep("code", "keyed"))
    if met is not None and met.binding.is_live(now) and not met.is_recipient and not _is_pin(keyed.code, met):
        tenant = met.binding.tenant_id
        if keyed.code != order_tail(met.binding.order_id):
            wrong = (*steps, TraceStep("code", "wrong", tenant))
            return again(line, thread, wrong, now=now, concerns=met, wrong_try=True)
        # The recipient from another phone: he alone has the label and the order.
        steps = (*steps, TraceStep("code", "order", tenant))
        if facts.caller.is_blocked(now):
            return again(line, thread, (*steps, TraceStep("caller", "blocked", tenant)), now=now, concerns=met)
        return _to_courier(line, (met,), thread=thread, steps=steps, now=now)
    return _meet(line, facts, met, thread=thread, steps=steps, caller_known=caller_known, now=now)


def _is_pin(code: str, met: Reachable) -> bool:
    """A PIN of four digits may be the end of an order number too. Then it is the recipient's word, unless the phone is
    a courier's: one PIN meets one order in ten thousand so, but an order any of the tenant's PINs; and whoever is told
    by an order number must not come to the recipient by it."""
    return met.standing.by_code and (met.standing.enrolled or code != order_tail(met.binding.order_id))


def _well_formed(extension: str, line: Line) -> bool:
    return len(extension) == line.dialled_length and (not line.check_digit or passes_check(extension))


def _meet(
    line: Line,
    facts: Facts,
    met: Reachable | None,
    *,
    thread: Thread,
    steps: Steps,
    caller_known: bool,
    now: datetime,
) -> Ruling:
    """An extension was named: connect to its recipient, or, when it is the recipient who calls, to its last courier.

    Who is barred goes the way of a wrong extension; it is no wrong try, since the extension was right.
    """
    if met is None:
        return again(line, thread, (*steps, TraceStep("extension", "none")), now=now, wrong_try=True)
    tenant = met.binding.tenant_id
    steps = (*steps, TraceStep("binding", met.binding.status_at(now), tenant))
    if not met.binding.is_live(now):
        return again(line, thread, steps, now=now, concerns=met, wrong_try=True)
    if met.is_recipient:
        steps = (*steps, TraceStep("caller", "recipient", tenant))
        return _to_courier(line, (met,), thread=thread, steps=steps, now=now)
    barred = bar_to_recipient(line, met, facts.caller, now=now)
    if barred is not None:
        return again(line, thread, (*steps, barred), now=now, concerns=met)
    return _to_recipient(met, thread=thread, steps=steps, caller_known=caller_known)


def _to_recipient(met: Reachable, *, thread: Thread, steps: Steps, caller_known: bool) -> Ruling:
    standing = met.standing
    found = "enrolled" if standing.is_courier else "courier" if caller_known else "withheld"
    return connect(
        Party.RECIPIENT,
        met,
        thread=thread,
        steps=(*steps, TraceStep("caller", found, met.binding.tenant_id)),
        remember_caller=caller_known,
        trusted=is_trusted(met),
    )


def _bare(line: Line, facts: Facts, *, thread: Thread, opening: TraceStep, caller_known: bool, now: datetime) -> Ruling:
    """No digits. A pass comes before all other readings: who was tapped for a moment ago means that parcel, whatever
    else he is. To a dead binding it is none. Then the recipient's call-back; then a courier who reached one recipient
    within the hour, where the pool lets him in again.

    Who is barred is read as if he had no pass. So he is asked for the extension like a stranger, and refused with it as
    ever; answering him otherwise would tell that he has a pass.
    """
    steps: Steps = (opening,)
    for found, met in _known(line, facts, now):
        tenant = met.binding.tenant_id
        if met.is_recipient:
            # He tapped the link of this order: nobody is connected to himself.
            return _to_courier(line, (met,), thread=thread, steps=(*steps, TraceStep(found, "found", tenant)), now=now)
        steps = (*steps, TraceStep(found, "found", tenant))
        barred = bar_to_recipient(line, met, facts.caller, now=now)
        if barred is None:
            status = TraceStep("binding", met.binding.status_at(now), tenant)
            return _to_recipient(met, thread=thread, steps=(*steps, status), caller_known=caller_known)
        steps = (*steps, barred)
    return _call_back(line, facts, thread=thread, opening=steps, now=now)


def _known(line: Line, facts: Facts, now: datetime) -> Sequence[tuple[str, Reachable]]:
    """Whom a caller without digits may mean: his pass, or the one recipient whom he reached last."""
    passed = facts.passed
    if passed is not None and passed.binding.is_live(now):
        return (("pass", passed),)
    live = any(each.binding.is_live(now) for each in facts.own)
    if line.calls.repeat_call and len(facts.repeat) == 1 and facts.repeat[0].binding.is_live(now) and not live:
        return (("repeat", facts.repeat[0]),)
    return ()


def _call_back(line: Line, facts: Facts, *, thread: Thread, opening: Steps, now: datetime) -> Ruling:
    """No digits and no pass: is it a recipient calling back? A courier of late and a switchboard are asked for the
    extension, like a stranger."""
    live = tuple(each for each in facts.own if each.binding.is_live(now))
    if not live:
        return ask(line, thread, (*opening, TraceStep("recipient", "none")), now=now)
    if facts.caller_is_courier:
        return ask(line, thread, (*opening, *_each_tenant(live, "courier")), now=now)
    if shared := [each for each in live if each.shared_line]:
        return ask(line, thread, (*opening, *_each_tenant(shared, "shared_line")), now=now)
    steps = (*opening, *(TraceStep("recipient", "found", each.binding.tenant_id) for each in live))
    reached = _latest_first([each for each in live if each.reached_by(now)])
    couriers = {each.contact.mark for each in reached if each.contact is not None}
    if len(couriers) > 1:
        return offer_menu(line, reached[:MENU_LENGTH], thread, steps, now=now)
    return _to_courier(line, reached or live, thread=thread, steps=steps, now=now)


def _each_tenant(orders: Sequence[Reachable], found: str) -> Steps:
    """Who calls, told to the tenants whose recipient he is: to others he is a stranger."""
    tenants = dict.fromkeys(each.binding.tenant_id for each in orders)
    return tuple(TraceStep("caller", found, tenant) for tenant in tenants)


def _to_courier(line: Line, orders: Sequence[Reachable], *, thread: Thread, steps: Steps, now: datetime) -> Ruling:
    """To the last courier of the first order; without one, or where he may not be rung now, to the first care line;
    without that, the neutral sentence."""
    first = orders[0]
    if first.reached_by(now):
        barred = bar_to_courier(line, first, now=now)
        if barred is None:
            found = TraceStep("contact", "courier", first.binding.tenant_id)
            return connect(Party.COURIER, first, thread=thread, steps=(*steps, found))
        steps = (*steps, barred)
    return _to_care_line(line, orders, thread=thread, steps=steps)


def _to_care_line(line: Line, orders: Sequence[Reachable], *, thread: Thread, steps: Steps) -> Ruling:
    """Of the first order whose tenant has one."""
    for each in orders:
        if each.has_care_line:
            found = TraceStep("contact", "care_line", each.binding.tenant_id)
            return connect(Party.CARE_LINE, each, thread=thread, steps=(*steps, found))
    none = TraceStep("contact", "none", orders[0].binding.tenant_id)
    return end(line, thread, (*steps, none), direction=Direction.TO_COURIER, concerns=orders[0])


def _not_reached(
    line: Line, party: Party, met: Reachable | None, *, thread: Thread, steps: Steps, now: datetime
) -> Ruling:
    """The courier did not answer: his recipient gets the care line. Nobody else is put through anywhere."""
    if party is Party.COURIER and met is not None and met.binding.is_live(now):
        return _to_care_line(line, (met,), thread=thread, steps=steps)
    return end(line, thread, steps, concerns=met)


def _latest_first(orders: Sequence[Reachable]) -> list[Reachable]:
    return sorted(
        orders, key=lambda each: each.contact.reached_at if each.contact else each.binding.created_at, reverse=True
    )


__all__ = ["Facts", "Ruling", "decide"]
