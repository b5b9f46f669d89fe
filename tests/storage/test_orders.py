"""The index of orders, and idempotency keys."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from maskservice.domain.errors import IdempotencyInProgress
from maskservice.services.records import OrderClaim
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.databases import opened
from tests.factories import NOW, BindingIdFactory, IdempotencyClaimFactory, key, tenant_id


def test_an_order_has_one_current_binding(uow: SqlUnitOfWork) -> None:
    first, second = BindingIdFactory(), BindingIdFactory()
    assert uow.orders.current(tenant_id(1), "o") is None
    assert uow.orders.claim(tenant_id(1), "o", binding=first, waybill=None)
    assert not uow.orders.claim(tenant_id(1), "o", binding=second, waybill=None)
    assert uow.orders.claim(tenant_id(2), "o", binding=second, waybill=None)
    assert uow.orders.current(tenant_id(1), "o") == first
    uow.orders.retire(tenant_id(1), "o", binding=first)
    assert uow.orders.current(tenant_id(1), "o") is None
    assert uow.orders.claim(tenant_id(1), "o", binding=second, waybill=None)
    assert uow.orders.current(tenant_id(1), "o") == second
    assert uow.orders.place_of(tenant_id(1), "o", first.key) == first
    assert uow.orders.place_of(tenant_id(1), "o", key(900_005)) is None
    assert uow.orders.place_of(tenant_id(2), "o", first.key) is None


def test_many_orders_are_claimed_at_once(uow: SqlUnitOfWork) -> None:
    held = BindingIdFactory()
    uow.orders.claim(tenant_id(1), "o2", binding=held, waybill=None)
    # Odd names and any order: a claim is known by its binding's key.
    names = ["o3", "o2", 'quote " and \\ and 漢字', "o1"]
    claims = [OrderClaim(name, BindingIdFactory(), f"W-{name}") for name in names]
    won = uow.orders.claim_many(tenant_id(1), claims)
    assert won == {claim.binding.key for claim in claims if claim.order_id != "o2"}
    assert uow.orders.current(tenant_id(1), "o2") == held
    for claim in claims:
        if claim.order_id != "o2":
            assert uow.orders.current(tenant_id(1), claim.order_id) == claim.binding
            assert uow.orders.by_waybill(tenant_id(1), f"W-{claim.order_id}") == [claim.binding]
    assert uow.orders.claim_many(tenant_id(1), claims) == frozenset()
    assert len(uow.orders.claim_many(tenant_id(2), claims)) == 4
    uow.orders.give_up(tenant_id(1), [claims[0]])
    uow.orders.give_up(tenant_id(1), [])
    assert uow.orders.current(tenant_id(1), "o3") is None
    assert uow.orders.current(tenant_id(1), "o1") == claims[3].binding


def test_a_waybill_leads_to_current_bindings_newest_first_at_most_ten(uow: SqlUnitOfWork) -> None:
    ids = [BindingIdFactory() for _ in range(12)]
    for place, binding in enumerate(ids):
        uow.orders.claim(tenant_id(1), f"o{place}", binding=binding, waybill="W")
    assert uow.orders.by_waybill(tenant_id(1), "W") == ids[:1:-1]
    uow.orders.retire(tenant_id(1), "o11", binding=ids[11])
    uow.orders.set_waybill(tenant_id(1), "o10", binding=ids[10], waybill="W2")
    uow.orders.set_waybill(tenant_id(1), "o9", binding=ids[9], waybill=None)
    assert uow.orders.by_waybill(tenant_id(1), "W") == ids[8::-1]
    assert uow.orders.by_waybill(tenant_id(1), "W2") == [ids[10]]
    assert uow.orders.by_waybill(tenant_id(2), "W") == []


def test_an_idempotency_key_is_claimed_once(uow: SqlUnitOfWork) -> None:
    claim = IdempotencyClaimFactory()
    assert uow.idempotency.claim(claim) is None
    assert uow.idempotency.claim(replace(claim, fingerprint=b"other", binding=key(900_009))) == claim
    assert uow.idempotency.claim(replace(claim, tenant_id=tenant_id(2))) is None
    uow.idempotency.answered_with(claim.tenant_id, claim.key, binding=key(900_009))
    assert uow.idempotency.claim(claim) == replace(claim, created=False, binding=key(900_009))


def test_keys_are_forgotten_by_age_in_bounded_steps(uow: SqlUnitOfWork) -> None:
    for place in range(5):
        uow.idempotency.claim(IdempotencyClaimFactory(key=f"k{place}", created_at=NOW + timedelta(seconds=place)))
    moment = NOW + timedelta(seconds=3)
    assert uow.idempotency.forget(older_than=moment, limit=2) == 2
    assert uow.idempotency.forget(older_than=moment, limit=2) == 1
    assert uow.idempotency.forget(older_than=moment, limit=2) == 0
    assert uow.idempotency.claim(IdempotencyClaimFactory(key="k0")) is None
    assert uow.idempotency.claim(IdempotencyClaimFactory(key="k3")) is not None


def test_a_second_request_waits_for_the_first_and_then_says_that_it_is_in_progress(
    postgres_url: str, postgres_database: tuple[Flask, Database]
) -> None:
    app, database = postgres_database
    claim = IdempotencyClaimFactory()
    with app.app_context(), database.unit() as first:
        assert first.idempotency.claim(claim) is None
        # An address' own options win over ours: one second in place of five.
        with opened(f"{postgres_url}&options=-c%20lock_timeout%3D1s") as impatient, impatient.unit() as second:
            started = time.monotonic()
            with pytest.raises(IdempotencyInProgress):
                second.idempotency.claim(claim)
            assert 0.8 < time.monotonic() - started < 3
