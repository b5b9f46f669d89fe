"""What a decision needs to know, in one read: the line, the bindings that a leg may be about, the caller's standing.

Answers for: which look-up belongs to which question, and under which blind indexes the caller is looked for. Must not
know: SQL, the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from maskservice.domain.call import InboundCall, Line
from maskservice.domain.question import Bare, Choice, Keyed, Question, Unreached
from maskservice.domain.routing import Facts
from maskservice.services.guarding import CALLER_SCOPE
from maskservice.services.judging import own_mark
from maskservice.services.lookup import reachable
from maskservice.services.pins import pin_mark
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import BareFindings, Met, Who


def who_calls(call: InboundCall, question: Question, virtual_number: str, ports: Ports) -> Who:
    """The caller's blind indexes. A call without digits needs no search among our own numbers: whoever is a recipient
    or has a pass is none of them, since those are refused as either."""
    code = pin_mark(question.code, ports) if isinstance(question, Keyed) and question.code else None
    if call.caller is None:
        return Who(code=code)
    number = call.caller.reveal()
    return Who(
        mark=ports.index.number(virtual_number, number),
        own_mark=None if isinstance(question, Bare) else own_mark(number, ports),
        caller=ports.index.number(CALLER_SCOPE, number),
        code=code,
    )


def look_up(
    question: Question, virtual_number: str, who: Who, *, now: datetime, uow: UnitOfWork, tenant_id: str | None = None
) -> tuple[Facts, Sequence[Met]]:
    """The one read behind a decision. ``tenant_id`` narrows it to what a tenant may see (dry run)."""
    match question:
        case Choice(binding) if binding is not None:
            one = uow.calls.line_and_binding(binding, who)
        case Unreached(connected):
            one = uow.calls.line_and_binding(connected.binding, who)
        case Keyed(extension):
            one = uow.calls.line_and_slot(virtual_number, extension or "", who, tenant_id=tenant_id)
        case Bare():
            bare = uow.calls.line_and_recipient(virtual_number, who, now=now, tenant_id=tenant_id)
            return (Facts(None), ()) if bare is None else facts_of_caller(bare, who.mark)
        case _:
            one = uow.calls.line_and_slot(virtual_number, "", who, tenant_id=tenant_id)
    return (Facts(None), ()) if one is None else facts_of_slot(*one, who.mark)


def facts_of_slot(line: Line, met: Met | None, mark: bytes | None) -> tuple[Facts, Sequence[Met]]:
    """What one binding at most makes known. ``mark``: the caller's on this number."""
    return Facts(line, met=None if met is None else reachable(met, mark)), () if met is None else (met,)


def facts_of_caller(bare: BareFindings, mark: bytes | None) -> tuple[Facts, Sequence[Met]]:
    """What a call without digits makes known."""
    passed = bare.passed
    facts = Facts(
        bare.line,
        own=tuple(reachable(each, mark) for each in bare.own),
        caller_is_courier=bare.is_courier,
        passed=None if passed is None else reachable(passed, mark),
        repeat=tuple(reachable(each, mark) for each in bare.repeat),
    )
    found = (*bare.repeat, *bare.own)
    return facts, found if passed is None else (passed, *found)
