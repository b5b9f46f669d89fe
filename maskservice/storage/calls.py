"""Calls: the facts for a decision in one statement each.

Answers for: the look-ups of the repository ``Calls``. Must not know: the decision, real numbers, what is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select

from maskservice.domain.call import Line
from maskservice.domain.call_policy import REPEAT_WITHIN
from maskservice.domain.ids import BindingId
from maskservice.services.records import NOBODY, BareFindings, Met, Who
from maskservice.storage.call_records import SqlCallRecords
from maskservice.storage.facts import ENDED, MOST_OWN, OWN, PASS, REPEAT, by_key, by_recipient, by_slot
from maskservice.storage.rows import LINE_WIDTH, MET_WIDTH, line_of, met_of
from maskservice.storage.statements import Cells

_MET_END: Final = LINE_WIDTH + MET_WIDTH


@lru_cache(maxsize=2)
def _by_slot(*, narrowed: bool) -> Select[Any]:
    return by_slot(narrowed=narrowed)


@lru_cache(maxsize=2)
def _by_recipient(*, narrowed: bool) -> Select[Any]:
    return by_recipient(narrowed=narrowed)


_BY_KEY = by_key()


def asked_of_slot(virtual_number: str, extension: str, who: Who) -> dict[str, Any]:
    """What ``by_slot`` is asked with."""
    return _asked(virtual_number, who) | {"digits": extension}


def asked_of_caller(virtual_number: str, who: Who, *, now: datetime) -> dict[str, Any]:
    """What ``by_recipient`` is asked with."""
    return _asked(virtual_number, who) | {"mark": who.mark, "now": now, "lately": now - REPEAT_WITHIN}


def found_by_slot(row: Cells) -> tuple[Line, Met | None]:
    """From a row of ``by_slot`` or ``by_key``."""
    return line_of(row[:LINE_WIDTH]), met_of(row[LINE_WIDTH:_MET_END])


def found_by_caller(rows: Sequence[Cells]) -> BareFindings:
    """From the rows of ``by_recipient``, at least one. Bindings past their expiry that no job has ended yet are among
    them, and ended ones that a hook may be asked about: the rules know what is live."""
    found: Mapping[int, list[Met]] = {ENDED: [], OWN: [], PASS: [], REPEAT: []}
    for row in rows:
        met = met_of(row[LINE_WIDTH:_MET_END])
        if met is not None:
            found[row[-2]].append(met)
    own = [*found[OWN], *found[ENDED]][:MOST_OWN]
    passed = found[PASS][0] if found[PASS] else None
    return BareFindings(line_of(rows[0][:LINE_WIDTH]), own, bool(rows[0][-1]), passed, tuple(found[REPEAT]))


def _asked(virtual_number: str, who: Who) -> dict[str, Any]:
    return {"at_number": virtual_number, "own_mark": who.own_mark, "caller": who.caller, "code": who.code}


class SqlCalls(SqlCallRecords):
    def line_and_slot(
        self, virtual_number: str, extension: str, who: Who = NOBODY, *, tenant_id: str | None = None
    ) -> tuple[Line, Met | None] | None:
        parameters = asked_of_slot(virtual_number, extension, who) | _narrowed_to(tenant_id)
        row = self._statements.first(_by_slot(narrowed=tenant_id is not None), parameters)
        return None if row is None else found_by_slot(row)

    def line_and_binding(self, binding_id: BindingId, who: Who = NOBODY) -> tuple[Line, Met | None] | None:
        parameters = _asked(binding_id.virtual_number, who) | {"at_key": binding_id.key}
        row = self._statements.first(_BY_KEY, parameters)
        return None if row is None else found_by_slot(row)

    def line_and_recipient(
        self, virtual_number: str, who: Who, *, now: datetime, tenant_id: str | None = None
    ) -> BareFindings | None:
        parameters = asked_of_caller(virtual_number, who, now=now) | _narrowed_to(tenant_id)
        rows = self._statements.rows(_by_recipient(narrowed=tenant_id is not None), parameters)
        return found_by_caller(rows) if rows else None


def _narrowed_to(tenant_id: str | None) -> dict[str, Any]:
    return {} if tenant_id is None else {"at_tenant": tenant_id}
