"""What a hostile reader found in the calls, each as a test that fails without its guard."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from maskservice.domain.call import Hangup, Outcome
from maskservice.domain.phone import read_phone
from maskservice.services import binding_reads, binding_steps, call_records, pools
from maskservice.services.binding_steps import ChangeBinding
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.call_filter import CallFilter
from maskservice.services.expiry import work_round
from maskservice.services.reopening import ReopenBinding, reopen_binding
from maskservice.storage.db import Database
from tests.services.conftest import Shop, X, number

COURIER, OTHER, RECIPIENT = "+886987654321", "+886911222333", "+886912345678"


@pytest.mark.parametrize("caller", [X, "0900000000", "+886900000001"])
def test_our_own_number_as_the_caller_is_connected_and_never_called_back(shop: Shop, caller: str) -> None:
    pools.import_numbers(["0900-000001"], pool_name="default", ports=shop.ports)
    view = shop.bind()
    masked = view.masked_number
    assert number(shop.reach(caller, masked.extension, masked.virtual_number)) == RECIPIENT
    assert isinstance(shop.leg(RECIPIENT, masked.virtual_number).answer, Hangup)


@pytest.mark.parametrize("caller", ["+19005551234", "+85291234567", "+886203123456", "+886800000123"])
def test_a_number_that_may_not_be_bound_is_not_called_back_either(shop: Shop, caller: str) -> None:
    view = shop.bind()
    assert number(shop.reach(caller, view.masked_number.extension)) == RECIPIENT
    assert isinstance(shop.leg(RECIPIENT, X).answer, Hangup)


def test_a_courier_from_a_country_that_the_tenant_allows_is_called_back(shop: Shop) -> None:
    tenant = shop.another("港店", countries=frozenset({"HK"}))
    view = shop.bind(tenant=tenant)
    shop.reach("+85291234567", view.masked_number.extension)
    assert number(shop.leg(RECIPIENT, X).answer) == "+85291234567"


def test_nobody_is_connected_to_himself(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    binding_steps.change_binding(ChangeBinding(shop.tenant, view.id, phone=read_phone(COURIER)), shop.ports)
    shop.clock.move(hours=73)  # past the contact: he is no courier of late any more
    assert number(shop.leg(COURIER, X).answer) is None
    shop.clock.move(hours=-73)
    assert number(shop.leg(COURIER, X, view.masked_number.extension).answer) is None


def test_one_webhook_id_for_two_calls_gives_the_second_nothing(shop: Shop) -> None:
    mine, theirs = shop.bind("1"), shop.bind("2", phone="0955000111")
    first = shop.leg(COURIER, f"0900000000#{mine.masked_number.extension}", call="one", webhook="same")
    second = shop.leg(OTHER, f"0900000000#{theirs.masked_number.extension}", call="two", webhook="same")
    assert number(first.answer) == RECIPIENT
    assert isinstance(second.answer, Hangup)


def test_a_menu_is_no_way_in_for_another_caller(shop: Shop) -> None:
    for order, courier in (("A-1111", COURIER), ("B-2222", OTHER)):
        shop.reach(courier, shop.bind(order).masked_number.extension)
    shop.leg(RECIPIENT, X, call="menu")
    assert number(shop.leg("+886977000001", X, "1", call="menu").answer) is None


def test_a_call_stays_with_the_binding_that_it_met_first(shop: Shop) -> None:
    view = shop.bind()
    shop.release(view)
    shop.leg(COURIER, X, call="c")
    shop.leg(COURIER, X, view.masked_number.extension, call="c")
    shop.leg(COURIER, X, "0000x", call="c")
    page = call_records.list_calls(shop.tenant, limit=9, before=None, which=CallFilter(view.id), ports=shop.ports)
    assert [record.tries_used for record in page.rows] == [2]


def test_a_leg_that_comes_after_the_end_was_reported_changes_nothing(shop: Shop) -> None:
    view = shop.bind()
    binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    shop.leg(COURIER, X, view.masked_number.extension, call="c")
    at = shop.clock.now() + timedelta(seconds=3)
    report_call(CallReport("pbx_1", "c", X, Outcome.CANCELED, at=at), shop.ports)
    shop.leg(COURIER, X, view.masked_number.extension, call="c")
    record = call_records.list_calls(shop.tenant, limit=9, before=None, ports=shop.ports).rows[0]
    assert (record.outcome, record.ended_at) == (Outcome.CANCELED, at)


@pytest.mark.parametrize("end", ["release", "deliver", "patch", "expire"])
def test_a_contact_never_outlives_its_binding(shop: Shop, end: str) -> None:
    view = shop.bind(expires_in=7200)
    shop.reach(COURIER, view.masked_number.extension)
    if end == "release":
        shop.release(view)
    elif end == "deliver":
        hasty = replace(shop.tenant, policy=replace(shop.tenant.policy, grace=timedelta(minutes=5)))
        binding_steps.deliver_binding(hasty, view.id, delivered_at=None, ports=shop.ports)
    elif end == "patch":
        binding_steps.change_binding(ChangeBinding(shop.tenant, view.id, expires_in=60), shop.ports)
    else:
        shop.clock.move(hours=2)
        binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports)
    with shop.ports.unit(write=False) as uow:
        contact, stored = uow.contacts.get(view.id), uow.bindings.get(view.id)
    assert contact is not None
    assert stored is not None
    assert contact.expires_at <= (stored.binding.ended_at or stored.binding.expires_at)


def test_a_courier_of_a_released_order_is_a_recipient_again(shop: Shop) -> None:
    parcel, own = shop.bind("parcel"), shop.bind("own", phone=COURIER)
    shop.leg(COURIER, f"0900000000#{parcel.masked_number.extension}")
    shop.reach(OTHER, own.masked_number.extension)
    assert number(shop.leg(COURIER, X).answer) is None  # asked for an extension
    shop.release(parcel)
    assert number(shop.leg(COURIER, X).answer) == OTHER


@pytest.mark.parametrize("change", ["patch", "release"])
def test_a_call_that_saw_a_death_does_not_undo_what_was_acknowledged_since(shop: Shop, change: str) -> None:
    """The call reads the row, the platform changes it, the call writes what it saw."""
    from maskservice.services.endings import end_seen

    view = shop.bind(expires_in=60)
    with shop.ports.unit(write=False) as uow:
        seen = uow.bindings.get(view.id)
    assert seen is not None
    if change == "patch":
        binding_steps.change_binding(ChangeBinding(shop.tenant, view.id, expires_in=86400), shop.ports)
    else:
        shop.release(view)
    shop.clock.move(seconds=60)
    with shop.ports.unit() as uow:
        end_seen(seen, uow, shop.clock.now())
        uow.commit()
    now = binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports)
    assert now.status == ("active" if change == "patch" else "released")


def test_a_call_id_made_of_a_number_is_not_kept(shop: Shop) -> None:
    view = shop.bind()
    call, webhook = "20261124-0987654321@pbx", "msg-0987654321"
    shop.leg(COURIER, X, call=call, webhook=webhook)
    connected = shop.leg(COURIER, X, view.masked_number.extension, call=call)
    assert number(connected.answer) == RECIPIENT
    assert shop.leg(COURIER, X, call=call, webhook=webhook).replayed
    record = call_records.list_calls(shop.tenant, limit=9, before=None, ports=shop.ports).rows[0]
    assert record.pbx_call_id.startswith("hidden-")
    assert report_call(CallReport("pbx_1", call, X, Outcome.COMPLETED), shop.ports)
    plain = shop.leg(COURIER, X, call="1732437296.42").answer
    assert plain is not None


def test_a_number_in_a_key_of_the_platform_is_warned_of(shop: Shop) -> None:
    assert shop.bind("TW-20231109-001", waybill="H123").warnings == ()
    view = shop.bind("order of 0912345678", phone="0987000001", waybill="0987-000-001")
    assert view.warnings == ("number_in_order_id", "number_in_waybill")


@pytest.mark.slow
def test_the_worker_and_reopen_do_not_wait_for_each_other_in_a_ring(
    shop: Shop, database_app: tuple[Flask, Database]
) -> None:
    """Without a quarantine every reopen frees a slot at once, so the worker meets it again and again."""
    from maskservice.domain.allocation import PoolPolicy

    app, _ = database_app
    pools.create_pool("q", policy=PoolPolicy(quarantine=timedelta(0)), tenants=("示範商店",), ports=shop.ports)
    pools.import_numbers(["0900-000008", "0900-000009"], pool_name="q", ports=shop.ports)
    views = [shop.bind(str(place), pool="q") for place in range(6)]
    shop.clock.move(seconds=1)
    failures, stop = [], threading.Event()

    def guarded(step) -> None:  # type: ignore[no-untyped-def]
        with app.app_context():
            try:
                step()
            except Exception as error:
                failures.append(error)

    def reopen(place: int) -> None:
        view = views[place]
        for _ in range(15):
            view = reopen_binding(ReopenBinding(shop.tenant, view.id), shop.ports).view

    def work() -> None:
        while not stop.is_set():
            work_round(shop.ports, limit=50)

    reopeners = [threading.Thread(target=guarded, args=(lambda place=place: reopen(place),)) for place in range(6)]
    workers = [threading.Thread(target=guarded, args=(work,)) for _ in range(2)]
    for each in (*reopeners, *workers):
        each.start()
    for each in reopeners:
        each.join()
    stop.set()
    for each in workers:
        each.join()
    assert failures == []
    while work_round(shop.ports).busy:
        pass
    assert next(use for use in pools.pool_use(shop.ports) if use.name == "q").held == 6
