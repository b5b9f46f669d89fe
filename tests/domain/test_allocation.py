"""Pool policies: exact ceilings, unpredictable proposals, honest odds."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from maskservice.domain.allocation import PoolPolicy, proposals_needed, propose
from maskservice.domain.check_digit import passes_check
from maskservice.domain.errors import InvalidContent


@pytest.mark.parametrize(
    ("length", "density", "ceiling"),
    [
        (4, "0.10", 1000),
        (4, "0.1234", 1234),
        (4, "0.29", 2900),
        (8, "0.1", 10_000_000),
        (4, "1", 10_000),
        (5, "0.00001", 1),
        (4, "0.00019", 1),
    ],
)
def test_the_ceiling_is_share_times_space_exactly(length: int, density: str, ceiling: int) -> None:
    assert PoolPolicy(extension_length=length, density=Decimal(density)).checked().ceiling == ceiling


@pytest.mark.parametrize(
    "policy",
    [
        PoolPolicy(extension_length=3),
        PoolPolicy(extension_length=9),
        PoolPolicy(density=Decimal(0)),
        PoolPolicy(density=Decimal("1.01")),
        PoolPolicy(density=Decimal("0.00001")),
        PoolPolicy(density=Decimal(-1)),
        PoolPolicy(quarantine=timedelta(days=-1)),
    ],
)
def test_a_policy_out_of_range_is_refused(policy: PoolPolicy) -> None:
    with pytest.raises(InvalidContent):
        policy.checked()


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(InvalidContent) as refused:
        PoolPolicy(extension_length=2, quarantine=timedelta(days=-1)).checked()
    assert [each.pointer for each in refused.value.errors] == ["/extension_length", "/quarantine"]


def test_a_check_digit_comes_on_top() -> None:
    policy = PoolPolicy(check_digit=True)
    assert policy.dialled_length == 5
    assert policy.ceiling == 1000
    assert all(len(each) == 5 and passes_check(each) for each in propose(policy, random.Random(1).randrange, count=50))


def test_odds_are_those_of_drawing_without_replacement() -> None:
    policy = PoolPolicy()
    assert policy.chance_of_a_hit(1) == pytest.approx(0.1)
    assert policy.chance_of_a_hit(3) == pytest.approx(1 - (0.9 * 8999 / 9999 * 8998 / 9998))
    assert PoolPolicy(density=Decimal(1)).chance_of_a_hit(1) == 1.0
    assert policy.chance_of_a_hit(0) == 0.0


def test_proposals_differ_and_keep_leading_zeros() -> None:
    proposals = propose(PoolPolicy(), random.Random(7).randrange, count=5000)
    assert len(set(proposals)) == 5000
    assert {len(each) for each in proposals} == {4}
    assert any(each.startswith("00") for each in proposals)


def test_more_than_the_space_cannot_be_proposed() -> None:
    assert len(propose(PoolPolicy(), random.Random(7).randrange, count=20_000)) == 10_000


def test_low_water_is_four_fifths_of_the_ceiling() -> None:
    assert PoolPolicy().low_water == 800


@pytest.mark.parametrize(
    ("length", "held", "expected"),
    [
        (4, 0, 16), (4, 1_000, 16), (4, 5_000, 16), (4, 7_000, 26), (4, 9_500, 180), (4, 9_990, 256),
        (4, 10_000, 256), (8, 10_000_000, 16),
    ],
)  # fmt: skip
def test_proposals_grow_with_what_is_held(length: int, held: int, expected: int) -> None:
    count = proposals_needed(PoolPolicy(extension_length=length), held=held)
    assert count == expected
    if 16 < count < 256:
        assert (held / 10**length) ** count <= 1e-4 < (held / 10**length) ** (count - 1)
