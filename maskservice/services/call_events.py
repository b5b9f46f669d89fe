"""What became of a call: the PBX reports ringing, answered and the end, in any order, twice, or for calls nobody knows.

Answers for: a report changing nothing wrongly, whichever side of the call it is about. Must not know: a PBX's format,
SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from maskservice.domain.call import BridgeEnd, Party
from maskservice.domain.causes import OF_THE_LINE, Cause, cause_of_end, ender_of, weightier
from maskservice.domain.ids import CallId
from maskservice.domain.outcome import FINAL, NOT_REACHED, Outcome
from maskservice.services.call_memory import call_name
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import CallRecord


class Side(StrEnum):
    """Whose part of the call a report is about: the one who dialled X, or the one he is connected to."""

    CALLER = "caller"
    CALLED = "called"


@dataclass(frozen=True, slots=True)
class CallReport:
    """``kind`` is one of ringing, answered, completed, busy, no_answer, failed, canceled; ``at`` is the PBX's time,
    ours where it gave none."""

    pbx_id: str
    pbx_call_id: str
    virtual_number: str
    kind: Outcome
    at: datetime | None = None
    duration_s: int | None = None
    side: Side = Side.CALLED
    cause: Cause = Cause.UNKNOWN


@dataclass(frozen=True, slots=True)
class Noted:
    """What a report did to its call's record. ``ended``: it is this report that ended the call."""

    outcome: Outcome
    ended: bool


_ORDER = (Outcome.ASKING, Outcome.CONNECTING, Outcome.RINGING, Outcome.ANSWERED)


def report_call(report: CallReport, ports: Ports) -> Noted | None:
    """Notes the report on the call's record. None where the call is unknown: that is no error. Raises
    DatabaseUnavailable."""
    with ports.unit() as uow:
        receipt = uow.receipts.latest(report.virtual_number, report.pbx_id, call_name(report.pbx_call_id, ports))
        record = None if receipt is None else uow.calls.get(receipt.call, for_update=True)
        if record is None:
            return None
        after = noted(record, report, at=_plausible(report.at, record, ports.clock.now()))
        if after != record:
            uow.calls.save(after)
            uow.commit()
        return Noted(after.outcome, ended=after.outcome in FINAL and record.outcome not in FINAL)


def note_bridge(call_id: CallId, end: BridgeEnd, then: CallRecord | None, *, at: datetime, uow: UnitOfWork) -> bool:
    """Notes how the bridge of a call ended whose PBX asks what is next, within that leg's unit of work. ``then``: the
    record as the leg leaves it, where it connects the caller once more. Whether it is this that ended the call."""
    record = uow.calls.get(call_id, for_update=True)
    if record is None:
        return False
    report = CallReport(
        record.pbx_id, record.pbx_call_id, call_id.virtual_number, end.outcome, None, end.duration_s, cause=end.cause
    )
    after = noted(record, report, at=at)
    if then is not None:
        after = replace(
            after, outcome=then.outcome, party=then.party, trace=then.trace, ended_at=None, cause=None, ended_by=None
        )
    if after != record:
        uow.calls.save(after)
    return after.outcome in FINAL and record.outcome not in FINAL


def _plausible(at: datetime | None, record: CallRecord, now: datetime) -> datetime:
    """The PBX's time where it can be one of this call: its clock may be off by a day, not by a century."""
    slack = timedelta(days=1)
    return at if at is not None and record.id.started_at - slack <= at <= now + slack else now


def noted(record: CallRecord, report: CallReport, *, at: datetime) -> CallRecord:
    """The record after the report; ``at`` is its moment.

    The first end stands; an earlier phase that arrives late only fills its own moment in. The caller's own end says
    least: a call that was never answered is canceled by it, and what the called side says afterwards goes over that, so
    that the record is the same in whichever order the two arrive.
    """
    kind = report.kind
    if report.side is Side.CALLER:
        return _caller_ended(record, report.cause, at) if kind in FINAL else record
    if record.connected_at is None and kind not in FINAL:
        # Nobody is or was rung: it is the caller's own leg that was answered, by the prompt.
        return record
    if kind is Outcome.RINGING and record.ringing_at is None:
        record = replace(record, ringing_at=at)
    elif kind is Outcome.ANSWERED and record.answered_at in (None, _reckoned_answer(record)):
        record = replace(record, answered_at=at)
        if record.outcome is Outcome.CANCELED and record.connected_at is not None:
            return _named(record, Outcome.COMPLETED, _of_the_line(record.cause))
    if record.outcome in FINAL:
        return _called_ended_too(record, report, at) if kind in FINAL else record
    if kind in FINAL and record.outcome is Outcome.ASKING:
        # Whoever hangs up while being asked was never connected, whatever the PBX calls the end.
        return _ended(record, Outcome.CANCELED, _of_the_line(report.cause), at, duration_s=report.duration_s)
    if kind in FINAL:
        return _ended(record, kind, report.cause, at, duration_s=report.duration_s)
    if _ORDER.index(kind) > _ORDER.index(record.outcome):
        return replace(record, outcome=kind)
    return record


def _caller_ended(record: CallRecord, told: Cause, at: datetime) -> CallRecord:
    """The caller is gone. How long he was there is no measure of the talk: it holds the asking and the ringing. Why his
    leg ended is the call's cause only where the line was cut: it ends normally also when the other side hangs up."""
    cause = _of_the_line(told)
    if record.outcome in (Outcome.COMPLETED, Outcome.CANCELED):
        return _named(record, record.outcome, weightier(record.cause or Cause.UNKNOWN, cause)) if cause else record
    if record.outcome in FINAL:
        return record
    was_answered = record.answered_at is not None or record.outcome is Outcome.ANSWERED
    return _ended(record, Outcome.COMPLETED if was_answered else Outcome.CANCELED, cause, at)


def _called_ended_too(record: CallRecord, report: CallReport, at: datetime) -> CallRecord:
    """The called side's end of a call that has one already: it says more than a cancel, and may add the duration and
    the cause."""
    if record.outcome is Outcome.CANCELED and record.connected_at is not None:
        if report.kind is Outcome.CANCELED:
            return record
        cause = report.cause
        if report.kind is Outcome.COMPLETED:
            cause = weightier(cause, _of_the_line(record.cause) or Cause.UNKNOWN)
        return _ended(record, report.kind, cause, at, duration_s=report.duration_s)
    if record.outcome in NOT_REACHED and report.kind is Outcome.COMPLETED and _was_put_through(record):
        # The report of the courier's side came late, after the care line had taken over.
        return _ended(record, report.kind, report.cause, at, duration_s=report.duration_s)
    if record.outcome is not report.kind:
        return record
    if record.outcome is Outcome.COMPLETED:
        record = _named(record, record.outcome, weightier(record.cause or Cause.UNKNOWN, report.cause))
    if record.duration_s is None and report.duration_s is not None:
        record = _with_answer(replace(record, duration_s=report.duration_s))
    return record


def _was_put_through(record: CallRecord) -> bool:
    """The courier was not reached, and the care line was rung after him."""
    return record.party == Party.CARE_LINE and any(step.step == Party.COURIER for step in record.trace)


def _of_the_line(cause: Cause | None) -> Cause | None:
    return cause if cause in OF_THE_LINE else None


def _ended(
    record: CallRecord, outcome: Outcome, told: Cause | None, at: datetime, *, duration_s: int | None = None
) -> CallRecord:
    return _with_answer(replace(_named(record, outcome, told), ended_at=at, duration_s=duration_s))


def _named(record: CallRecord, outcome: Outcome, told: Cause | None) -> CallRecord:
    """The record with this end, why it was and whose."""
    cause = cause_of_end(outcome, told or Cause.UNKNOWN)
    return replace(record, outcome=outcome, cause=cause, ended_by=ender_of(outcome, cause))


def _with_answer(record: CallRecord) -> CallRecord:
    return record if record.answered_at is not None else replace(record, answered_at=_reckoned_answer(record))


def _reckoned_answer(record: CallRecord) -> datetime | None:
    """When a talk of known length began, for PBXs that report its end only (Asterisk); never before the connect. A
    report of the answer itself, which may come late, goes over it."""
    if record.outcome is not Outcome.COMPLETED or record.ended_at is None or record.duration_s is None:
        return None
    return max(record.ended_at - timedelta(seconds=record.duration_s), record.connected_at or record.id.started_at)
