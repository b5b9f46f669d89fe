"""The roster: couriers and their phones.

Answers for: the repository ``Couriers``; a phone and a PIN are one courier's in a tenant, by the unique keys. Must not
know: names, numbers, PINs: sealed values and marks are all there is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.errors import PhoneEnrolled, PinTaken
from maskservice.services.roster_records import EnrolledPhone, StoredCourier
from maskservice.storage.models import TENANTS
from maskservice.storage.roster_models import COURIER_PHONES, COURIERS
from maskservice.storage.statements import Cells, Statements

_C, _P = COURIERS.c, COURIER_PHONES.c
_COLUMNS = (_C.id, _C.tenant_id, _C.carrier, _C.wrapped_key, _C.name, _C.created_at, _C.pin_mark)
_OF_TENANT = _C.tenant_id == bindparam("at_tenant")
_HERE = (_OF_TENANT, _C.id == bindparam("at_id"), _C.revoked_at.is_(None))

# FOR NO KEY UPDATE: whatever only refers to the tenant by a foreign key goes on.
_HOLD = select(TENANTS.c.id).where(TENANTS.c.id == bindparam("at_tenant")).with_for_update(key_share=True)
_ADD = upsert(COURIERS).on_conflict_do_nothing(
    index_elements=[_C.tenant_id, _C.pin_mark], index_where=text("pin_mark IS NOT NULL")
)
_SEVERAL = select(*_COLUMNS).where(_OF_TENANT, _C.id.in_(bindparam("wanted", expanding=True)), _C.revoked_at.is_(None))
_SAVE = update(COURIERS).where(*_HERE)
_REMOVE = (
    update(COURIERS)
    .where(*_HERE)
    .values(
        revoked_at=bindparam("moment", type_=_C.revoked_at.type), **dict.fromkeys(("wrapped_key", "name", "pin_mark"))
    )
)
_KNOWN = select(_C.id).where(_OF_TENANT, _C.id == bindparam("at_id"))
_PIN_OWNER = select(_C.id).where(_OF_TENANT, _C.pin_mark == bindparam("mark", type_=_C.pin_mark.type))

_PHONES = (
    select(_P.courier_id, _P.caller, _P.phone)
    .where(_P.courier_id.in_(bindparam("wanted", expanding=True)))
    .order_by(_P.courier_id, _P.caller)
)
_ENROLL = upsert(COURIER_PHONES).on_conflict_do_nothing(index_elements=[_P.tenant_id, _P.caller])
_OWNERS = select(_P.caller, _P.courier_id).where(
    _P.tenant_id == bindparam("at_tenant"), _P.caller.in_(bindparam("wanted", expanding=True))
)
_STRIKE = delete(COURIER_PHONES).where(
    _P.tenant_id == bindparam("at_tenant"),
    _P.courier_id == bindparam("at_id"),
    _P.caller.in_(bindparam("wanted", expanding=True)),
)
_STRIKE_ALL = delete(COURIER_PHONES).where(_P.courier_id == bindparam("at_id"))


@lru_cache(maxsize=4)
def _page(*, before: bool, carrier: bool) -> Select[Any]:
    statement = select(*_COLUMNS).where(_OF_TENANT, _C.revoked_at.is_(None))
    if before:
        statement = statement.where(_C.id < bindparam("before"))
    if carrier:
        statement = statement.where(_C.carrier == bindparam("carrier"))
    return statement.order_by(_C.id.desc()).limit(bindparam("room", type_=Integer()))


def _courier_of(cells: Cells, phones: tuple[EnrolledPhone, ...]) -> StoredCourier:
    courier_id, tenant_id, carrier, wrapped_key, name, created_at, pin_mark = cells
    return StoredCourier(courier_id, tenant_id, carrier, wrapped_key, name, created_at, pin_mark, phones)


class SqlCouriers:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def hold(self, tenant_id: str) -> None:
        """On SQLite every writing unit keeps all others out anyway."""
        self._statements.first(_HOLD, {"at_tenant": tenant_id})

    def add(self, courier: StoredCourier) -> None:
        row = {
            "id": courier.id,
            "tenant_id": courier.tenant_id,
            "carrier": courier.carrier,
            "wrapped_key": courier.wrapped_key,
            "name": courier.name,
            "pin_mark": courier.pin_mark,
            "created_at": courier.created_at,
            "revoked_at": None,
        }
        if not self._statements.change(_ADD, row):
            raise PinTaken("Another courier of this tenant has this PIN. Take another, or 'auto'.")
        self.enroll(courier.tenant_id, courier.id, courier.phones)

    def get(self, tenant_id: str, courier_id: str) -> StoredCourier | None:
        return self.several(tenant_id, (courier_id,)).get(courier_id)

    def several(self, tenant_id: str, courier_ids: Collection[str]) -> Mapping[str, StoredCourier]:
        if not courier_ids:
            return {}
        rows = self._statements.rows(_SEVERAL, {"at_tenant": tenant_id, "wanted": list(courier_ids)})
        return {each.id: each for each in self._with_phones(rows)}

    def page(
        self, tenant_id: str, *, limit: int, before: str | None, carrier: str | None = None
    ) -> Sequence[StoredCourier]:
        statement = _page(before=before is not None, carrier=carrier is not None)
        parameters: dict[str, Any] = {"at_tenant": tenant_id, "room": limit, "before": before, "carrier": carrier}
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._with_phones(self._statements.rows(statement, given))

    def save(self, courier: StoredCourier) -> None:
        self._statements.change(
            _SAVE,
            {
                "carrier": courier.carrier,
                "name": courier.name,
                "pin_mark": courier.pin_mark,
                "at_tenant": courier.tenant_id,
                "at_id": courier.id,
            },
        )

    def enroll(self, tenant_id: str, courier_id: str, phones: Collection[EnrolledPhone]) -> None:
        # In one order: two units that add the same phones cannot wait for each other in a ring.
        for phone in sorted(phones, key=lambda each: each.caller):
            row = {"tenant_id": tenant_id, "caller": phone.caller, "courier_id": courier_id, "phone": phone.phone}
            if not self._statements.change(_ENROLL, row):
                raise PhoneEnrolled("A phone is on another courier of this roster. Take it off there first.")

    def strike(self, tenant_id: str, courier_id: str, callers: Collection[bytes]) -> None:
        if callers:
            wanted = {"at_tenant": tenant_id, "at_id": courier_id, "wanted": list(callers)}
            self._statements.change(_STRIKE, wanted)

    def owners(self, tenant_id: str, callers: Collection[bytes]) -> Mapping[bytes, str]:
        if not callers:
            return {}
        rows = self._statements.rows(_OWNERS, {"at_tenant": tenant_id, "wanted": list(callers)})
        return {caller: courier_id for caller, courier_id in rows}  # noqa: C416 - rows are no pairs to the type checker

    def pin_owner(self, tenant_id: str, pin_mark: bytes) -> str | None:
        row = self._statements.first(_PIN_OWNER, {"at_tenant": tenant_id, "mark": pin_mark})
        return None if row is None else row[0]

    def remove(self, tenant_id: str, courier_id: str, *, at: datetime) -> bool:
        place = {"at_tenant": tenant_id, "at_id": courier_id}
        if self._statements.change(_REMOVE, {**place, "moment": at}):
            self._statements.change(_STRIKE_ALL, {"at_id": courier_id})
            return True
        return self._statements.first(_KNOWN, place) is not None

    def _with_phones(self, rows: Sequence[Cells]) -> Sequence[StoredCourier]:
        if not rows:
            return []
        phones: dict[str, list[EnrolledPhone]] = {}
        for courier_id, caller, phone in self._statements.rows(_PHONES, {"wanted": [row[0] for row in rows]}):
            phones.setdefault(courier_id, []).append(EnrolledPhone(caller, phone))
        return [_courier_of(row, tuple(phones.get(row[0], ()))) for row in rows]
