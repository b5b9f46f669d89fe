"""The dialect of FreeSWITCH: what mod_httapi posts, byte for byte, and the documents it is answered with.

Synthetic: FreeSWITCH is in no Debian suite and was never run. The requests are written after the sources that
telephony/freeswitch.py names, as ``switch_event_build_param_string`` writes them with the profile of ``setup``.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, Outcome
from maskservice.domain.causes import Cause
from maskservice.domain.errors import InvalidContent, SignatureInvalid
from maskservice.domain.masked import Dialled
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import MenuChoice, Prompt, PromptId, say, say_menu, say_whisper
from maskservice.telephony.dialect import UnreadableBody
from maskservice.telephony.freeswitch import BUFFER, FREESWITCH
from maskservice.telephony.request import WebhookRequest
from tests.telephony.httapi import AFTER_BRIDGE, FIRST, UUID, asked, reported
from tests.telephony.webhooks import (
    BASE,
    CONNECT,
    CONNECT_POST_DIAL,
    COURIER,
    FORM,
    GATHER,
    HANGUP,
    LINKS,
    NOW,
    TOKEN,
    X,
    freeswitch_headers,
    request,
    whsec,
)

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


def verified(each: WebhookRequest) -> str:
    return FREESWITCH.verify(each, secrets=[TOKEN], now=NOW)


# What it asks


@pytest.mark.parametrize(
    ("body", "leg", "caller", "dialled", "digits"),
    [
        (FIRST, 1, COURIER, Dialled(X, None), None),
        (FIRST + "&exten=5678", 2, COURIER, Dialled(X, None), "5678"),
        # the finishing key is taken in by the binding, before as well as after
        (FIRST + "&exten=56%23", 2, COURIER, Dialled(X, None), "56"),
        (FIRST + "&exten=%235678", 3, COURIER, Dialled(X, None), "5678"),
        (FIRST + "&exten=*12", 2, COURIER, Dialled(X, None), "*12"),
        (FIRST + "&exten=&", 2, COURIER, Dialled(X, None), ""),
        (FIRST + "&exten=1&exten=2", 2, COURIER, Dialled(X, None), None),
        (FIRST.replace("=0900000000", "=0900000000%235678"), 1, COURIER, Dialled(X, "5678"), None),
        (FIRST.replace("=0900000000", "=%2B886900000000"), 1, COURIER, Dialled(X, None), None),
        (FIRST.replace("=0900000000", "=connect"), 1, COURIER, None, None),
        (FIRST.replace("=0987654321", "=anonymous"), 1, None, Dialled(X, None), None),
        (FIRST.replace("=0987654321", "="), 1, None, Dialled(X, None), None),
        (FIRST.replace("=0987654321", "=%24%7Bx%7D%2C"), 1, None, Dialled(X, None), None),
        # the carrier tells it, its owner had it withheld
        (FIRST.replace("Number=false", "Number=true"), 1, None, Dialled(X, None), None),
        (FIRST + "&Caller-Caller-ID-Number=0911111111", 1, None, Dialled(X, None), None),
    ],
)
def test_a_leg_is_read(body: str, leg: int, caller: str | None, dialled: Dialled | None, digits: str | None) -> None:
    call = FREESWITCH.read_call(asked(body, leg=leg))
    assert call.pbx_call_id == UUID
    assert call.caller == (None if caller is None else PhoneNumber.from_e164(caller))
    assert (call.dialled, call.digits) == (dialled, digits)


def test_a_get_says_the_same_in_its_query() -> None:
    got = request(f"{LINKS.calls_url}?leg=2&{FIRST}&exten=5678", b"", {}, method="GET")
    assert FREESWITCH.read_call(got) == FREESWITCH.read_call(asked(FIRST + "&exten=5678", leg=2))
    got = replace(got, headers=freeswitch_headers(got, TOKEN))
    assert verified(got) == verified(asked(FIRST, leg=2))
    with pytest.raises(UnreadableBody):
        FREESWITCH.read_call(replace(got, query=(("a", "1"),) * 201))


def test_the_webhook_id_is_call_and_leg() -> None:
    ids = [verified(asked(body, leg=leg)) for body in (FIRST, FIRST.replace("2b8", "3b8")) for leg in (1, 2)]
    assert len({*ids, verified(asked(FIRST + "&exiting=true"))}) == 5
    assert verified(asked(FIRST + "&exten=1", leg=2)) == verified(asked(FIRST + "&exten=2", leg=2)) == ids[1]


@pytest.mark.parametrize(
    "password", ["", "x", "whsec_", "whsec_QUJD", TOKEN.decode(), whsec(TOKEN) + "x", whsec(bytes(32)), "密"]
)
def test_every_other_password_is_refused(password: str) -> None:
    for pair in (f"pbx_1:{password}", password, f"{whsec(TOKEN)}:{password}", f":{password}:"):
        header = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        with pytest.raises(SignatureInvalid) as refused:
            verified(replace(asked(FIRST), headers=header))
        assert len(password) < 7 or password not in str(refused.value)


def test_the_user_s_name_may_be_any() -> None:
    for name in ("", "pbx_1", "anybody"):
        pair = base64.b64encode(f"{name}:{whsec(TOKEN)}".encode()).decode()
        assert verified(replace(asked(FIRST), headers={"Content-Type": FORM, "authorization": f"Basic {pair}"}))


def test_the_end_of_a_call_is_no_leg_of_it() -> None:
    for body in (FIRST + "&exiting=true", FIRST + "&exiting=", FIRST + "&exiting=true&exiting=true"):
        with pytest.raises(InvalidContent) as refused:
            FREESWITCH.read_call(asked(body, leg=2))
        assert [error.pointer for error in refused.value.errors] == ["/exiting"]


# What it is answered


def document(work: str, before: str = "") -> str:
    return f'{DECLARATION}<document type="xml/freeswitch-httapi">{before}<work>{work}</work></document>'


ASK = document(
    f'<execute application="answer" action="{BASE}/v1/pbx/pbx_1/events" />'
    '<playback name="exten" file="file_string://mask/zh-TW/enter_extension.wav" digit-timeout="8000"'
    ' input-timeout="12000">'
    r"<bind>=~^\#*[0-9*]{4}$</bind><bind>=~^\#*[0-9*]{1,4}\#$</bind><bind>~^\#*[0-9*]{1,4}$</bind></playback>"
    '<playback file="silence_stream://20" />'
    f'<continue action="{BASE}/v1/pbx/pbx_1/calls?leg=2" />'
)
CONNECTED = document(
    f'<dial context="mask-connect" action="{BASE}/v1/pbx/pbx_1/events?leg=2">connect</dial>',
    "<params><mask_x>+886900000000</mask_x></params>"
    "<variables><mask_to>+886912345678</mask_to><mask_caller_id>+886900000000</mask_caller_id><mask_post_dial />"
    "<mask_ring_timeout_s>30</mask_ring_timeout_s><mask_max_duration_s>1800</mask_max_duration_s>"
    "<mask_whisper /></variables>",
)
WHISPERING = CONNECTED.replace("<mask_whisper />", "<mask_whisper>zh-TW/whisper</mask_whisper>")
END = document(
    f'<execute application="answer" action="{BASE}/v1/pbx/pbx_1/events" />'
    '<playback file="file_string://mask/zh-TW/goodbye.wav" /><hangup cause="NORMAL_CLEARING" />'
)
NEUTRAL = END.replace(f' action="{BASE}/v1/pbx/pbx_1/events"', "")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (GATHER, ASK),
        (CONNECT, CONNECTED),
        (CONNECT_POST_DIAL, CONNECTED.replace("<mask_post_dial />", "<mask_post_dial>100</mask_post_dial>")),
        (replace(CONNECT, whisper=say_whisper("商店")), WHISPERING),
        (replace(CONNECT, whisper=say_whisper("Shop", language="en")), WHISPERING.replace("zh-TW", "en")),
        # what is recorded in no language is left out, and the two are bridged all the same
        (replace(CONNECT, whisper=Prompt(PromptId.WHISPER, "x", "../x")), CONNECTED),
        (replace(CONNECT, whisper=say(PromptId.GOODBYE)), CONNECTED),
        (HANGUP, END),
        (Hangup(None), document('<hangup cause="NORMAL_CLEARING" />')),
        (Hangup(say(PromptId.GOODBYE, language="en")), END.replace("zh-TW", "en")),
    ],
)
def test_an_answer_byte_for_byte(answer: Answer, expected: str) -> None:
    written = FREESWITCH.write(UUID, answer, links=LINKS)
    assert (written.body.decode(), written.status) == (expected, 200)
    assert written.content_type.startswith("text/xml")  # for any other mod_httapi gives up


def test_a_menu_is_told_in_recorded_words_and_digits() -> None:
    choices = (MenuChoice(1, "1234", "7-11，訂單"), MenuChoice(2, None))
    menu = Gather(say_menu(choices, language="en"), max_digits=1, attempts_left=1)
    root = ElementTree.fromstring(FREESWITCH.write(UUID, menu, links=LINKS).body)
    played = root.find("work/playback")
    assert played is not None
    names = ("choose_order", "order", *(f"digits/{n}" for n in "1234"), "press", "digits/1", "press", "digits/2")
    assert played.get("file") == "file_string://" + "!".join(f"mask/en/{name}.wav" for name in names)


@given(language=st.text())
def test_no_language_leads_out_of_the_folder(language: str) -> None:
    for hostile in (language, "../../etc", "en/../..", "x!y"):
        body = FREESWITCH.write(UUID, Hangup(Prompt(PromptId.GOODBYE, "x", hostile)), links=LINKS).body.decode()
        assert re.search(r'"file_string://mask/[A-Za-z-]+/goodbye\.wav"', body)


@pytest.mark.parametrize(
    ("keyed", "binding"),
    [
        ("5678", 0), ("56*8", 0), ("#5678", 0), ("##5678", 0), ("5678#", 1), ("5#", 1), ("#5#", 1), ("5", 2),
        ("567", 2), ("#56", 2), ("#", None), ("", None), ("A", None),
    ],
)  # fmt: skip
def test_what_is_keyed_finds_its_binding(keyed: str, binding: int | None) -> None:
    """As switch_ivr_dmachine_check_match: '=' is taken at once, the last one when keying pauses."""
    root = ElementTree.fromstring(FREESWITCH.write(UUID, GATHER, links=LINKS).body)
    patterns = [each.text or "" for each in root.iter("bind")]
    assert [each.startswith("=~") for each in patterns] == [True, True, False]
    found = [n for n, each in enumerate(patterns) if re.search(each.lstrip("=").removeprefix("~"), keyed)]
    assert (found[0] if found else None) == binding


def test_nothing_but_digits_is_dialled_or_shown() -> None:
    for to in ("+886912345678,sofia/gateway/x/1", "+886912345678|1", "{a=b}+886912345678", "${x}", "0912345678", ""):
        for bridge in (Bridge(Revealing(to), X), replace(CONNECT, caller_id=to)):  # type: ignore[arg-type]
            with pytest.raises(ValueError, match=r"^a number to be dialled or shown is not E\.164$"):
                FREESWITCH.write(UUID, bridge, links=LINKS)
    for digits in ("1,2", "w1", "${x}", "1 2", "</x>", "１", "1" * 33):
        with pytest.raises(ValueError, match="not digits"):
            FREESWITCH.write(UUID, replace(CONNECT, post_dial_digits=digits), links=LINKS)


class Revealing:
    def __init__(self, number: str) -> None:
        self.number = number

    def reveal(self) -> str:
        return self.number


def test_no_document_fills_the_buffer() -> None:
    """mod_httapi parses nothing where ``switch_buffer_len`` is no more than what was written."""
    lengths = set()
    for extra in range(BUFFER + 1):
        links = replace(LINKS, events_url=LINKS.events_url + "x" * extra)
        body = FREESWITCH.write(UUID, GATHER, links=links).body
        ElementTree.fromstring(body)
        lengths.add((len(body) + 1) % BUFFER)
    assert 0 not in lengths
    assert len(lengths) == BUFFER - 1


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ("dispo=USER_BUSY failed=USER_BUSY", BridgeEnd(Outcome.BUSY, None, Cause.BUSY)),
        ("dispo=NO_ANSWER", BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        # the time-out of a leg that was to be whispered to
        ("dispo=ALLOTTED_TIMEOUT", BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER)),
        ("dispo=GATEWAY_DOWN", BridgeEnd(Outcome.FAILED, None, Cause.NETWORK_FAILURE)),
        ("dispo=ORIGINATOR_CANCEL", BridgeEnd(Outcome.CANCELED, None, Cause.CALLER_CANCELED)),
        ("dispo=call+accepted from=1000 until=1036 last=NORMAL_CLEARING",
         BridgeEnd(Outcome.COMPLETED, 36, Cause.NORMAL_CLEARING)),
        # the dialplan would not dial
        ("", BridgeEnd(Outcome.FAILED, None, Cause.UNKNOWN)),
    ],
)  # fmt: skip
def test_what_is_next_is_asked_with_how_the_bridge_ended(said: str, ended: BridgeEnd) -> None:
    call = FREESWITCH.read_call(asked(reported(said), leg=3, what="events"))
    assert (call.pbx_call_id, call.caller, call.dialled) == (UUID, PhoneNumber(COURIER), Dialled(X, None))
    assert call.bridge_ended == ended


def test_before_a_connect_no_bridge_has_ended() -> None:
    """Whatever variables the channel came with."""
    first = asked(FIRST + "&variable_originate_disposition=USER_BUSY")
    assert FREESWITCH.read_call(first).bridge_ended is None


def test_a_caller_who_is_still_there_hears_something() -> None:
    busy = asked(AFTER_BRIDGE + "&variable_originate_disposition=USER_BUSY", what="events")
    assert FREESWITCH.acknowledge(busy).body.decode() == NEUTRAL == FREESWITCH.write_neutral_hangup(busy).body.decode()
    for over in (busy.body + b"&exiting=true", b"", b"\xff", b"x=1"):
        assert (FREESWITCH.acknowledge(replace(busy, body=over)).status) == 204
