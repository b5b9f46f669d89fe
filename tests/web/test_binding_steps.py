"""Deliver, lock, unlock, reopen over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Site


def step(site: Site, made: dict[str, Any], name: str, body: object = None, **more: Any) -> Any:
    return site.ask("POST", f"/v1/bindings/{made['id']}/{name}", body, **more)


def test_delivery_starts_the_grace(site: Site) -> None:
    made = site.bind()
    site.clock.move(hours=5)
    answer = step(site, made, "deliver", {"delivered_at": "2026-11-24T18:00:00+08:00"})
    assert (answer.status_code, answer.json["status"]) == (200, "delivered")
    assert (answer.json["delivered_at"], answer.json["expires_at"]) == ("2026-11-24T10:00:00Z", "2026-11-27T10:00:00Z")
    assert step(site, made, "deliver").json == answer.json


@pytest.mark.parametrize("body", [None, {}, {"delivered_at": None}])
def test_a_delivery_without_a_moment_is_now(site: Site, body: object) -> None:
    assert step(site, site.bind(), "deliver", body).json["delivered_at"] == "2026-11-24T08:00:00Z"


@pytest.mark.parametrize(
    ("name", "body", "pointer", "code"),
    [
        ("deliver", {"delivered_at": "2026-11-24T09:00:00Z"}, "/delivered_at", "out_of_range"),
        ("deliver", {"delivered_at": "yesterday"}, "/delivered_at", "not_a_moment"),
        ("deliver", {"at": 1}, "/at", "unknown_field"),
        ("deliver", [], "", "wrong_type"),
        ("lock", {"reason": "x" * 201}, "/reason", "too_long"),
        ("lock", {"reason": 1}, "/reason", "wrong_type"),
        ("unlock", {"reason": "x"}, "/reason", "unknown_field"),
        ("reopen", {"expires_in": 1}, "/expires_in", "out_of_range"),
        ("reopen", {"expires_in": 60, "expires_at": "2026-12-01T08:00:00Z"}, "/expires_at", "exclusive"),
    ],
)
def test_what_is_refused_changes_nothing(site: Site, name: str, body: object, pointer: str, code: str) -> None:
    made = site.bind()
    answer = step(site, made, name, body)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [(pointer, code)]
    assert site.ask("GET", f"/v1/bindings/{made['id']}").json == made


def test_a_body_must_say_that_it_is_json(site: Site) -> None:
    assert step(site, site.bind(), "lock", data=b'{"reason": "x"}').status_code == 415


def test_a_lock_freezes_and_an_unlock_leads_back(site: Site) -> None:
    made = site.bind()
    step(site, made, "deliver")
    assert step(site, made, "lock", {"reason": "收件人要求暫停"}).json["status"] == "locked"
    assert step(site, made, "lock").json["status"] == "locked"
    assert site.call(made["extension"])["action"] == "gather"
    assert step(site, made, "deliver").json["code"] == "binding_not_live"
    assert step(site, made, "reopen").json["code"] == "binding_not_live"
    assert step(site, made, "unlock").json["status"] == "delivered"
    again = step(site, made, "unlock")
    assert (again.status_code, again.json["code"]) == (409, "binding_not_live")


def test_reopening_gives_a_new_number_and_ends_the_old_one(site: Site) -> None:
    made = site.bind()
    answer = step(site, made, "reopen", {"expires_in": 604800}, headers={"Idempotency-Key": "k"})
    new = answer.json
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/bindings/{new['id']}")
    assert (new["reopened_from"], new["status"], new["expires_at"]) == (made["id"], "active", "2026-12-01T08:00:00Z")
    assert new["masked_number"] != made["masked_number"]
    assert site.ask("GET", f"/v1/bindings/{made['id']}").json["status"] == "released"
    again = step(site, made, "reopen", {"expires_in": 604800}, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (201, new, "true")
    reused = step(site, new, "reopen", {"expires_in": 604800}, headers={"Idempotency-Key": "k"})
    assert (reused.status_code, reused.json["code"]) == (422, "idempotency_key_reused")
    newer = step(site, made, "reopen")
    assert (newer.status_code, newer.json["code"]) == (409, "order_already_bound")
