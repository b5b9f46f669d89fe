"""The guard at work in a call: the caller's state under lock, what a try costs, and who must be told.

Answers for: asking and telling the guard's memory within the call's unit of work. Must not know: SQL, the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from maskservice.domain.call import Connect, InboundCall, Line, Party
from maskservice.domain.guard import CallerState, after_reach, after_wrong_try, window_start
from maskservice.domain.question import Choice, Keyed, Question
from maskservice.domain.routing import Facts, Ruling
from maskservice.services.ports import Ports, UnitOfWork

_CALLER_SCOPE = "caller"


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


def guard_key(call: InboundCall, pbx_id: str, ports: Ports) -> bytes:
    """16 bytes that stand for the caller in every pool."""
    if call.caller is None:
        return ports.index.fingerprint("withheld", pbx_id.encode())[:16]
    return ports.index.number(_CALLER_SCOPE, call.caller.reveal())


def ask_guard(
    question: Question, facts: Facts, call: InboundCall, pbx_id: str, *, now: datetime, uow: UnitOfWork, ports: Ports
) -> GuardedCaller:
    """The caller's state, locked for this unit when an extension is keyed or a pass is shown; a call-back and silence
    ask nothing."""
    key = guard_key(call, pbx_id, ports)
    state = CallerState()
    line = facts.line
    if line is not None and (isinstance(question, Keyed | Choice) or facts.passed is not None):
        state = uow.guard.hold(line.pool_id, key, at=now)
    return GuardedCaller(key, call.caller is None, state)


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
            if policy.enroll_on_scan:
                uow.guard.restrict(line.virtual_number, until=now + policy.scan_rest, at=now)
    elif _is_fresh_reach(ruling, caller):
        after = after_reach(state, policy, now=now)
    else:
        return ()
    if after != state:
        uow.guard.save(line.pool_id, caller.key, after)
        if after.is_blocked(now) and not state.is_blocked(now):
            alarms.append(Alarm.CALLER_BLOCKED)
    return tuple(alarms)


def _is_fresh_reach(ruling: Ruling, caller: GuardedCaller) -> bool:
    """A recipient is reached, and not by the one who reached him last already. Withheld callers cannot be told apart:
    for them only wrong tries count."""
    if not isinstance(ruling.decision, Connect) or ruling.decision.party is not Party.RECIPIENT or caller.withheld:
        return False
    contact = None if ruling.concerns is None else ruling.concerns.contact
    return contact is None or contact.caller != caller.key


__all__ = ["Alarm", "GuardedCaller", "ask_guard", "guard_key", "tell_guard"]
