"""The entrance of PBXs: signed or 401, and audible whatever fails."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from maskservice.domain.errors import DatabaseUnavailable, KeyMissing
from maskservice.services import pbxs
from tests.web.conftest import COURIER, Site, X

CALL = {"call_id": "c-1", "from": COURIER, "to": X, "digits": None}
NEUTRAL = {
    "call_id": "c-1",
    "action": "hangup",
    "reason": "unavailable",
    "prompt": {"id": "goodbye", "language": "zh-TW", "text": "您撥的號碼目前無法接通，謝謝您的來電。"},
}


def test_gather_connect_and_call_back(site: Site) -> None:
    made = site.bind()
    asked = site.call()
    assert (asked["action"], asked["gather"]["max_digits"], asked["gather"]["attempts_left"]) == ("gather", 4, 3)
    assert site.call(made["extension"]) == {
        "call_id": "c-1",
        "action": "connect",
        "connect": {
            "to": "+886912345678", "caller_id": X, "post_dial_digits": None,
            "ring_timeout_s": 30, "max_duration_s": 1800, "whisper": None,
        },
    }  # fmt: skip
    assert site.call(call_id="c-2", caller="+886912345678")["connect"]["to"] == COURIER


def test_after_a_bridge_the_neutral_sentence_or_nothing(site: Site) -> None:
    made = site.bind()
    for call, outcome, said in (("c-1", "busy", True), ("c-2", "completed", False)):
        site.call(call_id=call)
        site.call(made["extension"], call_id=call)
        told = CALL | {"call_id": call, "bridge_ended": {"outcome": outcome, "duration_s": None, "cause": 17}}
        answer = site.pbx_post("calls", told).json
        assert (answer["action"], "prompt" in answer) == ("hangup", said)
    outcomes = [each["outcome"] for each in site.ask("GET", "/v1/calls").json["data"]]
    assert sorted(outcomes) == ["busy", "completed"]
    wrong = site.pbx_post("calls", CALL | {"bridge_ended": {"outcome": "dancing"}})
    assert (wrong.status_code, [each["pointer"] for each in wrong.json["errors"]]) == (422, ["/bridge_ended/outcome"])


def test_the_same_request_again_gets_the_same_answer_and_counts_once(site: Site) -> None:
    wrong = [site.call("0000", webhook_id="w-same") for _ in range(3)]
    assert wrong[0] == wrong[1] == wrong[2]
    assert wrong[0]["gather"]["attempts_left"] == 2
    text = site.client.get("/metrics").text
    assert 'maskservice_calls_total{direction="none",outcome="asking"} 1.0' in text
    assert "maskservice_call_retries_total 2.0" in text


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "garbage"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1," + "A" * 3000},
        {"webhook-signature": "v1,\xe9"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": "1"},
        {"webhook-id": ""},
        {"webhook-id": "x" * 500},
    ],
)
@pytest.mark.parametrize("what", ["calls", "events"])
def test_a_bad_signature_is_401(site: Site, what: str, headers: dict[str, str]) -> None:
    answer = site.pbx_post(what, CALL, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "signature_invalid")
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("pbx_id", ["pbx_068r59uue5m3v9k2q0d1sh7lgo", "nonsense", "%00", "pbx_%E4%B8%AD"])
def test_an_unknown_pbx_is_told_the_same_as_a_bad_signature(site: Site, pbx_id: str) -> None:
    known = site.pbx_post("calls", CALL, headers={"webhook-signature": "v1,AAAA"})
    unknown = site.pbx_post("calls", CALL, pbx_id=pbx_id)
    assert unknown.status_code == 401
    assert unknown.json | {"request_id": ""} == known.json | {"request_id": ""}


def test_a_garbled_pbx_id_does_not_reach_the_database(site: Site) -> None:
    before = site.units.opened
    for pbx_id in ("nonsense", "%00", "pbx_", "pbx_068r59uue5m3v9k2q0d1sh7lgo%0A"):
        assert site.pbx_post("calls", CALL, pbx_id=pbx_id).status_code == 401
    assert site.units.opened == before


def test_two_secrets_are_valid_during_a_rotation(site: Site) -> None:
    with site.app.app_context():
        new = pbxs.rotate_secret("機房一", ports=site.ports)
    for secret in (site.pbx.secret, new.secret):
        assert site.pbx_post("calls", CALL, secret=secret).status_code == 200
    with site.app.app_context():
        pbxs.revoke_secret(site.pbx.secret_id, ports=site.ports)
    assert site.pbx_post("calls", CALL).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
@pytest.mark.parametrize("what", ["calls", "events"])
def test_a_body_that_is_no_object_is_400(site: Site, what: str, body: bytes) -> None:
    answer = site.pbx_post(what, body)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_json")


def test_wrong_fields_are_422_and_unsigned_ones_are_not_told(site: Site) -> None:
    answer = site.pbx_post("calls", {"from": 5, "digits": 5678})
    assert answer.status_code == 422
    assert {each["pointer"] for each in answer.json["errors"]} == {"/call_id", "/from", "/to", "/digits"}
    assert site.pbx_post("calls", {"from": 5}, headers={"webhook-signature": "v1,AAAA"}).status_code == 401


@pytest.mark.parametrize("what", ["calls", "events"])
def test_a_body_that_is_too_large_is_413(site: Site, what: str) -> None:
    assert site.pbx_post(what, b"x" * 65537).status_code == 413
    chunked = {"wsgi.input": io.BytesIO(b"x" * 65537), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    assert site.pbx_post(what, b"", environ_overrides=chunked).status_code == 413


@pytest.mark.parametrize("to", ["0900000000#{e}", "sip:0900000000@pbx;ext={e}", "+886900000000,{e}"])
def test_the_extension_may_come_in_the_dialled_number(site: Site, to: str) -> None:
    made = site.bind()
    answer = site.pbx_post("calls", CALL | {"to": to.format(e=made["extension"]), "from": None})
    assert answer.json["connect"]["to"] == "+886912345678"


@pytest.mark.parametrize("to", ["", "garbage", "+886911111111", "陳小美", "0" * 300])
def test_a_number_that_is_not_ours_hears_the_neutral_sentence(site: Site, to: str) -> None:
    answer = site.pbx_post("calls", CALL | {"to": to})
    assert (answer.status_code, answer.json) == (200, NEUTRAL)


class FailsLater:
    """Lets the signature be read and fails in the use case."""

    def __init__(self, site: Site, failure: Exception) -> None:
        self.inner, self.failure, self.site = site.units.inner, failure, site

    def __call__(self, *, write: bool = True, whole: bool = False) -> Any:
        if write:
            raise self.failure
        return self.inner(write=write, whole=whole)


@pytest.mark.parametrize(
    "failure", [DatabaseUnavailable(), KeyMissing("kek_1"), RuntimeError("0912345678 secret"), ValueError()]
)
def test_whatever_fails_inside_the_caller_hears_something(site: Site, logged: io.StringIO, failure: Exception) -> None:
    site.units.inner = FailsLater(site, failure)
    answer = site.pbx_post("calls", CALL)
    assert (answer.status_code, answer.json, answer.content_type) == (200, NEUTRAL, "application/json")
    (line,) = [each for each in map(json.loads, logged.getvalue().splitlines()) if each["event"] == "call_failed"]
    assert line["error"] == type(failure).__name__
    assert any(place.startswith("web/pbx.py:") for place in line["where"])
    assert "secret" not in logged.getvalue()
    site.units.failure = DatabaseUnavailable()
    assert 'maskservice_calls_total{direction="none",outcome="error"} 1.0' in site.client.get("/metrics").text


@pytest.mark.parametrize("failure", [DatabaseUnavailable(), KeyMissing("kek_1"), RuntimeError()])
@pytest.mark.parametrize("signature", ["right", "v1,AAAA", ""])
def test_where_the_secret_cannot_be_read_the_caller_hears_something_too(
    site: Site, failure: Exception, signature: str
) -> None:
    site.units.failure = failure
    headers = {} if signature == "right" else {"webhook-signature": signature}
    answer = site.pbx_post("calls", CALL, headers=headers)
    assert (answer.status_code, answer.json) == (200, NEUTRAL)
    garbage = site.pbx_post("calls", b"\xff{")
    assert (garbage.status_code, garbage.json) == (200, NEUTRAL | {"call_id": ""})


def test_events_tell_what_became_of_a_call(site: Site) -> None:
    made = site.bind()
    site.call(made["extension"])
    for event, more in [
        ("answered", {}),
        ("ringing", {}),
        ("completed", {"duration_s": 36}),
        ("failed", {}),
        ("completed", {}),
    ]:
        site.clock.move(seconds=1)
        answer = site.pbx_post("events", {"call_id": "c-1", "to": X, "event": event, **more})
        assert (answer.status_code, answer.data) == (204, b"")
    found = site.ask("GET", "/v1/calls").json["data"][0]
    assert (found["outcome"], found["duration_s"], found["ended_at"]) == ("completed", 36, "2026-11-24T08:00:03Z")


@pytest.mark.parametrize(
    "event",
    [
        {"call_id": "unheard-of", "to": X, "event": "completed"},
        {"call_id": "c-1", "to": X, "event": "exploded"},
        {"call_id": "c-1", "to": "garbage", "event": "completed"},
        {"call_id": "c-1", "event": 5, "at": [], "duration_s": -1},
        {"call_id": "c-1"},
    ],
)
def test_an_event_that_says_nothing_is_still_204(site: Site, event: dict[str, object]) -> None:
    assert site.pbx_post("events", event).status_code == 204


def test_an_event_without_a_call_is_422_and_without_a_database_503(site: Site) -> None:
    assert site.pbx_post("events", {"to": X}).status_code == 422
    site.units.inner = FailsLater(site, DatabaseUnavailable())
    answer = site.pbx_post("events", {"call_id": "c-1", "to": X, "event": "completed"})
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (
        503,
        "database_unavailable",
        "2",
    )
    site.units.failure = DatabaseUnavailable()
    assert site.pbx_post("events", {"call_id": "c-1"}).status_code == 503


def test_wrong_expired_and_locked_take_the_same_path(site: Site) -> None:
    locked, released, expired = site.bind("L"), site.bind("R"), site.bind("E", expires_in=60)
    site.ask("POST", f"/v1/bindings/{locked['id']}/lock")
    site.ask("DELETE", f"/v1/bindings/{released['id']}")
    site.clock.move(seconds=61)
    held = {each["extension"] for each in (locked, released, expired)}
    wrong = next(each for each in ("0000", "0001", "0002", "0003") if each not in held)
    answers = [json.dumps(site.call(digits, call_id="same", webhook_id=None) | {"call_id": ""}) for digits in (wrong,)]
    for place, digits in enumerate((locked["extension"], released["extension"], expired["extension"])):
        answers.append(json.dumps(site.call(digits, call_id=f"c-{place}") | {"call_id": ""}))
    assert len(set(answers)) == 1


def test_a_secret_that_is_known_is_confirmed_by_the_database_for_every_call(site: Site) -> None:
    """The process keeps what it opened; a rotated, revoked or unknown secret is noticed with the next call all the
    same, and no call is answered by what is kept alone."""
    assert site.call(call_id="c-1")["action"] == "gather"
    first = site.pbx
    with site.app.app_context():
        second = pbxs.rotate_secret(site.pbx.pbx.name, ports=site.ports)
    assert site.call(call_id="c-2")["action"] == "gather"
    with site.app.app_context():
        pbxs.revoke_secret(first.secret_id, ports=site.ports)
    refused = site.pbx_post("calls", CALL | {"call_id": "c-3"})
    assert (refused.status_code, refused.json["code"]) == (401, "signature_invalid")
    site.pbx = second
    assert site.call(call_id="c-4")["action"] == "gather"
    with site.app.app_context():
        pbxs.revoke_pbx(site.pbx.pbx.name, ports=site.ports)
    for to in (X, "+886900000999"):
        assert site.pbx_post("calls", CALL | {"call_id": "c-5", "to": to}).status_code == 401


@pytest.mark.parametrize(
    "body", [b"[]", b"{", {"to": "garbage"}, {"to": None}, {"to": X, "bridge_ended": {"outcome": "x"}}]
)
def test_a_revoked_pbx_that_was_known_is_refused_whatever_it_sends(site: Site, body: Any) -> None:
    assert site.call(call_id="c-1")["action"] == "gather"
    with site.app.app_context():
        pbxs.revoke_pbx(site.pbx.pbx.name, ports=site.ports)
    sent = body if isinstance(body, bytes) else CALL | {"call_id": "c-2"} | body
    for _ in range(2):
        assert site.pbx_post("calls", sent).status_code == 401
