"""``tenant calls``, ``pool calls``, ``pool guard`` on a scan, ``numbers restrict``: shown, changed, refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest


@pytest.fixture(autouse=True)
def _home(home, run):
    run("tenant", "create", "店")
    run("numbers", "import", "0900-000000", "0900-000001", "--pool", "default")


TENANT = {
    "access": "open",
    "directions": "both",
    "ring_timeout_s": 30,
    "max_duration_s": 1800,
    "calls_per_day": None,
    "quiet": None,
    "quiet_exempt": False,
    "whisper": False,
}
POOL = {"language": "zh-TW", "codes": "on_star", "quiet": None, "repeat_call": False}


def settings(result, of):
    return {name: result[name] for name in of}


def test_a_tenant_s_settings_are_shown_and_changed_one_by_one(result_of):
    shown = result_of("tenant", "calls", "店")
    assert settings(shown, TENANT) == TENANT
    assert (shown["name"], shown["tenant_id"][:4]) == ("店", "ten_")
    expected = dict(TENANT)
    for options, after in [
        (("--access", "enrolled"), {"access": "enrolled"}),
        (("--directions", "to_recipient"), {"directions": "to_recipient"}),
        (("--ring-seconds", "20", "--max-minutes", "10"), {"ring_timeout_s": 20, "max_duration_s": 600}),
        (("--calls-per-day", "20"), {"calls_per_day": 20}),
        (("--no-calls-per-day",), {"calls_per_day": None}),
        (("--quiet", "21:00-08:00"), {"quiet": "21:00-08:00"}),
        (("--no-quiet",), {"quiet": None, "quiet_exempt": True}),
        (("--quiet", "22:00-07:00"), {"quiet": "22:00-07:00", "quiet_exempt": False}),
        (("--no-quiet",), {"quiet": None, "quiet_exempt": True}),
        (("--quiet-as-pool",), {"quiet": None, "quiet_exempt": False}),
        (("--whisper",), {"whisper": True}),
        (("--no-whisper", "--access", "assigned"), {"whisper": False, "access": "assigned"}),
    ]:
        expected |= after
        assert settings(result_of("tenant", "calls", "店", *options), TENANT) == expected
    assert settings(result_of("tenant", "calls", shown["tenant_id"]), TENANT) == expected
    assert result_of("tenant", "change", "店", "--grace-hours", "1")["grace_hours"] == 1
    assert settings(result_of("tenant", "calls", "店"), TENANT) == expected, "another change leaves them"


def test_a_tenant_s_settings_for_people(run):
    plain = run("tenant", "calls", "店").stdout
    for said in ("Calls of tenant 店.", "open", "30 s", "30 min", "any number", "as the pool has set"):
        assert said in plain
    run("tenant", "calls", "店", "--no-quiet", "--calls-per-day", "3")
    assert "none, also where the pool has some" in run("tenant", "calls", "店").stdout


def test_a_pool_s_settings_are_shown_and_changed_one_by_one(result_of, run):
    assert settings(result_of("pool", "calls", "default"), POOL) == POOL
    expected = dict(POOL)
    for options, after in [
        (("--language", "en"), {"language": "en"}),
        (("--codes", "keyed"), {"codes": "keyed"}),
        (("--quiet", "21:00-08:00"), {"quiet": "21:00-08:00"}),
        (("--repeat-call", "--codes", "asked"), {"repeat_call": True, "codes": "asked"}),
        (("--no-repeat-call",), {"repeat_call": False}),
        (("--no-quiet",), {"quiet": None}),
    ]:
        expected |= after
        assert settings(result_of("pool", "calls", "default", *options), POOL) == expected
    assert settings(result_of("pool", "calls", "default"), POOL) == expected
    assert "asked" in run("pool", "calls", "default").stdout


def test_what_a_scan_does_is_a_threshold_of_the_guard(result_of, run):
    shown = result_of("pool", "guard", "default")
    assert (shown["enroll_on_scan"], shown["scan_rest_minutes"]) == (False, 360)
    changed = result_of("pool", "guard", "default", "--enroll-on-scan", "--scan-rest-hours", "12")
    assert (changed["enroll_on_scan"], changed["scan_rest_minutes"]) == (True, 720)
    assert result_of("pool", "guard", "default", "--caller-tries", "5")["enroll_on_scan"] is True
    assert "yes" in run("pool", "guard", "default").stdout
    assert result_of("pool", "guard", "default", "--no-enroll-on-scan")["enroll_on_scan"] is False
    assert result_of("pool", "guard", "default", "--defaults")["scan_rest_minutes"] == 360


def test_a_number_is_restricted_by_hand_and_listed(result_of, run):
    assert result_of("numbers", "restrict", "0900-000000") == {
        "virtual_number": "+886900000000",
        "enrolled_only_until": None,
    }
    assert "takes every caller" in run("numbers", "restrict", "0900-000000").stdout
    before = datetime.now(UTC)
    until = result_of("numbers", "restrict", "+886900000000", "--hours", "12")["enrolled_only_until"]
    assert abs(datetime.fromisoformat(until) - before - timedelta(hours=12)) < timedelta(minutes=2)
    assert result_of("numbers", "restrict", "0900-000000")["enrolled_only_until"] == until
    assert until in run("numbers", "restrict", "0900-000000").stdout
    listed = {
        each["written"]: each["enrolled_only_until"]
        for each in result_of("numbers", "list", "--pool", "default")["data"]
    }
    assert listed == {"0900-000000": until, "0900-000001": None}
    assert until in run("numbers", "list", "--pool", "default").stdout
    assert result_of("numbers", "restrict", "0900-000000", "--off")["enrolled_only_until"] is None
    assert "T" not in run("numbers", "list", "--pool", "default").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("tenant", "calls", "nobody"), 1, "maskservice tenant list"),
        (("tenant", "calls", "店", "--access", "closed"), 2, "is not one of"),
        (("tenant", "calls", "店", "--ring-seconds", "4"), 2, "range"),
        (("tenant", "calls", "店", "--ring-seconds", "91"), 2, "range"),
        (("tenant", "calls", "店", "--max-minutes", "0"), 2, "range"),
        (("tenant", "calls", "店", "--max-minutes", "121"), 2, "range"),
        (("tenant", "calls", "店", "--calls-per-day", "0"), 2, "range"),
        (("tenant", "calls", "店", "--quiet", "21-8"), 2, "write daily hours as 21:00-08:00"),
        (("tenant", "calls", "店", "--quiet", "21:00-21:00"), 2, "start and end differ"),
        (("tenant", "calls", "店", "--quiet", "21:00-08:00", "--no-quiet"), 2, "Give one of"),
        (("tenant", "calls", "店", "--no-quiet", "--quiet-as-pool"), 2, "Give one of"),
        (("tenant", "calls", "店", "--calls-per-day", "1", "--no-calls-per-day"), 2, "not both"),
        (("pool", "calls", "nowhere"), 1, "maskservice pool list"),
        (("pool", "calls", "default", "--language", "ja"), 2, "is not one of"),
        (("pool", "calls", "default", "--codes", "never"), 2, "is not one of"),
        (("pool", "calls", "default", "--quiet", "x"), 2, "write daily hours as 21:00-08:00"),
        (("pool", "calls", "default", "--quiet", "21:00-08:00", "--no-quiet"), 2, "not both"),
        (("pool", "guard", "default", "--scan-rest-hours", "0"), 2, "range"),
        (("pool", "guard", "default", "--scan-rest-hours", "721"), 2, "range"),
        (("numbers", "restrict", "0900-000009"), 1, "maskservice numbers list"),
        (("numbers", "restrict", "0900-000009", "--hours", "1"), 1, "maskservice numbers list"),
        (("numbers", "restrict", "0900-000000#5678"), 1, "without extension"),
        (("numbers", "restrict", "0900-000000", "--hours", "0"), 2, "range"),
        (("numbers", "restrict", "0900-000000", "--hours", "1", "--off"), 2, "not both"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else None,
)
def test_refusals(refused, arguments, code, said):
    assert said in refused(*arguments, code=code)
