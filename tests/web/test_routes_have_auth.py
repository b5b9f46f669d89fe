"""No route answers without credentials, but those on the short public list of web/auth.py."""

from __future__ import annotations

import re

import pytest
from werkzeug.routing import Rule

from maskservice.services.records import Scope
from maskservice.web.auth import LINK_ENDPOINTS, PBX_ENDPOINTS, PUBLIC_ENDPOINTS
from tests.web.conftest import Site


def asked(rule: Rule) -> list[tuple[str, str]]:
    path = re.sub(r"<[^>]+>", "anything", rule.rule)
    return [(method, path) for method in sorted((rule.methods or set()) - {"OPTIONS"})]


def test_every_route_asks_for_credentials_or_is_on_the_list(site: Site) -> None:
    open_ones, walked = [], 0
    for rule in site.app.url_map.iter_rules():
        for method, path in asked(rule):
            walked += 1
            answer = site.client.open(path, method=method, json={} if method in ("POST", "PATCH", "PUT") else None)
            answer.close()
            # A recipient has no key. The token in his link is one; any other is told what a dead one is told.
            refused = 404 if rule.endpoint in LINK_ENDPOINTS else 401
            if answer.status_code != refused and rule.endpoint not in PUBLIC_ENDPOINTS:
                open_ones.append((method, rule.rule, answer.status_code))
    assert open_ones == []
    assert walked > 20


def test_the_lists_name_routes_that_exist(site: Site) -> None:
    endpoints = {rule.endpoint for rule in site.app.url_map.iter_rules()}
    assert endpoints >= PUBLIC_ENDPOINTS | PBX_ENDPOINTS | LINK_ENDPOINTS


def test_a_route_that_forgets_to_ask_is_found(site: Site) -> None:
    site.app._got_first_request = False
    site.app.add_url_rule("/v1/forgotten", "forgotten", lambda: "open")
    with pytest.raises(AssertionError):
        test_every_route_asks_for_credentials_or_is_on_the_list(site)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/bindings", Scope.BINDINGS_WRITE),
        ("GET", "/v1/bindings", Scope.BINDINGS_READ),
        ("GET", "/v1/bindings/x", Scope.BINDINGS_READ),
        ("PATCH", "/v1/bindings/x", Scope.BINDINGS_WRITE),
        ("DELETE", "/v1/bindings/x", Scope.BINDINGS_WRITE),
        ("POST", "/v1/bindings/x/deliver", Scope.BINDINGS_WRITE),
        ("POST", "/v1/bindings/x/lock", Scope.BINDINGS_WRITE),
        ("POST", "/v1/bindings/x/unlock", Scope.BINDINGS_WRITE),
        ("POST", "/v1/bindings/x/reopen", Scope.BINDINGS_WRITE),
        ("GET", "/v1/bindings/x/label", Scope.LABELS_READ),
        ("GET", "/v1/labels", Scope.LABELS_READ),
        ("POST", "/v1/bindings/x/call-link", Scope.CALLS_WRITE),
        ("GET", "/v1/bindings/x/call-link.svg", Scope.LABELS_READ),
        ("GET", "/v1/bindings/x/call-link.png", Scope.LABELS_READ),
        ("POST", "/v1/couriers", Scope.COURIERS_WRITE),
        ("GET", "/v1/couriers", Scope.COURIERS_READ),
        ("GET", "/v1/couriers/x", Scope.COURIERS_READ),
        ("PATCH", "/v1/couriers/x", Scope.COURIERS_WRITE),
        ("DELETE", "/v1/couriers/x", Scope.COURIERS_WRITE),
        ("POST", "/v1/couriers/x/pin", Scope.COURIERS_WRITE),
        ("POST", "/v1/couriers/import", Scope.COURIERS_WRITE),
        ("PUT", "/v1/bindings/x/couriers", Scope.COURIERS_WRITE),
        ("GET", "/v1/bindings/x/couriers", Scope.COURIERS_READ),
        ("POST", "/v1/caller-rules", Scope.COURIERS_WRITE),
        ("GET", "/v1/caller-rules", Scope.COURIERS_READ),
        ("DELETE", "/v1/caller-rules/x", Scope.COURIERS_WRITE),
        ("POST", "/v1/resolutions", Scope.RESOLUTIONS_READ),
        ("GET", "/v1/calls", Scope.CALLS_READ),
        ("GET", "/v1/calls/export", Scope.CALLS_READ),
        ("POST", "/v1/calls", Scope.CALLS_WRITE),
        ("GET", "/v1/calls/x", Scope.CALLS_READ),
        ("POST", "/v1/calls/dry-run", Scope.CALLS_READ),
        ("GET", "/v1/settings/calls", Scope.SETTINGS_READ),
        ("PATCH", "/v1/settings/calls", Scope.SETTINGS_WRITE),
    ],
)
def test_each_route_needs_its_scope(site: Site, method: str, path: str, scope: Scope) -> None:
    others = site.key(*(set(Scope) - {scope}))
    refused = site.ask(method, path, key=others)
    assert (refused.status_code, refused.json["code"]) == (403, "scope_missing")
    assert site.ask(method, path, key=site.key(scope)).status_code not in (401, 403)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic bXNrXzp4",
        "Bearer msk_wrong",
        "bearer whsec_x",
        "Bearer " + "m" * 3000,
        "Bearer msk_\xff",
    ],
)
def test_a_missing_or_wrong_key_is_401(site: Site, header: str | None) -> None:
    answer = site.client.get("/v1/bindings", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="maskservice"'


def test_a_key_in_the_address_opens_nothing(site: Site) -> None:
    assert site.client.get(f"/v1/bindings?api_key={site.api_key}").status_code == 401
