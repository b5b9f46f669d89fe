"""The one tree of everything the domain can refuse.

Answers for: a class per refusal, each with a stable code and its facts. Must not know: HTTP statuses, wording for a
page, the rejected values.
``web/problems.py`` maps each class to a status and ``docs/problems.rst`` explains it; a test walks this tree and
fails on a class missing there.
"""

from __future__ import annotations

from dataclasses import dataclass


class MaskServiceError(Exception):
    """Root of the tree. ``code`` is stable and snake_case; ``detail`` says what to do next and never repeats a
    rejected value."""

    code: str = "internal_error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field: a JSON Pointer (RFC 6901), a stable code, a sentence. Never the rejected
    value."""

    pointer: str
    code: str
    detail: str


class InvalidContent(MaskServiceError):
    """The request is well-formed and cannot be accepted; ``errors`` holds every field error at once."""

    code = "invalid_content"

    def __init__(self, errors: tuple[FieldError, ...] = (), detail: str = "") -> None:
        super().__init__(detail or "Some fields cannot be accepted; see 'errors'.")
        self.errors = errors


class PhoneRefused(MaskServiceError):
    """A phone number cannot be bound. ``code`` is the decision of shared/data/phones_tw.csv
    (``mobile_with_extension`` …)."""

    code = "invalid_number"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class MaskedNumberUnreadable(MaskServiceError):
    """A text holds no virtual number, or none that can be told apart from its extension."""

    code = "masked_number_unreadable"


class NotFound(MaskServiceError):
    """No such thing, or it belongs to another tenant: the two are never told apart."""

    code = "not_found"


class Conflict(MaskServiceError):
    """The state of things does not allow this step."""

    code = "conflict"


class OrderAlreadyBound(Conflict):
    """The order has a live binding to another phone."""

    code = "order_already_bound"


class BindingNotLive(Conflict):
    """The binding's status does not allow this step (see the transition table in ``domain/binding.py``)."""

    code = "binding_not_live"


class BindingPurged(Conflict):
    """The binding's personal content was purged after its quarantine; nothing can be made from it any more."""

    code = "binding_purged"


class NameTaken(Conflict):
    """A tenant, pool or PBX of that name exists already."""

    code = "name_taken"


class PhoneEnrolled(Conflict):
    """A phone is on another courier of the tenant's roster already."""

    code = "phone_enrolled"


class PinTaken(Conflict):
    """The PIN is another courier's of the tenant: a PIN names one person."""

    code = "pin_taken"


class IdempotencyKeyReused(MaskServiceError):
    """The Idempotency-Key was used before with another body."""

    code = "idempotency_key_reused"


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key has not ended within the wait of 5 seconds."""

    code = "idempotency_in_progress"


class Unavailable(MaskServiceError):
    """It cannot be done now and may succeed later; ``retry_after_s`` is in whole seconds."""

    code = "unavailable"
    retry_after_s: int = 1


class PoolExhausted(Unavailable):
    """Every virtual number of the pool is at its density ceiling."""

    code = "pool_exhausted"
    retry_after_s = 60


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or could not serve the request in time."""

    code = "database_unavailable"
    retry_after_s = 2


class DatabaseNotMigrated(Unavailable):
    """The database's schema is not the one this version works with; ``maskservice init`` mends it."""

    code = "database_not_migrated"
    retry_after_s = 10


class KeyMissing(Unavailable):
    """A stored value names a key that the key ring does not hold. ``key_id`` is safe to show."""

    code = "key_missing"
    retry_after_s = 10

    def __init__(self, key_id: str, detail: str = "") -> None:
        super().__init__(detail or f"The key ring does not hold the key {key_id}.")
        self.key_id = key_id


class SealBroken(MaskServiceError):
    """A ciphertext does not belong to its row and field, or was altered."""

    code = "seal_broken"


class KeyRingInvalid(MaskServiceError):
    """The key ring cannot be read, has the wrong form, or its file is open to others."""

    code = "key_ring_invalid"


class Unauthenticated(MaskServiceError):
    """No valid credentials came with the request."""

    code = "unauthenticated"


class SignatureInvalid(Unauthenticated):
    """The webhook's signature is missing, malformed, too old, or does not match."""

    code = "signature_invalid"


class ScopeMissing(MaskServiceError):
    """The API key is valid and lacks the scope that this call needs."""

    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key lacks the scope '{scope}'.")
        self.scope = scope
