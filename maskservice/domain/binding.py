"""A binding: (tenant, order) ↔ virtual number + extension ↔ a recipient, and the steps it may take.

Answers for: the transition table and the one rule of death: a binding is dead at ``now >= expires_at``, whatever the
stored status says.
Must not know: how a binding is stored or encrypted, who asks, what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from maskservice.domain.call_policy import BindingRules
from maskservice.domain.errors import BindingNotLive, BindingPurged, FieldError, InvalidContent
from maskservice.domain.ids import BindingId
from maskservice.domain.masked import MaskedNumber

SHORTEST_LIFE = timedelta(seconds=60)


class Status(StrEnum):
    ACTIVE = "active"
    DELIVERED = "delivered"
    LOCKED = "locked"
    EXPIRED = "expired"
    RELEASED = "released"


LIVE = frozenset({Status.ACTIVE, Status.DELIVERED})
ENDED = frozenset({Status.EXPIRED, Status.RELEASED})


@dataclass(frozen=True, slots=True)
class Binding:
    """What may be known of a binding without opening anything; times are aware UTC.

    ``status`` is the stored one: ask :meth:`status_at` for the true one at a moment.
    ``status_before_lock`` is set exactly while it is locked.
    """

    id: BindingId
    tenant_id: str
    order_id: str
    extension: str
    status: Status
    created_at: datetime
    expires_at: datetime
    waybill: str | None = None
    masked_name: str | None = None
    delivered_at: datetime | None = None
    ended_at: datetime | None = None
    purged_at: datetime | None = None
    status_before_lock: Status | None = None
    reopened_from: BindingId | None = None
    rekeyed_at: datetime | None = None
    call_rules: BindingRules | None = None

    @property
    def masked_number(self) -> MaskedNumber:
        return MaskedNumber(self.id.virtual_number, self.extension)

    def status_at(self, now: datetime) -> Status:
        """The status at ``now``: ``expired`` from ``expires_at`` on, though no job has run."""
        if self.status not in ENDED and now >= self.expires_at:
            return Status.EXPIRED
        return self.status

    def is_live(self, now: datetime) -> bool:
        """Whether a call may be connected and the order is held."""
        return self.status_at(now) in LIVE

    def holds_order(self, now: datetime) -> bool:
        """Whether the order is still taken by this binding: live or frozen."""
        return self.status_at(now) not in ENDED

    def needs_end(self, now: datetime) -> bool:
        """Whether it is dead by time and not yet stored so."""
        return self.status not in ENDED and now >= self.expires_at


def _not_live(step: str, status: Status) -> BindingNotLive:
    return BindingNotLive(f"A binding that is {status} cannot be {step}.")


def expired(binding: Binding, now: datetime) -> Binding:
    """The binding as it must be stored once it was seen dead: a clock going backwards shall not revive it.

    Its slot rests from the moment of death, not from the moment somebody noticed.
    """
    if binding.needs_end(now):
        return replace(binding, status=Status.EXPIRED, status_before_lock=None, ended_at=binding.expires_at)
    return binding


def delivered(binding: Binding, *, delivered_at: datetime, now: datetime, grace: timedelta) -> Binding:
    """Delivery reported: dies at delivery + grace. Again: unchanged.

    Raises BindingNotLive when locked or ended, InvalidContent for a delivery before the binding was made or after
    ``now`` (+ 5 min of skew).
    """
    status = binding.status_at(now)
    if status is Status.DELIVERED:
        return binding
    if status is not Status.ACTIVE:
        raise _not_live("delivered", status)
    skew = timedelta(minutes=5)
    if not binding.created_at - skew <= delivered_at <= now + skew:
        detail = "Give the moment of delivery: not in the future and not before the binding was created."
        raise InvalidContent((FieldError("/delivered_at", "out_of_range", detail),))
    return replace(binding, status=Status.DELIVERED, delivered_at=delivered_at, expires_at=delivered_at + grace)


def locked(binding: Binding, now: datetime) -> Binding:
    """Frozen at once; again: unchanged. Raises BindingNotLive when ended."""
    status = binding.status_at(now)
    if status is Status.LOCKED:
        return binding
    if status not in LIVE:
        raise _not_live("locked", status)
    return replace(binding, status=Status.LOCKED, status_before_lock=status)


def unlocked(binding: Binding, now: datetime) -> Binding:
    """Back to what it was before the lock. Raises BindingNotLive when it is not locked."""
    status = binding.status_at(now)
    if status is not Status.LOCKED:
        raise _not_live("unlocked", status)
    return replace(binding, status=binding.status_before_lock or Status.ACTIVE, status_before_lock=None)


def released(binding: Binding, now: datetime) -> Binding:
    """Ended by hand at once; again: unchanged. Raises BindingNotLive when it had expired."""
    status = binding.status_at(now)
    if status is Status.RELEASED:
        return binding
    if status is Status.EXPIRED:
        raise _not_live("released", status)
    return replace(binding, status=Status.RELEASED, status_before_lock=None, ended_at=now)


def require_changeable(binding: Binding, now: datetime) -> None:
    """Content and expiry may change while the order is held. Raises BindingNotLive otherwise."""
    if not binding.holds_order(now):
        raise _not_live("changed", binding.status_at(now))


def require_reopenable(binding: Binding, now: datetime) -> None:
    """A return or second delivery. Raises BindingPurged after the purge, BindingNotLive while locked."""
    if binding.purged_at is not None:
        raise BindingPurged("The recipient's details were purged; create a new binding for the order.")
    status = binding.status_at(now)
    if status is Status.LOCKED:
        raise _not_live("reopened", status)


def resolve_expiry(
    *, now: datetime, expires_in: int | None, expires_at: datetime | None, default: timedelta, longest: timedelta
) -> datetime:
    """When a binding ends: seconds from now, or a moment, or the tenant's default; 60 s to ``longest`` from now.

    Raises InvalidContent when both are given or the life is out of range. The floor is the field's (Alibaba,
    Volcengine: one minute).
    """
    if expires_in is not None and expires_at is not None:
        raise InvalidContent((FieldError("/expires_at", "exclusive", "Give expires_in or expires_at, not both."),))
    moment = (
        expires_at
        if expires_at is not None
        else now + (default if expires_in is None else timedelta(seconds=expires_in))
    )
    if not SHORTEST_LIFE <= moment - now <= longest:
        pointer = "/expires_at" if expires_at is not None else "/expires_in"
        detail = f"The binding must live at least 60 s and at most {int(longest.total_seconds())} s from now."
        raise InvalidContent((FieldError(pointer, "out_of_range", detail),))
    return moment
