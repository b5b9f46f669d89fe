"""The vendors' own packages sign what we verify and build what we write. They are test dependencies only."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey
from plivo import plivoxml
from plivo.utils.signature_v3 import construct_post_url, get_signature_v3
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse
from vonage_jwt import verify_signature

from maskservice.telephony.plivo import PLIVO
from maskservice.telephony.telnyx import TELNYX
from maskservice.telephony.twilio import TWILIO
from maskservice.telephony.vonage import VONAGE
from tests.telephony import webhooks as given_by
from tests.telephony.webhooks import (
    CONNECT_POST_DIAL,
    FORM,
    GATHER,
    HANGUP,
    LINKS,
    NOW,
    PROVIDERS,
    RECIPIENT,
    STAMP,
    TOKEN,
    WHISPER,
    X,
    request,
    token,
    vonage_claims,
    with_headers,
)

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
forms = st.dictionaries(words.filter(bool), words, max_size=6)
paths = st.sampled_from(["/v1/pbx/pbx_1/calls", "/v1/pbx/pbx_1/calls?leg=2", "/x?b=2&a=1", "/x?a=%E9%99%B3&b="])
hosts = st.sampled_from(["https://mask.example.com", "https://mask.example.com:8443", "http://127.0.0.1:8000"])


def elements(xml: str | bytes) -> Iterator[tuple[str, dict[str, str], str]]:
    for each in ElementTree.fromstring(xml).iter():
        yield each.tag, dict(each.attrib), each.text or ""


@given(host=hosts, path=paths, said=forms)
def test_what_twilio_s_package_signs_is_let_in(host: str, path: str, said: dict[str, str]) -> None:
    signature = RequestValidator(TOKEN.decode()).compute_signature(host + path, said)
    headers = {"Content-Type": FORM, "X-Twilio-Signature": signature}
    assert TWILIO.verify(request(host + path, urlencode(said).encode(), headers), secrets=[TOKEN], now=NOW)


@given(host=hosts, path=paths, said=forms)
def test_what_the_tests_sign_is_let_in_by_twilio_s_package(host: str, path: str, said: dict[str, str]) -> None:
    sent = request(host + path, urlencode(said).encode(), {"Content-Type": FORM})
    signature = given_by.twilio_headers(sent, TOKEN)["X-Twilio-Signature"]
    assert RequestValidator(TOKEN.decode()).validate(host + path, said, signature)


@given(host=hosts, path=paths.filter(str.isascii), said=forms)
def test_what_plivo_s_package_signs_is_let_in(host: str, path: str, said: dict[str, str]) -> None:
    # Its reading of percent-encoded queries is Latin-1 by mistake: our own addresses have none.
    path = path.replace("%E9%99%B3", "x")
    base = construct_post_url(host + path, dict(said)).decode()
    signature = get_signature_v3(TOKEN.decode(), base, "05429567804466091622").decode()
    headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": "05429567804466091622"}
    sent = request(host + path, urlencode(said).encode(), {"Content-Type": FORM, **headers})
    assert PLIVO.verify(sent, secrets=[TOKEN], now=NOW)


def test_what_pyjwt_makes_for_vonage_is_let_in_and_the_reverse() -> None:
    asked = PROVIDERS["vonage"].ask()
    claims = vonage_claims(asked)
    made = jwt.encode(claims, TOKEN, algorithm="HS256")
    sent = with_headers(asked, {"Authorization": f"Bearer {made}"})
    assert VONAGE.verify(sent, secrets=[TOKEN], now=NOW) == claims["jti"]
    now = int(jwt.decode(made, TOKEN, algorithms=["HS256"], options={"verify_iat": False})["iat"])
    assert now == int(STAMP)
    assert verify_signature(token({"jti": "x"}, TOKEN), TOKEN.decode())
    assert not verify_signature(token({"jti": "x"}, TOKEN), "another-token-of-32-characters-xx")


@given(body=st.binary(max_size=200))
def test_what_nacl_signs_for_telnyx_is_let_in(body: bytes) -> None:
    key = SigningKey(TOKEN)
    signature = base64.b64encode(key.sign(STAMP.encode() + b"|" + body).signature).decode()
    headers = {"Content-Type": FORM, "Telnyx-Signature-Ed25519": signature, "Telnyx-Timestamp": STAMP}
    sent = request(LINKS.calls_url, body, headers)
    assert TELNYX.verify(sent, secrets=[bytes(key.verify_key)], now=NOW)


def test_twilio_s_package_builds_the_same_documents() -> None:
    asked = VoiceResponse()
    gather = Gather(
        input="dtmf",
        action=LINKS.next_leg_url,
        method="POST",
        timeout=8,
        finish_on_key="#",
        num_digits=4,
        action_on_empty_result=True,
        barge_in=True,
    )
    gather.say(GATHER.prompt.text, language="zh-TW")
    asked.append(gather)
    asked.redirect(LINKS.next_leg_url, method="POST")
    assert list(elements(TWILIO.write("c", GATHER, links=LINKS).body)) == list(elements(str(asked)))

    connected = VoiceResponse()
    dial = Dial(
        action=LINKS.next_leg_url, method="POST", answer_on_bridge=True, caller_id=X, time_limit=1800, timeout=30
    )
    dial.number(
        RECIPIENT,
        send_digits="wwww100",
        url=LINKS.whisper_url(WHISPER),
        method="POST",
        status_callback=LINKS.events_url,
        status_callback_event="ringing answered completed",
        status_callback_method="POST",
    )
    connected.append(dial)
    whispered = replace(CONNECT_POST_DIAL, whisper=WHISPER)
    assert list(elements(TWILIO.write("c", whispered, links=LINKS).body)) == list(elements(str(connected)))
    heard = VoiceResponse()
    heard.say(WHISPER.text.replace("<", " ").replace(">", " "), language="zh-TW")
    assert list(elements(TWILIO.write_whisper(WHISPER, links=LINKS).body)) == list(elements(str(heard)))

    ended = VoiceResponse()
    ended.say(HANGUP.prompt.text, language="zh-TW")
    ended.hangup()
    assert list(elements(TWILIO.write("c", HANGUP, links=LINKS).body)) == list(elements(str(ended)))


def test_plivo_s_package_builds_the_same_documents() -> None:
    asked = plivoxml.ResponseElement()
    asked.add(
        plivoxml.GetDigitsElement(
            action=LINKS.next_leg_url,
            method="POST",
            timeout=8,
            digit_timeout=8,
            finish_on_key="#",
            num_digits=4,
            retries=1,
            redirect=True,
        ).add(plivoxml.SpeakElement(GATHER.prompt.text, language="zh-TW"))
    )
    asked.add(plivoxml.RedirectElement(LINKS.next_leg_url, method="POST"))
    assert list(elements(PLIVO.write("c", GATHER, links=LINKS).body)) == list(elements(asked.to_string(False)))

    connected = plivoxml.ResponseElement()
    connected.add(
        plivoxml.DialElement(
            action=LINKS.next_leg_url,
            method="POST",
            caller_id=X[1:],
            time_limit=1800,
            timeout=30,
            confirm_sound=LINKS.whisper_url(WHISPER),
            callback_url=LINKS.events_url,
            callback_method="POST",
        ).add(plivoxml.NumberElement(RECIPIENT[1:], send_digits="wwww100"))
    )
    whispered = replace(CONNECT_POST_DIAL, whisper=WHISPER)
    ours = list(elements(PLIVO.write("c", whispered, links=LINKS).body))
    assert ours == list(elements(connected.to_string(False)))


def test_the_addresses_of_the_answers_are_plain() -> None:
    whisper = LINKS.whisper_url(WHISPER)
    for url in (LINKS.calls_url, LINKS.events_url, LINKS.next_leg_url, LINKS.next_event_url, whisper):
        assert json.loads(json.dumps(url)) == url
        assert dict(parse_qsl(urlsplit(url).query)).keys() <= {"leg", "prompt", "language", "shop"}
        # Nothing that two providers would percent-encode, and so sign, in two ways.
        assert set(urlsplit(url).query) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=&")


@pytest.mark.parametrize("secret", ["x", ""])
def test_an_oracle_can_say_no(secret: str) -> None:
    asked = PROVIDERS["twilio"].ask()
    said = dict(parse_qsl(asked.body.decode()))
    assert not RequestValidator(secret).validate(asked.url, said, asked.headers["X-Twilio-Signature"])
