"""The name of a group of redials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from maskservice.domain.attempts import group_founded_by
from maskservice.domain.ids import CallId, time_of

NOW = datetime(2026, 11, 24, 4, 30, 15, 123000, tzinfo=UTC)
CALL = CallId.new("+886900000000", now=NOW, randomness=bytes(10))
ONE, TWO = UUID(int=1), UUID(int=2)


def test_a_call_founds_one_group_before_it_meets_a_binding_and_one_with_each() -> None:
    assert group_founded_by(CALL, None) == CALL.key
    assert group_founded_by(CALL, ONE) == group_founded_by(CALL, ONE)
    assert len({group_founded_by(CALL, each) for each in (None, ONE, TWO)}) == 3


def test_groups_sort_by_the_call_s_start() -> None:
    later = CallId.new("+886900000000", now=NOW + timedelta(milliseconds=1), randomness=bytes(10))
    assert time_of(group_founded_by(CALL, ONE)) == NOW
    assert group_founded_by(CALL, ONE) < group_founded_by(later, ONE)
    assert group_founded_by(CALL, ONE).version == 7
