"""The native dialect around a bridge: how it ended, what is whispered before it, and the silence after a talk."""

from __future__ import annotations

import json

import pytest

from maskservice.domain.call import Bridge, BridgeEnd, Hangup, InboundCall, Outcome
from maskservice.domain.errors import InvalidContent
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import say_whisper
from maskservice.telephony import NATIVE, Cause, Links, WebhookRequest

X = "+886900000000"
CALL = {"call_id": "c-1", "from": "+886987654321", "to": X}


def read(said: object) -> InboundCall:
    body = json.dumps(CALL | {"bridge_ended": said}).encode()
    return NATIVE.read_call(WebhookRequest("POST", "", {}, (), body))


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        (None, None),
        ({"outcome": "no_answer"}, BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ({"outcome": "busy", "duration_s": None, "cause": 17}, BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
        ({"outcome": "busy", "cause": 21}, BridgeEnd(Outcome.BUSY, None, Cause.REJECTED)),
        ({"outcome": "failed", "cause": 34}, BridgeEnd(Outcome.FAILED, None, Cause.CONGESTION)),
        ({"outcome": "failed"}, BridgeEnd(Outcome.FAILED, None, Cause.UNKNOWN)),
        ({"outcome": "completed", "duration_s": 42}, BridgeEnd(Outcome.COMPLETED, 42, Cause.NORMAL_CLEARING)),
        ({"outcome": "completed", "duration_s": 10**9}, BridgeEnd(Outcome.COMPLETED, None, Cause.NORMAL_CLEARING)),
        ({"outcome": "canceled", "more": [1]}, BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED)),
        ({"outcome": "busy", "cause": 9999}, BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
    ],
)
def test_how_a_bridge_ended_is_read(said: object, ended: BridgeEnd | None) -> None:
    assert read(said).bridge_ended == ended


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, [("/bridge_ended/outcome", "required")]),
        ({"outcome": "dancing"}, [("/bridge_ended/outcome", "invalid")]),
        ({"outcome": "answered"}, [("/bridge_ended/outcome", "invalid")]),
        ({"outcome": "unavailable"}, [("/bridge_ended/outcome", "invalid")]),
        ({"outcome": None}, [("/bridge_ended/outcome", "wrong_type")]),
        ("busy", [("/bridge_ended", "wrong_type")]),
        (
            {"outcome": 1, "duration_s": -1, "cause": "17"},
            [
                ("/bridge_ended/outcome", "wrong_type"),
                ("/bridge_ended/duration_s", "invalid"),
                ("/bridge_ended/cause", "invalid"),
            ],
        ),
        ({"outcome": "busy", "duration_s": True}, [("/bridge_ended/duration_s", "invalid")]),
        ({"outcome": "busy", "duration_s": 1.5}, [("/bridge_ended/duration_s", "invalid")]),
    ],
)
def test_every_wrong_field_is_named(said: object, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidContent) as refused:
        read(said)
    assert [(error.pointer, error.code) for error in refused.value.errors] == expected


def test_a_whisper_is_a_prompt() -> None:
    bridge = Bridge(PhoneNumber.from_e164("+886912345678"), X, whisper=say_whisper("Demo", language="en"))
    told = json.loads(NATIVE.write("c-1", bridge, links=Links("", "")).body)
    assert told["connect"]["whisper"] == {
        "id": "whisper", "language": "en", "text": "A courier of Demo about your parcel.",
    }  # fmt: skip


def test_nothing_is_said_after_a_talk() -> None:
    told = json.loads(NATIVE.write("c-1", Hangup(None), links=Links("", "")).body)
    assert told == {"call_id": "c-1", "action": "hangup", "reason": "unavailable"}
