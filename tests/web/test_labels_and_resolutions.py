"""Labels and courier apps: what is printed, and what is tapped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Site


def test_the_ministrys_line(site: Site) -> None:
    made = site.bind()
    answer = site.ask("GET", f"/v1/bindings/{made['id']}/label", headers={"Accept": "text/plain"})
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert answer.text == f"收貨人 陳O美 0900-000000#{made['extension']} 台北市大安區敦化南路1段111號"
    assert site.ask("GET", "/v1/labels?order_id=TW-20231109-001&format=text").text == answer.text


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        ("/label", "*/*", 200),
        ("/label", "text/*;q=0.5", 200),
        ("/label", "application/pdf", 406),
        ("/label", "text/plain;q=0", 406),
        ("/label?format=pdf", "*/*", 422),
        ("/label?format=", "*/*", 422),
        ("/label?size=a6", "*/*", 422),
    ],
)
def test_other_formats_are_refused(site: Site, path: str, accept: str, expected: int) -> None:
    answer = site.ask("GET", f"/v1/bindings/{site.bind()['id']}{path}", headers={"Accept": accept})
    assert answer.status_code == expected
    assert expected == 200 or answer.content_type == "application/problem+json"


def test_a_dead_number_is_not_printed(site: Site) -> None:
    made = site.bind()
    site.ask("DELETE", f"/v1/bindings/{made['id']}")
    answer = site.ask("GET", f"/v1/bindings/{made['id']}/label")
    assert (answer.status_code, answer.json["code"]) == (409, "binding_not_live")
    assert site.ask("GET", "/v1/labels?order_id=unheard-of").status_code == 404
    assert site.ask("GET", "/v1/labels").json["errors"][0]["pointer"] == "/order_id"


@pytest.mark.parametrize(
    "written",
    [
        "0900-000000#{e}",
        "0900000000＃{e}",
        "0900-000000,{e}",
        "0900000000,,{e}",
        "0900-000000轉{e}",
        "0900-000000 分機 {e}",
        "0900-000000 ext {e}",
        "tel:+886900000000;ext={e}",
        "０９００－００００００＃{e}",
        "+886 900 000 000#{e}",
    ],
)
def test_any_usual_writing_is_resolved(site: Site, written: str) -> None:
    made = site.bind(waybill="H123")
    answer = site.ask("POST", "/v1/resolutions", {"masked_number": written.format(e=made["extension"])})
    assert answer.status_code == 200
    assert answer.json == {
        "binding_id": made["id"],
        "order_id": "TW-20231109-001",
        "status": "active",
        "recipient": {"name": "陳O美"},
        "dial_uri": made["dial_uri"],
    }


def test_a_waybill_is_resolved(site: Site) -> None:
    made = site.bind(waybill="H123")
    assert site.ask("POST", "/v1/resolutions", {"waybill": "H123"}).json["binding_id"] == made["id"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/masked_number", "required"),
        ({"masked_number": None}, "/masked_number", "required"),
        ({"masked_number": "0900-000000#1234", "waybill": "H1"}, "/waybill", "exclusive"),
        ({"masked_number": "0900-000000"}, "/masked_number", "masked_number_unreadable"),
        ({"masked_number": "陳小美"}, "/masked_number", "masked_number_unreadable"),
        ({"masked_number": ""}, "/masked_number", "too_short"),
        ({"masked_number": "1" * 129}, "/masked_number", "too_long"),
        ({"waybill": 1}, "/waybill", "wrong_type"),
    ],
)
def test_what_cannot_be_resolved_is_422(site: Site, body: Any, pointer: str, code: str) -> None:
    answer = site.ask("POST", "/v1/resolutions", body)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [(pointer, code)]


def test_what_is_not_live_or_not_ours_is_404(site: Site) -> None:
    made = site.bind(waybill="H123")
    asked = [{"masked_number": made["masked_number"]}, {"waybill": "H123"}]
    stranger = site.another_tenant()
    assert [site.ask("POST", "/v1/resolutions", each, key=stranger).status_code for each in asked] == [404, 404]
    site.ask("POST", f"/v1/bindings/{made['id']}/lock")
    assert [site.ask("POST", "/v1/resolutions", each).status_code for each in asked] == [404, 404]
