"""The dialect of Asterisk: forms in, flat JSON out, a bearer in between."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from maskservice.domain.call import Bridge, BridgeEnd, Gather, Hangup, Outcome
from maskservice.domain.errors import InvalidContent, SignatureInvalid
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import MenuChoice, Prompt, PromptId, say, say_menu, say_whisper
from maskservice.telephony.asterisk import ASTERISK, event_of
from maskservice.telephony.asterisk_sounds import RECORDINGS, playlist
from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import CallEventKind, Links, UnreadableBody
from maskservice.telephony.request import WebhookRequest

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
BEARER = f"Bearer whsec_{base64.b64encode(SECRET).decode()}"
LINKS = Links.of("https://mask.example.com", "pbx_1")
LEG = {"call_id": "pbx1-1795504743.8", "from": "0987654321", "to": "0900000000", "digits": "", "leg": "1"}


def asked(
    fields: dict[str, str] | bytes,
    *,
    bearer: str | None = BEARER,
    content_type: str = "application/x-www-form-urlencoded",
) -> WebhookRequest:
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    headers = {"Content-Type": content_type} | ({} if bearer is None else {"authorization": bearer})
    return WebhookRequest("POST", "https://mask.example.com/v1/pbx/pbx_1/calls", headers, (), body)


def test_the_webhook_id_is_call_and_leg() -> None:
    assert ASTERISK.verify(asked(LEG), secrets=[OTHER, SECRET], now=NOW) == "pbx1-1795504743.8:1"
    assert ASTERISK.verify(asked({"call_id": "c.1", "dialstatus": ""}), secrets=[SECRET], now=NOW) == "c.1:end"
    # what cannot be read is refused by the reader, with the reason
    assert ASTERISK.verify(asked(b"{}", content_type="application/json"), secrets=[SECRET], now=NOW) == ""


@pytest.mark.parametrize(
    "bearer",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        BEARER.removeprefix("Bearer "),
        "Bearer whsec_",
        "Bearer whsec_QUJD",
        BEARER + "x",
        f"{BEARER}, {BEARER}",
        f"Basic {BEARER}",
        "Bearer whsec_\udcff",
        "Bearer " + "A" * 5000,
        f"Bearer whsec_{base64.b64encode(OTHER).decode()}",
    ],
)
def test_every_other_bearer_is_refused(bearer: str | None) -> None:
    with pytest.raises(SignatureInvalid) as refusal:
        ASTERISK.verify(asked(LEG, bearer=bearer), secrets=[SECRET], now=NOW)
    assert "whsec_A" not in str(refusal.value)


@pytest.mark.parametrize("secrets", [[], [b""], [b"short"]])
def test_a_lost_secret_opens_nothing(secrets: list[bytes]) -> None:
    with pytest.raises(SignatureInvalid):
        ASTERISK.verify(asked(LEG), secrets=secrets, now=NOW)


def test_a_leg_is_read() -> None:
    call = ASTERISK.read_call(asked(LEG | {"to": "0900000000#5678", "digits": "12"}))
    assert call.pbx_call_id == "pbx1-1795504743.8"
    assert call.caller == PhoneNumber("+886987654321")
    assert call.dialled is not None
    assert (call.dialled.virtual_number, call.dialled.extension, call.digits) == ("+886900000000", "5678", "12")


@pytest.mark.parametrize("caller", ["", "anonymous", "unknown", "0"])
def test_a_caller_that_is_none_is_nobody(caller: str) -> None:
    call = ASTERISK.read_call(asked(LEG | {"from": caller}))
    assert (call.caller, call.digits) == (None, None)


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"call_id": ""}, ["/call_id"]),
        ({"call_id": "a b"}, ["/call_id"]),
        ({"call_id": "x" * 121}, ["/call_id"]),
        ({"call_id": 'x"y'}, ["/call_id"]),
        ({"leg": "0"}, ["/leg"]),
        ({"leg": "100"}, ["/leg"]),
        ({"leg": "１"}, ["/leg"]),
        ({"leg": "", "call_id": ""}, ["/call_id", "/leg"]),
    ],
)
def test_wrong_fields_are_all_named(changes: dict[str, str], pointers: list[str]) -> None:
    with pytest.raises(InvalidContent) as refusal:
        ASTERISK.read_call(asked(LEG | changes))
    assert [error.pointer for error in refusal.value.errors] == pointers


def test_a_field_that_came_twice_counts_as_none() -> None:
    twice = urlencode(LEG).encode() + b"&to=0911111111&leg=2"
    with pytest.raises(InvalidContent) as refusal:
        ASTERISK.read_call(asked(twice))
    assert {error.pointer for error in refusal.value.errors} == {"/to", "/leg"}


@pytest.mark.parametrize(
    "body", [b"\xff\xfe=1", b"a=" + b"x" * 70_000, b"&".join(b"a%d=1" % each for each in range(300))]
)
def test_what_is_no_form_is_unreadable_and_still_answered(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        ASTERISK.read_call(asked(body))
    with pytest.raises(UnreadableBody):
        ASTERISK.read_event(asked(body))
    assert json.loads(ASTERISK.write_neutral_hangup(asked(body)).body)["action"] == "hangup"


def test_a_gather_is_flat_text() -> None:
    answer = Gather(say(PromptId.ENTER_EXTENSION), max_digits=4, attempts_left=3)
    written = ASTERISK.write("c-1", answer, links=LINKS)
    assert (written.status, written.content_type) == (200, "application/json")
    assert json.loads(written.body) == {
        "call_id": "c-1",
        "action": "gather",
        "prompt": "enter_extension",
        "play": "mask/enter_extension",
        "language": "zh-TW",
        "max_digits": "4",
        "timeout_s": "8",
        "attempts_left": "3",
    }


def test_a_connect_is_flat_text() -> None:
    answer = Bridge(PhoneNumber("+886223456789", "100"), "+886900000000", post_dial_digits="100")
    written = ASTERISK.write("c-1", answer, links=LINKS)
    assert json.loads(written.body) == {
        "call_id": "c-1",
        "action": "connect",
        "to": "+886223456789",
        "caller_id": "+886900000000",
        "post_dial_digits": "100",
        "ring_timeout_s": "30",
        "max_duration_s": "1800",
        "whisper": "",
        "language": "",
    }
    assert "223456789" not in repr(written)


def test_a_whisper_is_a_file_in_its_language() -> None:
    whisper = say_whisper("7-11&System(id)", language="en")
    answer = Bridge(PhoneNumber("+886912345678"), "+886900000000", whisper=whisper)
    told = json.loads(ASTERISK.write("c-1", answer, links=LINKS).body)
    assert (told["whisper"], told["language"]) == ("mask/whisper", "en")
    assert "System" not in str(told)


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ({"dialstatus": "NOANSWER", "cause": "16"}, BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ({"dialstatus": "BUSY", "cause": "17", "answered_s": ""}, BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
        ({"dialstatus": "CHANUNAVAIL", "cause": "21"}, BridgeEnd(Outcome.BUSY, None, Cause.REJECTED)),
        ({"dialstatus": "CHANUNAVAIL", "cause": "1"}, BridgeEnd(Outcome.FAILED, None, Cause.UNALLOCATED_NUMBER)),
        ({"dialstatus": "CONGESTION", "cause": "34"}, BridgeEnd(Outcome.FAILED, None, Cause.CONGESTION)),
        (
            {"dialstatus": "ANSWER", "cause": "16", "answered_s": "42"},
            BridgeEnd(Outcome.COMPLETED, 42, Cause.NORMAL_CLEARING),
        ),
        ({"dialstatus": "CANCEL"}, BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED)),
        ({"dialstatus": "SOMETHING"}, None),
        ({"dialstatus": "ANSWERED"}, None),
        ({"dialstatus": ""}, None),
        ({}, None),
    ],
)
def test_how_a_dial_ended_is_read(said: dict[str, str], ended: BridgeEnd | None) -> None:
    assert ASTERISK.read_call(asked(LEG | {"leg": "3"} | said)).bridge_ended == ended


def test_the_moment_of_the_answer_is_reported_by_a_word_of_the_dialplan_s() -> None:
    event = ASTERISK.read_event(asked({"call_id": "c.1", "to": "0900000000", "dialstatus": "ANSWERED"}))
    assert (event.event, event.cause, event.duration_s) == (CallEventKind.ANSWERED, Cause.UNKNOWN, None)


def test_nothing_is_said_after_a_talk() -> None:
    told = json.loads(ASTERISK.write("c-1", Hangup(None), links=LINKS).body)
    assert told == {"call_id": "c-1", "action": "hangup", "prompt": "", "play": "", "language": ""}


def test_a_hangup_is_the_neutral_one() -> None:
    written = ASTERISK.write("pbx1-1795504743.8", Hangup(say(PromptId.GOODBYE)), links=LINKS)
    assert written == ASTERISK.write_neutral_hangup(asked(LEG))
    assert ASTERISK.acknowledge(asked(LEG)).status == 204


@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_a_menu_is_told_in_recorded_words_and_digits(language: str) -> None:
    choices = (MenuChoice(1, "1234", "7-11，訂單"), MenuChoice(2, None), MenuChoice(3, "0042"))
    assert playlist(say_menu(choices, language=language)) == (
        "mask/choose_order"
        "&mask/order&digits/1&digits/2&digits/3&digits/4&mask/press&digits/1"
        "&mask/press&digits/2"
        "&mask/order&digits/0&digits/0&digits/4&digits/2&mask/press&digits/3"
    )


def test_nothing_else_than_names_of_files_is_played() -> None:
    assert all(re.fullmatch(r"[a-z0-9_/]+", name) for name in RECORDINGS)
    # All prompts but a tenant's own words, for which the neutral sentence is played, and two words of the menu.
    assert len(set(RECORDINGS)) == len(PromptId) - 1 + 2
    assert playlist(Prompt(PromptId.FROM_TENANT, "明天再送")) == playlist(say(PromptId.GOODBYE)) == "mask/goodbye"


@pytest.mark.parametrize(
    ("dialstatus", "cause", "kind", "why"),
    [
        ("ANSWER", "16", CallEventKind.COMPLETED, Cause.NORMAL_CLEARING),
        ("BUSY", "17", CallEventKind.BUSY, Cause.BUSY),
        ("NOANSWER", "16", CallEventKind.NO_ANSWER, Cause.NO_ANSWER),
        ("NOANSWER", "19", CallEventKind.NO_ANSWER, Cause.NO_ANSWER),
        ("CANCEL", "0", CallEventKind.CANCELED, Cause.CALLER_CANCELED),
        ("", "16", CallEventKind.CANCELED, Cause.CALLER_CANCELED),
        ("CHANUNAVAIL", "1", CallEventKind.FAILED, Cause.UNALLOCATED_NUMBER),
        ("CHANUNAVAIL", "21", CallEventKind.BUSY, Cause.REJECTED),
        ("CONGESTION", "34", CallEventKind.FAILED, Cause.CONGESTION),
        ("CONGESTION", "", CallEventKind.FAILED, Cause.CONGESTION),
        ("SOMETHING", "16", None, Cause.UNKNOWN),
        (None, "16", None, Cause.UNKNOWN),
    ],
)
def test_how_a_call_ended(dialstatus: str | None, cause: str, kind: CallEventKind | None, why: Cause) -> None:
    event = event_of("c.1", to="0900000000#5678", dialstatus=dialstatus, cause=cause, duration_s="12")
    assert (event.event, event.cause, event.virtual_number, event.duration_s) == (kind, why, "+886900000000", 12)


@pytest.mark.parametrize("duration", ["", "-1", "x", "86401", "9" * 30])
def test_a_report_is_never_refused_for_what_it_says(duration: str) -> None:
    fields = {"call_id": "c.1", "to": "x", "dialstatus": "ANSWER", "cause": "x", "duration_s": duration}
    event = ASTERISK.read_event(asked(fields))
    assert (event.pbx_call_id, event.virtual_number, event.duration_s) == ("c.1", None, None)


def test_a_report_names_its_call() -> None:
    with pytest.raises(InvalidContent):
        ASTERISK.read_event(asked({"dialstatus": "ANSWER"}))


def test_the_printed_settings_are_the_dialplan_s() -> None:
    text = ASTERISK.setup(pbx_id="pbx_1", base_url="https://mask.example.com/", secret="whsec_x")
    names = [line.partition("=")[0] for line in text.splitlines() if line.startswith("MASK_")]
    dialplan = (Path(__file__).parents[2] / "docs/pbx/asterisk/extensions.conf").read_text("utf-8")
    assert names == ["MASK_URL", "MASK_PBX", "MASK_SECRET"]
    assert all(re.search(rf"^{name}=", dialplan, re.M) for name in names)
    assert "MASK_URL=https://mask.example.com/v1/pbx/pbx_1\n" in text
    assert ASTERISK.read_secret(BEARER.removeprefix("Bearer ")) == SECRET
