"""Looking at calls: the records of a tenant, and the dry run: what would happen if.

Answers for: showing a tenant only its own facts; a dry run writes nothing and opens no number. Must not know: HTTP,
SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from maskservice.domain.call import InboundCall, Thread, TraceStep
from maskservice.domain.errors import NotFound
from maskservice.domain.ids import BindingId, CallId
from maskservice.domain.question import question_of
from maskservice.domain.routing import Ruling, decide
from maskservice.services.binding_reads import Page
from maskservice.services.calls import neutral
from maskservice.services.facts import look_up, who_calls
from maskservice.services.ports import Ports
from maskservice.services.records import CallRecord, Tenant


def get_call(tenant: Tenant, call_id: CallId, *, ports: Ports) -> CallRecord:
    """A call that met a binding of the tenant. Raises NotFound."""
    with ports.unit(write=False) as uow:
        record = uow.calls.get(call_id)
    if record is None or record.tenant_id != tenant.id:
        raise NotFound("There is no such call.")
    return _as_seen(record, tenant)


def list_calls(
    tenant: Tenant, *, limit: int, before: UUID | None, binding_id: BindingId | None, ports: Ports
) -> Page[CallRecord]:
    """Newest first."""
    with ports.unit(write=False) as uow:
        found = uow.calls.page(tenant.id, limit=limit + 1, before=before, binding=binding_id)
    rows = [_as_seen(each, tenant) for each in found[:limit]]
    return Page(rows, rows[-1].id.key if len(found) > limit else None)


def _as_seen(record: CallRecord, tenant: Tenant) -> CallRecord:
    return replace(record, trace=tuple(step.seen_by(tenant.id) for step in record.trace))


@dataclass(frozen=True, slots=True)
class DryRun:
    """The ruling as it would be, with a trace that holds the tenant's own facts only."""

    ruling: Ruling
    trace: tuple[TraceStep, ...]


def dry_run(tenant: Tenant, call: InboundCall, *, ports: Ports) -> DryRun:
    """What the first leg of this call would be answered now, over the tenant's own bindings only: all else reads as
    empty."""
    now = ports.clock.now()
    thread = Thread()
    question = question_of(call, thread)
    if call.dialled is None:
        ruling = Ruling(neutral(), (TraceStep("line", "none"),), thread)
        return DryRun(ruling, ruling.trace)
    number = call.dialled.virtual_number
    who = replace(who_calls(call, question, number, ports), own_mark=None)
    with ports.unit(write=False) as uow:
        facts, _ = look_up(question, number, who, now=now, uow=uow, tenant_id=tenant.id)
    ruling = decide(question, facts, thread=thread, caller_known=call.caller is not None, now=now)
    return DryRun(ruling, tuple(step.seen_by(tenant.id) for step in ruling.trace))
