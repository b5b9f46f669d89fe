"""Erlang B against what others published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.erlang import blocking, lines_needed

# Lucent, ERLANG-B CAPACITY TABLE for 2 % blocking, http://garywagoner.tripod.com/traffic/ERLANG.HTML (lines, erlangs).
# Left out: 33, 45, 55, 61 and 63 lines, where digits of that page are misprinted against its neighbours.
LUCENT = [
    *((1, 0.020), (3, 0.602), (5, 1.657), (7, 2.935), (9, 4.345), (11, 5.842), (13, 7.402), (15, 9.010), (17, 10.656)),
    *((19, 12.333), (21, 14.036), (23, 15.761), (25, 17.505), (27, 19.265), (29, 21.039), (31, 22.827), (35, 26.435)),
    *((37, 28.254), (39, 30.081), (41, 31.915), (43, 33.758), (47, 37.462), (49, 39.323), (51, 41.189), (53, 43.060)),
    *((57, 46.816), (59, 48.700), (65, 54.376), (67, 56.275), (77, 65.814), (89, 77.342)),
]


@pytest.mark.parametrize(("lines", "erlangs"), LUCENT)
def test_lines_are_those_of_a_published_table(lines: int, erlangs: float) -> None:
    assert blocking(lines, erlangs) == pytest.approx(0.02, rel=0.02)
    # The table is rounded to a thousandth: a little less needs these lines, a little more one further.
    assert lines_needed(erlangs - 0.001, at_most=0.02) == lines
    assert lines_needed(erlangs + 0.002, at_most=0.02) == lines + 1


@pytest.mark.parametrize(
    ("erlangs", "at_most", "lines"),
    [
        # "15 lines … 0.01 … 8.108 Erlangs", https://erlang.com/calculatormanual/howmuchtrafficcanatrunkgrouphandle.htm
        (8.108, 0.01, 15),
        (8.109, 0.01, 16),
        # "1200 calls per hour … divide by 36 … 0.01 … 45 lines", forum of erlang.com, 2001-12-05
        (1200 / 36, 0.01, 45),
    ],
)
def test_lines_are_those_of_a_published_calculator(erlangs: float, at_most: float, lines: int) -> None:
    assert lines_needed(erlangs, at_most=at_most) == lines


def test_small_groups_by_hand() -> None:
    assert blocking(1, 1.0) == pytest.approx(1 / 2)
    assert blocking(2, 1.0) == pytest.approx(1 / 5)
    assert blocking(0, 1.0) == blocking(0, 0.0) == 1.0
    assert blocking(3, 0.0) == 0.0
    assert lines_needed(0.0, at_most=0.01) == 0


def test_a_trunk_group_of_a_million_calls_is_reckoned_without_overflow() -> None:
    assert 990_000 < lines_needed(1_000_000.0, at_most=0.01) < 1_000_000


@given(erlangs=st.floats(0.001, 2000), at_most=st.floats(0.0001, 0.9))
def test_one_line_fewer_would_block_more(erlangs: float, at_most: float) -> None:
    lines = lines_needed(erlangs, at_most=at_most)
    # The product and the quotient of the same numbers differ by a rounding.
    assert blocking(lines, erlangs) <= at_most * (1 + 1e-9)
    assert lines == 0 or blocking(lines - 1, erlangs) > at_most * (1 - 1e-9)
