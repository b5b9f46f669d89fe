"""Records to test with, by factory-boy: valid, small, and a different one every time.

Answers for: what a tenant, a pool, a binding … looks like when the test does not care. Sealed values are stand-ins:
nothing here is a real number or an encrypted one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import factory

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.binding import Binding, Status
from maskservice.domain.call import Outcome, TraceStep
from maskservice.domain.ids import BindingId, CallId, plain_id, uuid7
from maskservice.services.records import (
    ALL_SCOPES,
    ApiKey,
    CallRecord,
    IdempotencyClaim,
    Pbx,
    PbxSecret,
    Pool,
    Receipt,
    SealedContact,
    SealedContent,
    StoredBinding,
    Tenant,
)

NOW = datetime(2026, 11, 24, 4, 30, 15, 123456, tzinfo=UTC)
NUMBER = "+886900000000"


def key(place: int) -> UUID:
    """A version 7 UUID; a later place is a later key."""
    return uuid7(NOW + timedelta(milliseconds=place), place.to_bytes(10, "big"))


_key = key  # factories have fields of the same name


def tenant_id(place: int) -> str:
    """Of a tenant that is in no table."""
    return plain_id("ten", key(500_000 + place))


def pool_id(place: int) -> str:
    return plain_id("pool", key(500_000 + place))


_tenant_id, _pool_id = tenant_id, pool_id


def _id(prefix: str) -> factory.Sequence:
    return factory.Sequence(lambda place: plain_id(prefix, key(place)))


class TenantFactory(factory.Factory):
    class Meta:
        model = Tenant

    id = _id("ten")
    name = factory.Sequence(lambda place: f"商店 {place}")
    created_at = NOW


class ApiKeyFactory(factory.Factory):
    class Meta:
        model = ApiKey

    id = _id("key")
    tenant_id = ""
    digest = factory.Sequence(lambda place: place.to_bytes(32, "big"))
    hint = "wxyz"
    scopes = ALL_SCOPES
    created_at = NOW


class PoolFactory(factory.Factory):
    class Meta:
        model = Pool

    id = _id("pool")
    name = factory.Sequence(lambda place: f"pool-{place}")
    policy = PoolPolicy()
    created_at = NOW


class BindingIdFactory(factory.Factory):
    class Meta:
        model = BindingId

    virtual_number = NUMBER
    key = factory.Sequence(_key)


class BindingFactory(factory.Factory):
    class Meta:
        model = Binding

    id = factory.SubFactory(BindingIdFactory)
    tenant_id = _tenant_id(1)
    order_id = factory.Sequence(lambda place: f"TW-20261124-{place:03d}")
    extension = factory.Sequence(lambda place: f"{place % 10_000:04d}")
    status = Status.ACTIVE
    created_at = NOW
    expires_at = NOW + timedelta(days=60)
    masked_name = "陳O美"

    class Params:
        locked = factory.Trait(status=Status.LOCKED, status_before_lock=Status.ACTIVE)
        released = factory.Trait(status=Status.RELEASED, ended_at=NOW)


class SealedContentFactory(factory.Factory):
    class Meta:
        model = SealedContent

    wrapped_key = factory.Sequence(lambda place: b"wrapped-%d" % place)
    phone = b"sealed-phone"
    name = b"sealed-name"
    phone_mark = factory.Sequence(lambda place: place.to_bytes(16, "big"))
    shared_line = False
    address = b"sealed-address"


class StoredBindingFactory(factory.Factory):
    """``StoredBindingFactory(binding__status=…, content__phone_mark=…)``"""

    class Meta:
        model = StoredBinding

    binding = factory.SubFactory(BindingFactory)
    content = factory.SubFactory(SealedContentFactory)


class SealedContactFactory(factory.Factory):
    class Meta:
        model = SealedContact

    binding_id = factory.SubFactory(BindingIdFactory)
    mark = factory.Sequence(lambda place: b"courier-%08d" % place)
    phone = b"sealed-contact"
    call = factory.Sequence(_key)
    reached_at = NOW
    expires_at = NOW + timedelta(hours=72)


class IdempotencyClaimFactory(factory.Factory):
    class Meta:
        model = IdempotencyClaim

    tenant_id = _tenant_id(1)
    key = factory.Sequence(lambda place: f"idem-{place}")
    fingerprint = b"f" * 32
    order_id = "TW-20261124-001"
    binding = factory.Sequence(_key)
    created_at = NOW


class CallIdFactory(factory.Factory):
    class Meta:
        model = CallId

    virtual_number = NUMBER
    key = factory.Sequence(_key)


class CallRecordFactory(factory.Factory):
    class Meta:
        model = CallRecord

    id = factory.SubFactory(CallIdFactory)
    pbx_id = "pbx_1"
    pbx_call_id = factory.Sequence(lambda place: f"c-{place}")
    pool_id = _pool_id(1)
    outcome = Outcome.ASKING
    trace = (TraceStep("line", "found"), TraceStep("binding", "active", _tenant_id(1)))
    caller_tail = "321"
    caller = factory.Sequence(lambda place: place.to_bytes(16, "big"))
    attempt_group = factory.SelfAttribute("id.key")


class ReceiptFactory(factory.Factory):
    class Meta:
        model = Receipt

    virtual_number = NUMBER
    pbx_id = "pbx_1"
    pbx_call_id = factory.Sequence(lambda place: f"c-{place}")
    leg = 1
    webhook_id = factory.Sequence(lambda place: f"msg-{place}")
    received_at = NOW
    call = factory.SubFactory(CallIdFactory)
    action = "gather"
    tries_used = 0
    prompt = "enter_extension"
    max_digits = 4
    attempts_left = 3


class PbxFactory(factory.Factory):
    class Meta:
        model = Pbx

    id = _id("pbx")
    name = factory.Sequence(lambda place: f"總機 {place}")
    dialect = "native"
    created_at = NOW


class PbxSecretFactory(factory.Factory):
    class Meta:
        model = PbxSecret

    id = _id("sec")
    pbx_id = ""
    wrapped_key = b"wrapped"
    secret = b"sealed-secret"
    created_at = NOW
