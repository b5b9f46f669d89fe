"""Many orders at once: every row gets what a single create would give it, and costs a fraction of the statements."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.call_policy import Access, BindingRules
from maskservice.domain.errors import (
    DatabaseUnavailable,
    FieldError,
    InvalidContent,
    MaskServiceError,
    OrderAlreadyBound,
    PoolExhausted,
)
from maskservice.domain.phone import read_phone
from maskservice.services import pools
from maskservice.services.batches import CHUNK, Faulty, Outcome, Row, create_bindings
from maskservice.services.binding_reads import get_binding
from maskservice.services.expiry import free_rested
from maskservice.services.views import BindingView, Bound
from tests.counting import count_statements
from tests.services.conftest import Shop


def many(shop: Shop, *rows: Row) -> list[Outcome]:
    return list(create_bindings(rows, shop.tenant, shop.ports))


def view(outcome: Outcome) -> BindingView:
    assert isinstance(outcome, Bound), outcome
    return outcome.view


def told(outcomes: list[Outcome]) -> list[str]:
    return [("new" if each.created else "known") if isinstance(each, Bound) else each.code for each in outcomes]


def small_pool(shop: Shop, name: str, *, density: str, numbers: list[str], length: int = 4) -> None:
    policy = PoolPolicy(extension_length=length, density=Decimal(density))
    pools.create_pool(name, policy=policy, tenants=(), shared=True, ports=shop.ports)
    pools.import_numbers(numbers, pool_name=name, ports=shop.ports)


def test_every_row_is_bound_as_a_single_create_binds_it(shop: Shop) -> None:
    rules = BindingRules(access=next(iter(Access)))
    texts = {"waybill": "H1", "metadata": {"shift": "上午"}, "expires_in": 3600, "call_rules": rules}
    alone = shop.bind("alone", name="王大明", phone="02-2345-6789#12", **texts)
    outcomes = many(shop, *(shop.order(f"o-{n}", name="王大明", phone="02-2345-6789#12", **texts) for n in range(40)))
    assert told(outcomes) == ["new"] * 40
    numbers = {view(each).masked_number for each in outcomes} | {alone.masked_number}
    assert len(numbers) == 41
    for place, outcome in enumerate(outcomes):
        made = view(outcome)
        stored = get_binding(shop.tenant, made.id, ports=shop.ports)
        assert stored == made
        assert stored.call_rules == alone.call_rules
        assert (made.order_id, made.recipient_name, made.address) == (f"o-{place}", "王O明", alone.address)
        assert (made.waybill, made.metadata, made.expires_at) == (alone.waybill, alone.metadata, alone.expires_at)
        assert made.label == f"收貨人 王O明 {made.masked_number.written} {made.address}"
    # The call's way finds what the batch has sealed.
    made = view(outcomes[7])
    shop.clock.move(seconds=5)
    answer = shop.reach("+886987654321", made.masked_number.extension)
    assert answer.to.reveal() == "+886223456789"  # type: ignore[union-attr]


def test_warnings_are_those_of_a_single_create(shop: Shop) -> None:
    (outcome,) = many(shop, shop.order("TW-0912345678", phone="912345678", address="台北市 0987654321 轉交"))
    assert view(outcome).warnings == ("leading_zero_restored", "number_in_address", "number_in_order_id")
    assert "0987654321" not in (view(outcome).label or "")


def test_one_bad_row_spoils_no_other_and_tells_every_error(shop: Shop) -> None:
    required = FieldError("/recipient/name", "required", "")
    outcomes = many(
        shop,
        shop.order("good"),
        shop.order("own", phone="0900-000000"),
        shop.order("premium", phone="0204-123456", pool="nowhere", expires_in=5),
        Faulty((required,), phone=read_phone("0900-000000"), pool="nowhere", more=(required,)),
        Faulty((required,)),
        shop.order("fine"),
    )
    assert told(outcomes) == ["new", "invalid_content", "invalid_content", "invalid_content", "invalid_content", "new"]
    errors = [
        [(error.pointer, error.code) for error in each.errors] if isinstance(each, InvalidContent) else None
        for each in outcomes
    ]
    assert errors[1] == [("/recipient/phone", "own_masked_number")]
    assert {pointer for pointer, _ in errors[2] or ()} == {"/pool", "/recipient/phone", "/expires_in"}
    assert [code for _, code in errors[3] or ()] == ["required", "own_masked_number", "unknown_pool", "required"]
    assert [code for _, code in errors[4] or ()] == ["required"]


def test_the_same_order_again_is_known_and_another_phone_is_a_conflict(shop: Shop) -> None:
    before = shop.bind("before")
    outcomes = many(
        shop,
        shop.order("before"),
        shop.order("before", phone="0911-111-111"),
        shop.order("twice"),
        shop.order("twice", name="別人"),
        shop.order("twice", phone="0911-111-111"),
    )
    assert told(outcomes) == ["known", "order_already_bound", "new", "known", "order_already_bound"]
    assert view(outcomes[0]) == before
    assert view(outcomes[3]).id == view(outcomes[2]).id
    assert isinstance(outcomes[1], OrderAlreadyBound)
    again = many(shop, *(shop.order(order) for order in ("before", "twice")))
    assert told(again) == ["known", "known"]
    assert view(again[1]).masked_number == view(outcomes[2]).masked_number


def test_two_rows_of_one_order_where_the_first_is_refused(shop: Shop) -> None:
    outcomes = many(shop, shop.order("o", phone="0900-000000"), shop.order("o"), shop.order("o"))
    assert told(outcomes) == ["invalid_content", "new", "known"]


def test_an_order_whose_binding_has_ended_is_bound_anew(shop: Shop) -> None:
    released, dead = shop.bind("released"), shop.bind("dead", expires_in=60)
    shop.release(released)
    shop.clock.move(minutes=2)
    outcomes = many(shop, shop.order("released"), shop.order("dead"), shop.order("new"), shop.order("dead"))
    assert told(outcomes) == ["new", "new", "new", "known"]
    assert view(outcomes[1]).id != dead.id
    assert view(outcomes[1]).masked_number != dead.masked_number
    assert view(outcomes[3]).id == view(outcomes[1]).id
    assert get_binding(shop.tenant, dead.id, ports=shop.ports).status == "expired"


def test_another_tenant_s_order_of_the_same_name_is_another_order(shop: Shop) -> None:
    made = shop.bind("o")
    other = shop.another("另一家店")
    (outcome,) = create_bindings([shop.order("o", tenant=other)], other, shop.ports)
    assert isinstance(outcome, Bound)
    assert outcome.created
    assert outcome.view.id != made.id


def test_a_pool_that_runs_full_in_the_middle(shop: Shop) -> None:
    """Ceiling 10 on each of three numbers, some held already: exactly the rest is given out, the others are told so."""
    small_pool(shop, "small", density="0.001", numbers=["0900-000010", "0900-000011", "0900-000012"])
    before = [shop.bind(f"b-{n}", pool="small") for n in range(4)]
    rows = [shop.order(f"o-{n}", pool="small") for n in range(40)]
    outcomes = many(shop, *rows, shop.order("elsewhere"), shop.order("b-1", pool="small"))
    assert Counter(told(outcomes[:40])) == {"new": 26, "pool_exhausted": 14}
    assert told(outcomes[40:]) == ["new", "known"]
    assert all(isinstance(each, Bound | PoolExhausted) for each in outcomes)
    made = [view(each).masked_number for each in outcomes[:40] if isinstance(each, Bound)]
    made += [each.masked_number for each in before]
    assert len(set(made)) == 30
    assert set(Counter(each.virtual_number for each in made).values()) == {10}
    _, held = pools.list_numbers("small", ports=shop.ports)
    assert [count for _, count in held] == [10, 10, 10]
    # Once there is room again, the same rows sent again get theirs, and the others keep what they have.
    pools.import_numbers(["0900-000013", "0900-000014"], pool_name="small", ports=shop.ports)
    again = many(shop, *rows)
    assert Counter(told(again)) == {"known": 26, "new": 14}
    assert [view(new).id for new, old in zip(again, outcomes, strict=False) if isinstance(old, Bound)] == [
        view(old).id for old in outcomes[:40] if isinstance(old, Bound)
    ]


@pytest.mark.parametrize("density", ["1", "0.5"])
def test_a_dense_pool_is_filled_to_the_last_extension(shop: Shop, density: str) -> None:
    small_pool(shop, "dense", density=density, numbers=["0900-000010"])
    ceiling = int(10_000 * Decimal(density))
    taken: set[str] = set()
    for start in range(0, ceiling, CHUNK):
        outcomes = many(shop, *(shop.order(f"o-{start + n}", pool="dense") for n in range(CHUNK)))
        assert told(outcomes) == ["new"] * CHUNK
        taken |= {view(each).masked_number.extension for each in outcomes}
    assert len(taken) == ceiling
    assert told(many(shop, shop.order("one more", pool="dense"))) == ["pool_exhausted"]


def test_slots_that_were_freed_are_given_out_again(shop: Shop) -> None:
    small_pool(shop, "small", density="0.001", numbers=["0900-000010"])
    first = many(shop, *(shop.order(f"a-{n}", pool="small") for n in range(10)))
    for each in first:
        shop.release(view(each))
    shop.clock.move(days=31)
    assert free_rested(shop.ports, limit=100) == 10
    assert told(many(shop, *(shop.order(f"b-{n}", pool="small") for n in range(11)))) == ["new"] * 10 + [
        "pool_exhausted"
    ]


def test_several_pools_in_one_batch(shop: Shop) -> None:
    small_pool(shop, "other", density="0.1", numbers=["0900-000010"], length=6)
    outcomes = many(shop, *(shop.order(f"o-{n}", pool=("default", "other")[n % 2]) for n in range(20)))
    assert told(outcomes) == ["new"] * 20
    assert [len(view(each).masked_number.extension) for each in outcomes] == [4, 6] * 10


def test_rows_are_spread_over_numbers(shop: Shop) -> None:
    small_pool(shop, "wide", density="0.1", numbers=[f"0900-0001{n:02d}" for n in range(30)])
    used = Counter(
        view(each).id.virtual_number for each in many(shop, *(shop.order(f"o-{n}", pool="wide") for n in range(400)))
    )
    assert len(used) == 8
    assert max(used.values()) == 50


# Two reads, then orders, one number, slots: and a COPY or an executemany for the bindings.
def test_a_chunk_costs_a_handful_of_statements(shop: Shop) -> None:
    rules = BindingRules(access=Access.ENROLLED)  # every kind of column: a row that cannot be loaded costs a create
    rows = [shop.order(f"o-{n}", pool="wide", metadata={"a": 1}, call_rules=rules) for n in range(CHUNK)]
    small_pool(shop, "wide", density="0.5", numbers=["0900-000010", "0900-000011"])
    with count_statements(shop.database) as sent:
        assert told(many(shop, *rows)) == ["new"] * CHUNK
    kinds = Counter(" ".join(each.split()[:3]).lower() for each in sent)
    assert kinds["insert into order_index"] == 1, kinds
    assert kinds["update virtual_numbers set"] == 2, kinds
    assert kinds["insert into slots"] <= 2, kinds
    assert len(sent) <= 10, sent
    with count_statements(shop.database) as sent:
        assert told(many(shop, *rows)) == ["known"] * CHUNK
    assert len(sent) == 4, sent


def test_while_the_database_is_away_every_row_says_so(shop: Shop) -> None:
    from dataclasses import replace

    def away(*, write: bool = True, whole: bool = False) -> object:
        if write:
            raise DatabaseUnavailable("away")
        return shop.ports.unit(write=False)

    ports = replace(shop.ports, unit=away)  # type: ignore[arg-type]
    outcomes = create_bindings([shop.order("a"), Faulty(()), shop.order("b")], shop.tenant, ports)
    assert [each.code for each in outcomes if isinstance(each, MaskServiceError)] == [
        "database_unavailable", "invalid_content", "database_unavailable",
    ]  # fmt: skip
    assert told(many(shop, shop.order("a"), shop.order("b"))) == ["new", "new"]


def test_life_is_counted_from_the_batch(shop: Shop) -> None:
    (outcome,) = many(shop, shop.order("o", expires_in=60))
    assert view(outcome).expires_at == shop.clock.now() + timedelta(seconds=60)
