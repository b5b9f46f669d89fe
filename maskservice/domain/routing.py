"""Who is connected to whom: the rules of a call, as functions of what is known.

Answers for: the decision with its trace (:func:`decide`).
Must not know: where the facts come from, how an answer is written, the real numbers.
Source: product.md 'A call'. Wrong, expired, locked and blocked take one path, so that the service is no oracle for
live extensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from maskservice.domain.call import (
    MENU_LENGTH,
    Connect,
    Decision,
    Direction,
    Gather,
    Hangup,
    Line,
    Party,
    Reachable,
    Thread,
    TraceStep,
)
from maskservice.domain.check_digit import passes_check
from maskservice.domain.guard import CallerState
from maskservice.domain.ids import BindingId
from maskservice.domain.prompts import MenuChoice, PromptId, order_tail, say, say_menu
from maskservice.domain.question import Bare, Choice, Keyed, Over, Question, Silence


@dataclass(frozen=True, slots=True)
class Facts:
    """What storage found. ``met``: the binding of the extension or menu key; ``own``: bindings whose recipient is
    the caller, newest first; ``caller_is_courier``: the caller has an unexpired contact on this number; ``passed``: the
    binding of his unexpired pass. ``caller``: what the guard remembers of him; it is asked when an extension is keyed
    or a pass is shown, a call-back is no guess."""

    line: Line | None
    met: Reachable | None = None
    own: tuple[Reachable, ...] = ()
    caller_is_courier: bool = False
    passed: Reachable | None = None
    caller: CallerState = field(default_factory=CallerState)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision, why, what it concerns and what must be remembered.

    ``concerns``: the binding met in whatever state. ``thread``: the call's memory after this leg.
    ``remember_caller``: the caller becomes the binding's contact. ``wrong_try``: the guard counts it.
    """

    decision: Decision
    trace: tuple[TraceStep, ...]
    thread: Thread
    direction: Direction | None = None
    concerns: Reachable | None = None
    remember_caller: bool = False
    wrong_try: bool = False


def decide(question: Question, facts: Facts, *, thread: Thread, caller_known: bool, now: datetime) -> Ruling:
    """The one decision. ``caller_known`` is False for a withheld number, which cannot be remembered for a call-back."""
    line = facts.line
    if line is None:
        return _end(thread, (TraceStep("line", "none"),))
    # One of our own numbers as the caller is spoofed or a loop: nobody could be reached under it.
    caller_known = caller_known and not line.caller_is_ours
    opening = TraceStep("line", "found")
    match question:
        case Over():
            return _end(thread, (opening, TraceStep("call", "over")))
        case Bare():
            return _bare(line, facts, thread=thread, opening=opening, caller_known=caller_known, now=now)
        case Silence():
            return _again(line, thread, (opening, TraceStep("digits", "none")), now=now)
        case Keyed(extension):
            steps = (opening, TraceStep("digits", "keyed"))
            well_formed = extension is not None and _well_formed(extension, line)
            met = facts.met if well_formed else None
        case Choice(binding):
            steps = (opening, TraceStep("menu", "none" if binding is None else "chosen"))
            # A menu is read to a recipient; whoever continues his call from another phone chooses nothing.
            met = facts.met if facts.met is not None and facts.met.is_recipient else None
    return _meet(line, met, thread=thread, steps=steps, caller=facts.caller, caller_known=caller_known, now=now)


def _well_formed(extension: str, line: Line) -> bool:
    return len(extension) == line.dialled_length and (not line.check_digit or passes_check(extension))


def _meet(
    line: Line,
    met: Reachable | None,
    *,
    thread: Thread,
    steps: tuple[TraceStep, ...],
    caller: CallerState,
    caller_known: bool,
    now: datetime,
) -> Ruling:
    """An extension was named: connect to its recipient, or, when it is the recipient who calls, to its last courier.

    A blocked caller and a stranger on a number that takes enrolled callers only go the way of a wrong extension; they
    are no wrong tries, since the extension was right.
    """
    if met is None:
        return _again(line, thread, (*steps, TraceStep("extension", "none")), now=now, wrong_try=True)
    tenant = met.binding.tenant_id
    status = met.binding.status_at(now)
    steps = (*steps, TraceStep("binding", str(status), tenant))
    if not met.binding.is_live(now):
        return _again(line, thread, steps, now=now, concerns=met, wrong_try=True)
    if met.is_recipient:
        return _to_courier((met,), thread=thread, steps=(*steps, TraceStep("caller", "recipient", tenant)), now=now)
    barred = _barred(line, caller, tenant, now=now)
    if barred is not None:
        return _again(line, thread, (*steps, barred), now=now, concerns=met)
    return _to_recipient(met, thread=thread, steps=steps, caller_known=caller_known)


def _barred(line: Line, caller: CallerState, tenant: str, *, now: datetime) -> TraceStep | None:
    """What keeps this caller from every recipient of the number."""
    if caller.is_blocked(now):
        return TraceStep("caller", "blocked", tenant)
    if line.state.is_enrolled_only(now):
        return TraceStep("number", "enrolled_only", tenant)
    return None


def _to_recipient(met: Reachable, *, thread: Thread, steps: tuple[TraceStep, ...], caller_known: bool) -> Ruling:
    tenant = met.binding.tenant_id
    return Ruling(
        Connect(Party.RECIPIENT, met.binding.id),
        (*steps, TraceStep("caller", "courier" if caller_known else "withheld", tenant)),
        _after(thread, ended=True),
        direction=Direction.TO_RECIPIENT,
        concerns=met,
        remember_caller=caller_known,
    )


def _bare(line: Line, facts: Facts, *, thread: Thread, opening: TraceStep, caller_known: bool, now: datetime) -> Ruling:
    """No digits. A pass comes before all other readings: who was tapped for a moment ago means that parcel, whatever
    else he is. To a dead binding it is none, and neither is it to the caller's own: nobody is connected to himself.

    Who is barred is read as if he had no pass. So he is asked for the extension like a stranger, and refused with it as
    ever; answering him otherwise would tell that he has a pass.
    """
    passed = facts.passed
    steps: tuple[TraceStep, ...] = (opening,)
    if passed is not None and passed.binding.is_live(now) and not passed.is_recipient:
        tenant = passed.binding.tenant_id
        steps = (opening, TraceStep("pass", "found", tenant))
        barred = _barred(line, facts.caller, tenant, now=now)
        if barred is None:
            status = TraceStep("binding", str(passed.binding.status_at(now)), tenant)
            return _to_recipient(passed, thread=thread, steps=(*steps, status), caller_known=caller_known)
        steps = (*steps, barred)
    return _call_back(line, facts, thread=thread, opening=steps, now=now)


def _call_back(line: Line, facts: Facts, *, thread: Thread, opening: tuple[TraceStep, ...], now: datetime) -> Ruling:
    """No digits and no pass: is it a recipient calling back? A courier of late and a switchboard are asked for the
    extension, like a stranger."""
    live = tuple(each for each in facts.own if each.binding.is_live(now))
    if not live:
        return _ask(line, thread, (*opening, TraceStep("recipient", "none")), now=now)
    if facts.caller_is_courier:
        return _ask(line, thread, (*opening, TraceStep("caller", "courier")), now=now)
    if any(each.shared_line for each in live):
        return _ask(line, thread, (*opening, TraceStep("caller", "shared_line")), now=now)
    steps = (*opening, *(TraceStep("recipient", "found", each.binding.tenant_id) for each in live))
    reached = _latest_first([each for each in live if each.reached_by(now)])
    couriers = {each.contact.mark for each in reached if each.contact is not None}
    if len(couriers) > 1:
        return _menu(line, reached[:MENU_LENGTH], thread, steps, now=now)
    return _to_courier(reached or live, thread=thread, steps=steps, now=now)


def _to_courier(orders: Sequence[Reachable], *, thread: Thread, steps: tuple[TraceStep, ...], now: datetime) -> Ruling:
    """To the last courier of the first order; without one to the first care line; without that, the neutral
    sentence."""
    first = orders[0]
    if first.reached_by(now):
        party, served, found = Party.COURIER, first, "courier"
    else:
        with_line = [each for each in orders if each.has_care_line]
        if not with_line:
            step = TraceStep("contact", "none", first.binding.tenant_id)
            return _end(thread, (*steps, step), direction=Direction.TO_COURIER, concerns=first)
        party, served, found = Party.CARE_LINE, with_line[0], "care_line"
    return Ruling(
        Connect(party, served.binding.id),
        (*steps, TraceStep("contact", found, served.binding.tenant_id)),
        _after(thread, ended=True),
        direction=Direction.TO_COURIER,
        concerns=served,
    )


def _menu(
    line: Line, orders: Sequence[Reachable], thread: Thread, steps: tuple[TraceStep, ...], *, now: datetime
) -> Ruling:
    menu = tuple(each.binding.id for each in orders)
    shops = {each.binding.tenant_id for each in orders}
    choices = tuple(
        MenuChoice(place, order_tail(each.binding.order_id), each.shop if len(shops) > 1 else None)
        for place, each in enumerate(orders, start=1)
    )
    gather = Gather(say_menu(choices), max_digits=1, attempts_left=_left(line, thread.tries_used, now))
    return Ruling(
        gather, (*steps, TraceStep("menu", "offered")), _after(thread, menu=menu), direction=Direction.TO_COURIER
    )


def _left(line: Line, used: int, now: datetime) -> int:
    """Tries left, at least the one being offered: an attacked number shortens them, also in a call under way."""
    return max(line.state.tries(line.guard, now) - used, 1)


def _ask(line: Line, thread: Thread, steps: tuple[TraceStep, ...], *, now: datetime) -> Ruling:
    gather = Gather(
        say(PromptId.ENTER_EXTENSION),
        max_digits=line.dialled_length,
        attempts_left=_left(line, thread.tries_used, now),
    )
    return Ruling(gather, steps, _after(thread))


def _again(
    line: Line,
    thread: Thread,
    steps: tuple[TraceStep, ...],
    *,
    now: datetime,
    concerns: Reachable | None = None,
    wrong_try: bool = False,
) -> Ruling:
    """The one path of everything that does not connect: one try less, the same words, in the end the neutral sentence.

    After a failed menu choice the extension is asked for: it is on the label, and it says the same as for anyone else.
    """
    used = thread.tries_used + 1
    if used >= line.state.tries(line.guard, now):
        return _end(thread, steps, concerns=concerns, tries_used=used, wrong_try=wrong_try)
    gather = Gather(say(PromptId.TRY_AGAIN), max_digits=line.dialled_length, attempts_left=_left(line, used, now))
    return Ruling(gather, steps, _after(thread, tries_used=used), concerns=concerns, wrong_try=wrong_try)


def _end(
    thread: Thread,
    steps: tuple[TraceStep, ...],
    *,
    direction: Direction | None = None,
    concerns: Reachable | None = None,
    tries_used: int | None = None,
    wrong_try: bool = False,
) -> Ruling:
    after = _after(thread, ended=True, tries_used=tries_used)
    goodbye = Hangup(say(PromptId.GOODBYE))
    return Ruling(goodbye, steps, after, direction=direction, concerns=concerns, wrong_try=wrong_try)


def _after(
    thread: Thread, *, tries_used: int | None = None, menu: tuple[BindingId, ...] = (), ended: bool = False
) -> Thread:
    return Thread(thread.legs + 1, thread.tries_used if tries_used is None else tries_used, menu, ended)


def _latest_first(orders: Sequence[Reachable]) -> list[Reachable]:
    return sorted(
        orders, key=lambda each: each.contact.reached_at if each.contact else each.binding.created_at, reverse=True
    )
