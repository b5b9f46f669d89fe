"""Settings about calls: how quiet hours are read and what they cover, ranges, which of several settings holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from maskservice.domain.call_policy import (
    Access,
    BindingRules,
    Directions,
    PoolCalls,
    QuietHours,
    TenantCalls,
    taipei_day,
)
from maskservice.domain.errors import InvalidContent


def taipei(clock: str, *, day: int = 24) -> datetime:
    """The moment in UTC at which the clocks of Taiwan show this."""
    hour, minute = (int(each) for each in clock.split(":"))
    return datetime.fromisoformat(f"2026-11-{day}T{hour:02}:{minute:02}:00+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("21:00-08:00", 1260, 480),
        (" 21:00-08:00\n", 1260, 480),
        ("00:00-23:59", 0, 1439),
        ("12:30-13:30", 750, 810),
        ("23:59-00:00", 1439, 0),
    ],
)
def test_quiet_hours_are_read_and_written(text: str, start: int, end: int) -> None:
    hours = QuietHours.parse(text)
    assert (hours.start, hours.end) == (start, end)
    assert str(hours) == text.strip()
    assert QuietHours.parse(str(hours)) == hours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "21:00",
        "21-08",
        "21:00-8:00",
        "24:00-08:00",
        "21:60-08:00",
        "21:00–08:00",
        "21:00 - 08:00",
        "21:00-08:00-09:00",
        "-21:00-08:00",
        "２１:００-０８:００",
        "٢١:٠٠-٠٨:٠٠",
        "21:00-21:00",
        "00:00-00:00",
        "always",
    ],
)
def test_other_hours_are_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidContent) as refusal:
        QuietHours.parse(text)
    (error,) = refusal.value.errors
    assert (error.pointer, error.code, error.detail) == (
        "/quiet",
        "invalid_hours",
        "Write quiet hours as 21:00-08:00.",
    )


@pytest.mark.parametrize(
    ("hours", "clock", "quiet"),
    [
        ("21:00-08:00", "20:59", False),
        ("21:00-08:00", "21:00", True),
        ("21:00-08:00", "23:59", True),
        ("21:00-08:00", "00:00", True),
        ("21:00-08:00", "07:59", True),
        ("21:00-08:00", "08:00", False),
        ("12:30-13:30", "12:29", False),
        ("12:30-13:30", "12:30", True),
        ("12:30-13:30", "13:29", True),
        ("12:30-13:30", "13:30", False),
        ("00:00-23:59", "23:58", True),
        ("00:00-23:59", "23:59", False),
        ("23:59-00:00", "23:59", True),
        ("23:59-00:00", "00:00", False),
    ],
)
def test_quiet_hours_are_those_of_taiwan(hours: str, clock: str, quiet: bool) -> None:
    assert QuietHours.parse(hours).cover(taipei(clock)) is quiet


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (taipei("23:59"), "2026-11-24"),
        (taipei("00:00"), "2026-11-24"),
        (datetime(2026, 11, 24, 15, 59, 59, 999999, tzinfo=UTC), "2026-11-24"),
        (datetime(2026, 11, 24, 16, 0, tzinfo=UTC), "2026-11-25"),
    ],
)
def test_a_day_of_calls_is_one_of_taiwan(moment: datetime, day: str) -> None:
    assert taipei_day(moment) == day


OWN, POOL_S = QuietHours.parse("12:00-13:00"), QuietHours.parse("21:00-08:00")


@pytest.mark.parametrize(
    ("tenant", "pool", "noon", "night"),
    [
        (TenantCalls(), PoolCalls(), False, False),
        (TenantCalls(), PoolCalls(quiet=POOL_S), False, True),
        (TenantCalls(quiet=OWN), PoolCalls(), True, False),
        (TenantCalls(quiet=OWN), PoolCalls(quiet=POOL_S), True, False),
        (TenantCalls(quiet_exempt=True), PoolCalls(quiet=POOL_S), False, False),
        (TenantCalls(quiet=OWN, quiet_exempt=True), PoolCalls(quiet=POOL_S), False, False),
    ],
    ids=["none", "the pool's", "its own", "its own before the pool's", "exempt", "exempt from its own too"],
)
def test_which_quiet_hours_hold(tenant: TenantCalls, pool: PoolCalls, noon: bool, night: bool) -> None:
    assert tenant.quiet_at(taipei("12:30"), pool=pool) is noon
    assert tenant.quiet_at(taipei("22:00"), pool=pool) is night


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, set()),
        ({"ring_timeout_s": 5, "max_duration_s": 60, "calls_per_day": 1}, set()),
        ({"ring_timeout_s": 90, "max_duration_s": 7200, "calls_per_day": 1000}, set()),
        ({"ring_timeout_s": 4}, {"/ring_timeout_s"}),
        ({"ring_timeout_s": 91}, {"/ring_timeout_s"}),
        ({"max_duration_s": 59}, {"/max_duration_s"}),
        ({"max_duration_s": 7201}, {"/max_duration_s"}),
        ({"calls_per_day": 0}, {"/calls_per_day"}),
        ({"calls_per_day": 1001}, {"/calls_per_day"}),
        (
            {"ring_timeout_s": 0, "max_duration_s": 0, "calls_per_day": 0},
            {"/ring_timeout_s", "/max_duration_s", "/calls_per_day"},
        ),
    ],
)
def test_ranges_are_told_all_at_once(changes: dict[str, int], wrong: set[str]) -> None:
    policy = replace(TenantCalls(), **changes)  # type: ignore[arg-type]
    if not wrong:
        assert policy.checked() == policy
        return
    with pytest.raises(InvalidContent) as refusal:
        policy.checked()
    assert {error.pointer: error.code for error in refusal.value.errors} == dict.fromkeys(wrong, "out_of_range")


def test_a_language_without_prompts_is_refused() -> None:
    for language in ("zh-TW", "en"):
        assert PoolCalls(language).checked() == PoolCalls(language)
    with pytest.raises(InvalidContent) as refusal:
        PoolCalls("ja").checked()
    assert [(each.pointer, each.code) for each in refusal.value.errors] == [("/language", "unknown_language")]


TENANT_S = TenantCalls(Access.ENROLLED, Directions.TO_RECIPIENT, ring_timeout_s=20, whisper=True)


@pytest.mark.parametrize(
    ("rules", "access", "directions"),
    [
        (None, Access.ENROLLED, Directions.TO_RECIPIENT),
        (BindingRules(), Access.ENROLLED, Directions.TO_RECIPIENT),
        (BindingRules(Access.OPEN), Access.OPEN, Directions.TO_RECIPIENT),
        (BindingRules(directions=Directions.BOTH), Access.ENROLLED, Directions.BOTH),
        (BindingRules(Access.ASSIGNED, Directions.TO_COURIER), Access.ASSIGNED, Directions.TO_COURIER),
    ],
)
def test_a_binding_s_rules_go_before_its_tenant_s(
    rules: BindingRules | None, access: Access, directions: Directions
) -> None:
    assert TENANT_S.with_rules(rules) == replace(TENANT_S, access=access, directions=directions)


def test_rules_that_say_nothing_are_none() -> None:
    assert BindingRules().or_none() is None
    assert BindingRules(Access.OPEN).or_none() == BindingRules(Access.OPEN)
    assert BindingRules(directions=Directions.BOTH).or_none() is not None
