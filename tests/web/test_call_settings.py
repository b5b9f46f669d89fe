"""A tenant's settings about calls, and a binding's rules, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from maskservice.services.records import ALL_SCOPES, Scope
from tests.web.conftest import Site, order

PATH = "/v1/settings/calls"
DEFAULTS = {
    "access": "open",
    "directions": "both",
    "ring_timeout_s": 30,
    "max_duration_s": 1800,
    "calls_per_day": None,
    "quiet": None,
    "quiet_exempt": False,
    "whisper": False,
}


def errors_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["pointer"]: each["code"] for each in answer.json["errors"]}


def test_settings_are_shown_and_changed_one_by_one(site: Site) -> None:
    assert site.ask("GET", PATH).json == DEFAULTS
    expected = dict(DEFAULTS)
    for change in (
        {"access": "assigned"},
        {"directions": "to_courier", "ring_timeout_s": 5},
        {"max_duration_s": 7200},
        {"calls_per_day": 1000, "quiet": "21:00-08:00"},
        {"quiet_exempt": True, "whisper": True},
        {},
        {"calls_per_day": None, "quiet": None},
        DEFAULTS,
    ):
        expected |= change
        answer = site.ask("PATCH", PATH, change)
        assert (answer.status_code, answer.json) == (200, expected)
        assert site.ask("GET", PATH).json == expected


def test_a_change_holds_from_the_next_call_on_and_for_this_tenant_only(site: Site) -> None:
    extension, stranger = site.bind()["extension"], site.another_tenant()
    assert site.call(extension, call_id="c-1")["connect"]["ring_timeout_s"] == 30
    site.ask("PATCH", PATH, {"ring_timeout_s": 60, "whisper": True, "quiet": "12:00-13:00"})
    connect = site.call(extension, call_id="c-2")["connect"]
    assert connect["ring_timeout_s"] == 60
    assert site.ask("GET", PATH, key=stranger).json == DEFAULTS
    site.ask("PATCH", PATH, {"access": "enrolled"})
    assert site.call(extension, call_id="c-3")["action"] == "gather"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {
                "access": "closed",
                "directions": "up",
                "ring_timeout_s": 4,
                "max_duration_s": 7201,
                "calls_per_day": 0,
                "quiet": "21:00-21:00",
                "quiet_exempt": "no",
                "whisper": 1,
                "volume": 11,
            },
            {
                "/access": "unknown_value",
                "/directions": "unknown_value",
                "/ring_timeout_s": "out_of_range",
                "/max_duration_s": "out_of_range",
                "/calls_per_day": "out_of_range",
                "/quiet": "invalid_hours",
                "/quiet_exempt": "wrong_type",
                "/whisper": "wrong_type",
                "/volume": "unknown_field",
            },
        ),
        (
            {"ring_timeout_s": 91, "calls_per_day": 1001},
            {"/ring_timeout_s": "out_of_range", "/calls_per_day": "out_of_range"},
        ),
        (
            {"ring_timeout_s": 30.5, "max_duration_s": "60"},
            {"/ring_timeout_s": "wrong_type", "/max_duration_s": "wrong_type"},
        ),
        ({"quiet": "21:00 to 08:00"}, {"/quiet": "too_long"}),
        ({"quiet": "21-08"}, {"/quiet": "invalid_hours"}),
        ({"quiet": 2100}, {"/quiet": "wrong_type"}),
        (
            {"access": None, "directions": None, "ring_timeout_s": None, "whisper": None},
            {
                "/access": "unknown_value",
                "/directions": "unknown_value",
                "/ring_timeout_s": "wrong_type",
                "/whisper": "wrong_type",
            },
        ),
    ],
)
def test_every_field_error_at_once_and_nothing_is_changed(
    site: Site, body: dict[str, object], errors: dict[str, str]
) -> None:
    assert errors_of(site.ask("PATCH", PATH, body)) == errors
    assert site.ask("GET", PATH).json == DEFAULTS


def test_a_platform_s_key_has_the_scopes_and_each_route_needs_its_own(site: Site) -> None:
    assert {Scope.SETTINGS_READ, Scope.SETTINGS_WRITE} <= ALL_SCOPES
    for method, scope in (("GET", Scope.SETTINGS_READ), ("PATCH", Scope.SETTINGS_WRITE)):
        body = {} if method == "PATCH" else None
        refused = site.ask(method, PATH, body, key=site.key(*(ALL_SCOPES - {scope})))
        assert (refused.status_code, refused.json["code"]) == (403, "scope_missing")
        assert site.ask(method, PATH, body, key=site.key(scope)).status_code == 200


# -- a binding's rules ----------------------------------------------------------------------------------------------

RULES = {"access": "enrolled", "directions": "to_recipient"}


def test_a_binding_s_rules_are_made_shown_changed_and_taken_away(site: Site) -> None:
    made = site.bind(call_rules=RULES)
    path = f"/v1/bindings/{made['id']}"
    assert made["call_rules"] == RULES
    assert site.ask("GET", path).json["call_rules"] == RULES
    assert site.ask("GET", "/v1/bindings").json["data"][0]["call_rules"] == RULES
    assert site.call(made["extension"], call_id="c-1")["action"] == "gather"
    for change, after in (
        ({"waybill": "H1"}, RULES),
        ({"call_rules": {"access": "assigned"}}, {"access": "assigned", "directions": None}),
        ({"call_rules": {"directions": "both", "access": None}}, {"access": None, "directions": "both"}),
        ({"call_rules": {}}, None),
        ({"call_rules": RULES}, RULES),
        ({"call_rules": None}, None),
    ):
        answer = site.ask("PATCH", path, change)
        assert (answer.status_code, answer.json["call_rules"]) == (200, after)
        assert site.ask("GET", path).json["call_rules"] == after
    assert site.call(made["extension"], call_id="c-2")["action"] == "connect"


def test_without_rules_there_are_none(site: Site) -> None:
    for place, more in enumerate(({}, {"call_rules": None}, {"call_rules": {}}, {"call_rules": {"access": None}})):
        assert site.bind(f"A-{place}", **more)["call_rules"] is None


def test_a_replay_and_a_reopened_binding_keep_them(site: Site) -> None:
    headers = {"Idempotency-Key": "k-1"}
    body = order(call_rules=RULES)
    first = site.ask("POST", "/v1/bindings", body, headers=headers)
    path = f"/v1/bindings/{first.json['id']}"
    site.ask("PATCH", path, {"call_rules": None})
    again = site.ask("POST", "/v1/bindings", body, headers=headers)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    other = site.ask("POST", "/v1/bindings", order(call_rules={"access": "open"}), headers=headers)
    assert other.json["code"] == "idempotency_key_reused"
    site.ask("PATCH", path, {"call_rules": {"access": "assigned"}})
    reopened = site.ask("POST", f"{path}/reopen").json
    assert reopened["call_rules"] == {"access": "assigned", "directions": None}


@pytest.mark.parametrize(
    ("rules", "errors"),
    [
        (
            {"access": "closed", "directions": "up"},
            {"/call_rules/access": "unknown_value", "/call_rules/directions": "unknown_value"},
        ),
        ({"acces": "open"}, {"/call_rules/acces": "unknown_field"}),
        ([], {"/call_rules": "wrong_type"}),
        ("open", {"/call_rules": "wrong_type"}),
    ],
)
def test_rules_that_are_none_are_told_beside_all_else(site: Site, rules: object, errors: dict[str, str]) -> None:
    wrong = order(call_rules=rules, recipient={"phone": "12"})
    assert errors_of(site.ask("POST", "/v1/bindings", wrong)).keys() == {*errors, "/recipient/phone"}
    path = f"/v1/bindings/{site.bind()['id']}"
    assert errors_of(site.ask("PATCH", path, {"call_rules": rules})) == errors


def test_a_batch_keeps_each_row_s_rules(site: Site) -> None:
    rows = [order("A-1", call_rules=RULES), order("A-2"), order("A-3", call_rules={"access": "closed"})]
    answers = site.ask("POST", "/v1/bindings/batch", rows).json
    assert [each["status"] for each in answers] == [201, 201, 422]
    assert [each["binding"]["call_rules"] for each in answers[:2]] == [RULES, None]
    assert site.ask("GET", f"/v1/bindings/{answers[0]['binding']['id']}").json["call_rules"] == RULES
