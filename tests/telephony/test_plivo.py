"""Plivo: the signature byte for byte, requests and documents as recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maskservice.domain.call import Answer, BridgeEnd, Hangup, Outcome
from maskservice.domain.errors import SignatureInvalid
from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import CallEvent, CallEventKind, CallSide
from maskservice.telephony.plivo import PLIVO
from tests.telephony.webhooks import (
    CONNECT,
    CONNECT_POST_DIAL,
    COURIER,
    FORM,
    GATHER,
    HANGUP,
    LINKS,
    NOW,
    PROVIDERS,
    RECIPIENT,
    WHISPER,
    WHISPERED,
    X,
    post,
    request,
    with_headers,
)

SIGNED = PROVIDERS["plivo"]
XML = '<?xml version="1.0" encoding="UTF-8"?>'
NEXT = "https://mask.example.com/v1/pbx/pbx_1/calls?leg=2"
EVENTS = "https://mask.example.com/v1/pbx/pbx_1/events"
DIAL = (
    f'{XML}<Response><Dial action="{NEXT}" method="POST" callerId="886900000000" timeLimit="1800" timeout="30" '
    f'callbackUrl="{EVENTS}" callbackMethod="POST"><Number%s>886912345678</Number></Dial></Response>'
)
WHISPER_URL = LINKS.whisper_url(WHISPER).replace("&", "&amp;")
GOODBYE = f'{XML}<Response><Speak language="zh-TW">您撥的號碼目前無法接通，謝謝您的來電。</Speak><Hangup /></Response>'


@pytest.mark.parametrize(
    ("answer", "document"),
    [
        (
            GATHER,
            f'{XML}<Response><GetDigits action="{NEXT}" method="POST" timeout="8" digitTimeout="8" finishOnKey="#" '
            'numDigits="4" retries="1" redirect="true"><Speak language="zh-TW">您好，請輸入包裹標籤上的分機號碼，'
            f'輸入後請按井字鍵。</Speak></GetDigits><Redirect method="POST">{NEXT}</Redirect></Response>',
        ),
        (CONNECT, DIAL % ""),
        (CONNECT_POST_DIAL, DIAL % ' sendDigits="wwww100"'),
        (WHISPERED, (DIAL % "").replace(" callbackUrl", f' confirmSound="{WHISPER_URL}" callbackUrl')),
        (HANGUP, GOODBYE),
        (Hangup(None), f"{XML}<Response><Hangup /></Response>"),
    ],
)
def test_answers_are_written_byte_for_byte(answer: Answer, document: str) -> None:
    written = PLIVO.write("u1", answer, links=LINKS)
    assert written.body.decode() == document
    assert (written.content_type, written.status) == ("text/xml; charset=utf-8", 200)


RECORDED = request(
    "https://mask.example.com/v1/plivo/answer?x=1",
    b"CallUUID=u1&Digits=5678&From=84977111222&To=84900000000",
    {
        "Content-Type": FORM,
        "X-Plivo-Signature-V3": "DV/XanvLPCh0JA4GAAXrGT7T1KelCmFI632jGF3+7eY=",
        "X-Plivo-Signature-V3-Nonce": "05429567804466091622",
    },
)


def test_the_recorded_vector_is_let_in() -> None:
    """pbx.md, made with Plivo's package."""
    assert PLIVO.verify(RECORDED, secrets=[b"secret"], now=NOW)
    with pytest.raises(SignatureInvalid):
        PLIVO.verify(RECORDED, secrets=[b"secreT"], now=NOW)


def test_one_of_several_signatures_is_enough_and_there_is_a_most() -> None:
    good = RECORDED.headers["X-Plivo-Signature-V3"]
    for several in (f"{good},other", f"other,{good}", f",{good}"):
        assert PLIVO.verify(
            with_headers(RECORDED, {"X-Plivo-Signature-V3": several}), secrets=[b"secret"], now=NOW
        ) == PLIVO.verify(RECORDED, secrets=[b"secret"], now=NOW)
    with pytest.raises(SignatureInvalid):
        PLIVO.verify(
            with_headers(RECORDED, {"X-Plivo-Signature-V3": ",".join(["x"] * 16 + [good])}),
            secrets=[b"secret"],
            now=NOW,
        )


@pytest.mark.parametrize("nonce", ["05429567804466091623", "", "a b", "x" * 129])
def test_another_nonce_is_refused(nonce: str) -> None:
    with pytest.raises(SignatureInvalid):
        PLIVO.verify(with_headers(RECORDED, {"X-Plivo-Signature-V3-Nonce": nonce}), secrets=[b"secret"], now=NOW)


def test_the_same_request_under_another_nonce_is_the_same_one() -> None:
    again = with_headers(SIGNED.ask(), SIGNED.sign(SIGNED.ask(), b"another-token-of-32-characters-xx"))
    assert SIGNED.verify(again, b"another-token-of-32-characters-xx") == SIGNED.verify(SIGNED.ask())


DIALLED = {"CallUUID": "u1", "From": COURIER[1:], "To": X[1:], "DialALegUUID": "u1", "DialBLegUUID": "u2"}
LEG = {"DialALegUUID": "u1", "DialBLegUUID": "u2", "DialBLegFrom": X[1:], "DialBLegTo": RECIPIENT[1:]}
OWN = {"CallUUID": "u1", "From": COURIER[1:], "To": X[1:], "Direction": "inbound"}
CALLED, CALLER = CallSide.CALLED, CallSide.CALLER


@pytest.mark.parametrize(
    ("said", "kind", "duration_s", "side", "cause"),
    [
        ({**LEG, "DialAction": "answer"}, CallEventKind.ANSWERED, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "DialAction": "connected"}, None, None, CALLED, Cause.UNKNOWN),
        (
            {**LEG, "DialAction": "hangup", "DialBLegHangupCause": "NORMAL_CLEARING", "DialBLegDuration": "51"},
            CallEventKind.COMPLETED, 51, CALLED, Cause.NORMAL_CLEARING,
        ),
        (
            {**LEG, "DialAction": "hangup", "DialBLegHangupCause": "USER_BUSY"},
            CallEventKind.BUSY, None, CALLED, Cause.BUSY,
        ),
        (
            {**LEG, "DialAction": "hangup", "DialBLegHangupCause": "ORIGINATOR_CANCEL"},
            CallEventKind.CANCELED, None, CALLED, Cause.CALLER_CANCELED,
        ),
        ({**LEG, "DialAction": "hangup"}, CallEventKind.FAILED, None, CALLED, Cause.UNKNOWN),
        ({**DIALLED, "DialStatus": "timeout"}, CallEventKind.NO_ANSWER, None, CALLED, Cause.NO_ANSWER),
        (
            {**DIALLED, "DialStatus": "failed", "DialHangupCause": "UNALLOCATED_NUMBER"},
            CallEventKind.FAILED, None, CALLED, Cause.UNALLOCATED_NUMBER,
        ),
        ({**DIALLED, "DialStatus": "dancing"}, None, None, CALLED, Cause.UNKNOWN),
        ({**OWN, "CallStatus": "ringing"}, None, None, CALLER, Cause.UNKNOWN),
        (
            {**OWN, "CallStatus": "completed", "Event": "Hangup", "Duration": "70", "HangupCause": "NORMAL_CLEARING"},
            CallEventKind.COMPLETED, 70, CALLER, Cause.NORMAL_CLEARING,
        ),
        ({**OWN, "CallStatus": "cancel"}, CallEventKind.CANCELED, None, CALLER, Cause.CALLER_CANCELED),
    ],
)  # fmt: skip
def test_reports_are_read(
    said: dict[str, str], kind: CallEventKind | None, duration_s: int | None, side: CallSide, cause: Cause
) -> None:
    assert PLIVO.read_event(SIGNED.report(said)) == CallEvent("u1", X, kind, None, duration_s, side, cause)


@pytest.mark.parametrize("said", [{**LEG, "DialAction": "hangup"}, {**DIALLED, "DialStatus": "busy"}, {}])
def test_a_report_is_answered_with_nothing(said: dict[str, str]) -> None:
    assert (PLIVO.acknowledge(SIGNED.report(said)).status, PLIVO.acknowledge(SIGNED.report(said)).body) == (204, b"")


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ({"DialStatus": "no-answer", "DialRingStatus": "true"}, BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ({"DialStatus": "timeout"}, BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ({"DialStatus": "busy", "DialHangupCause": "USER_BUSY"}, BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
        (
            {"DialStatus": "failed", "DialHangupCause": "UNALLOCATED_NUMBER"},
            BridgeEnd(Outcome.FAILED, None, Cause.UNALLOCATED_NUMBER),
        ),
        (
            {"DialStatus": "completed", "DialHangupCause": "NORMAL_CLEARING", "DialBLegDuration": "9"},
            BridgeEnd(Outcome.COMPLETED, 9, Cause.NORMAL_CLEARING),
        ),
        ({"DialStatus": "cancel"}, BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED)),
        (
            {"DialStatus": "no-answer", "CallStatus": "completed"},
            BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED),
        ),
        ({"DialStatus": "dancing"}, None),
        ({}, None),
    ],
)
def test_how_a_dial_ended_is_read(said: dict[str, str], ended: BridgeEnd | None) -> None:
    call = PLIVO.read_call(SIGNED.report(DIALLED | said))
    assert (call.bridge_ended, call.pbx_call_id) == (ended, "u1")


def test_a_whisper_is_spoken_and_recordings_are_played() -> None:
    said = "甲&amp;乙 b 店的物流士來電，關於您的包裹。"
    written = PLIVO.write_whisper(WHISPER, links=LINKS).body.decode()
    assert written == f'{XML}<Response><Speak language="zh-TW">{said}</Speak></Response>'
    assert PLIVO.write_whisper(None, links=LINKS).body.decode() == f"{XML}<Response />"
    sounds = replace(LINKS, recordings="https://sounds.example.com")
    asked = PLIVO.write("u1", GATHER, links=sounds).body.decode()
    assert 'redirect="true"><Play>https://sounds.example.com/zh-TW/enter_extension.wav</Play></GetDigits>' in asked


def test_a_body_that_is_no_form_is_never_let_in() -> None:
    unsigned = post(LINKS.calls_url, SIGNED.said(), as_json=False)
    signed = SIGNED.signed(unsigned)
    with pytest.raises(SignatureInvalid):
        SIGNED.verify(replace(signed, headers={**signed.headers, "Content-Type": "text/plain"}))
