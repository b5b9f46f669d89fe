"""The worker's rounds, and what is left of a binding after its purge."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from maskservice.domain.binding import Status
from maskservice.services import binding_reads, expiry
from maskservice.services.bindings import create_binding
from maskservice.services.expiry import Round, work_round
from maskservice.services.idempotency import IdempotentRequest
from tests.services.conftest import Shop, X, number

COURIER, RECIPIENT = "+886987654321", "+886912345678"


def held(shop: Shop) -> int:
    with shop.ports.unit(write=False) as uow:
        return uow.pools.use()[0].held


def test_nothing_to_do_is_said_so(shop: Shop) -> None:
    assert not work_round(shop.ports).busy


def test_a_dead_binding_rests_from_its_death_and_is_purged_at_the_end(shop: Shop) -> None:
    from dataclasses import replace

    order = replace(
        shop.order(waybill="H1", metadata={"note": "易碎"}, expires_in=3600),
        idempotency=IdempotentRequest("k", "r", b"{}"),
    )
    view = create_binding(order, shop.ports).view
    shop.reach(COURIER, view.masked_number.extension)
    shop.clock.move(days=3)  # nobody looked for three days: the quarantine still counts from the death
    assert work_round(shop.ports) == Round(ended=1, freed=0, forgotten=2)
    assert work_round(shop.ports) == Round()
    assert held(shop) == 1
    shop.clock.move(days=27)
    assert work_round(shop.ports).freed == 0
    shop.clock.move(hours=1)
    assert work_round(shop.ports).freed == 1
    assert held(shop) == 0
    after = binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports)
    assert (after.status, after.recipient_name, after.address, after.label, after.metadata) == (
        Status.EXPIRED,
        None,
        None,
        None,
        None,
    )
    assert (after.order_id, after.masked_number, after.waybill) == (view.order_id, view.masked_number, "H1")
    with shop.database.engine.connect() as connection:
        row = connection.execute(text("select * from bindings")).mappings().one()
        assert not [
            name
            for name, value in row.items()
            if isinstance(value, bytes | memoryview) and name not in ("key", "reopened_key")
        ]
        assert connection.execute(text("select count(*) from contacts")).scalar() == 0
        assert connection.execute(text("select count(*) from slots")).scalar() == 0


def test_released_slots_rest_too(shop: Shop) -> None:
    view = shop.bind()
    shop.release(view)
    shop.clock.move(days=29, hours=23)
    assert work_round(shop.ports).freed == 0
    shop.clock.move(hours=1)
    assert work_round(shop.ports).freed == 1


def test_rounds_are_bounded(shop: Shop) -> None:
    for place in range(5):
        shop.bind(str(place), expires_in=60)
    shop.clock.move(seconds=60)
    assert [work_round(shop.ports, limit=2).ended for _ in range(4)] == [2, 2, 1, 0]


def test_calls_do_not_need_the_worker(shop: Shop) -> None:
    view = shop.bind(expires_in=60)
    assert number(shop.reach(COURIER, view.masked_number.extension)) == RECIPIENT
    shop.clock.move(seconds=60)
    assert number(shop.reach(COURIER, view.masked_number.extension)) is None
    assert expiry.expire_due(shop.ports, limit=10) == 0  # the call stored the death it saw


def test_receipts_are_forgotten_after_two_days_and_keys_after_their_bindings(shop: Shop) -> None:
    from dataclasses import replace

    create_binding(replace(shop.order(), idempotency=IdempotentRequest("k", "r", b"{}")), shop.ports)
    shop.leg(COURIER, X)
    shop.clock.move(hours=47)
    assert expiry.forget_old(shop.ports, limit=10) == 0
    shop.clock.move(hours=2)
    assert expiry.forget_old(shop.ports, limit=10) == 1
    shop.clock.move(days=120)
    assert expiry.forget_old(shop.ports, limit=10) == 2  # the key, and the caller of the record


@pytest.mark.parametrize("stays", ["active", "delivered"])
def test_what_lives_is_left_alone(shop: Shop, stays: str) -> None:
    from maskservice.services import binding_steps

    view = shop.bind()
    if stays == "delivered":
        binding_steps.deliver_binding(shop.tenant, view.id, delivered_at=None, ports=shop.ports)
    shop.clock.move(hours=71)
    assert work_round(shop.ports) == Round()
    assert binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports).status == stays
    assert timedelta(days=60) > view.expires_at - shop.clock.now()
