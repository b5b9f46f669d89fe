"""Contacts: who last reached a binding's recipient.

Answers for: the repository ``Contacts``. Must not know: numbers; marks and sealed values are all there is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, bindparam, select, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.ids import BindingId
from maskservice.services.records import SealedContact
from maskservice.storage.hot_models import CONTACTS
from maskservice.storage.rows import CONTACT_COLUMNS, contact_of
from maskservice.storage.statements import Statements

_C = CONTACTS.c


def latest_stays(statement: Insert) -> Insert:
    """The later of two calls stays, in whichever order they commit; but a stranger does not take the place of one of
    the tenant's own couriers while that one's contact lasts and was not withdrawn."""
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[_C.virtual_number, _C.binding],
        set_={name: new[name] for name in ("mark", "phone", "call", "reached_at", "expires_at", "caller", "enrolled")},
        where=(_C.reached_at <= new.reached_at)
        & (~_C.enrolled | new.enrolled | (_C.expires_at <= new.reached_at) | bindparam("takes_over", type_=Boolean())),
    )


_REMEMBER = latest_stays(upsert(CONTACTS))
_SHORTEN = (
    update(CONTACTS)
    .where(
        _C.virtual_number == bindparam("at_number"),
        _C.binding == bindparam("at_key"),
        _C.expires_at > bindparam("until", type_=_C.expires_at.type),
    )
    .values(expires_at=bindparam("until", type_=_C.expires_at.type))
)
_GET = select(*CONTACT_COLUMNS).where(_C.virtual_number == bindparam("at_number"), _C.binding == bindparam("at_key"))


def contact_to_row(contact: SealedContact) -> dict[str, Any]:
    """Every column of the table."""
    return {
        "virtual_number": contact.binding_id.virtual_number,
        "binding": contact.binding_id.key,
        "mark": contact.mark,
        "phone": contact.phone,
        "call": contact.call,
        "reached_at": contact.reached_at,
        "expires_at": contact.expires_at,
        "caller": contact.caller or None,
        "enrolled": contact.enrolled,
    }


class SqlContacts:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def remember(self, contact: SealedContact, *, takes_over: bool = False) -> None:
        self._statements.change(
            _REMEMBER,
            contact_to_row(contact) | {"takes_over": takes_over},
        )

    def shorten(self, binding_id: BindingId, *, until: datetime) -> None:
        place = {"at_number": binding_id.virtual_number, "at_key": binding_id.key}
        self._statements.change(_SHORTEN, place | {"until": until})

    def get(self, binding_id: BindingId) -> SealedContact | None:
        row = self._statements.first(_GET, {"at_number": binding_id.virtual_number, "at_key": binding_id.key})
        return None if row is None else contact_of(row)
