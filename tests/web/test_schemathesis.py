"""Generated requests, right and wrong, over the whole description.

No 5xx, no undocumented status, no answer that breaks its schema, nothing wrong that is taken.
"""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.test import EnvironBuilder

from maskservice.services.ports import Ports
from maskservice.telephony.signature import parse_secret, sign
from maskservice.web import Wiring, new_api, register
from tests.web.conftest import Site

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

# So that a description that generates nothing of use, or a signature that never fits, is noticed.
MUST_BE_SEEN = {
    ("/v1/bindings", "post", "positive"): {201, 422},
    ("/v1/bindings", "post", "negative"): {422},
    ("/v1/bindings", "get", "positive"): {200},
    ("/v1/bindings/{binding_id}", "patch", "positive"): {200, 404},
    ("/v1/bindings/{binding_id}", "delete", "positive"): {204, 404},
    ("/v1/bindings/{binding_id}/reopen", "post", "positive"): {201},
    ("/v1/calls", "post", "positive"): {200, 422},
    ("/v1/calls", "post", "negative"): {422},
    ("/v1/calls/dry-run", "post", "positive"): {200},
    ("/v1/couriers", "post", "positive"): {201, 422},
    ("/v1/couriers", "post", "negative"): {422},
    ("/v1/couriers/{courier_id}", "patch", "positive"): {200, 404},
    ("/v1/couriers/import", "post", "positive"): {200},
    ("/v1/bindings/{binding_id}/couriers", "put", "positive"): {200, 404, 422},
    ("/v1/caller-rules", "post", "positive"): {201, 422},
    ("/v1/pbx/{pbx_id}/calls", "post", "positive"): {200, 401},
    ("/v1/pbx/{pbx_id}/events", "post", "positive"): {204, 401},
}


def described() -> list[Any]:
    app = new_api()
    no_ports: Any = Ports(clock=None, randomness=None, cipher=None, index=None, unit=None)  # type: ignore[arg-type]
    register(app, Wiring(ports=no_ports, readiness=tuple))
    spec: Any = app.spec
    return [
        pytest.param(path, method, mode, id=f"{method} {path} {mode.value}")
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        # Where nothing is sent nothing can be sent wrongly.
        if mode is GenerationMode.POSITIVE or operation.get("parameters") or "requestBody" in operation
    ]


def signed(site: Site, case: Any) -> dict[str, str]:
    sent = case.as_transport_kwargs()
    # As the transport writes it.
    body = EnvironBuilder.json_dumps(sent["json"]).encode() if "json" in sent else sent.get("data") or b""
    raw = body if isinstance(body, bytes) else str(body).encode()
    return sign(secret=parse_secret(site.pbx.secret), webhook_id="w-1", sent_at=site.clock.now(), body=raw)


def is_unwritten(value: object) -> bool:
    """A value that leaves nothing in a query, not even its name."""
    return value is None or (isinstance(value, list | dict) and all(is_unwritten(each) for each in value))


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method", "mode"), described())
def test_generated_requests(site: Site, path: str, method: str, mode: GenerationMode) -> None:
    bound = site.bind(waybill="H123")
    courier = site.ask("POST", "/v1/couriers", {"name": "王大明", "carrier": "黑貓"}).json
    api = schemathesis.openapi.from_wsgi("/openapi.json", site.app)
    strategy = api[path][method].as_strategy(generation_mode=mode)
    asked, seen = 0, set()

    @hypothesis.seed(20231109)
    @hypothesis.settings(
        max_examples=25, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )  # fmt: skip
    @hypothesis.given(case=strategy)
    def each(case: Any) -> None:
        nonlocal asked
        asked += 1
        headers = {"Authorization": f"Bearer {site.api_key}"}
        checks = CHECKS
        # What exists is not found by chance: every second case asks about what is there, or binds a phone that is one.
        if asked % 2 and path.startswith("/v1/pbx"):
            case.path_parameters["pbx_id"] = site.pbx.pbx.id
            headers = signed(site, case)
        elif asked % 2 and "binding_id" in (case.path_parameters or {}):
            case.path_parameters["binding_id"] = bound["id"]
        elif asked % 2 and mode is GenerationMode.POSITIVE and path == "/v1/bindings" and method == "post":
            case.body["recipient"]["phone"] = "0912-345-678"
            for name in ("pool", "expires_at", "expires_in"):
                case.body.pop(name, None)
        elif asked % 2 and mode is GenerationMode.POSITIVE and path == "/v1/calls" and method == "post":
            case.body = {"binding_id": bound["id"], "caller": "0987-654-321"}
        elif asked % 2 and "courier_id" in (case.path_parameters or {}):
            case.path_parameters["courier_id"] = courier["id"]
        elif asked % 2 and mode is GenerationMode.POSITIVE and path == "/v1/couriers" and method == "post":
            case.body = {"name": case.body["name"].join("王明"), "carrier": "黑貓", "phones": [], "pin": None}
        elif asked % 2 and mode is GenerationMode.POSITIVE and (path, method) == ("/v1/caller-rules", "post"):
            case.body = {**case.body, "phone": f"0966-{asked:06d}"}
            case.body.pop("binding_id", None)
        elif asked % 4 == 2 and mode is GenerationMode.POSITIVE and path.endswith("/couriers") and method == "put":
            case.path_parameters["binding_id"], case.body = bound["id"], {"couriers": [courier["id"]]}
        elif path == "/v1/couriers/import":
            pass  # what is wrong with a row is told in its place
        elif any(is_unwritten(value) for value in (case.query or {}).values()):
            pass  # what is wrong is not in the address that is sent
        elif not path.startswith("/v1/pbx"):
            checks = [*CHECKS, negative_data_rejection]
        response = case.call(headers=headers)
        case.validate_response(response, checks=checks)
        seen.add(response.status_code)

    each()
    assert seen >= MUST_BE_SEEN.get((path, method, mode.value), set()), seen
