"""The API description is valid, complete and true, and its page works offline."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from maskservice.domain.ids import AttemptGroupId, BindingId, CallId
from maskservice.web.auth import LINK_ENDPOINTS, PUBLIC_ENDPOINTS
from maskservice.web.docs import POLICY
from tests.web.conftest import Site


@pytest.fixture
def spec(site: Site) -> Any:
    return site.client.get("/openapi.json").json


def operations(spec: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, each) for path, methods in spec["paths"].items() for method, each in methods.items()]


def test_it_is_valid(spec: Any) -> None:
    assert spec["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(spec).validate()


def test_the_first_answer_comes_soon_and_holds_no_address(site: Site) -> None:
    before = time.perf_counter()
    answer = site.client.get("/openapi.json", headers={"Host": "evil.example"})
    assert time.perf_counter() - before < 2
    assert answer.content_type == "application/json"
    assert "evil.example" not in answer.text
    assert answer.json["servers"] == [{"url": "/"}]


def test_every_route_is_described(site: Site, spec: Any) -> None:
    described = {(path, method.upper()) for path, method, _ in operations(spec)}
    hidden = {"openapi.spec", "docs.docs", "static"} | LINK_ENDPOINTS  # pages for people
    served = {
        (re.sub(r"<([^>]+)>", r"{\1}", rule.rule), method)
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in hidden
    }
    assert described == served
    assert hidden <= PUBLIC_ENDPOINTS | LINK_ENDPOINTS


def test_every_operation_says_what_matters(spec: Any) -> None:
    ids = [each["operationId"] for _, _, each in operations(spec)]
    assert len(ids) == len(set(ids))
    for path, _, each in operations(spec):
        assert each["summary"], path
        assert each["tags"], path
        assert "security" in each, path
        if path.startswith("/v1/"):
            assert {"401"} <= each["responses"].keys(), path
            (scheme,) = each["security"][0].keys()
            assert scheme in spec["components"]["securitySchemes"]
        if "requestBody" in each and not path.startswith("/v1/pbx"):
            assert {"400", "413", "415", "422"} <= each["responses"].keys(), path


def test_every_schema_of_ours_is_used_and_every_example_fits(spec: Any) -> None:
    text = json.dumps(spec)
    unused = [name for name in spec["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text]
    assert unused == []
    checked = 0
    for path, _, each in operations(spec):
        bodies = [*each["responses"].values(), *([each["requestBody"]] if "requestBody" in each else [])]
        for content in (
            content for body in bodies for content in body.get("content", {}).values() if "example" in content
        ):
            schema = {**content["schema"], "components": spec["components"]}
            Draft202012Validator(schema).validate(content["example"])
            checked += 1
        assert each["responses"], path
    assert checked > 25


def test_the_samples_ids_are_well_formed() -> None:
    from maskservice.web import examples

    assert str(BindingId.parse(examples.BINDING_ID)) == examples.BINDING_ID
    assert BindingId.parse(examples.BINDING_ID).virtual_number == "+886900000000"
    assert str(CallId.parse(examples.CALL_ID)) == examples.CALL_ID
    assert str(AttemptGroupId.parse(examples.GROUP_ID)) == examples.GROUP_ID


def test_the_page_works_offline_under_a_strict_policy(site: Site) -> None:
    answer = site.client.get("/docs")
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    for address in re.findall(r'(?:src|href|data-spec-url)="([^"#]+)"', answer.text):
        assert address.startswith("/"), address
        part = site.client.get(address)
        part.close()
        assert part.status_code == 200, address


def test_real_answers_fit_their_schemas(site: Site, spec: Any) -> None:
    made = site.bind(waybill="H1", metadata={"a": 1}, call_rules={"directions": "both"})
    site.call()
    site.call(made["extension"])
    new = {"name": "王大明", "carrier": "黑貓", "phones": ["0987654321"], "pin": "auto"}
    courier = site.ask("POST", "/v1/couriers", new).json
    asked = [
        ("BindingAnswer", made),
        ("BindingPage", site.ask("GET", "/v1/bindings").json),
        ("CallPage", site.ask("GET", "/v1/calls").json),
        ("ResolutionAnswer", site.ask("POST", "/v1/resolutions", {"waybill": "H1"}).json),
        ("PassAnswer", site.ask("POST", "/v1/calls", {"waybill": "H1", "caller": "0911222333"}).json),
        ("CallLinkAnswer", site.ask("POST", f"/v1/bindings/{made['id']}/call-link").json),
        ("DryRunAnswer", site.ask("POST", "/v1/calls/dry-run", {"to": "0900000000"}).json),
        ("DryRunAnswer", site.ask("POST", "/v1/calls/dry-run", {"to": "0900000000", "digits": made["extension"]}).json),
        ("DryRunAnswer", site.ask("POST", "/v1/calls/dry-run", {"to": "nowhere"}).json),
        ("PbxGather", site.call(call_id="c-2")),
        ("PbxConnect", site.call(made["extension"], call_id="c-3")),
        ("PbxHangup", site.pbx_post("calls", {"call_id": "c", "from": None, "to": "nowhere"}).json),
        ("CourierWithPinAnswer", courier),
        ("CourierAnswer", site.ask("GET", f"/v1/couriers/{courier['id']}").json),
        ("CourierPage", site.ask("GET", "/v1/couriers").json),
        *(("ImportedRowAnswer", each) for each in site.ask("POST", "/v1/couriers/import", [new, {}]).json),
        ("AssignedAnswer", site.ask("PUT", f"/v1/bindings/{made['id']}/couriers", {"couriers": [courier["id"]]}).json),
        ("CallerRuleAnswer", site.ask("POST", "/v1/caller-rules", {"phone": "0955000111", "verdict": "block"}).json),
        ("CallerRulePage", site.ask("GET", "/v1/caller-rules").json),
        ("CallSettingsAnswer", site.ask("GET", "/v1/settings/calls").json),
        ("CallSettingsAnswer", site.ask("PATCH", "/v1/settings/calls", {"quiet": "21:00-08:00"}).json),
        ("Problem", site.ask("POST", "/v1/bindings", {}).json),
        ("ReadyAnswer", site.client.get("/readyz").json),
    ]
    for name, answer in asked:
        schema = {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}
        Draft202012Validator(schema).validate(answer)
        closed = json.loads(
            json.dumps(spec["components"]).replace(
                '"type": "object"', '"type": "object", "unevaluatedProperties": false'
            )
        )
        if name not in ("BindingAnswer", "BindingPage"):  # their metadata is anything
            Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": closed}).validate(answer)
