"""The transition table, whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from maskservice.domain import binding as rules
from maskservice.domain.binding import Binding, Status, resolve_expiry
from maskservice.domain.errors import BindingNotLive, BindingPurged, InvalidContent
from maskservice.domain.ids import BindingId, uuid7

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
GRACE = timedelta(hours=72)


def at(status: Status, **changes: object) -> Binding:
    facts = Binding(
        id=BindingId("+886900000000", uuid7(NOW, b"0123456789")),
        tenant_id="ten_1",
        order_id="1",
        extension="5678",
        status=status,
        created_at=NOW - timedelta(days=1),
        expires_at=NOW + timedelta(days=1),
        status_before_lock=Status.DELIVERED if status is Status.LOCKED else None,
        ended_at=NOW - timedelta(hours=1) if status in rules.ENDED else None,
    )
    return replace(facts, **changes)  # type: ignore[arg-type] -- a table of any fields


STEPS: dict[str, Callable[[Binding], Binding]] = {
    "deliver": lambda each: rules.delivered(each, delivered_at=NOW, now=NOW, grace=GRACE),
    "lock": lambda each: rules.locked(each, NOW),
    "unlock": lambda each: rules.unlocked(each, NOW),
    "release": lambda each: rules.released(each, NOW),
}
A, D, L, E, R = Status.ACTIVE, Status.DELIVERED, Status.LOCKED, Status.EXPIRED, Status.RELEASED


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("deliver", A, D), ("deliver", D, D), ("deliver", L, None), ("deliver", E, None), ("deliver", R, None),
        ("lock", A, L), ("lock", D, L), ("lock", L, L), ("lock", E, None), ("lock", R, None),
        ("unlock", A, None), ("unlock", D, None), ("unlock", L, D), ("unlock", E, None), ("unlock", R, None),
        ("release", A, R), ("release", D, R), ("release", L, R), ("release", E, None), ("release", R, R),
    ],
)  # fmt: skip
def test_the_transition_table(step: str, before: Status, after: Status | None) -> None:
    binding = at(before)
    if after is None:
        with pytest.raises(BindingNotLive):
            STEPS[step](binding)
    else:
        assert STEPS[step](binding).status is after
        if after is before:
            assert STEPS[step](binding) is binding


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", [A, D, L])
def test_from_the_moment_of_expiry_no_step_is_taken(step: str, status: Status) -> None:
    with pytest.raises(BindingNotLive):
        STEPS[step](at(status, expires_at=NOW))


@pytest.mark.parametrize("status", [A, D, L])
def test_dead_exactly_at_its_moment(status: Status) -> None:
    binding = at(status)
    just_before = binding.expires_at - timedelta(microseconds=1)
    assert binding.status_at(just_before) is status
    assert binding.status_at(binding.expires_at) is Status.EXPIRED
    assert not binding.is_live(binding.expires_at)


def test_a_death_that_was_seen_stays_though_the_clock_goes_back() -> None:
    seen = rules.expired(at(A), NOW + timedelta(days=2))
    assert seen.status_at(NOW - timedelta(days=300)) is Status.EXPIRED
    assert seen.ended_at == seen.expires_at
    assert rules.expired(seen, NOW) is seen


def test_delivery_counts_the_grace_from_delivery_and_keeps_the_moment() -> None:
    moment = NOW - timedelta(hours=5)
    after = rules.delivered(at(A), delivered_at=moment, now=NOW, grace=GRACE)
    assert (after.delivered_at, after.expires_at) == (moment, moment + GRACE)


@pytest.mark.parametrize("moment", [NOW + timedelta(minutes=6), NOW - timedelta(days=1, minutes=6)])
def test_a_delivery_in_the_future_or_before_the_binding_is_refused(moment: datetime) -> None:
    with pytest.raises(InvalidContent):
        rules.delivered(at(A), delivered_at=moment, now=NOW, grace=GRACE)


@pytest.mark.parametrize("status", [A, D, E, R])
def test_reopen_from_all_but_locked(status: Status) -> None:
    rules.require_reopenable(at(status), NOW)


def test_reopen_is_refused_while_locked_and_after_the_purge() -> None:
    with pytest.raises(BindingNotLive):
        rules.require_reopenable(at(L), NOW)
    with pytest.raises(BindingPurged):
        rules.require_reopenable(at(E, purged_at=NOW), NOW)


@pytest.mark.parametrize("status", [E, R])
def test_what_has_ended_cannot_change(status: Status) -> None:
    with pytest.raises(BindingNotLive):
        rules.require_changeable(at(status), NOW)


@pytest.mark.parametrize(
    ("expires_in", "expires_at", "seconds"),
    [(None, None, 86400), (60, None, 60), (864000, None, 864000), (None, NOW + timedelta(seconds=90), 90)],
)
def test_expiry_as_given(expires_in: int | None, expires_at: datetime | None, seconds: int) -> None:
    moment = resolve_expiry(
        now=NOW, expires_in=expires_in, expires_at=expires_at, default=timedelta(days=1), longest=timedelta(days=10)
    )
    assert moment == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("expires_in", "expires_at", "pointer"),
    [
        (59, None, "/expires_in"),
        (0, None, "/expires_in"),
        (-1, None, "/expires_in"),
        (864001, None, "/expires_in"),
        (None, NOW, "/expires_at"),
        (None, NOW + timedelta(days=11), "/expires_at"),
        (60, NOW + timedelta(days=1), "/expires_at"),
    ],
)
def test_an_expiry_out_of_range_names_its_field(
    expires_in: int | None, expires_at: datetime | None, pointer: str
) -> None:
    with pytest.raises(InvalidContent) as refused:
        resolve_expiry(
            now=NOW, expires_in=expires_in, expires_at=expires_at, default=timedelta(days=1), longest=timedelta(days=10)
        )
    assert [each.pointer for each in refused.value.errors] == [pointer]
