"""When a call asks a tenant's hook, and what the answer makes of the decision.

Answers for: both as pure functions beside ``routing.py``, which decides as if there were no hooks.
Must not know: how a hook is asked. Out of session only those are asked about whom the tenant knows: the ended binding's
recipient and its last courier. For everybody else the call stays to the letter what a wrong extension is, since a
scanner who heard a shop's own sentence would know that the extension had been alive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from maskservice.domain.binding import ENDED
from maskservice.domain.call import (
    Connect,
    Gather,
    Hangup,
    Line,
    Party,
    Reachable,
    Thread,
    TraceStep,
    Verdict,
)
from maskservice.domain.guard import CallerState
from maskservice.domain.hooks import FailurePolicy, HookKind, HookVerdict, Reading, connects
from maskservice.domain.prompts import Prompt, PromptId
from maskservice.domain.question import Bare, Choice, Keyed, Question
from maskservice.domain.ruling import Facts, Ruling, Steps, connect, end, refused


@dataclass(frozen=True, slots=True)
class Subject:
    """What a hook is asked about. ``party``: who would be reached (before a connect), or who calls (out of
    session)."""

    kind: HookKind
    met: Reachable
    party: Party

    def is_same(self, other: Subject) -> bool:
        """Whether an answer about the other holds for this one."""
        return (self.kind, self.met.binding.id, self.party) == (other.kind, other.met.binding.id, other.party)


def subject_of(question: Question, facts: Facts, ruling: Ruling, *, now: datetime) -> Subject | None:
    """The hook that this decision has to ask first, None where none is registered for it."""
    decision, met = ruling.decision, ruling.concerns
    if isinstance(decision, Connect):
        if met is None or HookKind.BEFORE_CONNECT not in met.hooks:
            return None
        return Subject(HookKind.BEFORE_CONNECT, met, decision.party)
    if not isinstance(question, Bare | Choice | Keyed) or facts.line is None:
        return None
    if met is None and isinstance(question, Bare) and isinstance(decision, Gather):
        met = _ended_own(facts, now)
    if met is None or HookKind.OUT_OF_SESSION not in met.hooks or met.binding.status_at(now) not in ENDED:
        return None
    if met.is_recipient:
        return Subject(HookKind.OUT_OF_SESSION, met, Party.RECIPIENT)
    if met.was_courier and not _is_shut_out(met, facts.line, facts.caller, now):
        return Subject(HookKind.OUT_OF_SESSION, met, Party.COURIER)
    return None


def _is_shut_out(met: Reachable, line: Line, caller: CallerState, now: datetime) -> bool:
    """A courier whom the tenant or the guard has blocked since is a stranger. Hours and directions are of live
    bindings."""
    allowed = met.standing.to_recipient is Verdict.ALLOW
    if met.standing.to_recipient is Verdict.BLOCK or (caller.is_blocked(now) and not allowed):
        return True
    return line.state.is_enrolled_only(now) and not (allowed or met.standing.is_courier)


def _ended_own(facts: Facts, now: datetime) -> Reachable | None:
    """The newest ended order of a recipient who dials the number alone, has no live one on it, and delivers nothing
    there himself. A switchboard is asked for the extension, as ever."""
    if facts.caller_is_courier or any(each.binding.is_live(now) for each in facts.own):
        return None
    ended = (
        each
        for each in facts.own
        if each.binding.status_at(now) in ENDED and HookKind.OUT_OF_SESSION in each.hooks and not each.shared_line
    )
    return max(ended, key=lambda each: each.binding.created_at, default=None)


def ruled(
    subject: Subject,
    reading: Reading,
    policy: FailurePolicy | None,
    *,
    question: Question,
    line: Line,
    ruling: Ruling,
    thread: Thread,
    now: datetime,
) -> Ruling:
    """The decision with the hook's answer in hand. ``policy``: of a ``before_connect`` hook. ``thread``: before this
    leg."""
    step = TraceStep("hook", reading.verdict, subject.met.binding.tenant_id)
    if subject.kind is HookKind.OUT_OF_SESSION:
        return _out_of_session(subject.met, reading, line, thread, steps=(*ruling.trace, step))
    if connects(reading, policy):
        return replace(ruling, trace=(*ruling.trace, step))
    vetoed = refused(ruling, step, line, thread, question=question, now=now)
    return replace(vetoed, concerns=ruling.concerns)


def _out_of_session(met: Reachable, reading: Reading, line: Line, thread: Thread, *, steps: Steps) -> Ruling:
    """Play, forward, hang up, and in all else the neutral sentence. It is no wrong try: who was on this parcel guesses
    nothing."""
    if reading.verdict is HookVerdict.CARE_LINE:
        if met.has_care_line:
            return connect(Party.CARE_LINE, met, thread=thread, steps=steps)
        steps = (*steps, TraceStep("care_line", "none", met.binding.tenant_id))
    ending = end(line, thread, steps, concerns=met)
    if reading.message is None:
        return ending
    return replace(ending, decision=Hangup(Prompt(PromptId.FROM_TENANT, reading.message, line.calls.language)))
