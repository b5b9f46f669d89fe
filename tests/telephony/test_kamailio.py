"""The dialect of Kamailio: forms in, flat JSON out, a bearer in between; what a proxy cannot do is one refusal."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, Outcome
from maskservice.domain.errors import InvalidContent, SignatureInvalid
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import PromptId, say, say_whisper
from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import CallEventKind, Links, UnreadableBody
from maskservice.telephony.kamailio import KAMAILIO
from maskservice.telephony.request import WebhookRequest

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
BEARER = f"Bearer whsec_{base64.b64encode(SECRET).decode()}"
LINKS = Links.of("https://mask.example.com", "pbx_1")
ID = "0f" * 32
CALL = {"call_id": ID, "from": "+886987654321", "to": "sip:0900000000%235678@192.0.2.10:5060"}
DOCS = Path(__file__).parents[2] / "docs/pbx/kamailio"


def asked(
    fields: dict[str, str] | bytes,
    *,
    bearer: str | None = BEARER,
    content_type: str = "application/x-www-form-urlencoded",
) -> WebhookRequest:
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    headers = {"Content-Type": content_type} | ({} if bearer is None else {"authorization": bearer})
    return WebhookRequest("POST", "https://mask.example.com/v1/pbx/pbx_1/calls", headers, (), body)


def test_the_webhook_id_is_the_call_s() -> None:
    assert KAMAILIO.verify(asked(CALL), secrets=[OTHER, SECRET], now=NOW) == ID
    for unreadable in (asked(CALL | {"call_id": "x"}), asked(b"{}", content_type="application/json")):
        assert KAMAILIO.verify(unreadable, secrets=[SECRET], now=NOW) == ""


@pytest.mark.parametrize("bearer", [None, "", "Bearer whsec_QUJD", f"Bearer whsec_{base64.b64encode(OTHER).decode()}"])
def test_every_other_bearer_is_refused(bearer: str | None) -> None:
    with pytest.raises(SignatureInvalid):
        KAMAILIO.verify(asked(CALL, bearer=bearer), secrets=[SECRET], now=NOW)


def test_a_time_without_a_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="naive"):
        KAMAILIO.verify(asked(CALL), secrets=[SECRET], now=NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("to", "extension"),
    [
        ("sip:0900000000@192.0.2.10", None),
        ("sip:0900000000*5678@192.0.2.10:5060", "5678"),
        ("sip:0900000000%235678@192.0.2.10:5060", "5678"),
        ("sip:0900000000;ext=5678@192.0.2.10", "5678"),
        ("sip:0900000000;postd=pp5678@192.0.2.10", "5678"),
        ("sip:09000000005678@192.0.2.10", "5678"),
        ("sip:+886900000000*5678@192.0.2.10", "5678"),
        ("sip:0900000000@192.0.2.10;ext=5678", "5678"),
        ("sips:0900000000*5678@192.0.2.10;user=phone", "5678"),
        ("tel:+886900000000;ext=5678", "5678"),
    ],
)
def test_the_dialled_string_is_read(to: str, extension: str | None) -> None:
    call = KAMAILIO.read_call(asked(CALL | {"to": to}))
    assert call.dialled is not None
    assert (call.dialled.virtual_number, call.dialled.extension) == ("+886900000000", extension)
    assert (call.pbx_call_id, call.caller, call.digits) == (ID, PhoneNumber("+886987654321"), None)


@pytest.mark.parametrize("caller", ["", "anonymous", "unknown", "0", "alice"])
def test_a_caller_that_is_none_is_nobody(caller: str) -> None:
    assert KAMAILIO.read_call(asked(CALL | {"from": caller})).caller is None


@pytest.mark.parametrize("call_id", ["", "a b", ID[1:], ID + "0", ID.upper(), "x" * 64, "０" * 64])
def test_a_call_id_is_the_script_s(call_id: str) -> None:
    for read in (KAMAILIO.read_call, KAMAILIO.read_event):
        with pytest.raises(InvalidContent) as refusal:
            read(asked(CALL | {"call_id": call_id}))
        assert [error.pointer for error in refusal.value.errors] == ["/call_id"]


def test_every_field_that_lacks_is_named() -> None:
    with pytest.raises(InvalidContent) as refusal:
        KAMAILIO.read_call(asked({"from": "0987654321"}))
    assert [(error.pointer, error.code) for error in refusal.value.errors] == [
        ("/call_id", "required"),
        ("/to", "required"),
    ]


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"a=" + b"x" * 70_000])
def test_what_is_no_form_is_unreadable_and_still_answered(body: bytes) -> None:
    for read in (KAMAILIO.read_call, KAMAILIO.read_event):
        with pytest.raises(UnreadableBody):
            read(asked(body))
    assert json.loads(KAMAILIO.write_neutral_hangup(asked(body)).body) == {"call_id": "", "action": "hangup"}


def test_a_connect_is_flat_text() -> None:
    written = KAMAILIO.write(ID, Bridge(PhoneNumber("+886912345678"), "+886900000000"), links=LINKS)
    assert (written.status, written.content_type) == (200, "application/json")
    assert json.loads(written.body) == {
        "call_id": ID,
        "action": "connect",
        "to": "+886912345678",
        "caller_id": "+886900000000",
        "ring_timeout_s": "30",
        "max_duration_s": "1800",
    }
    assert "912345678" not in repr(written)


@pytest.mark.parametrize(
    "answer",
    [
        Gather(say(PromptId.ENTER_EXTENSION), max_digits=4, attempts_left=3),
        Gather(say(PromptId.TRY_AGAIN), max_digits=4, attempts_left=1),
        Hangup(say(PromptId.GOODBYE)),
        Bridge(PhoneNumber("+886223456789", "100"), "+886900000000", post_dial_digits="100"),
    ],
    ids=["no extension", "wrong extension", "refused", "digits to key after the answer"],
)
def test_what_a_proxy_cannot_do_is_one_refusal(answer: Answer) -> None:
    assert KAMAILIO.write(ID, answer, links=LINKS) == KAMAILIO.write_neutral_hangup(asked(CALL))


@pytest.mark.parametrize(
    ("event", "status", "kind", "why"),
    [
        ("answered", "", CallEventKind.ANSWERED, Cause.UNKNOWN),
        ("ended", "", CallEventKind.COMPLETED, Cause.NORMAL_CLEARING),
        ("expired", "", CallEventKind.COMPLETED, Cause.MAX_DURATION),
        ("no_answer", "", CallEventKind.NO_ANSWER, Cause.NO_ANSWER),
        ("canceled", "", CallEventKind.CANCELED, Cause.CALLER_CANCELED),
        ("refused", "", CallEventKind.CANCELED, Cause.NOT_ALLOWED),
        ("failed", "486", CallEventKind.BUSY, Cause.BUSY),
        ("failed", "600", CallEventKind.BUSY, Cause.BUSY),
        ("failed", "603", CallEventKind.BUSY, Cause.REJECTED),
        ("failed", "408", CallEventKind.NO_ANSWER, Cause.TIMEOUT),
        ("failed", "480", CallEventKind.NO_ANSWER, Cause.UNREACHABLE),
        ("failed", "404", CallEventKind.FAILED, Cause.UNALLOCATED_NUMBER),
        ("failed", "503", CallEventKind.FAILED, Cause.CONGESTION),
        ("failed", "", CallEventKind.FAILED, Cause.UNKNOWN),
        ("failed", "x", CallEventKind.FAILED, Cause.UNKNOWN),
        ("ringing", "180", None, Cause.UNKNOWN),
        ("", "486", None, Cause.UNKNOWN),
    ],
)
def test_how_a_call_ended(event: str, status: str, kind: CallEventKind | None, why: Cause) -> None:
    read = KAMAILIO.read_event(asked(CALL | {"event": event, "status": status, "duration_s": "12"}))
    assert (read.event, read.cause, read.virtual_number, read.duration_s) == (kind, why, "+886900000000", 12)
    assert (read.pbx_call_id, read.at) == (ID, None)


@pytest.mark.parametrize(
    ("event", "status", "ended"),
    [
        ("failed", "486", BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
        ("failed", "603", BridgeEnd(Outcome.BUSY, None, Cause.REJECTED)),
        ("failed", "404", BridgeEnd(Outcome.FAILED, None, Cause.UNALLOCATED_NUMBER)),
        ("no_answer", "", BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ("canceled", "", BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED)),
        ("answered", "", None),
        ("ringing", "", None),
        ("", "486", None),
    ],
)
def test_what_is_next_is_asked_with_how_the_phone_was_not_reached(
    event: str, status: str, ended: BridgeEnd | None
) -> None:
    next_leg = asked(CALL | {"leg": "2", "event": event, "status": status})
    assert KAMAILIO.read_call(next_leg).bridge_ended == ended
    assert KAMAILIO.verify(next_leg, secrets=[SECRET], now=NOW) == f"{ID}:2"
    # a first question has no end, whatever else it says
    assert KAMAILIO.read_call(asked(CALL | {"event": event, "status": status})).bridge_ended is None


@pytest.mark.parametrize("leg", ["", "0", "x", "-1", "100", "2 ", "２"])
def test_a_leg_is_a_number(leg: str) -> None:
    with pytest.raises(InvalidContent) as refusal:
        KAMAILIO.read_call(asked(CALL | {"leg": leg}))
    assert [error.pointer for error in refusal.value.errors] == ["/leg"]
    assert KAMAILIO.verify(asked(CALL | {"leg": leg}), secrets=[SECRET], now=NOW) == ID


def test_a_whisper_is_left_out() -> None:
    plain = Bridge(PhoneNumber("+886912345678"), "+886900000000")
    told = Bridge(PhoneNumber("+886912345678"), "+886900000000", whisper=say_whisper("商店"))
    assert KAMAILIO.write(ID, told, links=LINKS) == KAMAILIO.write(ID, plain, links=LINKS)


def test_a_report_is_acknowledged_with_nothing() -> None:
    assert KAMAILIO.acknowledge(asked(CALL)).status == 204


def test_the_printed_settings_are_the_script_s() -> None:
    text = KAMAILIO.setup(pbx_id="pbx_1", base_url="https://mask.example.com/", secret="whsec_x")
    names = re.findall(r"^#!define (\w+) \"", text, re.M)
    local, script = ((DOCS / name).read_text("utf-8") for name in ("mask-local.cfg", "kamailio.cfg"))
    assert names == ["MASK_URL", "MASK_SECRET"]
    assert '#!define MASK_URL "https://mask.example.com/v1/pbx/pbx_1"\n' in text
    assert all(re.search(rf"^#!define {name} \"", local, re.M) for name in names)
    # Whatever the reader can set is used, and whatever is used he can set (or it is the tests' own).
    told = set(re.findall(r"^#?#!define (MASK_\w+)", local, re.M))
    assert set(re.findall(r"MASK_\w+", script)) == told | {"MASK_LEAKY"}
    assert KAMAILIO.read_secret(BEARER.removeprefix("Bearer ")) == SECRET
