"""Every provider's dialect through the running service: asked, keyed, connected, reported; all others shut out."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from maskservice.domain.errors import DatabaseUnavailable, KeyMissing
from maskservice.domain.prompts import PromptId, say
from maskservice.services import pbxs
from maskservice.telephony import DIALECTS
from tests.telephony.webhooks import FORM, NOW, OTHER, RECIPIENT, TOKEN, post, request, with_headers
from tests.web.conftest import COURIER, PUBLIC_URL, Site, X
from tests.web.providers import REPORTS, SIGNED_BY, Line, Pasted, heard, leg_of, plug_in, secret_text
from tests.web.test_pbx import FailsLater

GOODBYE = say(PromptId.GOODBYE).text
UNSIGNED = {"freeswitch"}  # the secret itself is sent


@pytest.fixture(params=sorted(SIGNED_BY))
def line(site: Site, request: pytest.FixtureRequest) -> Line:
    site.clock.moment = NOW
    return plug_in(site, request.param)


def records(line: Line) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = line.site.ask("GET", "/v1/calls").json["data"]
    return found


def connected(line: Line) -> str:
    """A call to a live order, up to its connect; the extension."""
    extension: str = line.site.bind()["extension"]
    asked = heard(line.ask())
    assert heard(line.ask(extension, url=asked.next_url)).rung
    return extension


def test_every_dialect_is_tried() -> None:
    assert set(SIGNED_BY) == set(REPORTS) == set(DIALECTS) - {"native", "asterisk", "kamailio"}


def test_a_call_from_its_first_ring_to_its_record(line: Line) -> None:
    extension = line.site.bind()["extension"]
    answer = line.ask()
    assert answer.status_code == 200
    asked = heard(answer)
    assert (asked.next_url, asked.rung) == (f"{line.calls_url}?leg=2", None)
    assert asked.spoken == say(PromptId.ENTER_EXTENSION).text
    answer = line.ask(extension, url=asked.next_url)
    bridged = heard(answer)
    assert (bridged.rung, bridged.shown) == (line.provider.number(RECIPIENT), line.provider.number(X))
    assert COURIER.removeprefix("+") not in answer.text
    told_of = REPORTS[line.name]
    for what, seconds in (("ringing", 2), ("answered", 4), ("completed", 36), ("caller_ended", 1)):
        line.site.clock.move(seconds=seconds)
        if what not in told_of:
            continue
        noted = line.report(what)
        assert noted.status_code in (200, 204), what
        assert GOODBYE not in noted.text
    (record,) = records(line)
    assert (record["outcome"], record["direction"], record["duration_s"]) == ("completed", "to_recipient", 36)
    assert record["ringing_at"] == ("2026-11-24T06:00:02Z" if "ringing" in told_of else None)
    # told, or reckoned from the end and the talk
    assert record["answered_at"] == "2026-11-24T06:00:06Z"
    assert record["ended_at"] == "2026-11-24T06:00:42Z"
    assert record["caller"]["last3"] == "321"
    told = line.site.client.get("/metrics").text
    assert 'maskservice_call_ends_total{cause="normal_clearing",outcome="completed"} 1.0' in told


def test_a_busy_recipient_lets_the_caller_hear_something(line: Line, logged: io.StringIO) -> None:
    connected(line)
    assert heard(line.report("busy")).spoken == GOODBYE
    line.report("caller_ended")
    assert records(line)[0]["outcome"] == "busy"
    (ended,) = [each for each in map(json.loads, logged.getvalue().splitlines()) if each["event"] == "call_ended"]
    assert (ended["dialect"], ended["outcome"], ended["side"], ended["cause"]) == (line.name, "busy", "called", "busy")
    assert "987654321" not in logged.getvalue()
    assert "912345678" not in logged.getvalue()


def test_the_call_back_reaches_the_courier_without_a_key(line: Line) -> None:
    connected(line)
    back = heard(line.ask(caller=RECIPIENT, said={line.provider.call_id: "call-2"}))
    assert (back.rung, back.shown) == (line.provider.number(COURIER), line.provider.number(X))


def test_three_wrong_tries_end_in_the_neutral_sentence(line: Line) -> None:
    line.site.bind()
    url, legs = heard(line.ask()).next_url, ["1"]
    while url is not None and len(legs) < 9:
        legs.append(leg_of(url) or "")
        answer = line.ask("99999999", url=url)
        url = heard(answer).next_url
    assert legs == ["1", "2", "3", "4"]
    assert heard(answer).spoken == GOODBYE


def test_keying_nothing_is_a_try_each_time(line: Line) -> None:
    line.site.bind()
    url, asked = heard(line.ask()).next_url, 1
    while url is not None and asked < 9:
        url, asked = heard(line.ask("", url=url)).next_url, asked + 1
    assert asked == 4


def test_the_same_request_again_gets_the_same_answer_and_counts_once(line: Line) -> None:
    line.site.bind()
    first = [line.ask() for _ in range(2)]
    url = heard(first[0]).next_url
    wrong = [line.ask("99999999", url=url) for _ in range(3)]
    assert len({each.data for each in first}) == len({each.data for each in wrong}) == 1
    assert records(line) == []
    told = line.site.client.get("/metrics").text
    assert 'maskservice_calls_total{direction="none",outcome="asking"} 2.0' in told
    assert "maskservice_call_retries_total 3.0" in told
    extension = line.site.bind("B")["extension"]
    connect = [line.ask(extension, url=heard(wrong[0]).next_url) for _ in range(2)]
    assert connect[0].data == connect[1].data
    assert heard(connect[0]).rung
    (record,) = records(line)
    assert record["tries_used"] == 1


# Who is shut out


def test_what_another_secret_signed_is_401_and_leaves_nothing(line: Line) -> None:
    extension = line.site.bind()["extension"]
    for answer in (line.ask(secret=OTHER), line.ask(extension, secret=OTHER), line.report("busy", secret=OTHER)):
        assert (answer.status_code, answer.json["code"]) == (401, "signature_invalid")
    told = line.site.client.get("/metrics").text
    assert "maskservice_calls_total{" not in told
    assert "maskservice_call_events_total{" not in told


def test_garbage_in_the_headers_is_401(line: Line) -> None:
    unsigned = post(line.calls_url, line.provider.said(), as_json=line.provider.as_json)
    assert line.deliver(unsigned).status_code == 401
    for name in SIGNED_BY[line.name](unsigned, TOKEN):
        signed = with_headers(unsigned, SIGNED_BY[line.name](unsigned, TOKEN))
        for garbage in ("", "garbage", "Bearer a.b.c", "\xe9", "=" * 5000, "t=1,v1=00"):
            assert line.deliver(signed, headers={name: garbage}).status_code == 401, (name, garbage)


def test_a_changed_body_is_401_where_it_is_signed(line: Line) -> None:
    unsigned = post(line.calls_url, line.provider.said(), as_json=line.provider.as_json)
    signed = with_headers(unsigned, SIGNED_BY[line.name](unsigned, TOKEN))
    changed = line.deliver(replace(signed, body=signed.body.replace(b"call-1", b"call-2")))
    assert changed.status_code == (200 if line.name in UNSIGNED else 401)


def test_the_secret_of_another_pbx_is_401(line: Line) -> None:
    with line.site.app.app_context():
        own, text = Pasted(line.name), secret_text(line.name, OTHER)
        made = pbxs.create_pbx("另一台", dialect=own, secret=text, ports=line.site.ports)
    url = f"{PUBLIC_URL}/v1/pbx/{made.pbx.id}/calls"
    assert line.ask(url=url).status_code == 401
    # Nor does a request for one PBX open another of the same account, where the signature covers the address.
    with line.site.app.app_context():
        text = next(iter(pbxs.open_pbx(line.pbx_id, ports=line.site.ports).secrets))  # type: ignore[union-attr]
        twin = pbxs.create_pbx("雙胞胎", dialect=own, secret=text, ports=line.site.ports)
    replayed = line.ask(to=f"{PUBLIC_URL}/v1/pbx/{twin.pbx.id}/calls")
    assert (replayed.status_code == 401) is (line.name in {"twilio", "signalwire", "plivo"})


def test_an_unknown_and_a_revoked_pbx_are_told_the_same(line: Line) -> None:
    wrong = line.ask(secret=OTHER)
    unknown = line.ask(url=f"{PUBLIC_URL}/v1/pbx/pbx_068r59uue5m3v9k2q0d1sh7lgo/calls")
    with line.site.app.app_context():
        pbxs.revoke_pbx(f"雲端 {line.name}", ports=line.site.ports)
    revoked = line.ask()
    told = [answer.json | {"request_id": ""} for answer in (wrong, unknown, revoked)]
    assert [answer.status_code for answer in (wrong, unknown, revoked)] == [401, 401, 401]
    assert told[0] == told[1] == told[2]
    assert line.report("busy").status_code == 401


def test_two_secrets_are_valid_during_a_rotation(line: Line) -> None:
    own, text = Pasted(line.name), secret_text(line.name, OTHER)
    with line.site.app.app_context():
        pbxs.rotate_secret(f"雲端 {line.name}", dialect=own, secret=text, ports=line.site.ports)
    assert [line.ask(secret=secret).status_code for secret in (TOKEN, OTHER)] == [200, 200]


def test_the_signed_address_is_the_public_one_whatever_the_host_header_says(line: Line) -> None:
    covers_address = line.name in {"twilio", "signalwire", "plivo"}
    for host in ("evil.example", "mask.example.com", "mask.example.com:8443"):
        unsigned = post(line.calls_url, line.provider.said(), as_json=line.provider.as_json)
        signed = with_headers(unsigned, SIGNED_BY[line.name](unsigned, TOKEN))
        assert line.deliver(signed, headers={"Host": host, "X-Forwarded-Host": host}).status_code == 200
    elsewhere = line.ask(url=f"http://10.0.0.7:8000/v1/pbx/{line.pbx_id}/calls", to=line.calls_url)
    assert (elsewhere.status_code == 401) is covers_address
    changed_leg = line.ask(to=f"{line.calls_url}?leg=7")
    assert (changed_leg.status_code == 401) is covers_address


@pytest.mark.parametrize("what", ["calls", "events"])
def test_nothing_is_taken_by_get(line: Line, what: str) -> None:
    answer = line.site.client.get(f"/v1/pbx/{line.pbx_id}/{what}", query_string={"from": COURIER, "to": X})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


# Always audible


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b"x=1", b"null", b"a=1&" * 300])
def test_a_signed_body_that_cannot_be_read_is_answered_audibly(line: Line, body: bytes) -> None:
    for url in (line.calls_url, line.events_url):
        unsigned = request(url, body, {"Content-Type": "application/json" if line.provider.as_json else FORM})
        try:
            signed = with_headers(unsigned, SIGNED_BY[line.name](unsigned, TOKEN))
        except UnicodeDecodeError:
            continue  # bytes that the provider's own signature cannot be made of
        answer = line.deliver(signed)
        if answer.status_code == 401:
            # Where the form itself is signed, one that is none has no signature.
            assert line.name in {"twilio", "signalwire", "plivo"}
            assert body == b"a=1&" * 300
        elif url == line.calls_url:
            assert (answer.status_code, heard(answer).spoken) == (200, GOODBYE)
        else:
            assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize("failure", [DatabaseUnavailable(), KeyMissing("kek_1"), RuntimeError("0912345678 secret")])
def test_whatever_fails_inside_the_caller_hears_something(line: Line, logged: io.StringIO, failure: Exception) -> None:
    line.site.bind()
    line.site.units.inner = FailsLater(line.site, failure)
    assert heard(line.ask()).spoken == GOODBYE
    assert "secret" not in logged.getvalue()


@pytest.mark.parametrize("failure", [DatabaseUnavailable(), KeyMissing("kek_1"), RuntimeError()])
def test_without_a_database_the_request_s_looks_choose_the_words(line: Line, failure: Exception) -> None:
    connected(line)
    line.site.units.failure = failure
    for secret in (TOKEN, OTHER):
        answer = line.ask(secret=secret)
        assert (answer.status_code, heard(answer).spoken) == (200, GOODBYE)
    # After a dial the caller is still there; a report that nobody waits for is asked for again.
    assert heard(line.report("busy")).spoken == GOODBYE
    unwaited = "ringing" if "ringing" in REPORTS[line.name] else "caller_ended"
    assert line.report(unwaited).status_code == (500 if isinstance(failure, RuntimeError) else 503)


def test_a_refusal_is_logged_with_its_reason_and_without_a_number(line: Line, logged: io.StringIO) -> None:
    line.ask(secret=OTHER, caller=RECIPIENT)
    lines = [json.loads(each) for each in logged.getvalue().splitlines()]
    (refused,) = [each for each in lines if each["event"] == "signature_refused"]
    assert refused["dialect"] == line.name
    assert "match" in refused["reason"]
    assert "912345678" not in logged.getvalue()
