"""Calls as a tenant sees them, and the dry run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import COURIER, Site, X


def test_a_call_is_shown_without_numbers(site: Site) -> None:
    made = site.bind()
    site.call()
    site.call(made["extension"])
    page = site.ask("GET", f"/v1/calls?binding_id={made['id']}").json
    found = page["data"][0]
    assert page["next_cursor"] is None
    assert found.keys() == {
        "id", "pbx_call_id", "pbx_id", "binding_id", "direction", "outcome", "caller", "tries_used", "started_at",
        "connected_at", "ringing_at", "answered_at", "ended_at", "duration_s", "trace", "virtual_number", "party",
        "group", "cause", "ended_by", "asked_at", "keyed_at",
    }  # fmt: skip
    assert (found["pbx_call_id"], found["binding_id"], found["direction"]) == ("c-1", made["id"], "to_recipient")
    assert (found["outcome"], found["caller"]) == ("connecting", {"last3": "321"})
    assert {"step": "binding", "found": "active"} in found["trace"]
    answer = site.ask("GET", f"/v1/calls/{found['id']}")
    assert answer.json == found
    assert COURIER[1:] not in answer.text
    assert "912345678" not in answer.text


def test_another_tenants_calls_are_not_there(site: Site) -> None:
    made = site.bind()
    site.call(made["extension"], caller=None)
    call_id = site.ask("GET", "/v1/calls").json["data"][0]["id"]
    stranger = site.another_tenant()
    assert site.ask("GET", f"/v1/calls/{call_id}", key=stranger).status_code == 404
    assert site.ask("GET", f"/v1/calls?binding_id={made['id']}", key=stranger).json["data"] == []


def test_calls_are_walked_by_cursor(site: Site) -> None:
    made = site.bind()
    for place in range(3):
        site.clock.move(seconds=1)
        site.call(made["extension"], call_id=f"c-{place}")
    first = site.ask("GET", "/v1/calls?limit=2").json
    rest = site.ask("GET", f"/v1/calls?limit=2&cursor={first['next_cursor']}").json
    assert [each["pbx_call_id"] for each in first["data"] + rest["data"]] == ["c-2", "c-1", "c-0"]
    assert rest["next_cursor"] is None


def test_a_garbled_binding_id_is_told(site: Site) -> None:
    answer = site.ask("GET", "/v1/calls?binding_id=bnd_x")
    assert answer.json["errors"] == [
        {"pointer": "/binding_id", "code": "id_invalid", "detail": "Send an id as the service gave it."}
    ]


def test_a_dry_run_decides_and_changes_nothing(site: Site) -> None:
    made = site.bind()
    answer = site.ask("POST", "/v1/calls/dry-run", {"from": COURIER, "to": "0900-000000", "digits": made["extension"]})
    assert answer.json["decision"] == {
        "action": "connect", "binding_id": made["id"], "party": "recipient", "caller_id": X,
    }  # fmt: skip
    assert (answer.json["direction"], answer.json["trace"][0]) == ("to_recipient", {"step": "line", "found": "found"})
    assert "912345678" not in answer.text
    assert site.ask("GET", "/v1/calls").json["data"] == []


def test_a_dry_run_of_a_wrong_extension_asks_again(site: Site) -> None:
    site.bind()
    bare = site.ask("POST", "/v1/calls/dry-run", {"to": X}).json["decision"]
    assert (bare["action"], bare["prompt"]["id"], bare["max_digits"], bare["attempts_left"]) == (
        "gather",
        "enter_extension",
        4,
        3,
    )
    wrong = site.ask("POST", "/v1/calls/dry-run", {"to": X, "digits": "12"}).json["decision"]
    assert (wrong["prompt"]["id"], wrong["attempts_left"]) == ("try_again", 2)
    nowhere = site.ask("POST", "/v1/calls/dry-run", {"to": "nowhere"}).json["decision"]
    assert (nowhere["action"], nowhere["reason"], nowhere["prompt"]["id"]) == ("hangup", "unavailable", "goodbye")


def test_a_dry_run_sees_nothing_of_others(site: Site) -> None:
    made = site.bind()
    stranger = site.another_tenant()
    body = {"to": X, "digits": made["extension"]}
    free = next(each for each in ("0000", "0001") if each != made["extension"])
    seen = site.ask("POST", "/v1/calls/dry-run", body, key=stranger).json
    assert seen == site.ask("POST", "/v1/calls/dry-run", body | {"digits": free}, key=stranger).json


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/to", "required"),
        ({"to": 5}, "/to", "wrong_type"),
        ({"to": X, "digits": 5678}, "/digits", "wrong_type"),
        ({"to": X, "from": 886912345678}, "/from", "wrong_type"),
        ({"to": X, "caller": "x"}, "/caller", "unknown_field"),
    ],
)
def test_a_dry_run_that_cannot_be_read_is_422(site: Site, body: Any, pointer: str, code: str) -> None:
    answer = site.ask("POST", "/v1/calls/dry-run", body)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [(pointer, code)]
