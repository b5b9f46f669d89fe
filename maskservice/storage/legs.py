"""A leg of a call in one read: the facts, the caller, the legs before, the PBX.

Answers for: the reading half of the repository ``Legs``. Must not know: the decision, what is written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, literal_column, or_, select

from maskservice.services.leg_records import LegKey, Opening, Remembered
from maskservice.services.records import BareFindings, Who
from maskservice.storage.calls import asked_of_caller, asked_of_slot, found_by_caller, found_by_slot
from maskservice.storage.facts import NUMBER, Joined, by_recipient, by_slot
from maskservice.storage.guard import CALLER_STATE, caller_state_of
from maskservice.storage.guard_models import GUARD_CALLERS
from maskservice.storage.hot_models import RECEIPTS
from maskservice.storage.leg_writes import SqlLegWrites
from maskservice.storage.models import NUMBERS, PBXS
from maskservice.storage.receipts import RECEIPT_COLUMNS, of_one_call, receipt_of
from maskservice.storage.rows import LINE_WIDTH, MET_WIDTH
from maskservice.storage.statements import Cells

_R = RECEIPTS.c
_PBX = bindparam("at_pbx", type_=PBXS.c.id.type)
_OF_CALL = _R.pbx_call_id == bindparam("at_call", type_=_R.pbx_call_id.type)
_OF_WEBHOOK = _R.webhook_id == bindparam("at_webhook", type_=_R.webhook_id.type)
_HEARD_HERE = (_R.virtual_number == NUMBER, _R.pbx_id == _PBX, or_(_OF_CALL, _OF_WEBHOOK))

# The caller himself; the courier of a binding's contact is another row of the same table.
_CALLING = GUARD_CALLERS.alias("calling")
_CALLER: Joined = (
    _CALLING,
    (_CALLING.c.pool_id == NUMBERS.c.pool_id)
    & (_CALLING.c.caller == bindparam("guard_key", type_=_CALLING.c.caller.type)),
)
_CALLER_COLUMNS = (*(_CALLING.c[name] for name in CALLER_STATE), _CALLING.c.turn, _CALLING.c.seen_at)
_REVISION = select(PBXS.c.revision).where(PBXS.c.id == _PBX, PBXS.c.revoked_at.is_(None)).scalar_subquery()
_ABOUT_LEG = (*_CALLER_COLUMNS, _REVISION.label("pbx_revision"))

_CALLER_AT: Final = LINE_WIDTH + MET_WIDTH
_REVISION_AT: Final = _CALLER_AT + len(_CALLER_COLUMNS)
_REST_AT: Final = _REVISION_AT + 1

_WITH_DIGITS = by_slot(
    through=(_CALLER, (RECEIPTS, _HEARD_HERE[0] & _HEARD_HERE[1] & _HEARD_HERE[2])),
    more=(*_ABOUT_LEG, *RECEIPT_COLUMNS),
)
_WITHOUT_DIGITS = by_recipient(
    through=(_CALLER,),
    more=(*_ABOUT_LEG, select(literal_column("1")).where(*_HEARD_HERE).exists().label("is_known")),
)


def _key_of(key: LegKey) -> dict[str, Any]:
    return {
        "at_pbx": key.pbx_id,
        "at_call": key.pbx_call_id,
        "at_webhook": key.webhook_id,
        "guard_key": key.guard_key,
    }


def _remembered(row: Cells) -> Remembered:
    *state, turn, seen_at = row[_CALLER_AT:_REVISION_AT]
    return Remembered(caller_state_of(state), turn, seen_at)


class SqlLegs(SqlLegWrites):
    def with_digits(self, virtual_number: str, extension: str, who: Who, key: LegKey) -> Opening | None:
        rows = self._statements.rows(_WITH_DIGITS, asked_of_slot(virtual_number, extension, who) | _key_of(key))
        if not rows:
            return None
        line, met = found_by_slot(rows[0])
        heard = [receipt_of(row[_REST_AT:]) for row in rows if row[_REST_AT] is not None]
        legs = of_one_call(heard, key.pbx_call_id)
        is_known = any(each.webhook_id == key.webhook_id for each in legs)
        return Opening(BareFindings(line), met, _remembered(rows[0]), rows[0][_REVISION_AT], legs, is_known)

    def without_digits(self, virtual_number: str, who: Who, key: LegKey, *, now: datetime) -> Opening | None:
        rows = self._statements.rows(_WITHOUT_DIGITS, asked_of_caller(virtual_number, who, now=now) | _key_of(key))
        if not rows:
            return None
        first = rows[0]
        revision, is_known = first[_REVISION_AT], bool(first[_REST_AT])
        return Opening(found_by_caller(rows), None, _remembered(first), revision, is_known=is_known)
