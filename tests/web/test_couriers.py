"""The roster over HTTP: couriers, import, assignments, rules for callers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from maskservice.services.records import Scope
from maskservice.web import roster_bodies
from maskservice.web.schemas_roster import MOST_ROWS
from tests.web.conftest import Site

PHONE = "0987-654-321"
NEW = {"name": "王大明", "carrier": "黑貓宅急便", "phones": [PHONE], "pin": "auto"}


def add(site: Site, **more: Any) -> Any:
    answer = site.ask("POST", "/v1/couriers", {**NEW, **more})
    assert answer.status_code == 201, answer.text
    return answer.json


def told(answer: Any) -> set[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    found = {(each["pointer"], each["code"]) for each in answer.json["errors"]}
    assert len(found) == len(answer.json["errors"])
    return found


def test_a_courier_is_added_and_his_pin_is_told_once(site: Site) -> None:
    answer = site.ask("POST", "/v1/couriers", NEW)
    made = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/couriers/{made['id']}"
    assert len(made["pin"]) == 6
    assert {name: made[name] for name in ("name", "carrier", "phones", "has_pin", "created_at")} == {
        "name": "王O明",
        "carrier": "黑貓宅急便",
        "phones": [{"last3": "321"}],
        "has_pin": True,
        "created_at": "2026-11-24T08:00:00Z",
    }
    shown = {name: value for name, value in made.items() if name != "pin"}
    assert site.ask("GET", f"/v1/couriers/{made['id']}").json == shown
    assert site.ask("GET", "/v1/couriers").json == {"data": [shown], "next_cursor": None}


def test_what_may_be_left_out(site: Site) -> None:
    made = site.ask("POST", "/v1/couriers", {"name": "替班", "carrier": "黑貓"}).json
    assert (made["phones"], made["has_pin"], made["pin"]) == ([], False, None)


def test_conflicts(site: Site) -> None:
    add(site, pin="5082")
    for body, code in (
        ({**NEW, "phones": ["+886987654321"]}, "phone_enrolled"),
        ({**NEW, "phones": [], "pin": "5082"}, "pin_taken"),
    ):
        answer = site.ask("POST", "/v1/couriers", body)
        assert (answer.status_code, answer.json["code"]) == (409, code)
        assert "987" not in answer.text
        assert "5082" not in answer.text


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/name", "required"), ("/carrier", "required")}),
        (
            {"name": " ", "carrier": "0912345678", "phones": ["12", 5, "0900000000"], "pin": "1234", "x": 1},
            {
                ("/name", "blank"),
                ("/carrier", "number_in_carrier"),
                ("/phones/0", "invalid_number"),
                ("/phones/1", "wrong_type"),
                ("/phones/2", "own_masked_number"),
                ("/pin", "pin_trivial"),
                ("/x", "unknown_field"),
            },
        ),
        ({**NEW, "pin": "12"}, {("/pin", "pin_invalid")}),
        ({**NEW, "pin": 5082}, {("/pin", "wrong_type")}),
        ({**NEW, "phones": [PHONE] * 11}, {("/phones", "too_long")}),
        ({**NEW, "phones": None}, {("/phones", "wrong_type")}),
        ({**NEW, "phones": [PHONE, "0912-***-678"]}, {("/phones/1", "already_masked")}),
        ({**NEW, "carrier": "a\u0000b"}, {("/carrier", "control_character")}),
        ({**NEW, "name": "x" * 101, "phones": "0912345678"}, {("/name", "too_long"), ("/phones", "wrong_type")}),
    ],
)
def test_everything_wrong_is_told_at_once(site: Site, body: Any, errors: set[tuple[str, str]]) -> None:
    answer = site.ask("POST", "/v1/couriers", body)
    assert told(answer) == errors
    assert "0912345678" not in answer.text


def test_change(site: Site) -> None:
    made = add(site)
    path = f"/v1/couriers/{made['id']}"
    changed = site.ask("PATCH", path, {"carrier": "新竹物流", "phones": ["02-2345-6789", PHONE]}).json
    assert (changed["carrier"], changed["name"], changed["phones"], changed["pin"], changed["has_pin"]) == (
        "新竹物流", "王O明", [{"last3": "321"}, {"last3": "789"}], None, True,
    )  # fmt: skip
    assert site.ask("PATCH", path, {"pin": None}).json["has_pin"] is False
    assert site.ask("PATCH", path, {"pin": "5082"}).json["pin"] == "5082"
    renewed = site.ask("POST", f"{path}/pin").json["pin"]
    assert len(renewed) == 6
    assert site.ask("PATCH", path, {}).json["phones"] == changed["phones"]
    bad = {"name": None, "carrier": "", "phones": ["12"], "pin": "1111"}
    assert told(site.ask("PATCH", path, bad)) == {
        ("/name", "wrong_type"), ("/carrier", "too_short"), ("/phones/0", "invalid_number"), ("/pin", "pin_trivial"),
    }  # fmt: skip


def test_remove(site: Site) -> None:
    path = f"/v1/couriers/{add(site)['id']}"
    assert [site.ask("DELETE", path).status_code for _ in range(2)] == [204, 204]
    for method, more in (("GET", ""), ("PATCH", ""), ("POST", "/pin")):
        body = {"name": "x"} if method == "PATCH" else None
        assert site.ask(method, path + more, body).status_code == 404
    assert site.ask("GET", "/v1/couriers").json["data"] == []


def test_pages_by_carrier(site: Site) -> None:
    for place in range(3):
        site.clock.move(seconds=1)
        add(site, phones=[f"0966{place:06d}"], carrier="甲" if place else "乙")
    first = site.ask("GET", "/v1/couriers?limit=2").json
    rest = site.ask("GET", f"/v1/couriers?limit=2&cursor={first['next_cursor']}").json
    assert [each["carrier"] for each in first["data"] + rest["data"]] == ["甲", "甲", "乙"]
    assert len(site.ask("GET", "/v1/couriers?carrier=甲").json["data"]) == 2
    assert site.ask("GET", "/v1/couriers?carrier=%00").json["data"] == []
    assert told(site.ask("GET", "/v1/couriers?carrier=&limit=0")) == {
        ("/carrier", "too_short"),
        ("/limit", "out_of_range"),
    }


def test_another_tenants_are_not_there(site: Site) -> None:
    made, bound, stranger = add(site), site.bind(), site.another_tenant()
    rule = site.ask("POST", "/v1/caller-rules", {"phone": "0955000111", "verdict": "block"}).json
    asked = [
        ("GET", f"/v1/couriers/{made['id']}", None),
        ("PATCH", f"/v1/couriers/{made['id']}", {"name": "x"}),
        ("DELETE", f"/v1/couriers/{made['id']}", None),
        ("POST", f"/v1/couriers/{made['id']}/pin", None),
        ("GET", f"/v1/bindings/{bound['id']}/couriers", None),
        ("PUT", f"/v1/bindings/{bound['id']}/couriers", {"couriers": []}),
        ("GET", f"/v1/caller-rules?binding_id={bound['id']}", None),
        ("POST", "/v1/caller-rules", {"phone": "0955000111", "verdict": "block", "binding_id": bound["id"]}),
        ("DELETE", f"/v1/caller-rules/{rule['id']}", None),
    ]
    for method, path, body in asked:
        answer = site.ask(method, path, body, key=stranger)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found"), path
    assert site.ask("GET", "/v1/couriers", key=stranger).json["data"] == []
    assert site.ask("GET", "/v1/caller-rules", key=stranger).json["data"] == []


def test_an_idempotency_key_gives_the_first_answer_again(site: Site) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = site.ask("POST", "/v1/couriers", NEW, headers=headers)
    again = site.ask("POST", "/v1/couriers", NEW, headers=headers)
    assert (again.status_code, again.json, again.headers["Location"]) == (201, first.json, first.headers["Location"])
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    other = site.ask("POST", "/v1/couriers", {**NEW, "name": "x"}, headers=headers)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    # A key is one of the tenant's, whatever it was used for.
    rule = {"phone": "0955000111", "verdict": "block"}
    assert site.ask("POST", "/v1/caller-rules", rule, headers=headers).json["code"] == "idempotency_key_reused"
    answers = [site.ask("POST", "/v1/caller-rules", rule, headers={"Idempotency-Key": "k-2"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotent-Replayed"] == "true"


# -- import ------------------------------------------------------------------------------------------------------------


def test_an_import_in_json(site: Site) -> None:
    rows = [
        NEW,
        {"name": "x"},
        "no object",
        {**NEW, "phones": ["12"]},
        {**NEW, "phones": ["0955-000-111"], "pin": None},
    ]
    answer = site.ask("POST", "/v1/couriers/import", rows)
    assert answer.status_code == 200
    assert [(each["index"], each["status"]) for each in answer.json] == list(enumerate([201, 422, 422, 422, 201]))
    assert [{"courier", "problem"} & each.keys() for each in answer.json] == [
        {"courier"}, {"problem"}, {"problem"}, {"problem"}, {"courier"},
    ]  # fmt: skip
    assert answer.json[0]["courier"]["pin"]
    assert answer.json[1]["problem"]["errors"] == [
        {"pointer": "/carrier", "code": "required", "detail": "This field is required."}
    ]
    again = site.ask("POST", "/v1/couriers/import", rows).json
    assert [each["status"] for each in again] == [200, 422, 422, 422, 200]
    assert again[0]["courier"] == {**answer.json[0]["courier"], "pin": None}


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [("text/csv", "utf-8-sig"), ("text/csv; charset=big5", "cp950"), ("text/csv; charset=UTF-8", "utf-8")],
)
def test_an_import_in_csv(site: Site, content_type: str, encoding: str) -> None:
    text = "姓名,物流商,電話,密碼\r\n王大明,黑貓,'0987654321;955000111,5082\r\n壞,黑貓,12,\r\n"
    answer = site.ask("POST", "/v1/couriers/import", data=text.encode(encoding), content_type=content_type)
    assert [each["status"] for each in answer.json] == [201, 422]
    made = answer.json[0]["courier"]
    assert (made["name"], made["phones"], made["pin"]) == ("王O明", [{"last3": "111"}, {"last3": "321"}], "5082")
    assert answer.json[1]["problem"]["errors"][0]["pointer"] == "/phones/0"


def test_what_is_no_import(site: Site) -> None:
    path = "/v1/couriers/import"
    assert told(site.ask("POST", path, {"data": []})) == {("", "wrong_type")}
    assert told(site.ask("POST", path, [{}] * (MOST_ROWS + 1))) == {("", "too_long")}
    assert told(site.ask("POST", path, data="a,b\n1,2\n", content_type="text/csv")) == {("", "column_missing")}
    assert told(site.ask("POST", path, data=b"\xff\xff", content_type="text/csv")) == {("", "encoding_unknown")}
    assert site.ask("POST", path, data="[", content_type="application/json").status_code == 400
    for kind in ("text/plain", "text/csv; charset=latin-1", "application/json; charset=big5"):
        assert site.ask("POST", path, data="[]", content_type=kind).status_code == 415
    large = b"[" + b" " * roster_bodies.MOST_IMPORT_BYTES + b"]"
    assert site.ask("POST", path, data=large, content_type="application/json").status_code == 413
    assert site.ask("POST", path, []).json == []


def test_an_import_may_be_larger_than_other_bodies(site: Site) -> None:
    rows = [{"name": "王大明" * 20, "carrier": "黑貓", "phones": [f"0966{place:06d}"]} for place in range(500)]
    body = json.dumps(rows)
    assert len(body) > 65536
    answer = site.ask("POST", "/v1/couriers/import", rows)
    assert {each["status"] for each in answer.json} == {201}
    # In whatever way it comes.
    again = site.ask("POST", "/v1/couriers/import", data=body.encode(), content_type="application/json", headers={})
    assert {each["status"] for each in again.json} == {200}


# -- assignments and rules ---------------------------------------------------------------------------------------------


def test_assignments(site: Site) -> None:
    bound, ids = site.bind(), [add(site, phones=[f"096600000{place}"])["id"] for place in range(2)]
    path = f"/v1/bindings/{bound['id']}/couriers"
    assert site.ask("GET", path).json == {"binding_id": bound["id"], "couriers": []}
    given = site.ask("PUT", path, {"couriers": [*ids, ids[0]]})
    assert given.json == {"binding_id": bound["id"], "couriers": sorted(ids)} == site.ask("GET", path).json
    assert told(site.ask("PUT", path, {"couriers": [ids[0], "cou_0912345678"]})) == {("/couriers/1", "unknown_courier")}
    assert told(site.ask("PUT", path, {"couriers": None, "x": 1})) == {
        ("/couriers", "wrong_type"), ("/x", "unknown_field"),
    }  # fmt: skip
    assert site.ask("PUT", path, {"couriers": []}).json["couriers"] == []
    site.ask("DELETE", f"/v1/bindings/{bound['id']}")
    assert site.ask("PUT", path, {"couriers": []}).json["code"] == "binding_not_live"


def test_rules_for_callers(site: Site) -> None:
    bound = site.bind()
    body = {"phone": "0955-000-111", "verdict": "block"}
    made = site.ask("POST", "/v1/caller-rules", body)
    assert made.status_code == 201
    assert {name: value for name, value in made.json.items() if name != "id"} == {
        "phone": {"last3": "111"},
        "binding_id": None,
        "to_recipient": "block",
        "to_courier": "block",
        "created_at": "2026-11-24T08:00:00Z",
    }
    changed = site.ask("POST", "/v1/caller-rules", {**body, "verdict": "allow", "direction": "to_courier"})
    assert (changed.status_code, changed.json) == (200, {**made.json, "to_courier": "allow"})
    site.clock.move(seconds=1)
    here = site.ask("POST", "/v1/caller-rules", {**body, "binding_id": bound["id"]}).json
    assert site.ask("GET", "/v1/caller-rules").json == {"data": [here, changed.json], "next_cursor": None}
    assert site.ask("GET", f"/v1/caller-rules?binding_id={bound['id']}").json["data"] == [here]
    assert site.ask("DELETE", f"/v1/caller-rules/{here['id']}").status_code == 204
    assert site.ask("DELETE", f"/v1/caller-rules/{here['id']}").status_code == 404
    assert len(site.ask("GET", "/v1/caller-rules").json["data"]) == 1


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/phone", "required"), ("/verdict", "required")}),
        ({"phone": "12", "verdict": "maybe"}, {("/phone", "invalid_number"), ("/verdict", "unknown_value")}),
        (
            {"phone": "0900000000", "verdict": None, "direction": "up", "binding_id": "bnd_x", "x": 1},
            {
                ("/phone", "own_masked_number"), ("/verdict", "unknown_value"), ("/direction", "unknown_value"),
                ("/binding_id", "id_invalid"), ("/x", "unknown_field"),
            },
        ),
        ({"phone": "0912-***-678", "verdict": "block"}, {("/phone", "already_masked")}),
    ],
)  # fmt: skip
def test_everything_wrong_with_a_rule_is_told_at_once(site: Site, body: Any, errors: set[tuple[str, str]]) -> None:
    assert told(site.ask("POST", "/v1/caller-rules", body)) == errors


def test_scopes(site: Site) -> None:
    reads, writes = site.key(Scope.COURIERS_READ), site.key(Scope.COURIERS_WRITE)
    assert site.ask("GET", "/v1/couriers", key=reads).status_code == 200
    assert site.ask("POST", "/v1/couriers", NEW, key=writes).status_code == 201
    refused = site.ask("POST", "/v1/couriers", NEW, key=reads)
    assert (refused.status_code, refused.json["code"]) == (403, "scope_missing")
    assert site.ask("GET", "/v1/couriers", key=writes).status_code == 403
