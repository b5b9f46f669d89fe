"""jambonz: the signature, requests and documents as recorded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from maskservice.domain.call import Answer, BridgeEnd, Hangup, Outcome
from maskservice.domain.errors import SignatureInvalid
from maskservice.domain.prompts import PromptId, say
from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import CallEvent, CallEventKind, CallSide
from maskservice.telephony.jambonz import JAMBONZ
from tests.telephony.webhooks import (
    CONNECT,
    CONNECT_POST_DIAL,
    COURIER,
    GATHER,
    HANGUP,
    LINKS,
    MENU,
    OTHER,
    PROVIDERS,
    RECIPIENT,
    STAMP,
    WHISPER,
    WHISPERED,
    X,
    with_headers,
)

SIGNED = PROVIDERS["jambonz"]
NEXT = "https://mask.example.com/v1/pbx/pbx_1/calls?leg=2"
EVENTS = "https://mask.example.com/v1/pbx/pbx_1/events"
GOODBYE = [{"verb": "say", "text": "您撥的號碼目前無法接通，謝謝您的來電。"}, {"verb": "hangup"}]
DIAL = {
    "verb": "dial",
    "callerId": X,
    "answerOnBridge": True,
    "timeLimit": 1800,
    "timeout": 30,
    "actionHook": NEXT,
    "anchorMedia": True,
    "headers": {"P-Asserted-Identity": f"<tel:{X}>", "Privacy": "none"},
    "target": [{"type": "phone", "number": RECIPIENT}],
}


@pytest.mark.parametrize(
    ("answer", "document"),
    [
        (
            GATHER,
            [
                {
                    "verb": "gather",
                    "input": ["digits"],
                    "numDigits": 4,
                    "timeout": 8,
                    "finishOnKey": "#",
                    "dtmfBargein": True,
                    "actionHook": NEXT,
                    "say": {"text": "您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。"},
                }
            ],
        ),
        (CONNECT, [DIAL]),
        (
            CONNECT_POST_DIAL,
            [
                DIAL
                | {
                    "headers": {"P-Asserted-Identity": f"<tel:{X}>", "Privacy": "none", "X-Post-Dial-Digits": "100"},
                }
            ],
        ),
        (WHISPERED, [DIAL | {"confirmHook": LINKS.whisper_url(WHISPER)}]),
        (HANGUP, GOODBYE),
        (Hangup(None), [{"verb": "hangup"}]),
    ],
)
def test_answers_are_written(answer: Answer, document: object) -> None:
    written = JAMBONZ.write("c-1", answer, links=LINKS)
    assert json.loads(written.body) == document
    assert (written.content_type, written.status) == ("application/json", 200)


def test_the_caller_s_asserted_identity_is_replaced_by_x() -> None:
    """jambonz would copy it onto the recipient's leg: product.md, what must never happen, 1."""
    (dial,) = json.loads(JAMBONZ.write("c-1", CONNECT, links=LINKS).body)
    assert dial["headers"]["P-Asserted-Identity"] == f"<tel:{X}>"


def test_another_language_is_named_and_the_first_is_the_application_s() -> None:
    english = replace(HANGUP, prompt=say(PromptId.GOODBYE, language="en"))
    said = json.loads(JAMBONZ.write("c-1", english, links=LINKS).body)[0]
    assert said["synthesizer"] == {"vendor": "default", "language": "en-US"}


def test_one_of_several_signatures_is_enough() -> None:
    good = SIGNED.ask()
    entry = good.headers["Jambonz-Signature"].partition(",")[2]
    wrong = SIGNED.sign(good, OTHER)["Jambonz-Signature"].partition(",")[2]
    for several in (f"t={STAMP},{wrong},{entry}", f"{entry},t={STAMP}", f"t={STAMP}, {entry},v0=x"):
        assert SIGNED.verify(with_headers(good, {"Jambonz-Signature": several})) == SIGNED.verify(good)
    for bad in (entry, f"t={STAMP},t={STAMP},{entry}", f"t=0{STAMP},{entry}", f"t={STAMP}," + "v1=x," * 16 + entry):
        with pytest.raises(SignatureInvalid):
            SIGNED.verify(with_headers(good, {"Jambonz-Signature": bad}))


OWN = {"call_sid": "c-1", "from": COURIER, "to": X, "direction": "inbound"}
LEG = {"call_sid": "c-2", "parent_call_sid": "c-1", "from": X, "to": RECIPIENT, "direction": "outbound"}
CALLED, CALLER = CallSide.CALLED, CallSide.CALLER


@pytest.mark.parametrize(
    ("said", "kind", "duration_s", "side", "cause"),
    [
        ({**LEG, "call_status": "trying", "sip_status": 100}, None, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "call_status": "ringing"}, CallEventKind.RINGING, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "call_status": "early-media"}, CallEventKind.RINGING, None, CALLED, Cause.UNKNOWN),
        ({**LEG, "call_status": "in-progress", "sip_status": 200}, CallEventKind.ANSWERED, None, CALLED, Cause.UNKNOWN),
        (
            {**LEG, "call_status": "completed", "duration": 51},
            CallEventKind.COMPLETED,
            51,
            CALLED,
            Cause.NORMAL_CLEARING,
        ),
        ({**LEG, "call_status": "busy", "sip_status": 486}, CallEventKind.BUSY, None, CALLED, Cause.BUSY),
        (
            {**LEG, "call_status": "no-answer", "sip_status": 487},
            CallEventKind.NO_ANSWER,
            None,
            CALLED,
            Cause.NO_ANSWER,
        ),
        ({**LEG, "call_status": "failed", "sip_status": 603}, CallEventKind.FAILED, None, CALLED, Cause.REJECTED),
        ({**LEG, "call_status": 7}, None, None, CALLED, Cause.UNKNOWN),
        ({**OWN, "dial_call_status": "busy", "dial_sip_status": 486}, CallEventKind.BUSY, None, CALLED, Cause.BUSY),
        ({**OWN, "dial_call_status": "completed"}, CallEventKind.COMPLETED, None, CALLED, Cause.NORMAL_CLEARING),
        ({**OWN, "call_status": "in-progress"}, None, None, CALLER, Cause.UNKNOWN),
        (
            {**OWN, "call_status": "completed", "duration": 70},
            CallEventKind.COMPLETED,
            70,
            CALLER,
            Cause.NORMAL_CLEARING,
        ),
    ],
)
def test_reports_are_read(
    said: dict[str, object], kind: CallEventKind | None, duration_s: int | None, side: CallSide, cause: Cause
) -> None:
    assert JAMBONZ.read_event(SIGNED.report(said)) == CallEvent("c-1", X, kind, None, duration_s, side, cause)


@pytest.mark.parametrize("said", [{**OWN, "dial_call_status": "busy"}, {**LEG, "call_status": "failed"}, {}])
def test_a_report_is_answered_with_nothing(said: dict[str, object]) -> None:
    written = JAMBONZ.acknowledge(SIGNED.report(said))
    assert (written.status, written.body) == (204, b"")


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ({"dial_call_status": "no-answer"}, BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ({"dial_call_status": "busy", "dial_sip_status": 486}, BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
        ({"dial_call_status": "failed", "dial_sip_status": 603}, BridgeEnd(Outcome.FAILED, None, Cause.REJECTED)),
        (
            {"dial_call_status": "completed", "dial_sip_status": 200, "call_status": "in-progress"},
            BridgeEnd(Outcome.COMPLETED, None, Cause.NORMAL_CLEARING),
        ),
        (
            {"dial_call_status": "no-answer", "call_status": "completed"},
            BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED),
        ),
        ({"dial_call_status": 7}, None),
        ({"call_status": "in-progress"}, None),
    ],
)
def test_how_a_dial_ended_is_read(said: dict[str, object], ended: BridgeEnd | None) -> None:
    call = JAMBONZ.read_call(SIGNED.report(OWN | said))
    assert (call.bridge_ended, call.pbx_call_id) == (ended, "c-1")


def test_a_whisper_is_said_and_recordings_are_played() -> None:
    said = {"verb": "say", "text": "甲&乙 b 店的物流士來電，關於您的包裹。"}
    assert json.loads(JAMBONZ.write_whisper(WHISPER, links=LINKS).body) == [said]
    assert json.loads(JAMBONZ.write_whisper(None, links=LINKS).body) == []
    sounds = replace(LINKS, recordings="https://sounds.example.com")
    (gather,) = json.loads(JAMBONZ.write("c-1", GATHER, links=sounds).body)
    assert gather["play"] == {"url": ["https://sounds.example.com/zh-TW/enter_extension.wav"]}
    assert "say" not in gather
    # A gather takes one of both: a menu with a shop's name in it is spoken.
    (gather,) = json.loads(JAMBONZ.write("c-1", MENU, links=sounds).body)
    assert "play" not in gather
