"""The roster through its use cases: PINs made and told once, phones and PINs one courier's, races told as conflicts."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest
from flask import Flask

from maskservice.crypto.blind_index import BlindIndex
from maskservice.crypto.cipher import NumberCipher
from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.errors import (
    IdempotencyKeyReused,
    InvalidContent,
    MaskServiceError,
    NotFound,
    PhoneEnrolled,
    PinTaken,
)
from maskservice.domain.phone import read_phone
from maskservice.services import pools, tenants
from maskservice.services.guarding import CALLER_SCOPE
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.pins import pin_mark
from maskservice.services.ports import Ports
from maskservice.services.records import TenantPolicy
from maskservice.services.roster import (
    add_courier,
    change_courier,
    get_courier,
    list_couriers,
    remove_courier,
    renew_pin,
)
from maskservice.services.roster_judging import CourierDraft, draft_faults
from maskservice.services.roster_views import CourierView
from maskservice.storage.db import Database
from tests.fakes import Chance, MovableClock
from tests.services.conftest import RING, Shop

PHONE, SECOND = "0987-654-321", "02-2345-6789"


def draft(*phones: str, name: str = "王大明", carrier: str = "黑貓宅急便", pin: str | None = None) -> CourierDraft:
    return CourierDraft(name, carrier, tuple(map(read_phone, phones)), pin)


def add(shop: Shop, *phones: str, **more: str) -> CourierView:
    return add_courier(shop.tenant, draft(*phones, **more), shop.ports).view


@dataclass
class Loaded:
    """Chance that gives the drawn numbers first."""

    drawn: list[int]
    inner: Chance = field(default_factory=Chance)

    def randbytes(self, count: int) -> bytes:
        return self.inner.randbytes(count)

    def below(self, limit: int) -> int:
        return self.drawn.pop(0) if self.drawn and limit == 10**6 else self.inner.below(limit)


def test_a_courier_is_shown_masked(shop: Shop) -> None:
    made = add(shop, PHONE, SECOND, pin="5082")
    assert (made.name, made.carrier, made.phones, made.has_pin, made.pin) == (
        "王O明", "黑貓宅急便", ("321", "789"), True, "5082",
    )  # fmt: skip
    assert made.id.startswith("cou_")
    assert "5082" not in repr(made)
    assert get_courier(shop.tenant, made.id, ports=shop.ports) == replace(made, pin=None)


def test_what_is_stored_is_found_by_a_call(shop: Shop) -> None:
    """The caller's mark is the guard's, and the PIN's mark needs no tenant."""
    made = add(shop, PHONE, pin="5082")
    mark = shop.ports.index.number(CALLER_SCOPE, "+886987654321")
    with shop.ports.unit(write=False) as uow:
        assert uow.couriers.owners(shop.tenant.id, [mark]) == {mark: made.id}
        assert uow.couriers.pin_owner(shop.tenant.id, pin_mark("5082", shop.ports)) == made.id
    assert len(pin_mark("5082", shop.ports)) == 16


def test_a_phone_with_an_extension_is_known_by_what_its_switchboard_shows(shop: Shop) -> None:
    add(shop, "02-2345-6789#12")
    with pytest.raises(PhoneEnrolled):
        add(shop, SECOND)


def test_the_same_phone_in_two_writings_is_one(shop: Shop) -> None:
    assert add(shop, PHONE, "+886 987654321").phones == ("321",)


def test_every_error_at_once(shop: Shop) -> None:
    bad = CourierDraft(" ", "0912345678", (read_phone("12"), read_phone("0900-000000"), read_phone(PHONE)), "1234")
    with pytest.raises(InvalidContent) as refusal:
        add_courier(shop.tenant, bad, shop.ports)
    told = [(error.pointer, error.code) for error in refusal.value.errors]
    assert told == [
        ("/name", "blank"),
        ("/carrier", "number_in_carrier"),
        ("/phones/0", "invalid_number"),
        ("/phones/1", "own_masked_number"),
        ("/pin", "pin_trivial"),
    ]
    assert draft_faults(bad, shop.tenant, shop.ports) == refusal.value.errors
    assert list_couriers(shop.tenant, limit=9, ports=shop.ports).rows == []


def test_countries_are_the_tenants(shop: Shop) -> None:
    with pytest.raises(InvalidContent):
        add(shop, "+852 9123 4567")
    abroad = shop.another("港店", countries=frozenset({"HK"}))
    assert add_courier(abroad, draft("+852 9123 4567"), shop.ports).view.phones == ("567",)


def test_a_made_pin_is_neither_trivial_nor_taken(shop: Shop) -> None:
    add(shop, pin="000007")
    ports = replace(shop.ports, randomness=Loaded([123456, 7, 0, 508216]))
    assert add_courier(shop.tenant, draft(PHONE, pin="auto"), ports).view.pin == "508216"


def test_where_no_pin_is_found_it_is_said(shop: Shop) -> None:
    ports = replace(shop.ports, randomness=Loaded([111111] * 20))
    with pytest.raises(PinTaken, match="No free PIN"):
        add_courier(shop.tenant, draft(PHONE, pin="auto"), ports)


def test_pins_and_phones_are_taken_within_a_tenant(shop: Shop) -> None:
    add(shop, PHONE, pin="5082")
    with pytest.raises(PhoneEnrolled):
        add(shop, SECOND, "0987654321")
    with pytest.raises(PinTaken):
        add(shop, SECOND, pin="5082")
    assert len(list_couriers(shop.tenant, limit=9, ports=shop.ports).rows) == 1
    add_courier(shop.another("另一家店"), draft(PHONE, pin="5082"), shop.ports)


def test_pages(shop: Shop) -> None:
    made = []
    for place in range(3):
        shop.clock.move(seconds=1)
        made.append(add(shop, f"09870000{place:02d}", carrier="甲" if place < 2 else "乙"))
    page = list_couriers(shop.tenant, limit=2, ports=shop.ports)
    assert [each.id for each in page.rows] == [made[2].id, made[1].id]
    rest = list_couriers(shop.tenant, limit=2, before=page.next, ports=shop.ports)
    assert ([each.id for each in rest.rows], rest.next) == ([made[0].id], None)
    assert len(list_couriers(shop.tenant, limit=2, carrier=" 甲 ", ports=shop.ports).rows) == 2
    assert list_couriers(shop.another("別"), limit=2, ports=shop.ports).rows == []


def test_changes(shop: Shop) -> None:
    made = add(shop, PHONE, SECOND, pin="5082")
    add(shop, "0955-000-111", pin="6193")
    changed = change_courier(shop.tenant, made.id, CourierDraft(name="林一", carrier="新竹物流"), shop.ports)
    assert (changed.name, changed.carrier, changed.phones, changed.has_pin, changed.pin) == (
        "林O", "新竹物流", made.phones, True, None,
    )  # fmt: skip
    phones = CourierDraft(phones=(read_phone(SECOND), read_phone("0966-000-222")))
    assert change_courier(shop.tenant, made.id, phones, shop.ports).phones == ("222", "789")
    assert add(shop, PHONE).phones == ("321",)  # free again
    assert change_courier(shop.tenant, made.id, CourierDraft(pin="7204"), shop.ports).pin == "7204"
    assert change_courier(shop.tenant, made.id, CourierDraft(pin="7204"), shop.ports).pin == "7204"
    assert not change_courier(shop.tenant, made.id, CourierDraft(pin=None), shop.ports).has_pin
    for refused, kind in (
        (CourierDraft(phones=(read_phone("0955000111"),)), PhoneEnrolled),
        (CourierDraft(name="x", pin="6193"), PinTaken),
        (CourierDraft(carrier=""), InvalidContent),
    ):
        with pytest.raises(kind):
            change_courier(shop.tenant, made.id, refused, shop.ports)
    assert get_courier(shop.tenant, made.id, ports=shop.ports).name == "林O"


def test_a_new_pin_ends_the_old_one(shop: Shop) -> None:
    made = add(shop, PHONE, pin="5082")
    renewed = renew_pin(shop.tenant, made.id, ports=shop.ports)
    assert renewed.pin is not None
    assert len(renewed.pin) == 6
    assert add(shop, SECOND, pin="5082").has_pin
    with pytest.raises(PinTaken):
        change_courier(shop.tenant, made.id, CourierDraft(pin="5082"), shop.ports)


def test_a_removed_courier_is_gone_and_his_phone_and_pin_are_free(shop: Shop) -> None:
    made = add(shop, PHONE, pin="5082")
    for _ in range(2):
        remove_courier(shop.tenant, made.id, ports=shop.ports)
    with pytest.raises(NotFound):
        get_courier(shop.tenant, made.id, ports=shop.ports)
    with pytest.raises(NotFound):
        renew_pin(shop.tenant, made.id, ports=shop.ports)
    add(shop, PHONE, pin="5082")


def test_anothers_courier_is_not_there(shop: Shop) -> None:
    made, other = add(shop, PHONE), shop.another("另一家店")
    for courier_id in (made.id, "cou_x", "", "cou_\x00", made.id.upper()):
        tenant = other if courier_id == made.id else shop.tenant
        with pytest.raises(NotFound):
            get_courier(tenant, courier_id, ports=shop.ports)
        with pytest.raises(NotFound):
            change_courier(tenant, courier_id, CourierDraft(name="x"), shop.ports)
        with pytest.raises(NotFound):
            remove_courier(tenant, courier_id, ports=shop.ports)
    assert get_courier(shop.tenant, made.id, ports=shop.ports).name == "王O明"


def test_an_idempotency_key_gives_the_first_answer_again_with_its_pin(shop: Shop) -> None:
    request = IdempotentRequest("k-1", "POST /v1/couriers", b"{}")
    wanted = draft(PHONE, pin="auto")
    first = add_courier(shop.tenant, wanted, shop.ports, idempotency=request)
    shop.clock.move(hours=1)
    again = add_courier(shop.tenant, wanted, shop.ports, idempotency=request)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.view == first.view
    assert first.view.pin
    change_courier(shop.tenant, first.view.id, CourierDraft(name="林一", pin="5082"), shop.ports)
    changed = add_courier(shop.tenant, wanted, shop.ports, idempotency=request).view
    assert changed == replace(first.view, pin=None)  # of a PIN that is no more, nothing is told
    with pytest.raises(IdempotencyKeyReused):
        add_courier(shop.tenant, wanted, shop.ports, idempotency=replace(request, body=b"[]"))
    # The key of a request that was refused is free.
    other = IdempotentRequest("k-2", "POST /v1/couriers", b"{}")
    with pytest.raises(PhoneEnrolled):
        add_courier(shop.tenant, wanted, shop.ports, idempotency=other)
    assert not add_courier(shop.tenant, draft(SECOND), shop.ports, idempotency=other).replayed


# -- races -------------------------------------------------------------------------------------------------------------


def make_ports(database: Database) -> Ports:
    return Ports(
        clock=MovableClock(),
        randomness=Chance(),
        cipher=NumberCipher(RING),
        index=BlindIndex(RING),
        unit=database.unit,
    )


@pytest.mark.parametrize("what", ["phone", "pin", "change"])
def test_of_many_at_once_one_wins_and_the_others_are_told(database_app: tuple[Flask, Database], what: str) -> None:
    app, database = database_app
    ports = make_ports(database)
    threads = 6
    with app.app_context():
        pools.create_pool("default", policy=PoolPolicy(), tenants=(), shared=True, ports=ports)
        tenant = tenants.create_tenant("店", policy=TenantPolicy(), care_line=None, pools=(), ports=ports).tenant
        there = [add_courier(tenant, draft(f"09870000{n:02d}"), ports).view for n in range(threads)]
    barrier = threading.Barrier(threads)

    def race(thread: int) -> str:
        with app.app_context():
            barrier.wait(10)
            try:
                if what == "phone":
                    add_courier(tenant, draft("0912-345-678", f"09660000{thread:02d}"), ports)
                elif what == "pin":
                    add_courier(tenant, draft(f"09660000{thread:02d}", pin="5082"), ports)
                else:
                    change_courier(tenant, there[thread].id, CourierDraft(pin="5082"), ports)
            except MaskServiceError as refusal:
                return refusal.code
            return "won"

    with ThreadPoolExecutor(threads) as pool:
        results = sorted(pool.map(race, range(threads)))
    refused = "phone_enrolled" if what == "phone" else "pin_taken"
    assert results == sorted(["won", *[refused] * (threads - 1)])
    with app.app_context():
        left = list_couriers(tenant, limit=50, ports=ports).rows
        assert len(left) == threads + (0 if what == "change" else 1)
        assert sum(each.has_pin for each in left) == (0 if what == "phone" else 1)
