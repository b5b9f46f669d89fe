"""A ``Host`` that is no host, on the way of a call: audible all the same, and 401 to whoever did not sign."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import pytest

from maskservice.domain.errors import DatabaseUnavailable
from maskservice.domain.prompts import PromptId, say
from tests.telephony.webhooks import NOW
from tests.web.conftest import COURIER, Site, X
from tests.web.providers import SIGNED_BY, heard, plug_in
from tests.web.test_pbx import CALL, NEUTRAL

GOODBYE = say(PromptId.GOODBYE).text
NO_HOSTS = ["..", "a..b", "a" * 300, ".example.com"]


def host(name: str) -> Mapping[str, str]:
    return {"Host": name}


@pytest.fixture
def extension(site: Site) -> str:
    found: str = site.bind()["extension"]
    return found


@pytest.mark.parametrize("name", NO_HOSTS)
def test_a_signed_call_hears_the_neutral_sentence(site: Site, extension: str, name: str) -> None:
    for digits in (None, extension):
        answer = site.pbx_post("calls", CALL | {"digits": digits}, headers=host(name))
        assert (answer.status_code, answer.json) == (200, NEUTRAL)
    told = site.client.get("/metrics").text
    assert 'maskservice_calls_total{direction="none",outcome="unreadable"} 2.0' in told


@pytest.mark.parametrize("dialect", sorted(SIGNED_BY))
@pytest.mark.parametrize("name", NO_HOSTS)
def test_every_dialect_says_it_in_its_own_words(site: Site, extension: str, dialect: str, name: str) -> None:
    site.clock.moment = NOW
    line = plug_in(site, dialect)
    for digits in (None, extension):
        answer = line.ask(digits, headers=host(name))
        assert answer.status_code == 200
        said = heard(answer)
        assert (said.next_url, said.rung, said.spoken) == (None, None, GOODBYE)


@pytest.mark.parametrize("dialect", ["native", *sorted(SIGNED_BY)])
@pytest.mark.parametrize("name", NO_HOSTS)
def test_an_unsigned_call_is_401(site: Site, extension: str, dialect: str, name: str) -> None:
    site.clock.moment = NOW
    if dialect == "native":
        answer = site.pbx_post("calls", CALL, headers={"webhook-signature": "v1,AAAA", **host(name)})
    else:
        answer = plug_in(site, dialect).ask(extension, secret=b"another secret of thirty-two byte", headers=host(name))
    assert (answer.status_code, answer.json["code"]) == (401, "signature_invalid")
    assert "maskservice_calls_total{" not in site.client.get("/metrics").text


def test_an_unknown_pbx_is_told_the_same(site: Site) -> None:
    answer = site.pbx_post("calls", CALL, pbx_id="pbx_068r59uue5m3v9k2q0d1sh7lgo", headers=host(".."))
    assert (answer.status_code, answer.json["code"]) == (401, "signature_invalid")


def test_whatever_fails_besides(site: Site, logged: io.StringIO) -> None:
    site.units.failure = DatabaseUnavailable()
    assert site.pbx_post("calls", CALL, headers=host("..")).json == NEUTRAL
    assert site.pbx_post("calls", b"x" * 65537, headers=host("..")).status_code == 413
    assert [json.loads(line)["event"] for line in logged.getvalue().splitlines()].count("request") == 2


def test_another_host_says_nothing(site: Site, extension: str) -> None:
    answer = site.pbx_post("calls", CALL | {"digits": extension}, headers=host("evil.example"))
    assert answer.json["action"] == "connect"


@pytest.mark.parametrize("path", ["/v1/bindings", "/healthz", f"/v1/pbx/{'x'}/events", "/c/x", "/v1/pbx/x/calls/x"])
def test_all_else_is_answered_as_rfc_9112_says(site: Site, path: str) -> None:
    for method in ("GET", "POST"):
        answer = site.ask(method, path, {"from": COURIER, "to": X}, headers=host(".."))
        assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
