"""The guard at work in a call: the caller's state under lock, what a try costs, and who must be told.

Answers for: asking and telling the guard's memory within the call's unit of work. Must not know: SQL, the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from maskservice.domain.call import Connect, Line, Party, Thread, TraceStep
from maskservice.domain.call_policy import taipei_day
from maskservice.domain.guard import CallerState, after_reach, after_wrong_try, window_start
from maskservice.domain.question import Choice, Keyed, Question
from maskservice.domain.ruling import Facts, Ruling, refused
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Who

CALLER_SCOPE = "caller"
"""The blind index's scope in which callers stand for the guard, the roster and the lists: one for all numbers."""


class Alarm(StrEnum):
    """What the operator is told, by a log event and a metric."""

    CALLER_BLOCKED = "caller_blocked"
    NUMBER_BUDGET_USED = "number_budget_used"
    NUMBER_SCANNED = "number_scanned"


@dataclass(frozen=True, slots=True)
class GuardedCaller:
    """The caller as the guard knows him: ``key`` is his blind index; all withheld callers of a PBX share one."""

    key: bytes
    withheld: bool
    state: CallerState


def guard_key(who: Who, pbx_id: str, ports: Ports) -> bytes:
    """16 bytes that stand for the caller in every pool."""
    return who.caller or ports.index.fingerprint("withheld", pbx_id.encode())[:16]


def ask_guard(
    question: Question, facts: Facts, who: Who, pbx_id: str, *, now: datetime, uow: UnitOfWork, ports: Ports
) -> GuardedCaller:
    """The caller's state, locked for this unit when an extension is keyed or a recipient may be reached without one; a
    call-back, also one by the recipient's own pass, and silence ask nothing."""
    key = guard_key(who, pbx_id, ports)
    state = CallerState()
    line = facts.line
    if line is not None and is_asked_of_guard(question, line, facts):
        state = uow.guard.hold(line.pool_id, key, at=now)
    return GuardedCaller(key, who.caller is None, state)


def is_asked_of_guard(question: Question, line: Line, facts: Facts) -> bool:
    """Whether the caller may be connected to a recipient by this leg."""
    return isinstance(question, Keyed | Choice) or _may_reach_bare(line, facts)


def _may_reach_bare(line: Line, facts: Facts) -> bool:
    by_pass = facts.passed is not None and not facts.passed.is_recipient
    return by_pass or (line.calls.repeat_call and bool(facts.repeat))


def within_day(
    ruling: Ruling, line: Line, thread: Thread, *, question: Question, now: datetime, uow: UnitOfWork
) -> Ruling:
    """The ruling, or the refusal where the binding's recipient was rung as often today as the tenant allows. Counted by
    one statement, so that calls at once share one budget."""
    met, decision = ruling.concerns, ruling.decision
    if met is None or not isinstance(decision, Connect) or decision.party is not Party.RECIPIENT:
        return ruling
    most = met.calls.calls_per_day
    if most is None or uow.guard.claim_call(met.binding.id, day=taipei_day(now), most=most):
        return ruling
    step = TraceStep("calls_today", "used_up", met.binding.tenant_id)
    return refused(ruling, step, line, thread, question=question, now=now)


def tell_guard(
    ruling: Ruling, line: Line, caller: GuardedCaller, *, now: datetime, uow: UnitOfWork
) -> tuple[Alarm, ...]:
    """Counts the wrong try or the reach; what the operator must hear of it."""
    policy, state, alarms = line.guard, caller.state, []
    if ruling.wrong_try:
        budget = policy.withheld_tries if caller.withheld else policy.caller_tries
        after = after_wrong_try(state, policy, budget=budget, now=now)
        start = window_start(now, policy)
        number, first = uow.guard.count_wrong(line.virtual_number, caller.key, window_start=start)
        # Equality: exactly one process sees each of these moments, so each is told once a window.
        if number.wrong == policy.number_tries:
            alarms.append(Alarm.NUMBER_BUDGET_USED)
        if first and number.callers == policy.scan_callers:
            alarms.append(Alarm.NUMBER_SCANNED)
            until, by_hand = now + policy.scan_rest, line.state.enrolled_only_until
            # What was restricted by hand for longer stays so.
            if policy.enroll_on_scan and (by_hand is None or by_hand < until):
                uow.guard.restrict(line.virtual_number, until=until, at=now)
    else:
        after = state_after_reach(ruling, line, caller, now=now)
    if after != state:
        uow.guard.save(line.pool_id, caller.key, after)
        if after.is_blocked(now) and not state.is_blocked(now):
            alarms.append(Alarm.CALLER_BLOCKED)
    return tuple(alarms)


def state_after_reach(ruling: Ruling, line: Line, caller: GuardedCaller, *, now: datetime) -> CallerState:
    """The caller's state after a ruling that is no wrong try: the same, or with one more of the day's reach."""
    return after_reach(caller.state, line.guard, now=now) if _is_fresh_reach(ruling, caller) else caller.state


def _is_fresh_reach(ruling: Ruling, caller: GuardedCaller) -> bool:
    """A recipient is reached, by no courier whom the tenant knows, and not by the one who reached him last already.
    Withheld callers cannot be told apart: for them only wrong tries count."""
    if not isinstance(ruling.decision, Connect) or ruling.decision.party is not Party.RECIPIENT:
        return False
    if caller.withheld or ruling.trusted:
        return False
    contact = None if ruling.concerns is None else ruling.concerns.contact
    return contact is None or contact.caller != caller.key


__all__ = [
    "CALLER_SCOPE",
    "Alarm",
    "GuardedCaller",
    "ask_guard",
    "guard_key",
    "is_asked_of_guard",
    "state_after_reach",
    "tell_guard",
    "within_day",
]
