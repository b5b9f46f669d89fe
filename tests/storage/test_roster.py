"""Couriers on both databases: a phone and a PIN are one courier's, and a removed one leaves nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, select, text

from maskservice.domain.errors import MaskServiceError, PhoneEnrolled, PinTaken
from maskservice.domain.ids import plain_id
from maskservice.services.roster_records import EnrolledPhone, StoredCourier
from maskservice.storage.db import Database
from maskservice.storage.roster_models import COURIER_PHONES, COURIERS
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.factories import NOW, TenantFactory, key, tenant_id
from tests.storage.conftest import World, build_world


def phone(place: int) -> EnrolledPhone:
    return EnrolledPhone(place.to_bytes(16, "big"), b"sealed-%d" % place)


def courier(place: int, tenant_id: str, *phones: int, pin: bytes | None = None, carrier: str = "黑貓") -> StoredCourier:
    return StoredCourier(
        id=plain_id("cou", key(place)),
        tenant_id=tenant_id,
        carrier=carrier,
        wrapped_key=b"wrapped",
        name=b"sealed-name",
        created_at=NOW + timedelta(seconds=place),
        pin_mark=pin,
        phones=tuple(phone(each) for each in phones),
    )


def test_a_courier_comes_back_as_it_went(uow: SqlUnitOfWork, world: World) -> None:
    made = courier(1, world.tenant.id, 3, 5, pin=b"p" * 16)
    uow.couriers.add(made)
    assert uow.couriers.get(world.tenant.id, made.id) == made
    assert uow.couriers.get(tenant_id(2), made.id) is None
    assert uow.couriers.several(world.tenant.id, [made.id, "cou_none"]) == {made.id: made}
    assert uow.couriers.several(world.tenant.id, []) == {}
    assert uow.couriers.owners(world.tenant.id, [phone(3).caller, phone(4).caller]) == {phone(3).caller: made.id}
    assert uow.couriers.owners(world.tenant.id, []) == {}
    assert uow.couriers.pin_owner(world.tenant.id, b"p" * 16) == made.id
    assert uow.couriers.pin_owner(world.tenant.id, b"q" * 16) is None
    assert uow.couriers.pin_owner(tenant_id(2), b"p" * 16) is None


def test_a_phone_and_a_pin_are_one_couriers_of_a_tenant(uow: SqlUnitOfWork, world: World) -> None:
    other = TenantFactory()
    uow.tenants.add(other)
    uow.couriers.add(courier(1, world.tenant.id, 1, pin=b"p"))
    uow.couriers.add(courier(2, other.id, 1, pin=b"p"))
    uow.couriers.add(courier(3, world.tenant.id, 2))
    uow.couriers.add(courier(4, world.tenant.id, 3))
    uow.commit()
    with pytest.raises(PinTaken):
        uow.couriers.add(courier(5, world.tenant.id, 9, pin=b"p"))
    uow.rollback()
    with pytest.raises(PhoneEnrolled):
        uow.couriers.add(courier(6, world.tenant.id, 8, 1))
    uow.rollback()
    assert len(uow.couriers.page(world.tenant.id, limit=10, before=None)) == 3


def test_pages_newest_first_by_carrier(uow: SqlUnitOfWork, world: World) -> None:
    made = [courier(place, world.tenant.id, place, carrier="乙" if place % 2 else "甲") for place in range(5)]
    for each in made:
        uow.couriers.add(each)
    mine = world.tenant.id
    assert uow.couriers.page(mine, limit=2, before=None) == [made[4], made[3]]
    assert uow.couriers.page(mine, limit=9, before=made[3].id) == [made[2], made[1], made[0]]
    assert uow.couriers.page(mine, limit=9, before=None, carrier="乙") == [made[3], made[1]]
    assert uow.couriers.page(mine, limit=9, before=made[3].id, carrier="乙") == [made[1]]
    assert uow.couriers.page(tenant_id(2), limit=9, before=None) == []


def test_changes(uow: SqlUnitOfWork, world: World) -> None:
    made = courier(1, world.tenant.id, 1, 2, pin=b"p")
    uow.couriers.hold(world.tenant.id)
    uow.couriers.add(made)
    after = replace(made, carrier="新竹", name=b"other", pin_mark=None, phones=(phone(2), phone(3)))
    uow.couriers.save(after)
    uow.couriers.strike(world.tenant.id, made.id, [phone(1).caller])
    uow.couriers.strike(world.tenant.id, made.id, [])
    uow.couriers.strike(world.tenant.id, "cou_other", [phone(2).caller])
    uow.couriers.enroll(world.tenant.id, made.id, [phone(3)])
    assert uow.couriers.get(world.tenant.id, made.id) == after


def test_a_removed_courier_leaves_nothing_personal(uow: SqlUnitOfWork, world: World, database: Database) -> None:
    made = courier(1, world.tenant.id, 1, 2, pin=b"p")
    uow.couriers.add(made)
    assert not uow.couriers.remove(tenant_id(2), made.id, at=NOW)
    assert uow.couriers.remove(world.tenant.id, made.id, at=NOW)
    assert uow.couriers.remove(world.tenant.id, made.id, at=NOW + timedelta(days=1))
    assert not uow.couriers.remove(world.tenant.id, "cou_none", at=NOW)
    uow.commit()
    assert uow.couriers.get(world.tenant.id, made.id) is None
    assert uow.couriers.page(world.tenant.id, limit=9, before=None) == []
    uow.rollback()
    with database.engine.connect() as connection:
        (row,) = connection.execute(select(COURIERS)).mappings()
        assert (row["wrapped_key"], row["name"], row["pin_mark"], row["revoked_at"]) == (None, None, None, NOW)
        assert connection.execute(select(COURIER_PHONES)).all() == []
    # PIN and phones are free again.
    uow.couriers.add(courier(2, world.tenant.id, 1, 2, pin=b"p"))


@pytest.mark.parametrize(
    "kept",
    [
        {"wrapped_key": b"x"},
        {"name": b"x"},
        {"pin_mark": b"x"},
        {"revoked_at": None, "wrapped_key": b"x"},
        {"revoked_at": None, "name": b"x"},
    ],
)
def test_the_table_itself_insists_on_it(database: Database, kept: dict[str, object]) -> None:
    with database.unit() as uow:
        world = build_world(uow)
        uow.commit()
    row = {
        "id": "cou_1", "tenant_id": world.tenant.id, "carrier": "c", "wrapped_key": None, "name": None,
        "pin_mark": None, "created_at": NOW, "revoked_at": NOW,
    }  # fmt: skip
    with database.engine.begin() as connection:
        connection.execute(insert(COURIERS), row)
    with pytest.raises(Exception, match="ck_couriers_revoked"), database.engine.begin() as connection:
        connection.execute(insert(COURIERS), {**row, "id": "cou_2", **kept})


Step = Callable[[SqlUnitOfWork, str, int], None]


def add_with_phone(uow: SqlUnitOfWork, tenant_id: str, thread: int) -> None:
    phones = (1, 2) if thread % 2 else (2, 1)
    uow.couriers.add(courier(thread, tenant_id, *phones))


def add_with_pin(uow: SqlUnitOfWork, tenant_id: str, thread: int) -> None:
    uow.couriers.add(courier(thread, tenant_id, 100 + thread, pin=b"same"))


@pytest.mark.parametrize(("step", "refusal"), [(add_with_phone, PhoneEnrolled), (add_with_pin, PinTaken)])
def test_one_of_many_wins_by_the_uniqueness_alone(
    database_app: tuple[Flask, Database], step: Step, refusal: type[MaskServiceError]
) -> None:
    """Without hold(): the database decides, and nobody waits in a ring."""
    app, database = database_app
    with app.app_context(), database.unit() as uow:
        world = build_world(uow)
        uow.commit()
    threads = 8
    barrier = threading.Barrier(threads)

    def race(thread: int) -> type[BaseException] | None:
        with app.app_context(), database.unit() as uow:
            barrier.wait(10)
            try:
                step(uow, world.tenant.id, thread)
                uow.commit()
            except MaskServiceError as refused:
                return type(refused)
            return None

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(race, range(threads)))
    assert sorted(results, key=str) == sorted([None, *[refusal] * (threads - 1)], key=str)


def test_without_the_uniqueness_a_courier_cannot_be_added_at_all(database: Database) -> None:
    """The statements name their conflict targets: who drops an index hears of it at once."""
    with database.unit() as uow:
        world = build_world(uow)
        uow.commit()
    with database.engine.begin() as connection:
        connection.execute(text("DROP INDEX uq_couriers_tenant_id_pin_mark"))
    with database.unit() as uow, pytest.raises(MaskServiceError, match="refused a statement"):
        uow.couriers.add(courier(1, world.tenant.id))


def test_own_numbers_among_marks(uow: SqlUnitOfWork, world: World) -> None:
    assert uow.numbers.own_among([b"+886900000000", b"none"]) == {b"+886900000000"}
    assert uow.numbers.own_among([]) == frozenset()
