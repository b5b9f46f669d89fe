"""One line a request, and the headers of every answer."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.web.conftest import Site, order


def lines(logged: io.StringIO) -> list[Any]:
    return [each for each in map(json.loads, logged.getvalue().splitlines()) if each["event"] == "request"]


def test_a_line_names_the_template_and_the_tenant(site: Site, logged: io.StringIO) -> None:
    site.ask("GET", f"/v1/bindings/{site.bind()['id']}", headers={"X-Request-Id": "abc-1"})
    line = lines(logged)[-1]
    assert line.pop("duration_ms") >= 0
    assert line.pop("tenant").startswith("ten_")
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "maskservice.web",
        "method": "GET",
        "route": "/v1/bindings/<binding_id>",
        "status": 200,
        "request_id": "abc-1",
    }


def test_a_line_of_a_stranger_has_no_tenant(site: Site, logged: io.StringIO) -> None:
    site.bind()
    site.ask("GET", "/v1/bindings", key=None)
    assert [("tenant" in line, line["status"]) for line in lines(logged)] == [(True, 201), (False, 401)]


def test_paths_queries_and_bodies_stay_out(site: Site, logged: io.StringIO) -> None:
    site.ask("GET", "/v1/labels?order_id=0912345678")
    site.ask("GET", "/0912345678/0912345678")
    site.ask("POST", "/v1/bindings", order(recipient={"phone": "0912345678"}))
    assert len(lines(logged)) == 3
    assert "912345678" not in logged.getvalue()
    assert "/v1/labels?" not in logged.getvalue()


@pytest.mark.parametrize("given", ["", "has space", "x" * 65, "a/b", "<script>", "0912345678", "req-0912-345-678", "886912345678", "a0912345678"])
def test_an_odd_request_id_is_replaced(site: Site, given: str) -> None:
    answer = site.client.get("/healthz", headers={"X-Request-Id": given})
    assert len(answer.headers["X-Request-Id"]) == 24


@pytest.mark.parametrize("given", ["abc-1", "550e8400-e29b-41d4-a716-446655440000", "4bf92f3577b34da6a3ce929d0e0e4736"])
def test_a_usual_request_id_is_kept(site: Site, given: str) -> None:
    assert site.client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


def test_headers_of_every_answer(site: Site) -> None:
    for path in ("/healthz", "/v1/bindings", "/nothing", "/docs", "/openapi.json", "/static/swagger-ui/docs.css"):
        answer = site.ask("GET", path)
        answer.close()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Request-Id"]
        assert (answer.headers.get("Cache-Control") == "no-store") == path.startswith("/v1/")
