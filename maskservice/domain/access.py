"""Whether this caller may reach this recipient, or this recipient his courier, now: lists, guard, roster, hours.

Answers for: which rule bars a call, as a step of the trace. Must not know: how a call that is barred is answered; it is
the way of a wrong extension, whatever the rule.
"""

from __future__ import annotations

from datetime import datetime

from maskservice.domain.call import Line, Reachable, TraceStep, Verdict
from maskservice.domain.call_policy import Access, Directions
from maskservice.domain.guard import CallerState


def bar_to_recipient(line: Line, met: Reachable, caller: CallerState, *, now: datetime) -> TraceStep | None:
    """What keeps this caller from this recipient, None where nothing does.

    A block beats everything. Who is on the allow list is let through as an enrolled courier given to the binding would
    be, and the guard's blocks do not hold for him: the tenant vouches. Direction and quiet hours hold for everybody.
    """
    standing, tenant = met.standing, met.binding.tenant_id
    if standing.to_recipient is Verdict.BLOCK:
        return TraceStep("list", "blocked", tenant)
    allowed = standing.to_recipient is Verdict.ALLOW
    if caller.is_blocked(now) and not allowed:
        return TraceStep("caller", "blocked", tenant)
    if line.state.is_enrolled_only(now) and not (allowed or standing.is_courier):
        return TraceStep("number", "enrolled_only", tenant)
    if met.calls.access is Access.ENROLLED and not (allowed or standing.is_courier):
        return TraceStep("access", "not_enrolled", tenant)
    if met.calls.access is Access.ASSIGNED and not (allowed or standing.assigned):
        return TraceStep("access", "not_assigned", tenant)
    if met.calls.directions is Directions.TO_COURIER:
        return TraceStep("direction", "closed", tenant)
    if met.calls.quiet_at(now, pool=line.calls):
        return TraceStep("hours", "quiet", tenant)
    return None


def bar_to_courier(line: Line, met: Reachable, *, now: datetime) -> TraceStep | None:
    """What keeps the recipient from ringing his courier; the tenant's care line is not barred by it."""
    tenant = met.binding.tenant_id
    if met.standing.to_courier is Verdict.BLOCK:
        return TraceStep("list", "blocked", tenant)
    if met.calls.directions is Directions.TO_RECIPIENT:
        return TraceStep("direction", "closed", tenant)
    if met.calls.quiet_at(now, pool=line.calls):
        return TraceStep("hours", "quiet", tenant)
    return None


def is_trusted(met: Reachable) -> bool:
    """The tenant knows this caller: his contact outranks a stranger's, and no limit of reach holds for him."""
    return met.standing.is_courier or met.standing.to_recipient is Verdict.ALLOW


def goes_without_code(line: Line, met: Reachable | None, caller: CallerState, *, now: datetime) -> bool:
    """The caller is recognised for this very binding and may reach it, so that no code has to be asked for. That he is
    not asked tells nothing that the connect itself does not; who is barred is asked, as after a wrong extension."""
    if met is None or not met.binding.is_live(now):
        return False
    return met.is_recipient or (is_trusted(met) and bar_to_recipient(line, met, caller, now=now) is None)
