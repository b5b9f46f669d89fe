"""Create, read, list, change and release over HTTP: the contract's shapes and statuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from maskservice.services import expiry
from tests.web.conftest import PHONE, Site, order

SHAPE = {
    "id", "order_id", "status", "masked_number", "virtual_number", "extension", "tel_uri", "dial_uri", "recipient",
    "label", "waybill", "metadata", "created_at", "expires_at", "delivered_at", "reopened_from", "rekeyed_at",
    "warnings", "call_rules",
}  # fmt: skip


def errors_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["pointer"]: each["code"] for each in answer.json["errors"]}


def test_the_contracts_answer(site: Site) -> None:
    answer = site.ask("POST", "/v1/bindings", order(waybill="H123", metadata={"any": "json"}, expires_in=5184000))
    found = answer.json
    extension = found["extension"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/bindings/{found['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert found.keys() == SHAPE
    assert found | {"id": None} == {
        "id": None,
        "order_id": "TW-20231109-001",
        "status": "active",
        "masked_number": f"0900-000000#{extension}",
        "virtual_number": "+886900000000",
        "extension": extension,
        "tel_uri": f"tel:+886900000000;ext={extension}",
        "dial_uri": f"tel:+886900000000,,{extension}",
        "recipient": {"name": "陳O美", "address": "台北市大安區敦化南路1段111號"},
        "label": f"收貨人 陳O美 0900-000000#{extension} 台北市大安區敦化南路1段111號",
        "waybill": "H123",
        "metadata": {"any": "json"},
        "created_at": "2026-11-24T08:00:00Z",
        "expires_at": "2027-01-23T08:00:00Z",
        "delivered_at": None,
        "reopened_from": None,
        "rekeyed_at": None,
        "warnings": [],
        "call_rules": None,
    }
    again = site.ask("GET", answer.headers["Location"])
    assert (again.status_code, again.json) == (200, found)


def test_the_same_order_again(site: Site) -> None:
    first = site.bind()
    again = site.ask("POST", "/v1/bindings", order(recipient={"phone": "+886 912 345 678"}))
    assert (again.status_code, again.json["id"], again.headers.get("Location")) == (200, first["id"], None)
    other = site.ask("POST", "/v1/bindings", order(recipient={"phone": "0923456789"}))
    assert (other.status_code, other.json["code"]) == (409, "order_already_bound")


def test_warnings_are_codes(site: Site) -> None:
    assert site.bind(recipient={"phone": "912345678"})["warnings"] == ["leading_zero_restored"]


def test_an_idempotency_key_gives_the_first_answer_again(site: Site) -> None:
    key = {"headers": {"Idempotency-Key": "4f9c2f0e"}}
    first = site.ask("POST", "/v1/bindings", order(), **key)
    site.ask("POST", f"/v1/bindings/{first.json['id']}/deliver")
    turned = dict(reversed(order().items()))
    again = site.ask("POST", "/v1/bindings", turned, **key)
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (201, first.json, "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    reused = site.ask("POST", "/v1/bindings", order("TW-2"), **key)
    assert (reused.status_code, reused.json["code"]) == (422, "idempotency_key_reused")
    assert PHONE not in reused.text


@pytest.mark.parametrize("key", ["", " ", "has space", "é", "k" * 256])
def test_an_idempotency_key_has_a_form(site: Site, key: str) -> None:
    answer = site.ask("POST", "/v1/bindings", order(), headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_invalid")
    assert site.ask("GET", "/v1/bindings").json["data"] == []


LONG_EMOJI = "👨‍👩‍👧" * 40  # 200 code points


@pytest.mark.parametrize(
    "more",
    [
        {"order_id": "x" * 200},
        {"order_id": LONG_EMOJI},
        {"order_id": " 訂單 1 "},
        {"waybill": "單號１２３"},
        {"metadata": {}},
        {"metadata": {"a": "x" * 2039}},
        {"waybill": None, "metadata": None, "expires_in": None, "expires_at": None},
        {"expires_at": "2026-11-24T16:01:00+08:00"},
        {"expires_at": "2026-12-01T08:00:00.123456Z"},
        {"expires_at": "2026-12-01t08:00:00z"},
        {"recipient": {"name": "陳" * 100}},
        {"recipient": {"address": None}},
        {"recipient": {"address": "路" * 300}},
        {"recipient": {"address": "  "}},
    ],
)
def test_what_is_taken(site: Site, more: dict[str, Any]) -> None:
    answer = site.ask("POST", "/v1/bindings", order(**more))
    assert answer.status_code == 201, answer.text
    assert answer.json["order_id"] == more.get("order_id", "TW-20231109-001")


@pytest.mark.parametrize(
    ("more", "pointer", "code"),
    [
        ({"order_id": ""}, "/order_id", "too_short"),
        ({"order_id": "x" * 201}, "/order_id", "too_long"),
        ({"order_id": " \u3000 "}, "/order_id", "blank"),
        ({"order_id": "a\nb"}, "/order_id", "control_character"),
        ({"order_id": "a\x00"}, "/order_id", "control_character"),
        ({"order_id": "a\u2028b"}, "/order_id", "control_character"),
        ({"order_id": 5}, "/order_id", "wrong_type"),
        ({"order_id": None}, "/order_id", "wrong_type"),
        ({"waybill": ""}, "/waybill", "too_short"),
        ({"waybill": "H 1"}, "/waybill", "not_visible"),
        ({"waybill": "H" * 65}, "/waybill", "too_long"),
        ({"waybill": "\x7f"}, "/waybill", "not_visible"),
        ({"pool": "nope"}, "/pool", "unknown_pool"),
        ({"pool": None}, "/pool", "wrong_type"),
        ({"pool": "a\x00"}, "/pool", "control_character"),
        ({"pool": "p" * 61}, "/pool", "too_long"),
        ({"metadata": []}, "/metadata", "wrong_type"),
        ({"metadata": {"a": "x" * 2041}}, "/metadata", "too_large"),
        ({"metadata": {"a": "中" * 681}}, "/metadata", "too_large"),
        ({"expires_in": 59}, "/expires_in", "out_of_range"),
        ({"expires_in": 60 * 86400 + 1}, "/expires_in", "out_of_range"),
        ({"expires_in": 2**63}, "/expires_in", "out_of_range"),
        ({"expires_in": 10**40}, "/expires_in", "wrong_type"),
        ({"expires_in": 3600.5}, "/expires_in", "wrong_type"),
        ({"expires_in": True}, "/expires_in", "wrong_type"),
        ({"expires_in": "3600"}, "/expires_in", "wrong_type"),
        ({"expires_at": "2026-12-01T08:00:00"}, "/expires_at", "not_a_moment"),
        ({"expires_at": "2026-12-01"}, "/expires_at", "not_a_moment"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "/expires_at", "not_a_moment"),
        ({"expires_at": "2026-02-30T00:00:00Z"}, "/expires_at", "not_a_moment"),
        ({"expires_at": 1790000000}, "/expires_at", "wrong_type"),
        ({"expires_at": "2026-11-24T08:00:59Z"}, "/expires_at", "out_of_range"),
        ({"expires_at": "9999-12-31T23:59:59Z"}, "/expires_at", "out_of_range"),
        ({"expires_at": "2026-12-01T08:00:00Z", "expires_in": 3600}, "/expires_at", "exclusive"),
        ({"recipient": {"name": ""}}, "/recipient/name", "too_short"),
        ({"recipient": {"name": "\u200b \n"}}, "/recipient/name", "blank"),
        ({"recipient": {"name": "陳" * 5000}}, "/recipient/name", "too_long"),
        ({"recipient": {"address": "路" * 301}}, "/recipient/address", "too_long"),
        ({"recipient": {"phone": ""}}, "/recipient/phone", "no_digits"),
        ({"recipient": {"phone": "0" * 65}}, "/recipient/phone", "too_long"),
        ({"recipient": {"phone": 912345678}}, "/recipient/phone", "wrong_type"),
        ({"recipient": {"phone": "0912-345-678#5"}}, "/recipient/phone", "mobile_with_extension"),
        ({"recipient": {"phone": "+852 2345 6789"}}, "/recipient/phone", "international"),
        ({"recipient": {"phone": "0900-000000"}}, "/recipient/phone", "own_masked_number"),
        ({"recipient": {"phone": "0900-000000#1234"}}, "/recipient/phone", "own_masked_number"),
        ({"recipient": {"nickname": "小美"}}, "/recipient/nickname", "unknown_field"),
        ({"order": 1}, "/order", "unknown_field"),
    ],
)  # fmt: skip
def test_what_is_refused_and_leaves_nothing_behind(site: Site, more: dict[str, Any], pointer: str, code: str) -> None:
    assert errors_of(site.ask("POST", "/v1/bindings", order(**more))) == {pointer: code}
    assert site.ask("GET", "/v1/bindings").json["data"] == []


def test_all_field_errors_are_told_at_once(site: Site) -> None:
    body = {
        "recipient": {"phone": "0900000000", "name": ""},
        "expires_in": 61 * 86400,
        "waybill": " ",
        "metadata": 1,
        "x": 1,
    }
    assert errors_of(site.ask("POST", "/v1/bindings", body)) == {
        "/order_id": "required",
        "/recipient/name": "too_short",
        "/recipient/phone": "own_masked_number",
        "/expires_in": "out_of_range",
        "/waybill": "not_visible",
        "/metadata": "wrong_type",
        "/x": "unknown_field",
    }
    assert errors_of(site.ask("POST", "/v1/bindings", {})) == {"/order_id": "required", "/recipient": "required"}


def test_errors_of_the_phone_the_pool_and_the_life_come_together(site: Site) -> None:
    body = order(recipient={"phone": "02-2345"}, pool="nope", expires_in=61 * 86400)
    assert errors_of(site.ask("POST", "/v1/bindings", body)).keys() == {"/recipient/phone", "/pool", "/expires_in"}


def test_many_unknown_fields_give_a_bounded_answer(site: Site) -> None:
    names = [a + b + c for a in "abcdefgh" for b in "abcdefgh" for c in "abcdefgh"]
    answer = site.ask("POST", "/v1/bindings", dict.fromkeys(names, 1))
    assert len(answer.json["errors"]) == 100


def test_a_list_is_walked_by_cursor(site: Site) -> None:
    made = []
    for number in range(5):
        site.clock.move(seconds=1)
        made.append(site.bind(f"TW-{number}")["id"])
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = site.ask("GET", "/v1/bindings?limit=2" + (f"&cursor={cursor}" if cursor else "")).json
        assert page.keys() == {"data", "next_cursor"}
        seen += [each["id"] for each in page["data"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (seen, pages) == (made[::-1], 3)


def test_a_list_can_be_narrowed(site: Site) -> None:
    first, second = site.bind("TW 1/甲", waybill="H1"), site.bind("TW-2", waybill="H2")
    site.ask("POST", f"/v1/bindings/{second['id']}/lock")

    def ids(query: dict[str, str]) -> list[str]:
        return [each["id"] for each in site.ask("GET", "/v1/bindings", query_string=query).json["data"]]

    assert ids({"order_id": "TW 1/甲"}) == [first["id"]]
    assert ids({"waybill": "H2"}) == [second["id"]]
    assert ids({"status": "locked"}) == [second["id"]]
    assert ids({"status": "active", "waybill": "H2"}) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", {"/limit": "out_of_range"}),
        ("limit=201", {"/limit": "out_of_range"}),
        ("limit=２", {"/limit": "out_of_range"}),
        ("limit=x&status=dead", {"/limit": "out_of_range", "/status": "unknown_value"}),
        ("cursor=garbage", {"/cursor": "cursor_invalid"}),
        ("cursor=" + "_" * 22, {"/cursor": "cursor_invalid"}),
        ("cursor=" + "A" * 21 + "B", {"/cursor": "cursor_invalid"}),
        ("order_id=%00", {"/order_id": "control_character"}),
        ("order_id=", {"/order_id": "too_short"}),
        ("waybill=a%20b", {"/waybill": "not_visible"}),
        ("ordre_id=1", {"/ordre_id": "unknown_field"}),
        ("0912345678=1", {"": "unknown_field"}),
        ("limit=1&limit=2", {"/limit": "repeated"}),
    ],
)
def test_a_query_is_checked_like_a_body(site: Site, query: str, expected: dict[str, str]) -> None:
    assert errors_of(site.ask("GET", f"/v1/bindings?{query}")) == expected


def test_change_names_what_it_changes(site: Site) -> None:
    made = site.bind(waybill="H1", metadata={"a": 1})
    path = f"/v1/bindings/{made['id']}"
    assert site.ask("PATCH", path, {}).json == made
    changed = site.ask("PATCH", path, {"recipient": {"name": "王大明"}, "expires_in": 3600}).json
    assert changed["recipient"] == {"name": "王O明", "address": "台北市大安區敦化南路1段111號"}
    assert (changed["expires_at"], changed["waybill"], changed["metadata"]) == ("2026-11-24T09:00:00Z", "H1", {"a": 1})
    bare = site.ask("PATCH", path, {"recipient": {"address": None}, "waybill": None, "metadata": None}).json
    assert (bare["recipient"], bare["waybill"], bare["metadata"]) == ({"name": "王O明", "address": None}, None, None)
    assert bare["label"] == f"收貨人 王O明 {made['masked_number']}"
    assert site.ask("PATCH", path, {"recipient": {"phone": "0923-456-789"}}).status_code == 200
    assert site.call(made["extension"])["connect"]["to"] == "+886923456789"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"recipient": None}, {"/recipient": "wrong_type"}),
        (
            {"recipient": {"name": None, "phone": None}},
            {"/recipient/name": "wrong_type", "/recipient/phone": "wrong_type"},
        ),
        (
            {"recipient": {"name": "", "phone": "110"}},
            {"/recipient/name": "too_short", "/recipient/phone": "short_code"},
        ),
        ({"recipient": {"phone": "0900000000"}}, {"/recipient/phone": "own_masked_number"}),
        ({"recipient": {"phone": ""}}, {"/recipient/phone": "no_digits"}),
        ({"order_id": "x"}, {"/order_id": "unknown_field"}),
        ({"expires_in": 1}, {"/expires_in": "out_of_range"}),
        ({"expires_in": 60, "expires_at": "2026-12-01T08:00:00Z"}, {"/expires_at": "exclusive"}),
    ],
)
def test_a_change_that_is_refused_changes_nothing(site: Site, body: dict[str, Any], expected: dict[str, str]) -> None:
    made = site.bind(waybill="H1")
    path = f"/v1/bindings/{made['id']}"
    assert errors_of(site.ask("PATCH", path, {**body, "waybill": "H2"})) == expected
    assert site.ask("GET", path).json == made


def test_release_is_at_once_and_again_nothing(site: Site) -> None:
    made = site.bind()
    path = f"/v1/bindings/{made['id']}"
    for _ in range(2):
        answer = site.ask("DELETE", path)
        assert (answer.status_code, answer.data, "Content-Type" in answer.headers) == (204, b"", False)
    assert site.ask("GET", path).json["status"] == "released"
    assert site.ask("PATCH", path, {"waybill": "H1"}).json["code"] == "binding_not_live"


def test_another_tenants_binding_is_not_there(site: Site) -> None:
    path = f"/v1/bindings/{site.bind()['id']}"
    stranger = site.another_tenant()
    missing = site.ask("GET", path[:-1] + ("0" if path[-1] != "0" else "1"))
    for method, end in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/label")] + [
        ("POST", f"/{step}") for step in ("deliver", "lock", "unlock", "reopen")
    ]:
        answer = site.ask(method, path + end, {} if method == "PATCH" else None, key=stranger)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.json.keys() == missing.json.keys()
    assert site.ask("GET", "/v1/bindings", key=stranger).json["data"] == []


def test_after_the_purge_nothing_personal_is_left(site: Site) -> None:
    made = site.bind(metadata={"a": 1})
    path = f"/v1/bindings/{made['id']}"
    site.ask("DELETE", path)
    site.clock.move(days=31)
    with site.app.app_context():
        expiry.work_round(site.ports)
    found = site.ask("GET", path).json
    assert found.keys() == SHAPE
    assert (found["recipient"], found["label"], found["metadata"], found["status"]) == (None, None, None, "released")
    assert site.ask("POST", f"{path}/reopen").json["code"] == "binding_purged"


def test_moments_have_milliseconds_at_most(site: Site) -> None:
    site.clock.move(microseconds=123_456)
    assert re.fullmatch(r"2026-11-24T08:00:00\.123Z", site.bind()["created_at"])
