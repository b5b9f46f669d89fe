"""Binding orders: once, again, with keys, when the pool is full, when it is somebody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.binding import Status
from maskservice.domain.errors import (
    BindingNotLive,
    BindingPurged,
    IdempotencyKeyReused,
    InvalidContent,
    NotFound,
    OrderAlreadyBound,
    PoolExhausted,
)
from maskservice.domain.phone import read_phone
from maskservice.services import binding_reads, binding_steps, expiry, pools
from maskservice.services.binding_steps import ChangeBinding
from maskservice.services.bindings import create_binding
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.judging import phone_fault
from maskservice.services.reopening import ReopenBinding, reopen_binding
from tests.counting import count_statements
from tests.services.conftest import Shop, X


def key(text: str = "k-1", body: bytes = b"{}") -> IdempotentRequest:
    return IdempotentRequest(text, "POST /v1/bindings", body)


def test_the_ministry_s_sample_label(shop: Shop) -> None:
    view = shop.bind()
    extension = view.masked_number.extension
    assert view.label == f"收貨人 陳O美 0900-000000#{extension} 台北市大安區敦化南路1段111號"
    assert (view.status, view.masked_number.virtual_number) == (Status.ACTIVE, X)
    assert view.expires_at == shop.clock.now() + timedelta(days=60)


def test_a_binding_can_be_read_again(shop: Shop) -> None:
    view = shop.bind(waybill="H123", metadata={"a": [1, "二"]})
    assert binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports) == view


def test_the_same_order_asked_again_gives_the_same_number(shop: Shop) -> None:
    first = create_binding(shop.order(), shop.ports)
    again = create_binding(shop.order(phone="+886 912 345 678", name="陳小美小姐"), shop.ports)
    assert (first.created, again.created) == (True, False)
    assert again.view == first.view


def test_the_same_order_with_another_phone_is_a_conflict(shop: Shop) -> None:
    shop.bind()
    with pytest.raises(OrderAlreadyBound):
        shop.bind(phone="0987654321")
    with pytest.raises(OrderAlreadyBound):
        shop.bind(phone="02-2345-6789#100")


def test_a_locked_binding_holds_its_order(shop: Shop) -> None:
    view = shop.bind()
    binding_steps.lock_binding(shop.tenant, view.id, reason="fraud", ports=shop.ports)
    again = create_binding(shop.order(), shop.ports)
    assert (again.created, again.view.status) == (False, Status.LOCKED)


@pytest.mark.parametrize("ended", ["released", "expired"])
def test_an_order_whose_binding_ended_is_bound_anew(shop: Shop, ended: str) -> None:
    old = shop.bind(expires_in=60)
    if ended == "released":
        shop.release(old)
    else:
        shop.clock.move(seconds=60)
    new = create_binding(shop.order(phone="0987654321"), shop.ports)
    assert new.created
    assert new.view.id != old.id
    assert binding_reads.get_binding(shop.tenant, old.id, ports=shop.ports).status == ended


def test_two_tenants_may_use_one_order_id(shop: Shop) -> None:
    other = shop.another("乙店")
    assert shop.bind().id != shop.bind(tenant=other, phone="0987654321").id


def test_statements_of_a_create(shop: Shop) -> None:
    order = shop.order()
    with count_statements(shop.database) as plain:
        create_binding(order, shop.ports)
    with count_statements(shop.database) as keyed:
        create_binding(replace(shop.order("2"), idempotency=key()), shop.ports)
    assert len(plain) <= 5, plain
    assert len(keyed) <= 6, keyed


# -- idempotency --------------------------------------------------------------------------------------------------


def test_an_idempotency_key_gives_the_first_answer_again_whatever_happened_since(shop: Shop) -> None:
    order = replace(shop.order(waybill="H1", metadata={"n": 1}), idempotency=key())
    first = create_binding(order, shop.ports)
    binding_steps.change_binding(ChangeBinding(shop.tenant, first.view.id, name="王大明", waybill="H2"), shop.ports)
    binding_steps.deliver_binding(shop.tenant, first.view.id, delivered_at=None, ports=shop.ports)
    again = create_binding(order, shop.ports)
    assert again.replayed
    assert again.created
    assert again.view == first.view


def test_an_idempotency_key_with_another_body_is_refused(shop: Shop) -> None:
    create_binding(replace(shop.order(), idempotency=key()), shop.ports)
    with pytest.raises(IdempotencyKeyReused):
        create_binding(replace(shop.order("2"), idempotency=key(body=b'{"other":1}')), shop.ports)


def test_keys_of_two_tenants_are_apart(shop: Shop) -> None:
    other = shop.another("乙店")
    create_binding(replace(shop.order(), idempotency=key()), shop.ports)
    assert not create_binding(replace(shop.order(tenant=other), idempotency=key()), shop.ports).replayed


def test_a_refused_request_leaves_its_key_free(shop: Shop) -> None:
    with pytest.raises(InvalidContent):
        create_binding(replace(shop.order(phone="110"), idempotency=key()), shop.ports)
    assert not create_binding(replace(shop.order(), idempotency=key(body=b"mended")), shop.ports).replayed


def test_a_key_of_a_request_that_created_nothing_is_remembered(shop: Shop) -> None:
    first = create_binding(shop.order(), shop.ports)
    second = create_binding(replace(shop.order(), idempotency=key()), shop.ports)
    again = create_binding(replace(shop.order(), idempotency=key()), shop.ports)
    assert (second.created, again.created, again.replayed) == (False, False, True)
    assert again.view.id == first.view.id
    with pytest.raises(IdempotencyKeyReused):
        create_binding(replace(shop.order("2"), idempotency=key(body=b"other")), shop.ports)


def test_a_replay_after_the_purge_shows_nothing_personal(shop: Shop) -> None:
    order = replace(shop.order(expires_in=60), idempotency=key())
    first = create_binding(order, shop.ports)
    shop.clock.move(days=31)
    for _ in range(2):
        expiry.work_round(shop.ports)
    again = create_binding(order, shop.ports)
    assert again.replayed
    assert (again.view.id, again.view.recipient_name, again.view.label, again.view.address) == (
        first.view.id,
        None,
        None,
        None,
    )


# -- refusals -----------------------------------------------------------------------------------------------------


def errors(refused: pytest.ExceptionInfo[InvalidContent]) -> list[tuple[str, str]]:
    return sorted((each.pointer, each.code) for each in refused.value.errors)


def test_everything_that_is_judged_here_is_told_at_once(shop: Shop) -> None:
    with pytest.raises(InvalidContent) as refused:
        shop.bind(phone="110", pool="nowhere", expires_in=1)
    assert errors(refused) == [
        ("/expires_in", "out_of_range"),
        ("/pool", "unknown_pool"),
        ("/recipient/phone", "short_code"),
    ]


@pytest.mark.parametrize("phone", ["0900000000", "0900-000000#5678", "+886900000000", "tel:+886900000000;ext=1234"])
def test_our_own_numbers_are_no_recipients(shop: Shop, phone: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        shop.bind(phone=phone)
    assert errors(refused) == [("/recipient/phone", "own_masked_number")]
    fault = phone_fault(read_phone(phone), shop.tenant, shop.ports)
    assert fault is not None
    assert fault.code == "own_masked_number"


def test_a_number_of_another_tenant_s_pool_is_ours_too(shop: Shop) -> None:
    other = shop.another("乙店")
    pools.create_pool("theirs", policy=PoolPolicy(), tenants=(other.name,), ports=shop.ports)
    pools.import_numbers(["02-2345-0000"], pool_name="theirs", ports=shop.ports)
    with pytest.raises(InvalidContent) as refused:
        shop.bind(phone="0223450000")
    assert errors(refused) == [("/recipient/phone", "own_masked_number")]


def test_a_tenant_can_name_only_its_own_pools(shop: Shop) -> None:
    other = shop.another("乙店")
    pools.create_pool("theirs", policy=PoolPolicy(), tenants=(other.name,), ports=shop.ports)
    pools.import_numbers(["02-2345-0000"], pool_name="theirs", ports=shop.ports)
    with pytest.raises(InvalidContent) as refused:
        shop.bind(pool="theirs")
    assert errors(refused) == [("/pool", "unknown_pool")]
    assert shop.bind(tenant=other, pool="theirs").masked_number.virtual_number == "+886223450000"
    pools.share_pool("theirs", tenants=(shop.tenant.name,), ports=shop.ports)
    shop.bind(pool="theirs")


def test_numbers_from_abroad_only_where_the_tenant_allows_the_country(shop: Shop) -> None:
    with pytest.raises(InvalidContent) as refused:
        shop.bind(phone="+852 9123 4567")
    assert errors(refused) == [("/recipient/phone", "international")]
    assert (
        shop.bind(tenant=shop.another("港店", countries=frozenset({"HK"})), phone="+852 9123 4567").status
        is Status.ACTIVE
    )


def test_a_phone_in_the_address_is_hidden_and_warned_of(shop: Shop) -> None:
    view = shop.bind(address="台北市中山路1號 0987-654-321")
    assert view.address == "台北市中山路1號 •••"
    assert "number_in_address" in view.warnings
    changed = binding_steps.change_binding(ChangeBinding(shop.tenant, view.id, address="高雄 0987654321"), shop.ports)
    assert changed.address == "高雄 •••"
    assert changed.warnings == ("number_in_address",)


# -- the pool -----------------------------------------------------------------------------------------------------


def test_a_full_pool_is_exhausted_at_its_ceiling_exactly_and_still_answers_for_bound_orders(shop: Shop) -> None:
    pools.create_pool(
        "small", policy=PoolPolicy(density=Decimal("0.0005")), tenants=(shop.tenant.name,), ports=shop.ports
    )
    pools.import_numbers(["0900-000001", "0900-000002"], pool_name="small", ports=shop.ports)
    made = [shop.bind(str(n), pool="small") for n in range(10)]
    with pytest.raises(PoolExhausted):
        shop.bind("11", pool="small")
    assert {view.masked_number.virtual_number for view in made} == {"+886900000001", "+886900000002"}
    assert shop.bind("3", pool="small").id == made[3].id
    use = next(each for each in pools.pool_use(shop.ports) if each.name == "small")
    assert (use.held, use.capacity) == (10, 10)
    assert use in pools.running_low(pools.pool_use(shop.ports))


def test_bindings_are_spread_over_the_numbers(shop: Shop) -> None:
    pools.import_numbers([f"0900-00000{n}" for n in range(1, 5)], pool_name="default", ports=shop.ports)
    used: dict[str, int] = {}
    for place in range(60):
        number = shop.bind(str(place)).masked_number.virtual_number
        used[number] = used.get(number, 0) + 1
    # Sixty over five: one of them being left out happens once in a hundred thousand runs of a fair draw.
    assert len(used) == 5


def test_a_released_slot_is_not_given_out_before_its_quarantine_is_over(shop: Shop) -> None:
    policy = PoolPolicy(density=Decimal("0.0001"), quarantine=timedelta(days=3))
    pools.create_pool("one", policy=policy, tenants=(shop.tenant.name,), ports=shop.ports)
    pools.import_numbers(["0900-000001"], pool_name="one", ports=shop.ports)
    shop.release(shop.bind("1", pool="one"))
    shop.clock.move(days=2, hours=23)
    expiry.work_round(shop.ports)
    with pytest.raises(PoolExhausted):
        shop.bind("2", pool="one")
    shop.clock.move(hours=1)
    assert expiry.work_round(shop.ports).freed == 1
    shop.bind("2", pool="one")


def test_a_dense_pool_can_be_filled_to_the_last_extension(shop: Shop) -> None:
    pools.create_pool(
        "dense", policy=PoolPolicy(density=Decimal(1), check_digit=True), tenants=(shop.tenant.name,), ports=shop.ports
    )
    pools.import_numbers(["0900-000001"], pool_name="dense", ports=shop.ports)
    # All but three of its slots are held already.
    policy = PoolPolicy(check_digit=True, density=Decimal(1))
    free = {17, 4242, 9999}
    with shop.ports.unit() as uow:
        for value in range(10_000):
            if value not in free:
                uow.numbers.take("+886900000001", ceiling=10_000)
                assert uow.slots.claim(
                    "+886900000001", [policy.extension(value)], binding=_anybody(), at=shop.clock.now()
                )
        uow.commit()
    got = {shop.bind(str(n), pool="dense").masked_number.extension for n in range(3)}
    assert got == {policy.extension(value) for value in free}
    with pytest.raises(PoolExhausted):
        shop.bind("4", pool="dense")


def _anybody():
    from uuid import uuid4

    return uuid4()


# -- steps --------------------------------------------------------------------------------------------------------


def test_delivery_starts_the_grace_and_a_second_report_changes_nothing(shop: Shop) -> None:
    view = shop.bind()
    first = binding_steps.deliver_binding(shop.tenant, view.id, delivered_at=None, ports=shop.ports)
    shop.clock.move(hours=1)
    again = binding_steps.deliver_binding(shop.tenant, view.id, delivered_at=None, ports=shop.ports)
    assert first == again
    assert first.expires_at == first.delivered_at + timedelta(hours=72)  # type: ignore[operator]


def test_a_delivery_reported_after_its_grace_ends_the_binding(shop: Shop) -> None:
    view = shop.bind()
    shop.clock.move(days=10)
    late = binding_steps.deliver_binding(
        shop.tenant, view.id, delivered_at=shop.clock.now() - timedelta(days=4), ports=shop.ports
    )
    assert late.status is Status.EXPIRED
    shop.clock.move(days=-9)
    assert binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports).status is Status.EXPIRED


def test_lock_and_unlock(shop: Shop) -> None:
    view = shop.bind()
    binding_steps.deliver_binding(shop.tenant, view.id, delivered_at=None, ports=shop.ports)
    assert binding_steps.lock_binding(shop.tenant, view.id, reason="詐騙通報", ports=shop.ports).status is Status.LOCKED
    assert binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports).status is Status.LOCKED
    assert binding_steps.unlock_binding(shop.tenant, view.id, ports=shop.ports).status is Status.DELIVERED
    with pytest.raises(BindingNotLive):
        binding_steps.unlock_binding(shop.tenant, view.id, ports=shop.ports)


def test_release_twice_and_never_after_expiry(shop: Shop) -> None:
    view = shop.bind(expires_in=60)
    shop.release(view)
    shop.release(view)
    other = shop.bind("2", expires_in=60)
    shop.clock.move(seconds=60)
    with pytest.raises(BindingNotLive):
        shop.release(other)


@pytest.mark.parametrize("look", ["get", "list", "step", "call"])
def test_a_death_that_was_seen_is_kept_though_the_clock_goes_back(shop: Shop, look: str) -> None:
    view = shop.bind(expires_in=60)
    shop.clock.move(seconds=60)
    if look == "get":
        binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports)
    elif look == "list":
        binding_reads.list_bindings(binding_reads.ListBindings(shop.tenant, 10), shop.ports)
    elif look == "step":
        with pytest.raises(BindingNotLive):
            binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    else:
        shop.reach("0987654321", view.masked_number.extension)
    shop.clock.move(seconds=-50)
    assert binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports).status is Status.EXPIRED


def test_change_all_that_may_change(shop: Shop) -> None:
    view = shop.bind(waybill="H1", metadata={"a": 1})
    change = ChangeBinding(
        shop.tenant,
        view.id,
        name="王大明",
        phone=read_phone("0987654321"),
        address=None,
        waybill="H2",
        metadata=None,
        expires_in=3600,
    )
    after = binding_steps.change_binding(change, shop.ports)
    assert after == binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports)
    assert (after.recipient_name, after.address, after.waybill, after.metadata) == ("王O明", None, "H2", None)
    assert after.expires_at == shop.clock.now() + timedelta(seconds=3600)
    assert binding_reads.resolve_waybill(shop.tenant, "H2", ports=shop.ports).id == view.id
    with pytest.raises(NotFound):
        binding_reads.resolve_waybill(shop.tenant, "H1", ports=shop.ports)


def test_a_change_is_all_or_nothing(shop: Shop) -> None:
    view = shop.bind()
    with pytest.raises(InvalidContent):
        binding_steps.change_binding(
            ChangeBinding(shop.tenant, view.id, name="王大明", phone=read_phone("0900000000")), shop.ports
        )
    assert binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports) == view


def test_what_has_ended_does_not_change(shop: Shop) -> None:
    view = shop.bind()
    shop.release(view)
    with pytest.raises(BindingNotLive):
        binding_steps.change_binding(ChangeBinding(shop.tenant, view.id, waybill="H9"), shop.ports)


# -- reopen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["active", "delivered", "expired", "released"])
def test_reopen_gives_a_new_extension_tied_to_the_old_binding(shop: Shop, before: str) -> None:
    old = shop.bind(expires_in=3600, waybill="H1", metadata={"a": 1})
    if before == "delivered":
        binding_steps.deliver_binding(shop.tenant, old.id, delivered_at=None, ports=shop.ports)
    elif before == "expired":
        shop.clock.move(hours=1)
    elif before == "released":
        shop.release(old)
    new = reopen_binding(ReopenBinding(shop.tenant, old.id), shop.ports).view
    assert new.reopened_from == old.id
    assert new.masked_number != old.masked_number
    assert (new.order_id, new.waybill, new.metadata, new.recipient_name, new.address) == (
        old.order_id, "H1", {"a": 1}, "陳O美", old.address,
    )  # fmt: skip
    assert binding_reads.get_binding(shop.tenant, old.id, ports=shop.ports).status in (Status.RELEASED, Status.EXPIRED)
    assert shop.bind().id == new.id
    from tests.services.conftest import number

    assert number(shop.reach("0987654321", new.masked_number.extension)) == "+886912345678"
    assert number(shop.reach("0987654321", old.masked_number.extension)) is None


def test_reopen_refuses_locked_purged_and_superseded(shop: Shop) -> None:
    view = shop.bind(expires_in=3600)
    binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    with pytest.raises(BindingNotLive):
        reopen_binding(ReopenBinding(shop.tenant, view.id), shop.ports)
    binding_steps.unlock_binding(shop.tenant, view.id, ports=shop.ports)
    new = reopen_binding(ReopenBinding(shop.tenant, view.id), shop.ports).view
    with pytest.raises(OrderAlreadyBound):
        reopen_binding(ReopenBinding(shop.tenant, view.id), shop.ports)
    shop.release(new)
    shop.clock.move(days=31)
    expiry.work_round(shop.ports)
    with pytest.raises(BindingPurged):
        reopen_binding(ReopenBinding(shop.tenant, view.id), shop.ports)


def test_reopen_with_a_key_is_replayed(shop: Shop) -> None:
    old = shop.bind()
    first = reopen_binding(ReopenBinding(shop.tenant, old.id, idempotency=key()), shop.ports)
    again = reopen_binding(ReopenBinding(shop.tenant, old.id, idempotency=key()), shop.ports)
    assert again.replayed
    assert again.view == first.view


# -- reading ------------------------------------------------------------------------------------------------------


def test_another_tenant_s_binding_is_not_there(shop: Shop) -> None:
    view, other = shop.bind(waybill="H1"), shop.another("乙店")
    masked = view.masked_number
    for attempt in (
        lambda: binding_reads.get_binding(other, view.id, ports=shop.ports),
        lambda: binding_reads.get_label(other, view.id, ports=shop.ports),
        lambda: binding_reads.get_label_of_order(other, view.order_id, ports=shop.ports),
        lambda: binding_reads.resolve_masked_number(other, masked, ports=shop.ports),
        lambda: binding_reads.resolve_waybill(other, "H1", ports=shop.ports),
        lambda: binding_steps.deliver_binding(other, view.id, delivered_at=None, ports=shop.ports),
        lambda: binding_steps.release_binding(other, view.id, ports=shop.ports),
        lambda: binding_steps.change_binding(ChangeBinding(other, view.id, waybill="x"), shop.ports),
        lambda: reopen_binding(ReopenBinding(other, view.id), shop.ports),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert not binding_reads.list_bindings(binding_reads.ListBindings(other, 10), shop.ports).rows


def test_lists_by_order_waybill_and_true_status_page_by_page(shop: Shop) -> None:
    views = []
    for place in range(5):
        shop.clock.move(seconds=1)
        views.append(shop.bind(f"o-{place}", expires_in=60 if place == 0 else None, waybill=f"w-{place % 2}"))
    shop.clock.move(seconds=60)

    def ids(**query: object) -> list[str]:
        page = binding_reads.list_bindings(binding_reads.ListBindings(shop.tenant, 10, **query), shop.ports)  # type: ignore[arg-type]
        return [view.order_id for view in page.rows]

    assert ids(status=Status.ACTIVE) == ["o-4", "o-3", "o-2", "o-1"]
    assert ids(status=Status.EXPIRED) == ["o-0"]
    assert ids(order_id="o-2") == ["o-2"]
    assert ids(waybill="w-0") == ["o-4", "o-2", "o-0"]
    first = binding_reads.list_bindings(binding_reads.ListBindings(shop.tenant, 2), shop.ports)
    rest = binding_reads.list_bindings(binding_reads.ListBindings(shop.tenant, 3, before=first.next), shop.ports)
    assert [view.order_id for view in (*first.rows, *rest.rows)] == ["o-4", "o-3", "o-2", "o-1", "o-0"]
    assert rest.next is None


def test_a_label_of_a_dead_number_is_not_printed(shop: Shop) -> None:
    view = shop.bind()
    assert binding_reads.get_label_of_order(shop.tenant, view.order_id, ports=shop.ports) == view.label
    shop.release(view)
    with pytest.raises(BindingNotLive):
        binding_reads.get_label(shop.tenant, view.id, ports=shop.ports)
    with pytest.raises(NotFound):
        binding_reads.get_label_of_order(shop.tenant, "unheard of", ports=shop.ports)


def test_a_resolution_is_of_live_bindings_only(shop: Shop) -> None:
    view = shop.bind(waybill="H1")
    assert binding_reads.resolve_masked_number(shop.tenant, view.masked_number, ports=shop.ports) == view
    binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    with pytest.raises(NotFound):
        binding_reads.resolve_masked_number(shop.tenant, view.masked_number, ports=shop.ports)
    with pytest.raises(NotFound):
        binding_reads.resolve_waybill(shop.tenant, "H1", ports=shop.ports)
