"""What became of a call: the PBX reports ringing, answered and the end, in any order, twice, or for calls nobody knows.

Answers for: a report changing nothing wrongly. Must not know: a PBX's format, SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from maskservice.domain.call import FINAL, Outcome
from maskservice.services.call_memory import call_name
from maskservice.services.ports import Ports
from maskservice.services.records import CallRecord


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


_ORDER = (Outcome.ASKING, Outcome.CONNECTING, Outcome.RINGING, Outcome.ANSWERED)


def report_call(report: CallReport, ports: Ports) -> bool:
    """Notes the report on the call's record. False where the call is unknown: that is no error. Raises
    DatabaseUnavailable."""
    with ports.unit() as uow:
        receipt = uow.receipts.latest(report.virtual_number, report.pbx_id, call_name(report.pbx_call_id, ports))
        record = None if receipt is None else uow.calls.get(receipt.call, for_update=True)
        if record is None:
            return False
        after = noted(record, report, at=report.at or ports.clock.now())
        if after != record:
            uow.calls.save(after)
            uow.commit()
        return True


def noted(record: CallRecord, report: CallReport, *, at: datetime) -> CallRecord:
    """The record after the report. The first end stands; an earlier phase that arrives late only fills its own
    moment in."""
    kind = report.kind
    if kind is Outcome.RINGING and record.ringing_at is None:
        record = replace(record, ringing_at=at)
    elif kind is Outcome.ANSWERED and record.answered_at is None:
        record = replace(record, answered_at=at)
    if record.outcome in FINAL:
        return record
    if kind in FINAL and record.outcome is Outcome.ASKING:
        # Whoever hangs up while being asked was never connected, whatever the PBX calls the end.
        kind = Outcome.CANCELED
    if kind in FINAL:
        return replace(record, outcome=kind, ended_at=at, duration_s=report.duration_s)
    if _ORDER.index(kind) > _ORDER.index(record.outcome):
        return replace(record, outcome=kind)
    return record
