"""What a decision is made of, and the shapes that all decisions share: asking, trying again, ending.

Answers for: one path of everything that does not connect, so that the service is no oracle. Must not know: which rule
led there (``routing.py``, ``access.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from maskservice.domain.call import (
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
from maskservice.domain.call_policy import LONGEST_PIN, Codes
from maskservice.domain.guard import CallerState
from maskservice.domain.ids import BindingId
from maskservice.domain.prompts import MenuChoice, PromptId, order_tail, say, say_menu
from maskservice.domain.question import Bare, Keyed, Question

Steps = tuple[TraceStep, ...]
CODE_ROOM = 1 + LONGEST_PIN
"""Digits that a star and a code need beside an extension."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What storage found. ``met``: the binding of the extension or menu key, or the one that was not reached; ``own``:
    bindings whose recipient is the caller, newest first; ``caller_is_courier``: the caller has an unexpired contact on
    this number; ``passed``: the binding of his unexpired pass; ``repeat``: bindings whose recipient he reached last,
    within the hour, at most two. ``caller``: what the guard remembers of him; it is asked where he may be connected to
    a recipient, a call-back is no guess."""

    line: Line | None
    met: Reachable | None = None
    own: tuple[Reachable, ...] = ()
    caller_is_courier: bool = False
    passed: Reachable | None = None
    repeat: tuple[Reachable, ...] = ()
    caller: CallerState = field(default_factory=CallerState)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision, why, what it concerns and what must be remembered.

    ``concerns``: the binding met in whatever state. ``thread``: the call's memory after this leg.
    ``remember_caller``: the caller becomes the binding's contact. ``wrong_try``: the guard counts it. ``trusted``: the
    caller is a courier whom the tenant knows, or on its list: he has no limit of reach.
    """

    decision: Decision
    trace: Steps
    thread: Thread
    direction: Direction | None = None
    concerns: Reachable | None = None
    remember_caller: bool = False
    wrong_try: bool = False
    trusted: bool = False


def connect(
    party: Party,
    served: Reachable,
    *,
    thread: Thread,
    steps: Steps,
    remember_caller: bool = False,
    trusted: bool = False,
) -> Ruling:
    decision = Connect(party, served.binding.id)
    direction = Direction.TO_RECIPIENT if party is Party.RECIPIENT else Direction.TO_COURIER
    return Ruling(
        decision,
        steps,
        after(thread, ended=True, connected=decision),
        direction=direction,
        concerns=served,
        remember_caller=remember_caller,
        trusted=trusted,
    )


def ask(line: Line, thread: Thread, steps: Steps, *, now: datetime) -> Ruling:
    """For the extension, the first time."""
    return Ruling(_gather(line, PromptId.ENTER_EXTENSION, thread.tries_used, now), steps, after(thread))


def ask_for_code(line: Line, thread: Thread, steps: Steps, *, extension: str, now: datetime) -> Ruling:
    """For the PIN or the end of the order number, whatever the extension was: asking tells nothing."""
    gather = Gather(
        say(PromptId.ENTER_CODE, language=line.calls.language),
        max_digits=LONGEST_PIN,
        attempts_left=left(line, thread.tries_used, now),
    )
    return Ruling(gather, (*steps, TraceStep("code", "asked")), after(thread, pending=extension))


def ask_with_code(line: Line, thread: Thread, steps: Steps, *, now: datetime) -> Ruling:
    """For extension and code in one string, after a star alone. It costs no try: nothing was guessed."""
    gather = Gather(
        say(PromptId.ENTER_WITH_CODE, language=line.calls.language),
        max_digits=line.dialled_length + CODE_ROOM,
        attempts_left=left(line, thread.tries_used, now),
    )
    return Ruling(gather, steps, after(thread))


def offer_menu(line: Line, orders: Sequence[Reachable], thread: Thread, steps: Steps, *, now: datetime) -> Ruling:
    """One key an order, told by its tail, and by the shop where several stand in it."""
    shops = {each.binding.tenant_id for each in orders}
    choices = tuple(
        MenuChoice(place, order_tail(each.binding.order_id), each.shop if len(shops) > 1 else None)
        for place, each in enumerate(orders, start=1)
    )
    spoken = say_menu(choices, language=line.calls.language)
    gather = Gather(spoken, max_digits=1, attempts_left=left(line, thread.tries_used, now))
    thread = after(thread, menu=tuple(each.binding.id for each in orders))
    return Ruling(gather, (*steps, TraceStep("menu", "offered")), thread, direction=Direction.TO_COURIER)


def again(
    line: Line,
    thread: Thread,
    steps: Steps,
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
        return end(line, thread, steps, concerns=concerns, tries_used=used, wrong_try=wrong_try)
    gather = _gather(line, PromptId.TRY_AGAIN, used, now)
    return Ruling(gather, steps, after(thread, tries_used=used), concerns=concerns, wrong_try=wrong_try)


def refused(
    ruling: Ruling, step: TraceStep, line: Line, thread: Thread, *, question: Question, now: datetime
) -> Ruling:
    """A ruling that would have connected and may not, for what was found out after it: the way of a wrong extension,
    without being a wrong try. ``thread`` is that before the leg. A call-back ends, as one that reaches nobody does.
    A leg without digits would have reached a recipient by a pass; such a caller is asked for the extension like a
    stranger, or he would hear that he has one. So is a courier for the code who was let through without it."""
    steps = (*ruling.trace, step)
    if ruling.direction is Direction.TO_COURIER:
        return end(line, thread, steps, direction=ruling.direction, concerns=ruling.concerns)
    if isinstance(question, Bare):
        return ask(line, thread, steps, now=now)
    if line.calls.codes is Codes.ASKED and isinstance(question, Keyed) and not question.asked and question.code is None:
        return ask_for_code(line, thread, steps, extension=question.extension or "", now=now)
    return again(line, thread, steps, now=now, concerns=ruling.concerns)


def end(
    line: Line | None,
    thread: Thread,
    steps: Steps,
    *,
    direction: Direction | None = None,
    concerns: Reachable | None = None,
    tries_used: int | None = None,
    wrong_try: bool = False,
) -> Ruling:
    """The one neutral sentence."""
    goodbye = say(PromptId.GOODBYE) if line is None else say(PromptId.GOODBYE, language=line.calls.language)
    thread = after(thread, ended=True, tries_used=tries_used)
    return Ruling(Hangup(goodbye), steps, thread, direction=direction, concerns=concerns, wrong_try=wrong_try)


def after(
    thread: Thread,
    *,
    tries_used: int | None = None,
    menu: tuple[BindingId, ...] = (),
    ended: bool = False,
    pending: str | None = None,
    connected: Connect | None = None,
) -> Thread:
    """The call's memory after one more leg."""
    used = thread.tries_used if tries_used is None else tries_used
    return Thread(thread.legs + 1, used, menu, ended, pending, connected)


def left(line: Line, used: int, now: datetime) -> int:
    """Tries left, at least the one being offered: an attacked number shortens them, also in a call under way."""
    return max(line.state.tries(line.guard, now) - used, 1)


def _gather(line: Line, prompt: PromptId, used: int, now: datetime) -> Gather:
    room = CODE_ROOM if line.calls.codes is Codes.KEYED else 0
    return Gather(
        say(prompt, language=line.calls.language),
        max_digits=line.dialled_length + room,
        attempts_left=left(line, used, now),
    )
