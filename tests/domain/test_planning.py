"""What a size needs: the field's own sizes, small ones by hand, and that more never needs less."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.demand import Demand
from maskservice.domain.errors import InvalidContent
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.measured import MEASURED, Measured
from maskservice.domain.planning import Kept, Plan, plan

KEPT = Kept(receipts=timedelta(days=2), idempotency_keys=timedelta(days=120))
NO_REST = timedelta(0)


def pool(length: int = 4, density: str = "0.10", *, rest: timedelta = timedelta(days=30)) -> PoolPolicy:
    return PoolPolicy(length, Decimal(density), quarantine=rest)


def planned(orders: int = 1000, policy: PoolPolicy | None = None, **more: Any) -> Plan:
    return plan(Demand(orders_a_day=orders, policy=policy or pool(), **more), kept=KEPT)


@pytest.mark.parametrize(
    ("orders", "policy", "live", "numbers"),
    [
        (50_000, pool(density="0.5", rest=NO_REST), 500_000, 100),
        (500_000, pool(density="0.5", rest=NO_REST), 5_000_000, 1_000),
        (500_000, pool(density="0.02", rest=NO_REST), 5_000_000, 25_000),
        (500_000, pool(6, "0.05", rest=NO_REST), 5_000_000, 100),
    ],
    ids=["50k", "500k", "500k at 200 a number", "500k with six digits"],
)
def test_the_field_s_sizing_comes_out(orders: int, policy: PoolPolicy, live: int, numbers: int) -> None:
    """field.md, "Sizing (computed; 10-day life …)", which knows no quarantine."""
    slots = planned(orders, policy).slots
    assert (slots.live, slots.held, slots.numbers) == (live, live, numbers)


def test_the_field_s_trunks_come_out() -> None:
    """field.md: "Trunks at 0.5 call/order, 12 % busy hour, 60 s: 500 k/day → 8.3 calls/s, ≈ 500 erlang"."""
    traffic = planned(500_000).traffic
    assert traffic.calls_a_second == pytest.approx(8.33, abs=0.01)
    assert traffic.erlangs == 500.0
    assert traffic.channels == 2 * traffic.lines == 2 * 527


@pytest.mark.parametrize(("length", "per_number"), [(4, 200), (4, 2000), (6, 200), (6, 2000)])
def test_the_field_s_odds_come_out(length: int, per_number: int) -> None:
    """field.md, "Four digits is a directory": 2 % / 5.9 %, 20 % / 49 %, 0.02 % / 0.06 %, 0.2 % / 0.6 %."""
    density = Decimal(per_number).scaleb(-length)
    odds = planned(per_number, PoolPolicy(length, density, quarantine=NO_REST), life_days=Decimal(1)).odds
    told = {0.02: 0.059, 0.2: 0.49, 0.0002: 0.0006, 0.002: 0.006}
    assert odds.one_guess == pytest.approx(float(density))
    assert odds.three_guesses == pytest.approx(told[float(density)], rel=0.02)


def test_a_resting_slot_takes_room_and_is_no_recipient() -> None:
    made = planned(1000, pool(rest=timedelta(days=30)), life_days=Decimal(10))
    assert (made.slots.live, made.slots.resting, made.slots.held) == (10_000, 30_000, 40_000)
    assert (made.slots.numbers, made.slots.numbers_advised, made.slots.live_per_number) == (40, 50, 250)
    assert made.odds.one_guess == pytest.approx(0.025)
    assert made.odds_when_full.one_guess == pytest.approx(0.1)


def test_odds_are_those_of_the_pool_and_of_the_guard() -> None:
    policy, guard = pool(rest=NO_REST), GuardPolicy(caller_tries=5)
    made = planned(100, policy, life_days=Decimal(10), guard=guard)
    assert made.odds == made.odds_when_full
    assert made.odds.three_guesses == policy.chance_of_a_hit(3)
    assert made.odds.within_budget == guard.chance_within_budget(0.1)


def test_exact_where_floats_are_not() -> None:
    # 0.1 × 3 is a little more than 0.3 in binary: one order too many would be rounded up.
    assert planned(10, life_days=Decimal("0.3")).slots.live == 3
    assert planned(10**9, pool(8, "1"), life_days=Decimal("0.1")).slots.live == 10**8


def test_a_number_of_one_slot_still_plans() -> None:
    slots = planned(5, pool(4, "0.0001", rest=NO_REST), life_days=Decimal(1)).slots
    assert (slots.ceiling, slots.numbers, slots.numbers_advised) == (1, 5, 5)


def test_bytes_and_machines_by_hand() -> None:
    figures = replace(
        MEASURED,
        **{
            name: Measured(name, Decimal(value), "", "")
            for name, value in {
                "create_ms": 6,
                "look_up_ms": 4,
                "event_ms": 2,
                "create_database_ms": 1,
                "look_up_database_ms": 1,
                "event_database_ms": 1,
                "live_binding_bytes": 1000,
                "first_answer_bytes": 500,
                "contact_bytes": 400,
                "call_record_bytes": 800,
                "receipt_bytes": 700,
                "idempotency_key_bytes": 300,
                "purged_binding_bytes": 600,
                "pbx_calls_a_second": 40,
            }.items()
        },
    )
    demand = Demand(
        orders_a_day=36_000_000,
        life_days=Decimal(1),
        policy=pool(rest=timedelta(days=1)),
        calls_per_order=Decimal("0.5"),
        busy_hour_share=Decimal("0.1"),
        call_months=12,
        cores_per_node=4,
    )
    made = plan(demand, kept=KEPT, figures=figures)
    assert made.storage.bindings == 72_000_000 * 1500
    assert made.storage.contacts == 36_000_000 * 400
    assert made.storage.call_records == 18_000_000 * 365 * 800
    assert made.storage.receipts == 18_000_000 * 2 * 2 * 700
    assert made.storage.idempotency_keys == 36_000_000 * 120 * 300
    assert made.storage.purged_bindings == 36_000_000 * 365 * 600
    assert made.storage.purged_bindings_a_month * 12 == made.storage.purged_bindings
    parts = ("bindings", "purged_bindings", "contacts", "call_records", "receipts", "idempotency_keys")
    assert made.storage.steady == sum(getattr(made.storage, part) for part in parts)
    # 1,000 creates and 500 calls a second: 1,000 × 6 + 500 × (2 × 4 + 3 × 2) = 13,000 ms of CPU in a second.
    assert made.machines.application_cores == 13.0
    assert made.machines.database_cores == 3.5
    assert made.machines.workers == 26
    assert made.machines.application_nodes == 7 + 1
    assert made.machines.database_nodes == 2
    assert made.machines.pbx_nodes == 25


@pytest.mark.parametrize(("months", "days"), [(0, 120), (3, 120), (4, Fraction(4 * 365, 12)), (120, 3650)])
def test_purged_bindings_are_kept_like_call_records_and_as_long_as_a_key_can_ask(
    months: int, days: int | Fraction
) -> None:
    made = planned(1000, call_months=months).storage
    assert made.purged_bindings == ceil(1000 * days * int(MEASURED.purged_binding_bytes.value))


def test_a_small_shop_still_has_one_of_each() -> None:
    made = planned(1, calls_per_order=Decimal(0))
    assert (made.machines.workers, made.machines.application_nodes, made.machines.database_nodes) == (1, 2, 1)
    assert (made.traffic.lines, made.traffic.channels, made.machines.pbx_nodes) == (0, 0, 1)
    assert made.slots.numbers == 1


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("orders_a_day", 0, "/orders_per_day"),
        ("orders_a_day", 10**9 + 1, "/orders_per_day"),
        ("life_days", Decimal(0), "/life"),
        ("life_days", Decimal(3651), "/life"),
        ("policy", PoolPolicy(3), "/extension_length"),
        ("policy", PoolPolicy(density=Decimal(2)), "/density"),
        ("policy", PoolPolicy(density=Decimal("0.00001")), "/density"),
        ("policy", PoolPolicy(quarantine=timedelta(-1)), "/quarantine"),
        ("guard", GuardPolicy(caller_tries=0), "/caller_tries"),
        ("calls_per_order", Decimal("-0.1"), "/calls_per_order"),
        ("calls_per_order", Decimal(101), "/calls_per_order"),
        ("busy_hour_share", Decimal("0.0416"), "/busy_hour_share"),
        ("busy_hour_share", Decimal("1.01"), "/busy_hour_share"),
        ("talk_seconds", Decimal(0), "/talk_seconds"),
        ("talk_seconds", Decimal(14_401), "/talk_seconds"),
        ("blocking", Decimal(0), "/blocking"),
        ("blocking", Decimal(1), "/blocking"),
        ("call_months", -1, "/call_months"),
        ("call_months", 121, "/call_months"),
        ("cores_per_node", 0, "/cores_per_node"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(field: str, value: object, pointer: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        replace(Demand(orders_a_day=1000), **{field: value}).checked()
    assert [each.pointer for each in refused.value.errors] == [pointer]


def test_every_mistake_is_told_at_once_and_by_the_plan_itself() -> None:
    wrong = Demand(orders_a_day=0, policy=PoolPolicy(9), life_days=Decimal(0), blocking=Decimal(2))
    with pytest.raises(InvalidContent) as refused:
        plan(wrong, kept=KEPT)
    assert [each.pointer for each in refused.value.errors] == [
        "/extension_length",
        "/orders_per_day",
        "/life",
        "/blocking",
    ]


def test_more_calls_at_once_than_one_trunk_group_can_be_are_refused() -> None:
    with pytest.raises(InvalidContent) as refused:
        planned(10**9, calls_per_order=Decimal(100))
    assert "regions" in refused.value.errors[0].detail


DEMANDS = st.builds(
    Demand,
    orders_a_day=st.integers(1, 2_000_000),
    life_days=st.decimals("0.1", "365", places=1),
    policy=st.builds(
        PoolPolicy,
        st.integers(4, 8),
        st.decimals("0.0001", "1", places=4),
        quarantine=st.integers(0, 365).map(lambda days: timedelta(days=days)),
    ),
    calls_per_order=st.decimals("0", "2", places=1),
    busy_hour_share=st.decimals("0.05", "0.5", places=2),
    talk_seconds=st.decimals("1", "60", places=0),
    blocking=st.decimals("0.001", "0.5", places=3),
    call_months=st.integers(0, 24),
    cores_per_node=st.integers(1, 64),
)


def _needs(made: Plan) -> tuple[float, ...]:
    slots, traffic, machines = made.slots, made.traffic, made.machines
    return (
        *(slots.live, slots.held, slots.numbers, slots.numbers_advised),
        *(made.storage.steady, made.storage.purged_bindings_a_month),
        *(traffic.erlangs, traffic.lines),
        *(machines.workers, machines.application_nodes, machines.database_nodes, machines.pbx_nodes),
    )


@given(demand=DEMANDS, more=st.integers(1, 1_000_000))
def test_more_orders_never_need_less(demand: Demand, more: int) -> None:
    larger = replace(demand, orders_a_day=demand.orders_a_day + more)
    small, large = _needs(plan(demand, kept=KEPT)), _needs(plan(larger, kept=KEPT))
    assert all(before <= after for before, after in zip(small, large, strict=True)), (small, large)


@given(demand=DEMANDS, days=st.integers(1, 365))
def test_a_longer_rest_never_needs_fewer_numbers_nor_raises_the_odds(demand: Demand, days: int) -> None:
    policy = replace(demand.policy, quarantine=demand.policy.quarantine + timedelta(days=days))
    before, after = plan(demand, kept=KEPT), plan(replace(demand, policy=policy), kept=KEPT)
    assert after.slots.numbers >= before.slots.numbers
    assert after.odds.one_guess <= before.odds.one_guess


@given(demand=DEMANDS)
def test_everything_held_has_a_place_and_no_number_too_many(demand: Demand) -> None:
    made = plan(demand, kept=KEPT)
    slots = made.slots
    assert (slots.numbers - 1) * slots.ceiling < slots.held <= slots.numbers * slots.ceiling
    assert slots.numbers_advised >= slots.numbers
    assert slots.live + slots.resting == slots.held
    assert 0 < made.odds.one_guess <= made.odds_when_full.one_guess <= 1
    assert made.odds.one_guess <= made.odds.three_guesses <= made.odds.within_budget + 1e-3
