"""Budgets, blocks that grow, and what an attacked number does."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maskservice.domain.errors import InvalidContent
from maskservice.domain.guard import (
    CallerState,
    GuardPolicy,
    NumberState,
    after_reach,
    after_wrong_try,
    window_start,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
POLICY = GuardPolicy()


def wrong(state: CallerState, count: int, *, now: datetime = NOW, budget: int = POLICY.caller_tries) -> CallerState:
    for _ in range(count):
        state = after_wrong_try(state, POLICY, budget=budget, now=now)
    return state


def test_the_tenth_wrong_try_within_an_hour_blocks() -> None:
    assert not wrong(CallerState(), 9).is_blocked(NOW)
    blocked = wrong(CallerState(), 10)
    assert blocked.blocked_until == NOW + timedelta(minutes=15)
    assert blocked.is_blocked(NOW)
    assert not blocked.is_blocked(NOW + timedelta(minutes=15))


def test_the_window_slides_to_the_second() -> None:
    state = wrong(CallerState(), 9)
    assert not wrong(state, 1, now=NOW + timedelta(hours=1)).is_blocked(NOW + timedelta(hours=1))
    just_inside = NOW + timedelta(minutes=59, seconds=59)
    assert wrong(state, 1, now=just_inside).is_blocked(just_inside)


def test_blocks_grow_up_to_a_day_and_are_forgiven_after_a_week() -> None:
    state, now, lengths = CallerState(), NOW, []
    for _ in range(9):
        state = wrong(state, 10, now=now)
        assert state.blocked_until is not None
        lengths.append((state.blocked_until - now) // timedelta(minutes=1))
        now = state.blocked_until
    assert lengths == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    assert state.blocked_until is not None
    later = state.blocked_until + timedelta(days=7, seconds=1)
    forgiven = wrong(state, 10, now=later)
    assert forgiven.blocked_until == later + timedelta(minutes=15)


def test_tries_while_blocked_do_not_push_further_down() -> None:
    blocked = wrong(CallerState(), 10)
    assert wrong(blocked, 50) == blocked


def test_withheld_callers_share_a_budget_of_their_own() -> None:
    assert not wrong(CallerState(), 29, budget=POLICY.withheld_tries).is_blocked(NOW)
    assert wrong(CallerState(), 30, budget=POLICY.withheld_tries).is_blocked(NOW)


def test_a_stranger_who_reaches_three_hundred_bindings_a_day_is_blocked_() -> None:
    state = CallerState()
    for _ in range(299):
        state = after_reach(state, POLICY, now=NOW)
    assert not state.is_blocked(NOW)
    assert after_reach(state, POLICY, now=NOW).is_blocked(NOW)


def test_a_new_day_counts_anew() -> None:
    state = CallerState(reached=299, reached_day="2026-11-23")
    after = after_reach(state, POLICY, now=NOW)
    assert (after.reached, after.reached_day, after.is_blocked(NOW)) == (1, "2026-11-24", False)


def test_a_number_whose_budget_is_used_up_gives_one_try_until_the_window_ends() -> None:
    state = NumberState(window_start=NOW, wrong=POLICY.number_tries)
    assert state.tries(POLICY, NOW) == 1
    assert state.tries(POLICY, NOW + POLICY.window) == 3
    assert NumberState(window_start=NOW, wrong=POLICY.number_tries - 1).tries(POLICY, NOW) == 3
    assert NumberState().tries(POLICY, NOW) == 3


def test_twenty_different_callers_are_a_scan() -> None:
    assert not NumberState(wrong=500, callers=19).is_scanned(POLICY)
    assert NumberState(wrong=20, callers=20).is_scanned(POLICY)


def test_enrolled_only_ends_by_itself() -> None:
    state = NumberState(enrolled_only_until=NOW)
    assert not state.is_enrolled_only(NOW)
    assert state.is_enrolled_only(NOW - timedelta(seconds=1))


@pytest.mark.parametrize("minutes", [1, 7, 60, 1440])
def test_windows_stand_side_by_side(minutes: int) -> None:
    policy = GuardPolicy(window=timedelta(minutes=minutes))
    start = window_start(NOW + timedelta(microseconds=5), policy)
    assert start <= NOW < start + policy.window
    assert window_start(start, policy) == start
    assert window_start(start + policy.window, policy) == start + policy.window


def test_the_chance_within_a_budget_is_told_as_it_is() -> None:
    assert POLICY.chance_within_budget(0.10) == pytest.approx(0.651, abs=0.001)
    assert POLICY.chance_within_budget(0.001) == pytest.approx(0.00996, abs=0.0001)


def test_thresholds_are_checked_all_at_once() -> None:
    assert POLICY.checked() is POLICY
    with pytest.raises(InvalidContent) as refused:
        GuardPolicy(caller_tries=0, window=timedelta(0), longest_block=timedelta(minutes=1)).checked()
    assert [each.pointer for each in refused.value.errors] == ["/caller_tries", "/window", "/longest_block"]


@pytest.mark.parametrize("density", [10.0, 1.0, 0.1, 0.01])
def test_the_documented_odds_are_the_computed_ones(density: float) -> None:
    """docs/guard.rst says what each default leaves to a stranger; a figure there that is not true fails here."""
    text = (Path(__file__).parent.parent.parent / "docs/guard.rst").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if re.match(rf"\d digits, density {density:g} %", line))
    told = [float(figure) for figure in re.findall(r"([0-9.]+) %", row)][1:]
    computed = [100 * (1 - (1 - density / 100) ** tries) for tries in (1, 3, 10, 70)]
    assert told == pytest.approx(computed, abs=0.06)


def test_at_most_seven_budgets_fit_in_a_day() -> None:
    state, now, budgets = CallerState(), NOW, 0
    while now < NOW + timedelta(days=1):
        state = wrong(state, 10, now=now)
        budgets += 1
        assert state.blocked_until is not None
        now = state.blocked_until
    assert budgets == 7
