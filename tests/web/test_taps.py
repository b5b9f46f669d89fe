"""One tap over HTTP: POST /v1/calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import COURIER, Site, X

CALLER = "0987-654-321"


def test_a_tap_lets_the_caller_through_without_an_extension(site: Site) -> None:
    made = site.bind(waybill="H123")
    parcels = [{"binding_id": made["id"]}, {"masked_number": made["masked_number"]}, {"waybill": "H123"}]
    for place, parcel in enumerate(parcels):
        answer = site.ask("POST", "/v1/calls", parcel | {"caller": CALLER})
        assert (answer.status_code, answer.json) == (
            200, {"dial_uri": f"tel:{X}", "expires_at": "2026-11-24T08:03:00Z"},
        )  # fmt: skip
        assert site.call(call_id=f"c-{place}")["connect"]["to"] == "+886912345678"
    assert site.call(call_id="other", caller="+886911222333")["action"] == "gather"
    site.clock.move(seconds=180)
    assert site.call(call_id="late")["action"] == "gather"


def test_what_is_not_live_or_anothers_is_404(site: Site) -> None:
    made = site.bind(waybill="H123")
    stranger = site.another_tenant()
    for parcel in ({"binding_id": made["id"]}, {"masked_number": made["masked_number"]}, {"waybill": "H123"}):
        answer = site.ask("POST", "/v1/calls", parcel | {"caller": CALLER}, key=stranger)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    site.ask("DELETE", f"/v1/bindings/{made['id']}")
    answer = site.ask("POST", "/v1/calls", {"binding_id": made["id"], "caller": CALLER})
    assert answer.status_code == 404


BINDING_ID = "bnd_069iu6js01tjp6iu9knooodns0001jjvbg2g0"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/caller", "required"), ("/binding_id", "required")}),
        ({"caller": CALLER}, {("/binding_id", "required")}),
        ({"caller": CALLER, "binding_id": None, "waybill": None}, {("/binding_id", "required")}),
        ({"waybill": "H1"}, {("/caller", "required")}),
        ({"waybill": "H1", "caller": None}, {("/caller", "wrong_type")}),
        ({"waybill": "H1", "caller": "0900000000"}, {("/caller", "own_masked_number")}),
        ({"waybill": "H1", "caller": "1" * 65}, {("/caller", "too_long")}),
        ({"waybill": "H 1", "caller": ""}, {("/waybill", "not_visible"), ("/caller", "no_digits")}),
        ({"binding_id": "bnd_x", "caller": CALLER}, {("/binding_id", "id_invalid")}),
        ({"binding_id": 5, "caller": CALLER}, {("/binding_id", "wrong_type")}),
        (
            {"masked_number": "0900-000000", "caller": "0204-123456", "to": "x"},
            {("/masked_number", "masked_number_unreadable"), ("/caller", "premium_rate"), ("/to", "unknown_field")},
        ),
        ({"masked_number": 5, "caller": CALLER}, {("/masked_number", "wrong_type")}),
        (
            {"binding_id": BINDING_ID, "masked_number": "0900-000000#5678", "waybill": "H1", "caller": "0912-***-678"},
            {("/masked_number", "exclusive"), ("/waybill", "exclusive"), ("/caller", "already_masked")},
        ),
    ],
)
def test_everything_wrong_is_told_at_once(site: Site, body: Any, errors: set[tuple[str, str]]) -> None:
    answer = site.ask("POST", "/v1/calls", body)
    assert answer.status_code == 422
    assert {(each["pointer"], each["code"]) for each in answer.json["errors"]} == errors
    assert len(answer.json["errors"]) == len(errors)


def test_a_key_of_its_own_scope_is_enough(site: Site) -> None:
    from maskservice.services.records import Scope

    site.bind(waybill="H1")
    answer = site.ask("POST", "/v1/calls", {"waybill": "H1", "caller": COURIER}, key=site.key(Scope.CALLS_WRITE))
    assert answer.status_code == 200
