"""Twilio, and what SignalWire and Telnyx do otherwise: signatures byte for byte, requests and documents as recorded."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from maskservice.domain.call import Answer, BridgeEnd, Hangup, Outcome
from maskservice.domain.errors import SignatureInvalid
from maskservice.domain.prompts import PromptId, say
from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import CallEvent, CallEventKind, CallSide
from maskservice.telephony.signalwire import SIGNALWIRE
from maskservice.telephony.telnyx import TELNYX
from maskservice.telephony.twilio import TWILIO, spellings
from tests.telephony.webhooks import (
    CONNECT,
    CONNECT_POST_DIAL,
    COURIER,
    FORM,
    GATHER,
    HANGUP,
    LINKS,
    MENU,
    NOW,
    PROVIDERS,
    RECIPIENT,
    TOKEN,
    WHISPER,
    WHISPERED,
    X,
    post,
    request,
    with_headers,
)

SIGNED = PROVIDERS["twilio"]
SHOP = base64.urlsafe_b64encode("甲&乙<b>店".encode()).decode().rstrip("=")
XML = '<?xml version="1.0" encoding="UTF-8"?>'
NEXT = "https://mask.example.com/v1/pbx/pbx_1/calls?leg=2"
EVENTS = "https://mask.example.com/v1/pbx/pbx_1/events"
ASK = (
    f'{XML}<Response><Gather input="dtmf" action="{NEXT}" method="POST" timeout="8" finishOnKey="#" numDigits="4" '
    'actionOnEmptyResult="true"%s><Say language="zh-TW">您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。</Say>'
    f'</Gather><Redirect method="POST">{NEXT}</Redirect></Response>'
)
BARGE_IN = ' bargeIn="true"'
DIAL = (
    f'{XML}<Response><Dial action="{NEXT}" method="POST" answerOnBridge="true" callerId="{X}" timeLimit="1800" '
    f'timeout="30"><Number%s statusCallback="{EVENTS}" statusCallbackEvent="ringing answered completed" '
    f'statusCallbackMethod="POST">{RECIPIENT}</Number></Dial></Response>'
)
# 甲&乙<b>店
WHISPER_URL = f"https://mask.example.com/v1/pbx/pbx_1/whisper?prompt=whisper&language=zh-TW&shop={SHOP}"
WHISPERED_BY = f' url="{WHISPER_URL.replace("&", "&amp;")}" method="POST"'
GOODBYE = f'{XML}<Response><Say language="zh-TW">您撥的號碼目前無法接通，謝謝您的來電。</Say><Hangup /></Response>'
MENU_SAID = "訂單尾號1234，請按1。甲&amp;乙 b ，第2筆訂單，請按2。"


@pytest.mark.parametrize(
    ("answer", "document"),
    [
        (GATHER, ASK % BARGE_IN),
        (CONNECT, DIAL % ""),
        (CONNECT_POST_DIAL, DIAL % ' sendDigits="wwww100"'),
        (WHISPERED, DIAL % WHISPERED_BY),
        (Hangup(None), f"{XML}<Response><Hangup /></Response>"),
        (HANGUP, GOODBYE),
    ],
)
def test_answers_are_written_byte_for_byte(answer: Answer, document: str) -> None:
    written = TWILIO.write("CA1", answer, links=LINKS)
    assert written.body.decode() == document
    assert (written.content_type, written.status) == ("text/xml; charset=utf-8", 200)
    for kin in (SIGNALWIRE, TELNYX):
        assert kin.write("CA1", answer, links=LINKS).body.decode() == document.replace(BARGE_IN, "")


def test_a_menu_takes_one_key() -> None:
    body = TWILIO.write("CA1", MENU, links=LINKS).body.decode()
    assert 'numDigits="1"' in body
    assert f'<Say language="zh-TW">{MENU_SAID}</Say>' in body


def test_english_is_spoken_in_english() -> None:
    body = TWILIO.write("CA1", replace(HANGUP, prompt=say(PromptId.GOODBYE, language="en")), links=LINKS).body
    assert b'<Say language="en-US">The number you have dialled' in body


# The signature

RECORDED = request(
    "https://mask.example.com/v1/twilio/voice?x=1",
    b"CallSid=CA1&Digits=5678&From=%2B84977111222&To=%2B84900000000",
    {"Content-Type": FORM, "X-Twilio-Signature": "XkaIHxtpoy/tUkHQ37+geRmWHiA="},
)


def test_the_recorded_vector_is_let_in() -> None:
    """pbx.md, made with Twilio's package."""
    assert TWILIO.verify(RECORDED, secrets=[b"secret"], now=NOW)
    with pytest.raises(SignatureInvalid):
        TWILIO.verify(RECORDED, secrets=[b"secreT"], now=NOW)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.tw/x?y=1", {"https://a.tw/x?y=1", "https://a.tw:443/x?y=1"}),
        ("https://a.tw:443/x", {"https://a.tw/x", "https://a.tw:443/x"}),
        ("https://a.tw:8443/x", {"https://a.tw/x", "https://a.tw:8443/x"}),
        ("http://a.tw", {"http://a.tw", "http://a.tw:80"}),
        ("http://[::1]:8000/x", {"http://[::1]/x", "http://[::1]:8000/x"}),
        ("no url", {"no url"}),
    ],
)
def test_a_url_is_signed_with_or_without_its_port(url: str, expected: set[str]) -> None:
    assert set(spellings(url)) == expected


def test_a_signature_over_either_spelling_is_let_in() -> None:
    unsigned = post("https://mask.example.com/v1/pbx/pbx_1/calls", SIGNED.said(), as_json=False)
    with_port = replace(unsigned, url=unsigned.url.replace(".com", ".com:443"))
    for called, signed in ((unsigned, with_port), (with_port, unsigned)):
        assert SIGNED.verify(with_headers(called, SIGNED.sign(signed, TOKEN)))


def test_equal_values_of_a_name_are_signed_once() -> None:
    body = b"a=1&a=1&a=0&CallSid=CA1"
    signed = "https://a.tw/" + "CallSidCA1" + "a0" + "a1"
    signature = base64.b64encode(hmac.digest(TOKEN, signed.encode(), "sha1")).decode()
    sent = request("https://a.tw/", body, {"Content-Type": FORM, "X-Twilio-Signature": signature})
    assert TWILIO.verify(sent, secrets=[TOKEN], now=NOW)


def test_the_newer_algorithm_is_known_and_no_other() -> None:
    unsigned = post(LINKS.calls_url, {"CallSid": "CA1"}, as_json=False)
    signature = base64.b64encode(hmac.digest(TOKEN, (LINKS.calls_url + "CallSidCA1").encode(), "sha256")).decode()
    settings = "X-Twilio-Webhooks-Signature-Settings"
    sent = with_headers(unsigned, {"X-Twilio-Signature": signature, settings: "key=k,algorithm=HMAC_SHA256"})
    assert SIGNED.verify(sent)
    for other in ("key=k,algorithm=HMAC_MD5", "algorithm=none", "key=k", ""):
        with pytest.raises(SignatureInvalid):
            SIGNED.verify(with_headers(sent, {settings: other}))


def test_a_json_body_needs_its_hash_in_the_signed_url() -> None:
    body = b'{"a":"1"}'

    def sent(url: str, body: bytes) -> str:
        signature = base64.b64encode(hmac.digest(TOKEN, url.encode(), "sha1")).decode()
        headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature}
        return SIGNED.verify(request(url, body, headers))

    hashed = f"{EVENTS}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    assert sent(hashed, body)
    for url, other in ((hashed, body + b" "), (EVENTS, body), (EVENTS + "?bodySHA256=", body)):
        with pytest.raises(SignatureInvalid):
            sent(url, other)


def test_a_request_repeated_at_the_fallback_is_the_same_one() -> None:
    first = SIGNED.ask(digits="5678", leg=2)
    again = SIGNED.signed(
        post(first.url, SIGNED.said(digits="5678") | {"ErrorCode": "11200", "ErrorUrl": first.url}, as_json=False)
    )
    assert SIGNED.verify(again) == SIGNED.verify(first)


def test_a_field_that_came_twice_is_none() -> None:
    call = TWILIO.read_call(request(LINKS.calls_url, b"CallSid=CA1&Digits=1&Digits=2", {"Content-Type": FORM}))
    assert call.digits is None


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_signalwire_signs_raw_bodies_too(algorithm: str) -> None:
    unsigned = post(LINKS.calls_url, SIGNED.said(), as_json=False)
    name = {"sha1": "X-SignalWire-Signature", "sha256": "X-SignalWire-Sha256-Signature"}[algorithm]
    signature = hmac.digest(TOKEN, unsigned.url.encode() + unsigned.body, algorithm).hex()
    sent = with_headers(unsigned, {name: signature})
    assert SIGNALWIRE.verify(sent, secrets=[TOKEN], now=NOW)
    with pytest.raises(SignatureInvalid):
        SIGNALWIRE.verify(replace(sent, body=sent.body + b"&x="), secrets=[TOKEN], now=NOW)


def test_telnyx_keys_that_are_no_points_open_nothing() -> None:
    asked = PROVIDERS["telnyx"].ask()
    for key in (bytes(32), b"\xff" * 32, b"\x01" + bytes(31), bytes(31), bytes(64)):
        with pytest.raises(SignatureInvalid):
            TELNYX.verify(asked, secrets=[key], now=NOW)


def test_telnyx_public_key_is_read() -> None:
    assert TELNYX.read_secret(base64.b64encode(bytes(range(32))).decode()) == bytes(range(32))


# Reports

DIALLED = {"CallSid": "CA1", "From": COURIER, "To": X, "CallStatus": "in-progress", "DialCallSid": "CA2"}
LEG = {"CallSid": "CA2", "ParentCallSid": "CA1", "From": X, "To": RECIPIENT, "Direction": "outbound-dial"}
OWN = {"CallSid": "CA1", "From": COURIER, "To": X, "Direction": "inbound"}
AT = {"Timestamp": "Tue, 24 Nov 2026 06:00:07 +0000"}
CALLED, CALLER = CallSide.CALLED, CallSide.CALLER


@pytest.mark.parametrize(
    ("said", "kind", "duration_s", "side", "cause"),
    [
        ({**LEG, **AT, "CallStatus": "initiated"}, None, None, CALLED, Cause.UNKNOWN),
        ({**LEG, **AT, "CallStatus": "ringing"}, CallEventKind.RINGING, None, CALLED, Cause.UNKNOWN),
        ({**LEG, **AT, "CallStatus": "in-progress"}, CallEventKind.ANSWERED, None, CALLED, Cause.UNKNOWN),
        (
            {**LEG, **AT, "CallStatus": "completed", "CallDuration": "51"},
            CallEventKind.COMPLETED, 51, CALLED, Cause.NORMAL_CLEARING,
        ),
        ({**LEG, "CallStatus": "busy", "SipResponseCode": "486"}, CallEventKind.BUSY, None, CALLED, Cause.BUSY),
        (
            {**LEG, "CallStatus": "no-answer", "SipResponseCode": "487"},
            CallEventKind.NO_ANSWER, None, CALLED, Cause.NO_ANSWER,
        ),
        (
            {**LEG, "CallStatus": "failed", "SipResponseCode": "404"},
            CallEventKind.FAILED, None, CALLED, Cause.UNALLOCATED_NUMBER,
        ),
        ({**LEG, "CallStatus": "failed"}, CallEventKind.FAILED, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "CallStatus": "canceled"}, CallEventKind.CANCELED, None, CALLED, Cause.CALLER_CANCELED),
        ({**LEG, "CallStatus": "dancing"}, None, None, CALLED, Cause.UNKNOWN),
        (
            {**DIALLED, "DialCallStatus": "completed", "DialCallDuration": "48"},
            CallEventKind.COMPLETED, 48, CALLED, Cause.NORMAL_CLEARING,
        ),
        ({**DIALLED, "DialCallStatus": "answered"}, CallEventKind.COMPLETED, None, CALLED, Cause.NORMAL_CLEARING),
        ({**DIALLED, "DialCallStatus": "no-answer"}, CallEventKind.NO_ANSWER, None, CALLED, Cause.NO_ANSWER),
        ({**OWN, "CallStatus": "ringing"}, None, None, CALLER, Cause.UNKNOWN),
        ({**OWN, "CallStatus": "in-progress"}, None, None, CALLER, Cause.UNKNOWN),
        (
            {**OWN, "CallStatus": "completed", "CallDuration": "70"},
            CallEventKind.COMPLETED, 70, CALLER, Cause.NORMAL_CLEARING,
        ),
    ],
)  # fmt: skip
def test_reports_are_read(
    said: dict[str, str], kind: CallEventKind | None, duration_s: int | None, side: CallSide, cause: Cause
) -> None:
    at = datetime(2026, 11, 24, 6, 0, 7, tzinfo=UTC) if "Timestamp" in said else None
    for name in ("twilio", "signalwire", "telnyx"):
        event = PROVIDERS[name].dialect.read_event(PROVIDERS[name].report(said))
        assert event == CallEvent("CA1", X, kind, at, duration_s, side, cause)


def test_telnyx_own_sample_is_read() -> None:
    """developers.telnyx.com, TexmlCallRingingWebhook, its numbers changed."""
    said = {
        "AccountSid": "f5586561-8ff0-4291-a51b-c7dfe4139ff9",
        "CallSid": "v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ",
        "CallStatus": "ringing",
        "CallbackSource": "call-progress-events",
        "From": X,
        "To": RECIPIENT,
        "SequenceNumber": "1",
        "Timestamp": "2024-01-15T10:30:00Z",
        "ParentCallSid": "v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg",
    }
    event = TELNYX.read_event(PROVIDERS["telnyx"].report(said))
    assert event.pbx_call_id == said["ParentCallSid"]
    assert (event.virtual_number, event.event) == (X, CallEventKind.RINGING)
    assert event.at == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize("said", [{**LEG, "CallStatus": "busy"}, {**DIALLED, "DialCallStatus": "busy"}, {}])
def test_a_report_is_answered_with_nothing(said: dict[str, str]) -> None:
    assert (TWILIO.acknowledge(SIGNED.report(said)).status, TWILIO.acknowledge(SIGNED.report(said)).body) == (204, b"")


# After the bridge

ENDED = {**DIALLED, "Digits": ""}


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ({"DialCallStatus": "no-answer"}, BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ({"DialCallStatus": "busy", "DialCallDuration": "0"}, BridgeEnd(Outcome.BUSY, 0, Cause.BUSY)),
        ({"DialCallStatus": "failed"}, BridgeEnd(Outcome.FAILED, None, Cause.UNKNOWN)),
        (
            {"DialCallStatus": "completed", "DialCallDuration": "48"},
            BridgeEnd(Outcome.COMPLETED, 48, Cause.NORMAL_CLEARING),
        ),
        ({"DialCallStatus": "answered"}, BridgeEnd(Outcome.COMPLETED, None, Cause.NORMAL_CLEARING)),
        ({"DialCallStatus": "canceled"}, BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED)),
        # The caller hung up while it rang: nobody is left to be served.
        (
            {"DialCallStatus": "no-answer", "CallStatus": "completed"},
            BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED),
        ),
        (
            {"DialCallStatus": "completed", "CallStatus": "completed", "DialCallDuration": "9"},
            BridgeEnd(Outcome.COMPLETED, 9, Cause.NORMAL_CLEARING),
        ),
        ({"DialCallStatus": "dancing"}, None),
        ({}, None),
    ],
)
def test_how_a_dial_ended_is_read(said: dict[str, str], ended: BridgeEnd | None) -> None:
    for name in ("twilio", "signalwire", "telnyx"):
        call = PROVIDERS[name].dialect.read_call(PROVIDERS[name].report(ENDED | said))
        assert (call.bridge_ended, call.pbx_call_id) == (ended, "CA1")
        assert call.dialled is not None


# Whispers and recordings


def test_a_whisper_is_said_to_whoever_answers() -> None:
    said = "甲&amp;乙 b 店的物流士來電，關於您的包裹。"
    for kin in (TWILIO, SIGNALWIRE, TELNYX):
        written = kin.write_whisper(WHISPER, links=LINKS)
        assert written.body.decode() == f'{XML}<Response><Say language="zh-TW">{said}</Say></Response>'
        assert kin.write_whisper(None, links=LINKS).body.decode() == f"{XML}<Response />"


SOUNDS = replace(LINKS, recordings="https://sounds.example.com/mask")


def played(name: str, language: str = "zh-TW") -> str:
    return f"<Play>https://sounds.example.com/mask/{language}/{name}.wav</Play>"


def test_recordings_are_played_where_there_are_some() -> None:
    asked = TWILIO.write("CA1", GATHER, links=SOUNDS).body.decode()
    assert f'bargeIn="true">{played("enter_extension")}</Gather>' in asked
    ended = TWILIO.write("CA1", replace(HANGUP, prompt=say(PromptId.GOODBYE, language="en")), links=SOUNDS)
    assert ended.body.decode() == f"{XML}<Response>{played('goodbye', 'en')}<Hangup /></Response>"
    # A shop's name is spoken also then.
    menu = TWILIO.write("CA1", MENU, links=SOUNDS).body.decode()
    pieces = ["choose_order", "order", *(f"digit-{each}" for each in "1234"), "press", "digit-1"]
    shop = '<Say language="zh-TW">甲&amp;乙 b </Say>'
    assert f"{''.join(map(played, pieces))}{shop}{played('press')}{played('digit-2')}</Gather>" in menu
    whispered = TWILIO.write_whisper(WHISPER, links=SOUNDS).body.decode()
    assert whispered == f'{XML}<Response><Say language="zh-TW">甲&amp;乙 b 店</Say>{played("whisper")}</Response>'
