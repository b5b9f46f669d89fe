from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from maskservice.domain.call import Answer, Bridge, Gather, Hangup, InboundCall
from maskservice.domain.errors import InvalidContent, SignatureInvalid
from maskservice.domain.masked import Dialled
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import PromptId, say
from maskservice.telephony import (
    DIALECTS,
    NATIVE,
    CallEvent,
    CallEventKind,
    Cause,
    Links,
    UnreadableBody,
    WebhookRequest,
)
from maskservice.telephony.native import neutral_hangup
from maskservice.telephony.signature import sign

X = "+886900000000"
CALL = {"call_id": "c-1", "from": "+886987654321", "to": X, "digits": None}
GOODBYE = {"id": "goodbye", "language": "zh-TW", "text": "您撥的號碼目前無法接通，謝謝您的來電。"}


def asked(sent: bytes, headers: dict[str, str] | None = None) -> WebhookRequest:
    return WebhookRequest("POST", "https://mask.example.com/v1/pbx/pbx_1/calls", headers or {}, (), sent)


def read_call(sent: bytes) -> InboundCall:
    return NATIVE.read_call(asked(sent))


def read_event(sent: bytes) -> CallEvent:
    return NATIVE.read_event(asked(sent))


def body(**changes: object) -> bytes:
    return json.dumps(CALL | changes).encode()


def report(**fields: object) -> bytes:
    return json.dumps({"call_id": "c-1", **fields}).encode()


def without(field: str) -> bytes:
    return json.dumps({name: value for name, value in CALL.items() if name != field}).encode()


def test_the_registry_names_it() -> None:
    assert DIALECTS["native"] is NATIVE


def test_the_contracts_request_is_read() -> None:
    call = read_call(b'{"call_id": "c-1", "from": "+886987654321", "to": "+886900000000", "digits": null}')
    assert call.pbx_call_id == "c-1"
    assert call.caller == PhoneNumber.from_e164("+886987654321")
    assert call.dialled == Dialled(X, None)
    assert call.digits is None


@pytest.mark.parametrize(
    ("to", "extension"),
    [("0900000000#5678", "5678"), ("+886900000000", None), ("0900-000000", None), ("0900000000*5678", "5678")],
)
def test_the_called_number_may_carry_the_extension(to: str, extension: str | None) -> None:
    assert read_call(body(to=to)).dialled == Dialled(X, extension)


@pytest.mark.parametrize("to", ["", "anonymous", "您好", "#", "x" * 100_000, "+" * 300, "\u0000"])
def test_an_unreadable_called_number_is_no_error(to: str) -> None:
    assert read_call(body(to=to)).dialled is None


@pytest.mark.parametrize("caller", [None, "", "anonymous", "sip:anonymous@anonymous.invalid", "9" * 100_000, "\u202e"])
def test_a_withheld_or_unreadable_caller_is_no_error(caller: str | None) -> None:
    assert read_call(body(**{"from": caller})).caller is None


@pytest.mark.parametrize("digits", [None, "", "5678", "5678#", "５６７８", "x" * 5000])
def test_digits_come_through_as_they_were_keyed(digits: str | None) -> None:
    assert read_call(body(digits=digits)).digits == digits


def test_absent_digits_are_none_and_more_fields_are_welcome() -> None:
    call = json.loads(without("digits")) | {"sip": {"via": [1, 2]}, "headers": None}
    assert read_call(json.dumps(call).encode()).digits is None


@pytest.mark.parametrize("call_id", ["c", "x" * 128, "1699512345.12@pbx", "通話"])
def test_visible_call_ids_are_read(call_id: str) -> None:
    assert read_call(body(call_id=call_id)).pbx_call_id == call_id


@pytest.mark.parametrize("call_id", ["", " ", "a b", "x" * 129, "a\n", "a\u0000", "a\u200b", "a\u3000b", "\u202ea"])
def test_other_call_ids_are_refused(call_id: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        read_call(body(call_id=call_id))
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/call_id", "invalid")]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"{}", [("/call_id", "required"), ("/from", "required"), ("/to", "required")]),
        (without("call_id"), [("/call_id", "required")]),
        (body(to=None), [("/to", "wrong_type")]),
        (body(digits=5678), [("/digits", "wrong_type")]),
        (
            body(call_id=1, to=912345678, digits=["0912345678"]),
            [("/call_id", "wrong_type"), ("/to", "wrong_type"), ("/digits", "wrong_type")],
        ),
        (body(**{"from": {"number": "0912345678"}}), [("/from", "wrong_type")]),
    ],
)
def test_every_wrong_field_is_named_at_once_and_no_value_repeated(sent: bytes, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidContent) as refused:
        read_call(sent)
    assert [(error.pointer, error.code) for error in refused.value.errors] == expected
    assert "912345678" not in repr(refused.value.errors) + str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


NO_JSON_OBJECT = [
    b"", b"null", b"[]", b'"text"', b"1", b"{", b"\xff\xfe", b"call_id=c-1&from=0912345678", b'{"call_id": "\\ud800"}',
    b"[" * 100_000, b'{"a":' * 100_000, b'{"call_id": "c-1", "from": "0912345678"', body() + b"x",
]  # fmt: skip


@pytest.mark.parametrize("sent", NO_JSON_OBJECT, ids=range(len(NO_JSON_OBJECT)))
def test_what_is_no_json_object_is_told_apart(sent: bytes) -> None:
    for read in (read_call, read_event):
        with pytest.raises(UnreadableBody) as refused:
            read(sent)
        assert "912345678" not in str(refused.value)
        assert refused.value.__context__ is None


def test_the_contracts_report_is_read() -> None:
    sent = report(to="0900000000#5678", event="completed", at="2026-11-24T14:00:00.5+08:00", duration_s=42)
    at = datetime(2026, 11, 24, 6, 0, 0, 500_000, tzinfo=UTC)
    assert read_event(sent) == CallEvent("c-1", X, CallEventKind.COMPLETED, at, 42, cause=Cause.NORMAL_CLEARING)


@pytest.mark.parametrize("kind", list(CallEventKind))
def test_every_kind_is_read(kind: CallEventKind) -> None:
    assert read_event(report(event=kind.value)).event is kind


def test_a_bare_report_is_no_error() -> None:
    assert read_event(b'{"call_id": "c-1"}') == CallEvent("c-1", None, None, None, None)


ODD: list[object] = [None, True, 1, -1, 1e300, 10**30, "", "huh", "RINGING", [], {}, {"a": [1]}, "x" * 10_000]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:12])
def test_odd_values_are_dropped(odd: object) -> None:
    read = read_event(report(to=odd, event=odd, at=odd))
    assert read == CallEvent("c-1", None, None, None, None)


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-24T06:00:00",
        "2026-11-24",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-13-01T00:00:00Z",
    ],
)
def test_moments_that_nobody_can_place_are_dropped(at: str) -> None:
    assert read_event(report(at=at)).at is None


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (0, 0),
        (42, 42),
        (42.9, 42),
        (86_400, 86_400),
        (86_401, None),
        (-1, None),
        (-0.5, None),
        (10**30, None),
        ("42", None),
        (True, None),
    ],
)
def test_durations(sent: object, read: int | None) -> None:
    assert read_event(report(duration_s=sent)).duration_s == read


def test_an_infinite_duration_is_dropped() -> None:
    assert read_event(b'{"call_id": "c-1", "duration_s": NaN}').duration_s is None
    assert read_event(b'{"call_id": "c-1", "duration_s": 1e999}').duration_s is None


def test_a_report_without_a_call_is_refused() -> None:
    with pytest.raises(InvalidContent):
        read_event(b'{"event": "ringing"}')


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            Gather(say(PromptId.ENTER_EXTENSION), max_digits=4, attempts_left=3),
            {
                "call_id": "c-1",
                "action": "gather",
                "prompt": {
                    "id": "enter_extension",
                    "language": "zh-TW",
                    "text": "您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。",
                },
                "gather": {"max_digits": 4, "finish_on_key": "#", "timeout_s": 8, "attempts_left": 3},
            },
        ),
        (
            Bridge(PhoneNumber.from_e164("+886912345678"), X),
            {
                "call_id": "c-1",
                "action": "connect",
                "connect": {
                    "to": "+886912345678",
                    "caller_id": X,
                    "post_dial_digits": None,
                    "ring_timeout_s": 30,
                    "max_duration_s": 1800,
                    "whisper": None,
                },
            },
        ),
        (
            Bridge(PhoneNumber.from_e164("+886223456789"), X, "123", 20, 60),
            {
                "call_id": "c-1",
                "action": "connect",
                "connect": {
                    "to": "+886223456789",
                    "caller_id": X,
                    "post_dial_digits": "123",
                    "ring_timeout_s": 20,
                    "max_duration_s": 60,
                    "whisper": None,
                },
            },
        ),
        (
            Hangup(say(PromptId.GOODBYE)),
            {"call_id": "c-1", "action": "hangup", "reason": "unavailable", "prompt": GOODBYE},
        ),
    ],
)
def test_answers_are_the_contracts_three_shapes(answer: Answer, expected: dict[str, object]) -> None:
    written = NATIVE.write("c-1", answer, links=Links("", ""))
    assert json.loads(written.body) == expected
    assert written.content_type == "application/json"


@pytest.mark.parametrize(
    ("sent", "call_id"),
    [
        (body(), "c-1"),
        (body(to=None, digits=1), "c-1"),
        (body(call_id="通話"), "通話"),
        (body(call_id="a b"), ""),
        (body(call_id=7), ""),
        (body(call_id={"a": 1}), ""),
        *((each, "") for each in NO_JSON_OBJECT),
    ],
)
def test_the_neutral_hangup_comes_of_any_bytes(sent: bytes, call_id: str) -> None:
    said = {"call_id": call_id, "action": "hangup", "reason": "unavailable", "prompt": GOODBYE}
    assert json.loads(neutral_hangup(sent)) == said
    assert NATIVE.write_neutral_hangup(asked(sent)).body == neutral_hangup(sent)


def test_a_signed_request_is_verified() -> None:
    now, secret = datetime(2026, 11, 24, tzinfo=UTC), bytes(24)
    signed = sign(secret=secret, webhook_id="msg_1", sent_at=now, body=body())
    assert NATIVE.verify(asked(body(), signed), secrets=[secret], now=now) == "msg_1"
    with pytest.raises(SignatureInvalid):
        NATIVE.verify(asked(body(digits="1"), signed), secrets=[secret], now=now)


def test_no_read_call_shows_a_number() -> None:
    assert "987654321" not in repr(read_call(body()))


def test_a_report_is_answered_with_nothing() -> None:
    written = NATIVE.acknowledge(asked(report(event="completed")))
    assert (written.status, written.body) == (204, b"")


def test_set_up_gives_the_secret_that_is_ours() -> None:
    assert NATIVE.secret_form.ours
    assert NATIVE.reads_problems
    text = NATIVE.setup(pbx_id="pbx_1", base_url="https://mask.example.com", secret="whsec_x")
    for part in (
        "https://mask.example.com/v1/pbx/pbx_1/calls",
        "https://mask.example.com/v1/pbx/pbx_1/events",
        "whsec_x",
    ):
        assert part in text


def test_every_dialect_is_registered_under_its_name() -> None:
    assert set(DIALECTS) >= {"native", "twilio", "signalwire", "telnyx", "plivo", "vonage", "jambonz"}
    assert all(name == each.name for name, each in DIALECTS.items())
