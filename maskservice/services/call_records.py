"""Looking at calls: one, a page, all of them; and the dry run: what would happen if.

Answers for: showing a tenant only its own facts; a dry run writes nothing and opens no number. Must not know: HTTP,
SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from maskservice.domain.call import InboundCall, Thread, TraceStep, seen_by
from maskservice.domain.errors import NotFound
from maskservice.domain.hook_rules import subject_of
from maskservice.domain.ids import CallId
from maskservice.domain.question import question_of
from maskservice.domain.routing import Ruling, decide
from maskservice.services.binding_reads import Page
from maskservice.services.call_filter import EVERY_CALL, CallFilter
from maskservice.services.calls import neutral
from maskservice.services.facts import look_up, who_calls
from maskservice.services.ports import Ports
from maskservice.services.records import CallRecord, Tenant

EXPORT_PAGE: Final = 500


def get_call(tenant: Tenant, call_id: CallId, *, ports: Ports) -> CallRecord:
    """A call that met a binding of the tenant. Raises NotFound."""
    with ports.unit(write=False) as uow:
        record = uow.calls.get(call_id)
    if record is None or record.tenant_id != tenant.id:
        raise NotFound("There is no such call.")
    return _as_seen(record, tenant)


def get_any_call(call_id: CallId, *, ports: Ports) -> CallRecord:
    """Any call with its whole trace: for the operator. Raises NotFound."""
    with ports.unit(write=False) as uow:
        record = uow.calls.get(call_id)
    if record is None:
        raise NotFound("There is no such call. 'maskservice calls list' shows them.")
    return record


def list_calls(
    tenant: Tenant | None, *, limit: int, before: UUID | None, which: CallFilter = EVERY_CALL, ports: Ports
) -> Page[CallRecord]:
    """Newest first. ``tenant``: whose, or None for the attempts that met no binding, which are the operator's alone."""
    with ports.unit(write=False) as uow:
        found = uow.calls.page(None if tenant is None else tenant.id, limit=limit + 1, before=before, which=which)
    rows = [_as_seen(each, tenant) for each in found[:limit]]
    return Page(rows, rows[-1].id.key if len(found) > limit else None)


def export_calls(
    tenant: Tenant | None, *, which: CallFilter = EVERY_CALL, ports: Ports, page: int = EXPORT_PAGE
) -> Iterator[Sequence[CallRecord]]:
    """All of them, newest first, a page of at most ``page`` at a time, each read in a unit of its own: neither memory
    nor a transaction grows with the export. A call that begins meanwhile is not in it; what an event changes meanwhile
    shows or not. Raises DatabaseUnavailable, also in the middle."""
    before: UUID | None = None
    while True:
        found = list_calls(tenant, limit=page, before=before, which=which, ports=ports)
        yield found.rows
        before = found.next
        if before is None:
            return


def _as_seen(record: CallRecord, tenant: Tenant | None) -> CallRecord:
    """Of other tenants' facts a tenant sees nothing, and the operator all."""
    if tenant is None:
        return record
    return replace(record, trace=seen_by(record.trace, tenant.id))


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
    trace = ruling.trace
    if subject_of(question, facts, ruling, now=now) is not None:
        # Asking would be an effect, on the tenant's own server.
        trace = (*trace, TraceStep("hook", "not_asked", tenant.id))
    return DryRun(ruling, seen_by(trace, tenant.id))
