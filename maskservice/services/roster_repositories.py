"""The repositories of the roster, as protocols: couriers, assignments, rules for callers.

Answers for: the exact promise of each method, race guards included. Must not know: SQLAlchemy. Their look-ups in a
call are part of a call's own reads (``call_repositories.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from maskservice.domain.ids import BindingId
from maskservice.services.roster_records import CallerRule, EnrolledPhone, StoredCourier


class Couriers(Protocol):
    """Whoever was removed is not found by any of these."""

    def hold(self, tenant_id: str) -> None:
        """Changes of one tenant's roster, and of who is assigned, wait here for each other until the unit ends; calls
        do not."""
        ...

    def add(self, courier: StoredCourier) -> None:
        """With its phones. Raises PinTaken, PhoneEnrolled, by the database's own uniqueness: also without
        :meth:`hold` one of two wins."""
        ...

    def get(self, tenant_id: str, courier_id: str) -> StoredCourier | None: ...

    def several(self, tenant_id: str, courier_ids: Collection[str]) -> Mapping[str, StoredCourier]:
        """Those of some thousand ids at the most that are on the tenant's roster."""
        ...

    def page(
        self, tenant_id: str, *, limit: int, before: str | None, carrier: str | None = None
    ) -> Sequence[StoredCourier]:
        """Newest first, ``before`` excluded."""
        ...

    def save(self, courier: StoredCourier) -> None:
        """Carrier, name and PIN; needs :meth:`hold`, under which the PIN was seen to be free."""
        ...

    def enroll(self, tenant_id: str, courier_id: str, phones: Collection[EnrolledPhone]) -> None:
        """Adds phones. Raises PhoneEnrolled."""
        ...

    def strike(self, tenant_id: str, courier_id: str, callers: Collection[bytes]) -> None:
        """Takes phones off."""
        ...

    def owners(self, tenant_id: str, callers: Collection[bytes]) -> Mapping[bytes, str]:
        """Whose each of some thousand phones at the most is; those of nobody are not there."""
        ...

    def pin_owner(self, tenant_id: str, pin_mark: bytes) -> str | None: ...

    def remove(self, tenant_id: str, courier_id: str, *, at: datetime) -> bool:
        """Forgets everything personal. False where the tenant never had such a courier; again: nothing, and True."""
        ...


class Assignments(Protocol):
    def replace(self, binding_id: BindingId, courier_ids: Collection[str]) -> None:
        """The caller holds the binding's row."""
        ...

    def of_binding(self, binding_id: BindingId) -> Sequence[str]: ...

    def forget_courier(self, courier_id: str) -> None: ...


class CallerRules(Protocol):
    def put(self, rule: CallerRule) -> CallerRule:
        """One statement: adds the rule, or changes the verdicts that it names in the one that is there for the same
        caller and binding. The rule as it is now: its id is the given one where it was added."""
        ...

    def get(self, tenant_id: str, rule_id: str) -> CallerRule | None: ...

    def page(
        self, tenant_id: str, *, limit: int, before: str | None, binding: BindingId | None = None
    ) -> Sequence[CallerRule]:
        """Newest first, ``before`` excluded."""
        ...

    def delete(self, tenant_id: str, rule_id: str) -> bool: ...
