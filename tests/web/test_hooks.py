"""Hooks over HTTP, and what a call's hook leaves in metrics and logs."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from maskservice.domain.hooks import HookFailure, HookReply
from maskservice.services.records import Scope
from maskservice.web import Wiring
from maskservice.web.wiring import EXTENSION
from tests.services.hook_lines import ScriptedLine
from tests.web.conftest import COURIER, Site

URL = "https://hooks.example.com/connect?token=verysecret"


def put(site: Site, kind: str, **content: object) -> object:
    answer = site.ask("PUT", f"/v1/hooks/{kind}", content)
    assert answer.status_code == 200, answer.text
    return answer.json


def scripted(site: Site, *replies: HookReply) -> ScriptedLine:
    line = ScriptedLine(*replies)
    wired: Wiring = site.app.extensions[EXTENSION]
    site.app.extensions[EXTENSION] = replace(wired, ports=replace(wired.ports, hook_line=line))
    return line


def test_the_life_of_a_hook(site: Site) -> None:
    made = put(site, "before_connect", url=URL, on_failure="refuse")
    assert set(made) == {"kind", "url", "on_failure", "changed_at", "secret"}
    assert made["secret"].startswith("whsec_")
    assert put(site, "before_connect", url=URL, on_failure="connect")["secret"] is None
    assert put(site, "before_connect", url=URL, on_failure="connect", new_secret=True)["secret"] is not None
    put(site, "out_of_session", url=URL)
    listed = site.ask("GET", "/v1/hooks").json["data"]
    assert [(each["kind"], each["on_failure"]) for each in listed] == [
        ("before_connect", "connect"),
        ("out_of_session", None),
    ]
    assert all("secret" not in each for each in listed)
    assert site.ask("GET", "/v1/hooks", key=site.another_tenant()).json == {"data": []}
    assert site.ask("DELETE", "/v1/hooks/out_of_session").status_code == 204
    assert site.ask("DELETE", "/v1/hooks/out_of_session").status_code == 404


def test_all_field_errors_at_once(site: Site) -> None:
    def errors(kind: str, content: object) -> list[tuple[str, str]]:
        answer = site.ask("PUT", f"/v1/hooks/{kind}", content)
        assert answer.status_code == 422
        return [(each["pointer"], each["code"]) for each in answer.json["errors"]]

    assert errors("before_connect", {}) == [("/url", "required"), ("/on_failure", "required")]
    assert errors("before_connect", {"url": "http://x", "on_failure": "dance", "more": 1}) == [
        ("/on_failure", "unknown_value"),
        ("/more", "unknown_field"),
        ("/url", "invalid_url"),
    ]
    assert errors("out_of_session", {"url": "https://a.example/0912345678", "on_failure": "connect"}) == [
        ("/on_failure", "not_used"),
        ("/url", "number_in_url"),
    ]
    assert errors("before_connect", {"url": 5, "on_failure": ["connect"], "new_secret": "yes"}) == [
        ("/url", "wrong_type"),
        ("/on_failure", "unknown_value"),
        ("/new_secret", "wrong_type"),
    ]


@pytest.mark.parametrize(("method", "path"), [("PUT", ""), ("DELETE", ""), ("POST", "/test")])
def test_there_are_two_kinds_only(site: Site, method: str, path: str) -> None:
    content = {"url": URL} if method == "PUT" else None
    assert site.ask(method, f"/v1/hooks/after_connect{path}", content).status_code == 404
    if method != "PUT":
        assert site.ask(method, f"/v1/hooks/before_connect{path}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/hooks", Scope.HOOKS_READ),
        ("PUT", "/v1/hooks/before_connect", Scope.HOOKS_WRITE),
        ("DELETE", "/v1/hooks/before_connect", Scope.HOOKS_WRITE),
        ("POST", "/v1/hooks/before_connect/test", Scope.HOOKS_WRITE),
    ],
)
def test_scopes(site: Site, method: str, path: str, scope: Scope) -> None:
    assert site.ask(method, path, key=site.key(*(set(Scope) - {scope}))).status_code == 403
    assert site.ask(method, path, key=site.key(scope)).status_code not in (401, 403)


def test_a_trial_tells_what_came_back(site: Site) -> None:
    put(site, "before_connect", url=URL, on_failure="refuse")
    line = scripted(site, HookReply(403, b"secret body", seconds=0.048), HookReply(None, failure=HookFailure.TLS))
    told = site.ask("POST", "/v1/hooks/before_connect/test")
    assert told.json == {"verdict": "veto", "failure": None, "status": 403, "duration_ms": 48}
    assert site.ask("POST", "/v1/hooks/before_connect/test").json["failure"] == "tls"
    assert json.loads(line.asked[0].body)["order_id"] == "TEST-0000"


def test_a_call_s_hook_is_counted_and_logged_without_its_address(site: Site, logged: io.StringIO) -> None:
    view = site.bind()
    put(site, "before_connect", url=URL, on_failure="refuse")
    scripted(site, HookReply(None, failure=HookFailure.TIMEOUT, seconds=1.0))
    site.call()
    answer = site.call(view["extension"])
    assert (answer["action"], answer["prompt"]["id"]) == ("gather", "try_again")
    metrics = site.client.get("/metrics").text
    labels = 'failure="timeout",kind="before_connect",verdict="failed"'
    assert f"maskservice_hook_answers_total{{{labels}}} 1.0" in metrics
    assert 'maskservice_hook_duration_seconds_count{kind="before_connect"} 1.0' in metrics
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    (line,) = [each for each in lines if each["event"] == "hook_asked"]
    assert (line["verdict"], line["failure"], line["kind"]) == ("failed", "timeout", "before_connect")
    for hidden in ("verysecret", "hooks.example.com", "whsec_", COURIER[4:]):
        assert hidden not in logged.getvalue()
    trace = site.ask("GET", "/v1/calls").json["data"][0]["trace"]
    assert trace[-1] == {"step": "hook", "found": "failed"}
