"""Health, readiness and metrics: public, and telling nothing of a tenant or a number."""

from __future__ import annotations

import io
import json
import re

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.services import pools
from maskservice.web import Check
from maskservice.web.metrics import Metrics
from tests.web.conftest import COURIER, Site, order


def test_health_touches_nothing(site: Site) -> None:
    site.units.failure = DatabaseUnavailable()
    before = site.units.opened
    answer = site.client.get("/healthz")
    assert (answer.status_code, answer.json, site.units.opened) == (200, {"status": "ok"}, before)


def test_readiness_names_what_mends_it(site: Site) -> None:
    well = site.client.get("/readyz")
    assert (well.status_code, well.json) == (
        200,
        {"status": "ready", "checks": [{"name": "database", "ok": True, "detail": ""}]},
    )
    site.checks.append(Check("migrations", False, "The database is not migrated; run 'maskservice init'."))
    answer = site.client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (503, "not_ready")
    assert "maskservice init" in answer.json["checks"][1]["detail"]


def values(text: str) -> dict[str, float]:
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def test_what_is_counted(site: Site) -> None:
    made = site.bind()
    locked = site.bind("TW-2")
    site.ask("POST", f"/v1/bindings/{locked['id']}/lock")
    site.ask("GET", f"/v1/bindings/{made['id']}")
    site.ask("GET", "/v1/bindings/bnd_nonsense")
    site.client.get("/somewhere/0912345678")
    site.call(made["extension"])
    site.pbx_post("events", {"call_id": "c-1", "event": "ringing"})
    answer = site.client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found = values(answer.text)
    assert found['maskservice_http_requests_total{method="POST",route="/v1/bindings",status="201"}'] == 2
    assert found['maskservice_http_requests_total{method="GET",route="/v1/bindings/<binding_id>",status="404"}'] == 1
    assert found['maskservice_http_requests_total{method="GET",route="(none)",status="404"}'] == 1
    assert found['maskservice_http_request_duration_seconds_count{method="GET",route="/v1/bindings/<binding_id>"}'] == 2
    assert found['maskservice_calls_total{direction="to_recipient",outcome="connecting"}'] == 1
    assert found["maskservice_call_lookup_duration_seconds_count"] == 1
    assert found['maskservice_call_events_total{event="ringing"}'] == 1
    assert found['maskservice_bindings{status="active"}'] == 1
    assert found['maskservice_bindings{status="locked"}'] == 1
    assert found['maskservice_pool_held_extensions{pool="default"}'] == 2
    assert found['maskservice_pool_capacity_extensions{pool="default"}'] == 1000
    assert found['maskservice_pool_density_ratio{pool="default"}'] == 2 / 10_000
    assert found['maskservice_pool_low_water{pool="default"}'] == 0
    assert found["maskservice_database_up"] == 1
    labels = {value for name in found for value in re.findall(r'="([^"]*)"', name)}
    assert not [each for each in labels if re.search(r"[0-9]{7}|bnd_|call_0|ten_|pbx_0", each)]
    assert COURIER not in answer.text


def test_methods_nobody_knows_are_one_label(site: Site) -> None:
    for method in ("BREW", "X1", "X2"):
        site.ask(method, "/v1/bindings")
    assert (
        values(site.client.get("/metrics").text)[
            'maskservice_http_requests_total{method="(other)",route="(none)",status="405"}'
        ]
        == 3
    )


def test_a_scrape_without_a_database_says_so_and_answers(site: Site) -> None:
    site.units.failure = DatabaseUnavailable()
    answer = site.client.get("/metrics")
    assert answer.status_code == 200
    assert values(answer.text)["maskservice_database_up"] == 0


def test_the_database_is_asked_once_in_a_while(site: Site) -> None:
    site.client.get("/metrics")
    before = site.units.opened
    site.ask("POST", "/v1/bindings", order(), key=None)
    site.client.get("/metrics")
    assert site.units.opened == before


def test_a_pool_that_runs_low_is_told(site: Site, logged: io.StringIO) -> None:
    with site.app.app_context():
        pools.create_pool("empty", policy=PoolPolicy(), tenants=(), ports=site.ports)
    found = values(site.client.get("/metrics").text)
    assert found['maskservice_pool_low_water{pool="empty"}'] == 1
    assert found['maskservice_pool_density_ratio{pool="empty"}'] == 0
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["pool"] for line in lines if line["event"] == "pool_running_low"] == ["empty"]


def test_counts_of_an_application_are_its_own() -> None:
    one, other = Metrics(), Metrics()
    one.saw_event("ringing")
    assert b'event="ringing"' in one.exposition()
    assert b'event="ringing"' not in other.exposition()
