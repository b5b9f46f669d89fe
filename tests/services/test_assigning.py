"""Couriers given to a binding, and rules for callers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maskservice.domain.caller_rule import RuleDirection, Verdict
from maskservice.domain.errors import BindingNotLive, IdempotencyKeyReused, InvalidContent, NotFound
from maskservice.domain.ids import BindingId
from maskservice.domain.phone import read_phone
from maskservice.services import expiry
from maskservice.services.assigning import assign_couriers, assigned_couriers
from maskservice.services.caller_rules import RuleSet, SetRule, delete_rule, list_rules, set_rule
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.roster import add_courier, remove_courier
from maskservice.services.roster_judging import CourierDraft
from tests.services.conftest import Shop


def courier(shop: Shop, place: int) -> str:
    draft = CourierDraft("王大明", "黑貓", (read_phone(f"0966{place:06d}"),), None)
    return add_courier(shop.tenant, draft, shop.ports).view.id


def test_couriers_are_given_replaced_and_taken_back(shop: Shop) -> None:
    view, ids = shop.bind(), sorted(courier(shop, place) for place in range(3))
    assert assigned_couriers(shop.tenant, view.id, ports=shop.ports) == []
    given = assign_couriers(shop.tenant, view.id, [ids[1], ids[0], ids[1]], ports=shop.ports)
    assert given == ids[:2] == assigned_couriers(shop.tenant, view.id, ports=shop.ports)
    assign_couriers(shop.tenant, view.id, [ids[2]], ports=shop.ports)
    assert assigned_couriers(shop.tenant, view.id, ports=shop.ports) == [ids[2]]
    remove_courier(shop.tenant, ids[2], ports=shop.ports)
    assert assigned_couriers(shop.tenant, view.id, ports=shop.ports) == []
    assert assign_couriers(shop.tenant, view.id, [], ports=shop.ports) == []


def test_who_is_not_on_the_roster_is_told_by_his_place(shop: Shop) -> None:
    view, own = shop.bind(), courier(shop, 1)
    gone = courier(shop, 2)
    remove_courier(shop.tenant, gone, ports=shop.ports)
    other = shop.another("另一家店")
    theirs = add_courier(other, CourierDraft("x", "y", (), None), shop.ports).view.id
    with pytest.raises(InvalidContent) as refusal:
        assign_couriers(shop.tenant, view.id, [own, gone, theirs, "cou_\x00"], ports=shop.ports)
    assert [(each.pointer, each.code) for each in refusal.value.errors] == [
        (f"/couriers/{place}", "unknown_courier") for place in (1, 2, 3)
    ]
    assert assigned_couriers(shop.tenant, view.id, ports=shop.ports) == []
    with pytest.raises(InvalidContent):
        assign_couriers(shop.tenant, view.id, [own] * 21, ports=shop.ports)


def test_bindings_are_the_tenants_own_and_have_not_ended(shop: Shop) -> None:
    view, own, other = shop.bind(), courier(shop, 1), shop.another("另一家店")
    for tenant, place in ((other, view.id), (shop.tenant, BindingId("+886900000000", view.id.key.__class__(int=1)))):
        with pytest.raises(NotFound):
            assign_couriers(tenant, place, [], ports=shop.ports)
        with pytest.raises(NotFound):
            assigned_couriers(tenant, place, ports=shop.ports)
        with pytest.raises(NotFound):
            list_rules(tenant, limit=9, binding_id=place, ports=shop.ports)
        with pytest.raises(NotFound):
            set_rule(tenant, SetRule(read_phone("0955000111"), Verdict.BLOCK, binding_id=place), shop.ports)
    shop.clock.move(days=61)
    with pytest.raises(BindingNotLive):
        assign_couriers(shop.tenant, view.id, [own], ports=shop.ports)
    with pytest.raises(BindingNotLive):
        set_rule(shop.tenant, SetRule(read_phone("0955000111"), Verdict.BLOCK, binding_id=view.id), shop.ports)


def test_what_hangs_on_a_binding_goes_with_its_purge(shop: Shop) -> None:
    view, own = shop.bind(), courier(shop, 1)
    assign_couriers(shop.tenant, view.id, [own], ports=shop.ports)
    block(shop, binding_id=view.id)
    block(shop, "0955-000-222")
    shop.release(view)
    shop.clock.moment += timedelta(days=31)
    assert expiry.work_round(shop.ports).freed == 1
    assert assigned_couriers(shop.tenant, view.id, ports=shop.ports) == []
    assert [each.last3 for each in list_rules(shop.tenant, limit=9, ports=shop.ports).rows] == ["222"]


def block(
    shop: Shop,
    phone: str = "0955-000-111",
    *,
    verdict: Verdict = Verdict.BLOCK,
    direction: RuleDirection = RuleDirection.BOTH,
    binding_id: BindingId | None = None,
) -> RuleSet:
    return set_rule(shop.tenant, SetRule(read_phone(phone), verdict, direction, binding_id), shop.ports)


def test_the_same_phone_again_changes_its_rule(shop: Shop) -> None:
    made = block(shop)
    assert made.created
    assert (made.view.to_recipient, made.view.to_courier, made.view.last3) == (Verdict.BLOCK, Verdict.BLOCK, "111")
    changed = block(shop, "+886955000111", verdict=Verdict.ALLOW, direction=RuleDirection.TO_COURIER)
    assert not changed.created
    assert changed.view.id == made.view.id
    assert (changed.view.to_recipient, changed.view.to_courier) == (Verdict.BLOCK, Verdict.ALLOW)
    here = block(shop, direction=RuleDirection.TO_RECIPIENT, binding_id=shop.bind().id)
    assert here.created
    assert (here.view.to_recipient, here.view.to_courier) == (Verdict.BLOCK, None)


def test_rules_in_pages(shop: Shop) -> None:
    view = shop.bind()
    made = []
    for place, binding_id in enumerate([None, view.id, None]):
        shop.clock.move(seconds=1)
        made.append(block(shop, f"0955{place:06d}", binding_id=binding_id).view)
    page = list_rules(shop.tenant, limit=2, ports=shop.ports)
    assert page.rows == [made[2], made[1]]
    assert list_rules(shop.tenant, limit=2, before=page.next, ports=shop.ports).rows == [made[0]]
    assert list_rules(shop.tenant, limit=2, binding_id=view.id, ports=shop.ports).rows == [made[1]]
    other = shop.another("另一家店")
    assert list_rules(other, limit=2, ports=shop.ports).rows == []
    for tenant, rule_id in ((other, made[0].id), (shop.tenant, "rule_x"), (shop.tenant, "rule_\x00")):
        with pytest.raises(NotFound):
            delete_rule(tenant, rule_id, ports=shop.ports)
    delete_rule(shop.tenant, made[0].id, ports=shop.ports)
    with pytest.raises(NotFound):
        delete_rule(shop.tenant, made[0].id, ports=shop.ports)


def test_a_number_that_no_tenant_may_bind_can_be_blocked(shop: Shop) -> None:
    assert block(shop, "+1 202 555 0123").view.last3 == "123"
    with pytest.raises(InvalidContent) as refusal:
        block(shop, "0900-000000")
    assert [(each.pointer, each.code) for each in refusal.value.errors] == [("/phone", "own_masked_number")]


def test_an_idempotency_key_of_a_rule(shop: Shop) -> None:
    command = SetRule(read_phone("0955000111"), Verdict.BLOCK)
    request = IdempotentRequest("k-1", "POST /v1/caller-rules", b"1")
    first = set_rule(shop.tenant, command, shop.ports, idempotency=request)
    shop.clock.move(hours=1)
    again = set_rule(shop.tenant, command, shop.ports, idempotency=request)
    assert (first.created, again.created, again.replayed) == (True, True, True)
    assert again.view == first.view
    second = IdempotentRequest("k-2", "POST /v1/caller-rules", b"2")
    one_way = SetRule(read_phone("0955000111"), Verdict.ALLOW, RuleDirection.TO_COURIER)
    changed = set_rule(shop.tenant, one_way, shop.ports, idempotency=second)
    told = set_rule(shop.tenant, one_way, shop.ports, idempotency=second)
    assert (changed.created, told.created, told.replayed) == (False, False, True)
    assert told.view == changed.view
    with pytest.raises(IdempotencyKeyReused):
        set_rule(shop.tenant, one_way, shop.ports, idempotency=request.__class__("k-1", request.route, b"3"))
