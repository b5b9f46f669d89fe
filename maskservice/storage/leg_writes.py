"""A leg of a call written as one: its receipt, its record, what the guard remembers, the contact.

Answers for: the writing half of the repository ``Legs``: all of it or nothing. Must not know: the decision.
On a plain PostgreSQL it is one statement, which spares a call the way there and back for each table and for a
transaction around them. SQLite has no such statement and Citus takes none with an INSERT inside: there it is the
repositories' own statements, one after the other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.services.leg_records import GuardTurn, LegWritten
from maskservice.storage.call_records import SqlCallRecords, added_where, asked_to_write, leg_saved_where
from maskservice.storage.contacts import SqlContacts, contact_to_row, latest_stays
from maskservice.storage.guard import CALLER_STATE, caller_state_to_row
from maskservice.storage.guard_models import GUARD_CALLERS
from maskservice.storage.hot_models import BINDINGS, CONTACTS, RECEIPTS
from maskservice.storage.in_one import inserted_where, named
from maskservice.storage.receipts import SqlReceipts, receipt_to_row
from maskservice.storage.statements import Statements

_G = GUARD_CALLERS.c
_ONE = literal_column("1", Integer())


def _if_unchanged(statement: Insert) -> Insert:
    """The caller's new state, if nobody changed it since it was read at ``turn_read``: his guesses, sent at once, share
    one budget without a lock being held while one of them is decided."""
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[_G.pool_id, _G.caller],
        set_={name: new[name] for name in (*CALLER_STATE, "seen_at")} | {"turn": _G.turn + 1},
        where=_G.turn == bindparam("turn_read", type_=Integer()),
    )


def _still_the_last() -> Select[Any]:
    """The caller's row, if it is at ``turn_read`` once whoever changes it is done. Those who only look at it do not
    wait for each other."""
    here = (
        _G.pool_id == bindparam("guard_pool_id", type_=_G.pool_id.type),
        _G.caller == bindparam("guard_caller", type_=_G.caller.type),
        _G.turn == bindparam("turn_read", type_=Integer()),
    )
    return select(_ONE.label("done")).where(*here).with_for_update(read=True)


_TAKE_TURN = _if_unchanged(upsert(GUARD_CALLERS))


def _guard_row(turn: GuardTurn) -> dict[str, Any]:
    return {
        "pool_id": turn.pool_id,
        "caller": turn.caller,
        "seen_at": turn.at,
        "turn": 1,
        **caller_state_to_row(turn.state),
    }


def _has_not_ended() -> ColumnElement[bool]:
    """The contact's binding was not released since it was read: a contact never outlives its binding."""
    here = (
        BINDINGS.c.virtual_number == bindparam("contact_virtual_number", type_=CONTACTS.c.virtual_number.type),
        BINDINGS.c.key == bindparam("contact_binding", type_=CONTACTS.c.binding.type),
    )
    return select(_ONE).where(*here, BINDINGS.c.ended_at.is_(None)).exists()


@lru_cache(maxsize=12)
def _in_one(*, is_first: bool, guard_changes: bool | None, with_contact: bool) -> Select[Any]:
    """Each part is done only where the one before was: guard, receipt, then record and contact. In the end it divides
    by the receipts that were written: where the guard or the receipt came too late that fails, and takes all back.
    ``guard_changes`` is None where the caller's state does not matter."""
    parts = []
    before: tuple[ColumnElement[bool], ...] = ()
    if guard_changes is not None:
        new = _if_unchanged(inserted_where(GUARD_CALLERS, "guard")).returning(_ONE.label("done"))
        guard = new.cte("guard") if guard_changes else _still_the_last().cte("guard")
        before = (select(_ONE).select_from(guard).exists(),)
    # No conflict target, since either of two keys may be taken.
    receipt = inserted_where(RECEIPTS, "receipt", *before).on_conflict_do_nothing()
    written = receipt.returning(_ONE.label("done")).cte("receipt")
    is_written = select(_ONE).select_from(written).exists()
    record = added_where(is_written) if is_first else leg_saved_where(is_written)
    parts.append(record.cte("record"))
    if with_contact:
        contact = inserted_where(CONTACTS, "contact", is_written, _has_not_ended())
        parts.append(latest_stays(contact).cte("contact"))
    return select(_ONE / func.count()).select_from(written).add_cte(*parts)


class SqlLegWrites:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def write(self, leg: LegWritten) -> bool:
        return self._write_in_one(leg) if self._statements.is_whole else self._write_each(leg)

    def _write_in_one(self, leg: LegWritten) -> bool:
        if leg.is_first and not self._statements.has_month(leg.record.id.started_at):
            return False  # a partition is made in a transaction
        guard_changes = None if leg.guard is None else leg.guard.changes
        statement = _in_one(is_first=leg.is_first, guard_changes=guard_changes, with_contact=leg.contact is not None)
        parameters = named("receipt", receipt_to_row(leg.receipt)) | asked_to_write(leg.record)
        if leg.guard is not None:
            row = _guard_row(leg.guard)
            asked = row if leg.guard.changes else {name: row[name] for name in ("pool_id", "caller")}
            parameters |= named("guard", asked) | {"turn_read": leg.guard.turn}
        if leg.contact is not None:
            parameters |= named("contact", contact_to_row(leg.contact)) | {"takes_over": leg.takes_over}
        return self._statements.whole(statement, parameters) is not None

    def _write_each(self, leg: LegWritten) -> bool:
        guard = leg.guard
        if guard is not None:  # a write too where nothing changes: it waits, and sees what was changed meanwhile
            asked = _guard_row(guard) | {"turn_read": guard.turn}
            if not self._statements.change(_TAKE_TURN, asked):
                return False
        if not SqlReceipts(self._statements).add(leg.receipt):
            return False
        records = SqlCallRecords(self._statements)
        if leg.is_first:
            records.add(leg.record)
        else:
            records.save_leg(leg.record)
        if leg.contact is not None:
            SqlContacts(self._statements).remember(leg.contact, takes_over=leg.takes_over)
        return True
