"""The index of orders, and idempotency keys."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from maskservice.domain.errors import IdempotencyInProgress
from maskservice.domain.ids import BindingId
from maskservice.services.records import OrderPlace
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.databases import opened
from tests.factories import NOW, NUMBER, BindingIdFactory, IdempotencyClaimFactory, key


def test_an_order_has_one_current_binding(uow: SqlUnitOfWork) -> None:
    first, second = BindingIdFactory(), BindingIdFactory()
    assert uow.orders.current("ten_1", "o") is None
    assert uow.orders.claim("ten_1", "o", binding=first, waybill=None)
    assert not uow.orders.claim("ten_1", "o", binding=second, waybill=None)
    assert uow.orders.claim("ten_2", "o", binding=second, waybill=None)
    assert uow.orders.current("ten_1", "o") == first
    uow.orders.retire("ten_1", "o", binding=first)
    assert uow.orders.current("ten_1", "o") is None
    assert uow.orders.claim("ten_1", "o", binding=second, waybill=None)
    assert uow.orders.current("ten_1", "o") == second
    assert uow.orders.place_of("ten_1", "o", first.key) == first
    assert uow.orders.place_of("ten_1", "o", key(900_005)) is None
    assert uow.orders.place_of("ten_2", "o", first.key) is None


def test_a_binding_moves_before_it_is_made(uow: SqlUnitOfWork) -> None:
    old = BindingId("+0", key(1))
    new = BindingId(NUMBER, key(1))
    uow.orders.claim("ten_1", "o", binding=old, waybill="W")
    uow.orders.move(OrderPlace("ten_1", "o", old, new))
    assert uow.orders.current("ten_1", "o") == new
    assert uow.orders.by_waybill("ten_1", "W") == [new]


def test_a_waybill_leads_to_current_bindings_newest_first_at_most_ten(uow: SqlUnitOfWork) -> None:
    ids = [BindingIdFactory() for _ in range(12)]
    for place, binding in enumerate(ids):
        uow.orders.claim("ten_1", f"o{place}", binding=binding, waybill="W")
    assert uow.orders.by_waybill("ten_1", "W") == ids[:1:-1]
    uow.orders.retire("ten_1", "o11", binding=ids[11])
    uow.orders.set_waybill("ten_1", "o10", binding=ids[10], waybill="W2")
    uow.orders.set_waybill("ten_1", "o9", binding=ids[9], waybill=None)
    assert uow.orders.by_waybill("ten_1", "W") == ids[8::-1]
    assert uow.orders.by_waybill("ten_1", "W2") == [ids[10]]
    assert uow.orders.by_waybill("ten_2", "W") == []


def test_an_idempotency_key_is_claimed_once(uow: SqlUnitOfWork) -> None:
    claim = IdempotencyClaimFactory()
    assert uow.idempotency.claim(claim) is None
    assert uow.idempotency.claim(replace(claim, fingerprint=b"other", binding=key(900_009))) == claim
    assert uow.idempotency.claim(replace(claim, tenant_id="ten_2")) is None
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
