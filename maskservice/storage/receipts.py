"""Receipts: what each webhook was answered.

Answers for: the repository ``Receipts``; a webhook and a leg of a call are answered once, by two unique keys. Must not
know: dialects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Delete, bindparam, delete, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.ids import CallId
from maskservice.services.records import Receipt
from maskservice.storage.hot_models import RECEIPTS
from maskservice.storage.rows import menu_of, menu_to_text, trace_of, trace_to_json
from maskservice.storage.statements import Statements

_R = RECEIPTS.c
RECEIPT_COLUMNS = (
    _R.virtual_number, _R.pbx_id, _R.pbx_call_id, _R.leg, _R.webhook_id, _R.received_at, _R.call, _R.action,
    _R.tries_used, _R.prompt, _R.prompt_text, _R.max_digits, _R.attempts_left, _R.menu, _R.party, _R.binding,
    _R.tenant_id, _R.trace, _R.pending, _R.language,
)  # fmt: skip
_LINE = (_R.virtual_number == bindparam("at_number"), _R.pbx_id == bindparam("at_pbx"))

# No conflict target, since either of two keys may be taken.
_ADD = upsert(RECEIPTS).on_conflict_do_nothing()
_THREAD = select(*RECEIPT_COLUMNS).where(
    *_LINE, or_(_R.pbx_call_id == bindparam("at_call"), _R.webhook_id == bindparam("at_webhook"))
)
_LATEST = (
    select(*RECEIPT_COLUMNS).where(*_LINE, _R.pbx_call_id == bindparam("at_call")).order_by(_R.leg.desc()).limit(1)
)
_KEY = (_R.virtual_number, _R.pbx_id, _R.webhook_id)


@lru_cache(maxsize=8)
def _forget(limit: int) -> Delete:
    """The limit stands in the text: a plan for an unknown one expects a tenth of the table, and reads all of it."""
    return delete(RECEIPTS).where(
        tuple_(*_KEY).in_(
            select(*_KEY)
            .where(_R.received_at < bindparam("limit_time"))
            .order_by(_R.received_at)
            .limit(literal_column(str(limit)))
            .with_for_update(skip_locked=True)
        )
    )


def receipt_of(cells: Sequence[Any]) -> Receipt:
    """From :data:`RECEIPT_COLUMNS`."""
    *first, call, action, tries_used, prompt, prompt_text, max_digits, attempts_left = cells[:13]
    menu, party, binding, tenant_id, trace, pending, language = cells[13:]
    virtual_number, pbx_id, pbx_call_id, leg, webhook_id, received_at = first
    return Receipt(
        virtual_number=virtual_number,
        pbx_id=pbx_id,
        pbx_call_id=pbx_call_id,
        leg=leg,
        webhook_id=webhook_id,
        received_at=received_at,
        call=CallId(virtual_number, call),
        action=action,
        tries_used=tries_used,
        prompt=prompt,
        prompt_text=prompt_text,
        max_digits=max_digits,
        attempts_left=attempts_left,
        menu=menu_of(menu),
        party=party,
        binding=binding,
        tenant_id=tenant_id,
        trace=trace_of(trace),
        pending=pending,
        language=language,
    )


def receipt_to_row(receipt: Receipt) -> dict[str, Any]:
    """Every column of the table."""
    return {
        "virtual_number": receipt.virtual_number,
        "pbx_id": receipt.pbx_id,
        "webhook_id": receipt.webhook_id,
        "pbx_call_id": receipt.pbx_call_id,
        "leg": receipt.leg,
        "received_at": receipt.received_at,
        "call": receipt.call.key,
        "action": receipt.action,
        "tries_used": receipt.tries_used,
        "prompt": receipt.prompt,
        "prompt_text": receipt.prompt_text,
        "max_digits": receipt.max_digits,
        "attempts_left": receipt.attempts_left,
        "menu": menu_to_text(receipt.menu),
        "party": receipt.party,
        "binding": receipt.binding,
        "tenant_id": receipt.tenant_id,
        "trace": trace_to_json(receipt.trace),
        "pending": receipt.pending,
        "language": receipt.language,
    }


def of_one_call(receipts: Iterable[Receipt], pbx_call_id: str) -> Sequence[Receipt]:
    """The call's receipts in the order of their legs, behind them that of another call under the same webhook id."""
    return sorted(receipts, key=lambda receipt: (receipt.pbx_call_id != pbx_call_id, receipt.leg))


class SqlReceipts:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def thread(self, virtual_number: str, pbx_id: str, pbx_call_id: str, webhook_id: str) -> Sequence[Receipt]:
        rows = self._statements.rows(
            _THREAD, {"at_number": virtual_number, "at_pbx": pbx_id, "at_call": pbx_call_id, "at_webhook": webhook_id}
        )
        return of_one_call(map(receipt_of, rows), pbx_call_id)

    def add(self, receipt: Receipt) -> bool:
        """On PostgreSQL the second of two waits until the first one's unit has ended."""
        return self._statements.change(_ADD, receipt_to_row(receipt)) == 1

    def latest(self, virtual_number: str, pbx_id: str, pbx_call_id: str) -> Receipt | None:
        row = self._statements.first(_LATEST, {"at_number": virtual_number, "at_pbx": pbx_id, "at_call": pbx_call_id})
        return None if row is None else receipt_of(row)

    def forget(self, *, older_than: datetime, limit: int) -> int:
        return self._statements.change(_forget(limit), {"limit_time": older_than})
