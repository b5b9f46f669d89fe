"""Vonage: tokens of every wrong kind, requests and documents as recorded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from maskservice.domain.call import Answer, BridgeEnd, Hangup, Outcome
from maskservice.domain.errors import SignatureInvalid
from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import CallEvent, CallEventKind, CallSide
from maskservice.telephony.vonage import VONAGE
from tests.telephony.webhooks import (
    CONNECT,
    CONNECT_POST_DIAL,
    COURIER,
    GATHER,
    HANGUP,
    LINKS,
    MENU,
    NOW,
    OTHER,
    PROVIDERS,
    RECIPIENT,
    STAMP,
    TOKEN,
    WHISPER,
    WHISPERED,
    X,
    request,
    segment,
    token,
    vonage_claims,
    with_headers,
)

SIGNED = PROVIDERS["vonage"]
NEXT = "https://mask.example.com/v1/pbx/pbx_1/calls?leg=2"
EVENTS = "https://mask.example.com/v1/pbx/pbx_1/events"
TALK = {"action": "talk", "text": "您撥的號碼目前無法接通，謝謝您的來電。", "language": "cmn-TW"}
PHONE = {"type": "phone", "number": "886912345678"}
CONNECTED = {
    "action": "connect",
    "from": "886900000000",
    "timeout": 30,
    "limit": 1800,
    "eventType": "synchronous",
    "eventUrl": [f"{EVENTS}?leg=2"],
    "eventMethod": "POST",
    "endpoint": [PHONE],
}


@pytest.mark.parametrize(
    ("answer", "document"),
    [
        (
            GATHER,
            [
                {
                    "action": "talk",
                    "text": "您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。",
                    "language": "cmn-TW",
                    "bargeIn": True,
                },
                {
                    "action": "input",
                    "type": ["dtmf"],
                    "dtmf": {"maxDigits": 4, "timeOut": 8, "submitOnHash": True},
                    "eventUrl": [NEXT],
                    "eventMethod": "POST",
                },
            ],
        ),
        (CONNECT, [CONNECTED]),
        (
            CONNECT_POST_DIAL,
            [CONNECTED | {"endpoint": [{"type": "phone", "number": "886912345678", "dtmfAnswer": "pppp100"}]}],
        ),
        (
            WHISPERED,
            [CONNECTED | {"endpoint": [PHONE | {"onAnswer": {"url": LINKS.whisper_url(WHISPER)}}]}],
        ),
        (HANGUP, [TALK]),
        (Hangup(None), []),
    ],
)
def test_answers_are_written(answer: Answer, document: object) -> None:
    written = VONAGE.write("CON-1", answer, links=LINKS)
    assert json.loads(written.body) == document
    assert (written.content_type, written.status) == ("application/json", 200)


def test_what_vonage_bounds_is_bounded() -> None:
    asked = json.loads(VONAGE.write("c", replace(GATHER, max_digits=40, timeout_s=60), links=LINKS).body)
    assert asked[1]["dtmf"] == {"maxDigits": 20, "timeOut": 10, "submitOnHash": True}
    connected = json.loads(VONAGE.write("c", replace(CONNECT, max_duration_s=9000), links=LINKS).body)
    assert connected[0]["limit"] == 7200
    assert json.loads(VONAGE.write("c", MENU, links=LINKS).body)[1]["dtmf"]["maxDigits"] == 1


# The token

ASKED = SIGNED.ask()
CLAIMS = vonage_claims(ASKED)


def bearer(text: str) -> str:
    return SIGNED.verify(with_headers(ASKED, {"Authorization": f"Bearer {text}"}))


def without(name: str) -> dict[str, object]:
    return {each: value for each, value in CLAIMS.items() if each != name}


def test_the_id_is_the_token_s() -> None:
    assert bearer(token(CLAIMS, TOKEN)) == CLAIMS["jti"]
    assert SIGNED.verify(with_headers(ASKED, {"Authorization": f"bearer {token(CLAIMS, TOKEN)}"})) == CLAIMS["jti"]


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS | {"payload_hash": str(CLAIMS["payload_hash"]).upper()},
        CLAIMS | {"exp": int(STAMP) + 1, "nbf": int(STAMP)},
        CLAIMS | {"iat": float(STAMP)},
    ],
)
def test_these_claims_are_let_in(claims: Mapping[str, object]) -> None:
    assert bearer(token(claims, TOKEN))


WRONG: dict[str, Mapping[str, object]] = {
    **{f"without {name}": without(name) for name in ("iss", "iat", "jti", "payload_hash")},
    "another issuer": CLAIMS | {"iss": "Nexmo"},
    "issuer a list": CLAIMS | {"iss": ["Vonage"]},
    "issued too long ago": CLAIMS | {"iat": int(STAMP) - 301},
    "issued in the future": CLAIMS | {"iat": int(STAMP) + 301},
    "issued a text": CLAIMS | {"iat": STAMP},
    "issued true": CLAIMS | {"iat": True},
    "issued never": CLAIMS | {"iat": None},
    "issued huge": CLAIMS | {"iat": 10**400},
    "expired": CLAIMS | {"exp": int(STAMP)},
    "expiry a text": CLAIMS | {"exp": "never"},
    "not yet": CLAIMS | {"nbf": int(STAMP) + 301},
    "no id": CLAIMS | {"jti": ""},
    "id with a comma": CLAIMS | {"jti": "a,b"},
    "id too long": CLAIMS | {"jti": "a" * 129},
    "id a number": CLAIMS | {"jti": 7},
    "hash of another body": CLAIMS | {"payload_hash": hashlib.sha256(b"").hexdigest()},
    "hash not ASCII": CLAIMS | {"payload_hash": "簽" * 64},
    "hash nothing": CLAIMS | {"payload_hash": ""},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG.keys())
def test_wrong_claims_are_refused(claims: Mapping[str, object]) -> None:
    with pytest.raises(SignatureInvalid):
        bearer(token(claims, TOKEN))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "hs256"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": ["HS256"]},
        {"typ": "JWT"},
        {"alg": "HS256", "typ": "JWE"},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        ["HS256"],
        "HS256",
    ],
    ids=str,
)
def test_other_algorithms_are_refused_though_the_signature_is_right(header: object) -> None:
    with pytest.raises(SignatureInvalid):
        bearer(token(CLAIMS, TOKEN, header))


def test_an_unsigned_token_is_refused() -> None:
    unsigned = f"{segment({'alg': 'none', 'typ': 'JWT'})}.{segment(CLAIMS)}"
    for forged in (unsigned, unsigned + ".", token(CLAIMS, b""), token(CLAIMS, OTHER)):
        with pytest.raises(SignatureInvalid):
            bearer(forged)


def test_only_one_spelling_of_a_token_is_read() -> None:
    good = token(CLAIMS, TOKEN)
    head, claims, signature = good.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last of 43 characters holds two bits that are in no byte.
    twin = signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]
    for other in (
        f"{head}.{claims}.{twin}",
        good + "=",
        good + "\n",
        f"{good}.{signature}",
        good.replace(".", "..", 1),
    ):
        with pytest.raises(SignatureInvalid):
            bearer(other)


def test_claims_that_are_no_object_are_refused() -> None:
    for claims in (b"[]", b"null", b"\xff", b'"x"', b"[" * 500):
        signed = f"{segment({'alg': 'HS256'})}.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}"
        signature = base64.urlsafe_b64encode(hmac.digest(TOKEN, signed.encode(), "sha256")).rstrip(b"=").decode()
        with pytest.raises(SignatureInvalid):
            bearer(f"{signed}.{signature}")


QUERY = "?to=886900000000&from=886987654321&conversation_uuid=CON-1&uuid=u-1"


def test_a_get_is_let_in_by_the_hash_of_its_query() -> None:
    said = '{"to":"886900000000","from":"886987654321","conversation_uuid":"CON-1","uuid":"u-1"}'
    claims = CLAIMS | {"payload_hash": hashlib.sha256(said.encode()).hexdigest()}
    headers = {"Authorization": f"Bearer {token(claims, TOKEN)}"}
    asked = request(LINKS.calls_url + QUERY, b"", headers, method="GET")
    assert SIGNED.verify(asked)
    assert VONAGE.read_call(asked) == VONAGE.read_call(SIGNED.report({**OWN, "conversation_uuid": "CON-1"}))
    for other in (QUERY.replace("u-1", "u-2"), QUERY + "&x=1", QUERY + "&uuid=u-1", ""):
        with pytest.raises(SignatureInvalid):
            SIGNED.verify(request(LINKS.calls_url + other, b"", headers, method="GET"))


def test_the_query_of_a_post_is_not_read() -> None:
    asked = request(LINKS.calls_url + QUERY, b"{}", dict(ASKED.headers))
    with pytest.raises(Exception, match="fields"):
        VONAGE.read_call(asked)


# What is read

OWN = {"conversation_uuid": "CON-1", "uuid": "u-1", "from": COURIER[1:], "to": X[1:], "direction": "inbound"}
LEG = {"conversation_uuid": "CON-1", "uuid": "u-2", "from": X[1:], "to": RECIPIENT[1:], "direction": "outbound"}
AT = {"timestamp": "2026-11-24T06:00:07.582Z"}
CALLED, CALLER = CallSide.CALLED, CallSide.CALLER


@pytest.mark.parametrize(
    ("dtmf", "digits"),
    [
        ({"digits": "5678", "timed_out": False}, "5678"),
        ({"digits": "", "timed_out": True}, ""),
        ({"digits": None}, None),
        ("5678", "5678"),
        (None, None),
        ({}, None),
        ([1], None),
        (5678, None),
    ],
)
def test_what_an_input_heard_is_read(dtmf: object, digits: str | None) -> None:
    assert VONAGE.read_call(SIGNED.report({**OWN, "dtmf": dtmf})).digits == digits


def test_a_call_without_conversation_is_known_by_its_leg() -> None:
    said = {name: value for name, value in OWN.items() if name != "conversation_uuid"}
    assert VONAGE.read_call(SIGNED.report(said)).pbx_call_id == "u-1"


@pytest.mark.parametrize(
    ("said", "kind", "duration_s", "side", "cause"),
    [
        ({**LEG, "status": "started"}, None, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "status": "ringing"}, CallEventKind.RINGING, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "status": "answered"}, CallEventKind.ANSWERED, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "status": "completed", "duration": "51"}, CallEventKind.COMPLETED, 51, CALLED, Cause.NORMAL_CLEARING),
        ({**LEG, "status": "busy"}, CallEventKind.BUSY, None, CALLED, Cause.BUSY),
        ({**LEG, "status": "rejected"}, CallEventKind.BUSY, None, CALLED, Cause.REJECTED),
        ({**LEG, "status": "timeout"}, CallEventKind.NO_ANSWER, None, CALLED, Cause.NO_ANSWER),
        ({**LEG, "status": "unanswered"}, CallEventKind.NO_ANSWER, None, CALLED, Cause.NO_ANSWER),
        ({**LEG, "status": "cancelled"}, CallEventKind.CANCELED, None, CALLED, Cause.CALLER_CANCELED),
        ({**LEG, "status": "failed", "sip_code": 404}, CallEventKind.FAILED, None, CALLED, Cause.UNALLOCATED_NUMBER),
        ({**LEG, "status": ["failed"]}, None, None, CALLED, Cause.UNKNOWN),
        ({**OWN, "status": "answered"}, None, None, CALLER, Cause.UNKNOWN),
        ({**OWN, "status": "completed", "duration": 70}, CallEventKind.COMPLETED, 70, CALLER, Cause.NORMAL_CLEARING),
    ],
)
def test_reports_are_read(
    said: dict[str, object], kind: CallEventKind | None, duration_s: int | None, side: CallSide, cause: Cause
) -> None:
    event = VONAGE.read_event(SIGNED.report({**said, **AT}))
    at = datetime(2026, 11, 24, 6, 0, 7, 582_000, tzinfo=UTC)
    assert event == CallEvent("CON-1", X, kind, at, duration_s, side, cause)


@pytest.mark.parametrize(
    ("said", "document"),
    [
        *(({**LEG, "status": status}, [TALK]) for status in ("busy", "timeout", "rejected", "failed", "unanswered")),
        *(
            ({**LEG, "status": status}, None)
            for status in ("started", "ringing", "answered", "completed", "cancelled", "dancing")
        ),
        ({**OWN, "status": "completed"}, None),
        ({**OWN, "status": "failed"}, None),
    ],
)
def test_only_a_connect_that_failed_is_answered_with_words(said: dict[str, str], document: object) -> None:
    written = VONAGE.acknowledge(SIGNED.report(said))
    assert (json.loads(written.body) if written.body else None) == document
    assert written.status == (204 if document is None else 200)


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("unanswered", BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ("timeout", BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ("busy", BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
        ("rejected", BridgeEnd(Outcome.BUSY, None, Cause.REJECTED)),
        ("failed", BridgeEnd(Outcome.FAILED, None, Cause.UNKNOWN)),
        ("completed", BridgeEnd(Outcome.COMPLETED, None, Cause.NORMAL_CLEARING)),
        ("ringing", None),
    ],
)
def test_how_a_connect_ended_is_read(status: str, ended: BridgeEnd | None) -> None:
    """The event is of the leg to the called party: X is its caller, and its number is nobody's to read."""
    call = VONAGE.read_call(SIGNED.report({**LEG, "status": status}))
    assert (call.pbx_call_id, call.bridge_ended, call.caller) == ("CON-1", ended, None)
    assert call.dialled is not None
    assert call.dialled.virtual_number == X


def test_a_whisper_is_an_ncco_and_recordings_are_streamed() -> None:
    said = {"action": "talk", "text": "甲&乙 b 店的物流士來電，關於您的包裹。", "language": "cmn-TW"}
    assert json.loads(VONAGE.write_whisper(WHISPER, links=LINKS).body) == [said]
    assert json.loads(VONAGE.write_whisper(None, links=LINKS).body) == []
    sounds = replace(LINKS, recordings="https://sounds.example.com")
    (first, asked) = json.loads(VONAGE.write("c", GATHER, links=sounds).body)
    url = "https://sounds.example.com/zh-TW/enter_extension.wav"
    assert first == {"action": "stream", "streamUrl": [url], "bargeIn": True}
    assert asked["action"] == "input"
    # With a shop's name in it a menu is spoken: what a key interrupts is of one kind.
    assert [each["action"] for each in json.loads(VONAGE.write("c", MENU, links=sounds).body)] == ["talk", "input"]


def test_now_is_asked_for() -> None:
    assert VONAGE.verify(ASKED, secrets=[TOKEN], now=NOW)
