"""What holds for every provider's dialect: who is let in, which requests are one, what is read, that nothing leaks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.call import Answer, Gather, Hangup
from maskservice.domain.errors import InvalidContent, SignatureInvalid
from maskservice.domain.masked import Dialled
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import Prompt, PromptId, say
from maskservice.telephony import NATIVE, likely_dialect
from maskservice.telephony.dialect import Links, UnreadableBody, Written
from maskservice.telephony.request import WebhookRequest
from tests.telephony.webhooks import (
    BASE,
    CONNECT,
    CONNECT_POST_DIAL,
    COURIER,
    FORM,
    GATHER,
    HANGUP,
    LINKS,
    MENU,
    NOW,
    OTHER,
    PROVIDERS,
    RECIPIENT,
    TOKEN,
    Provider,
    X,
    recorded,
    request,
    with_headers,
)

every = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS.keys())
TIMED = {"telnyx", "vonage", "jambonz"}
SIGNED_URL = {"twilio", "signalwire", "plivo"}
# No signature: the secret itself is sent, the leg alone tells requests of a call apart, and prompts are recordings.
UNSIGNED = {"freeswitch"}
signing = pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - UNSIGNED))


def text_of(written: Written) -> str:
    """All that would be spoken, after the provider's own parser."""
    if written.content_type == "application/json":
        verbs = json.loads(written.body)
        return "".join(verb.get("text", "") + verb.get("say", {}).get("text", "") for verb in verbs)
    return "".join(
        recorded(each.get("file", "")) if each.tag == "playback" else each.text or ""
        for each in ElementTree.fromstring(written.body).iter()
        if each.tag in ("Say", "Speak", "playback")
    )


# Who is let in


@every
def test_a_signed_request_is_let_in(provider: Provider) -> None:
    for asked in (provider.ask(), provider.ask(digits="5678", leg=2), provider.ask(caller=None, digits="")):
        webhook_id = provider.verify(asked)
        assert 1 <= len(webhook_id) <= 128
        assert webhook_id.isascii()


@every
@pytest.mark.parametrize("secrets", [(TOKEN, OTHER), (OTHER, TOKEN)])
def test_either_secret_is_valid_during_a_rotation(provider: Provider, secrets: tuple[bytes, bytes]) -> None:
    assert provider.verify(provider.ask(), *secrets) == provider.verify(provider.ask())


@every
def test_another_secret_or_none_is_refused(provider: Provider) -> None:
    asked = provider.ask()
    for secrets in ([provider.key(OTHER)], [], [b""], [b"", provider.key(OTHER)], [b"x"]):
        with pytest.raises(SignatureInvalid):
            provider.dialect.verify(asked, secrets=secrets, now=NOW)


@pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - {"telnyx"}))
def test_a_lost_secret_opens_nothing(name: str) -> None:
    """Anybody can sign with the empty key."""
    provider = PROVIDERS[name]
    unsigned = replace(provider.ask(), headers={"Content-Type": provider.ask().header("Content-Type") or ""})
    forged = provider.signed(unsigned, b"")
    with pytest.raises(SignatureInvalid):
        provider.dialect.verify(forged, secrets=[b""], now=NOW)


@signing
def test_another_body_is_refused(name: str) -> None:
    provider = PROVIDERS[name]
    asked = provider.ask(digits="5678")
    for body in (asked.body.replace(b"5678", b"5679"), asked.body[:-1], b"", asked.body + b"&x=1", b"\xff\x00" * 40):
        with pytest.raises(SignatureInvalid):
            provider.verify(replace(asked, body=body))


@pytest.mark.parametrize("name", sorted(SIGNED_URL))
def test_another_address_is_refused(name: str) -> None:
    asked = PROVIDERS[name].ask(leg=2)
    for old, new in (("leg=2", "leg=3"), ("pbx_1", "pbx_2"), ("https", "http"), ("example.com", "example.org")):
        with pytest.raises(SignatureInvalid):
            PROVIDERS[name].verify(replace(asked, url=asked.url.replace(old, new)))


@every
def test_every_header_is_needed_and_garbage_in_it_is_refused(provider: Provider) -> None:
    asked = provider.ask()
    for name in asked.headers.keys() - {"Content-Type"}:
        value = asked.headers[name]
        for garbage in (
            "", " ", value[:-1], value[1:], value[: len(value) // 2], value.swapcase() + "=", "x" + value,
            "簽章", "\udcff", "\xff\xfe", "A" * 100_000, ",".join(["x"] * 5000), value + "\x00", "null", "{}", "=" * 88,
            "t=1,v1=", "t=,v1=a", "Bearer", "Bearer ..", "Bearer a.b.c", "Bearer " + "." * 5000, "-1", "1e999", "NaN",
        ):  # fmt: skip
            with pytest.raises(SignatureInvalid):
                provider.verify(with_headers(asked, {name: garbage}))
        without = {each: kept for each, kept in asked.headers.items() if each != name}
        with pytest.raises(SignatureInvalid):
            provider.verify(replace(asked, headers=without))
        with pytest.raises(SignatureInvalid):
            provider.verify(replace(asked, headers={**asked.headers, name.swapcase(): value}))


@every
def test_header_names_are_read_in_any_case(provider: Provider) -> None:
    asked = provider.ask()
    shouted = {name.upper(): value for name, value in asked.headers.items()}
    assert provider.verify(replace(asked, headers=shouted)) == provider.verify(asked)


@every
@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_stale_requests_are_refused_where_the_time_is_signed(provider: Provider, seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    if provider.dialect.name in TIMED:
        with pytest.raises(SignatureInvalid, match=r"clocks|five minutes"):
            provider.verify(provider.ask(), now=now)
    else:
        assert provider.verify(provider.ask(), now=now) == provider.verify(provider.ask())


@every
@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_either_way_are_tolerated(provider: Provider, seconds: int) -> None:
    assert provider.verify(provider.ask(), now=NOW + timedelta(seconds=seconds))


@every
def test_naive_times_are_refused(provider: Provider) -> None:
    with pytest.raises(ValueError, match="naive"):
        provider.verify(provider.ask(), now=datetime(2026, 11, 24))  # noqa: DTZ001 - the mistake that is tested


@every
def test_a_refusal_repeats_nothing_that_was_sent(provider: Provider) -> None:
    asked = provider.ask(caller=RECIPIENT)
    for name in asked.headers.keys() - {"Content-Type"}:
        with pytest.raises(SignatureInvalid) as refused:
            provider.verify(with_headers(asked, {name: "0912345678"}))
        assert "912345678" not in f"{refused.value} {refused.value.detail} {refused.value.__cause__!r}"


# Which requests are one


@every
def test_a_request_sent_again_is_the_same_one(provider: Provider) -> None:
    again = provider.ask(digits="5678", leg=2)
    assert provider.verify(again) == provider.verify(provider.ask(digits="5678", leg=2))


@every
def test_the_next_leg_is_another_one_though_it_keys_the_same(provider: Provider) -> None:
    ids = {provider.verify(provider.ask(digits=digits, leg=leg)) for leg in (2, 3, 4) for digits in ("", "5678")}
    assert len(ids) == (3 if provider.dialect.name in UNSIGNED else 6)


@every
def test_another_call_is_another_one(provider: Provider) -> None:
    other = provider.said() | {provider.call_id: "call-2"}
    body = json.dumps(other) if provider.as_json else urlencode(other)
    unsigned = replace(provider.ask(), body=body.encode())
    asked = provider.signed(replace(unsigned, headers={"Content-Type": unsigned.headers["Content-Type"]}))
    assert provider.verify(asked) != provider.verify(provider.ask())


@every
def test_an_answer_asks_for_the_next_leg(provider: Provider) -> None:
    for leg in (1, 2, 98):
        written = provider.dialect.write("call-1", GATHER, links=replace(LINKS, leg=leg))
        url = f"{BASE}/v1/pbx/pbx_1/calls?leg={leg + 1}"
        assert url in written.body.decode()
        assert request(url, b"", {}).leg == leg + 1


# What is read


@every
def test_a_call_is_read(provider: Provider) -> None:
    call = provider.dialect.read_call(provider.ask())
    assert call.pbx_call_id == "call-1"
    assert call.caller == PhoneNumber.from_e164(COURIER)
    assert call.dialled == Dialled(X, None)
    assert call.digits is None


@every
@pytest.mark.parametrize("digits", ["5678", "", "1", "*12", "0" * 40])
def test_digits_come_through_as_they_were_keyed(provider: Provider, digits: str) -> None:
    assert provider.dialect.read_call(provider.ask(digits=digits, leg=2)).digits == digits


WITHHELD = [
    "anonymous", "Anonymous", "ANONYMOUS", "Restricted", "restricted", "unknown", "Unknown", "unavailable", "private",
    "blocked", "+266696687", "266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "", " ", "null", "+",
    "sip:anonymous@anonymous.invalid", "Anonymous <sip:c8oqz84zk7z@privacy.org>",
]  # fmt: skip


@every
@pytest.mark.parametrize("caller", [*WITHHELD, None])
def test_a_withheld_caller_is_nobody_in_every_spelling(provider: Provider, caller: str | None) -> None:
    assert provider.dialect.read_call(provider.ask(caller=caller)).caller is None


@every
def test_a_request_without_its_call_is_refused_and_nothing_is_repeated(provider: Provider) -> None:
    for wrong in ("", "a b", "x" * 129, "a\u200b"):
        said = provider.said(caller=RECIPIENT) | {provider.call_id: wrong}
        body = json.dumps(said).encode() if provider.as_json else urlencode(said).encode()
        for read in (provider.dialect.read_call, provider.dialect.read_event):
            with pytest.raises(InvalidContent) as refused:
                read(replace(provider.ask(), body=body))
            assert [error.pointer for error in refused.value.errors] == [f"/{provider.call_id}"]
            assert "912345678" not in repr(refused.value.errors)


@every
@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[]", b"null", b"[" * 60_000, b"a=1&" * 201, b"x" * 65_537, b"%ff=%fe"]
)
def test_garbage_is_refused_in_two_ways_only_and_always_answered(provider: Provider, body: bytes) -> None:
    for sent in (replace(provider.ask(), body=body), request(LINKS.calls_url, body, {}), request("", body, {"a": "b"})):
        for read in (provider.dialect.read_call, provider.dialect.read_event):
            with pytest.raises((UnreadableBody, InvalidContent)):
                read(sent)
        assert text_of(provider.dialect.write_neutral_hangup(sent)) == say(PromptId.GOODBYE).text
        assert provider.dialect.acknowledge(sent).status in (200, 204)


# That nothing leaks


@every
def test_no_repr_shows_a_number(provider: Provider) -> None:
    asked = provider.ask(caller=RECIPIENT, digits="5678")
    written = provider.dialect.write("call-1", CONNECT, links=LINKS)
    assert b"912345678" in written.body
    shown = f"{asked} {asked!r} {provider.dialect.read_call(asked)!r} {written!r} {written} {provider.dialect!r}"
    assert "912345678" not in shown


@every
def test_only_a_connect_holds_the_number_and_no_address_does(provider: Provider) -> None:
    for answer in (GATHER, MENU, HANGUP):
        assert b"912345678" not in provider.dialect.write("call-1", answer, links=LINKS).body
    for answer in (CONNECT, CONNECT_POST_DIAL):
        body = provider.dialect.write("call-1", answer, links=LINKS).body.decode()
        assert body.count("912345678") == 1
        assert COURIER.removeprefix("+") not in body


@every
@pytest.mark.parametrize("dressed", [CONNECT, CONNECT_POST_DIAL])
def test_a_connect_shows_x_and_keeps_its_times(provider: Provider, dressed: Answer) -> None:
    body = provider.dialect.write("call-1", dressed, links=LINKS).body.decode()
    assert provider.number(X) in body
    assert "30" in body
    assert "1800" in body
    assert ("100" in body.replace("1800", "")) is (dressed is CONNECT_POST_DIAL)


@every
@pytest.mark.parametrize("answer", [GATHER, MENU, HANGUP])
def test_prompts_are_spoken_whole(provider: Provider, answer: Gather | Hangup) -> None:
    expected = answer.prompt.text.replace("<", " ").replace(">", " ")
    if provider.dialect.name in UNSIGNED and answer is MENU:
        expected = ""  # in recorded words and digits: test_freeswitch.py
    assert text_of(provider.dialect.write("call-1", answer, links=LINKS)) == expected


HOSTILE = [
    "</Say></Gather><Dial>+886912345678</Dial><Gather><Say>", '"><Hangup/>', "]]><Dial/>", "<!--", "&lt;Dial&gt;",
    "<speak><audio src='https://evil.example'/></speak>", "&amp;&#60;Dial/&#62;", "\x00\x08\x1b\ufffe\ud800", "<?xml?>",
    '"},{"verb":"hangup"', "\\u003c\\", "${x}", "甲＜乙",
]  # fmt: skip


@every
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_prompt_never_becomes_markup(provider: Provider, text: str) -> None:
    for make in (lambda prompt: Gather(prompt, max_digits=4, attempts_left=1), Hangup):
        hostile = provider.dialect.write("c", make(Prompt(PromptId.CHOOSE_ORDER, text)), links=LINKS)
        tame = provider.dialect.write("c", make(Prompt(PromptId.CHOOSE_ORDER, "x")), links=LINKS)
        assert structure(hostile) == structure(tame)
        assert not set(text_of(hostile)) & set("<>\x00\x08\x1b\ufffe\ud800")


def structure(written: Written) -> object:
    if written.content_type != "application/json":
        return [(each.tag, sorted(each.attrib.items())) for each in ElementTree.fromstring(written.body).iter()]
    verbs = json.loads(written.body)
    return [sorted((name, str(value)) for name, value in verb.items() if name not in ("text", "say")) for verb in verbs]


@every
def test_set_up_names_the_addresses_and_no_secret(provider: Provider) -> None:
    text = provider.dialect.setup(pbx_id="pbx_1", base_url=BASE + "/", secret="the-secret")
    assert f"{BASE}/v1/pbx/pbx_1/calls" in text
    assert f"{BASE}/v1/pbx/pbx_1/events" in text
    ours = provider.dialect.name in UNSIGNED
    assert ("the-secret" in text) is ours
    assert provider.dialect.secret_form.ours is ours
    assert not provider.dialect.reads_problems


@every
@pytest.mark.parametrize("text", ["", "short", "with space in the midst", "x" * 257, "密鑰" * 16, "a" * 20 + "\n"])
def test_garbled_secrets_are_refused_without_repeating_them(provider: Provider, text: str) -> None:
    with pytest.raises(ValueError, match=r"copy it whole|webhook secret") as refused:
        provider.dialect.read_secret(text)
    assert not text or text not in str(refused.value)
    assert refused.value.__cause__ is None


@every
def test_a_request_looks_like_its_dialect(provider: Provider) -> None:
    assert likely_dialect(provider.ask()) is provider.dialect


def test_a_request_that_looks_like_none_is_answered_natively() -> None:
    for headers in ({}, {"webhook-id": "1", "webhook-signature": "v1,x"}, {"X-Twilio-Signature": ""}):
        assert likely_dialect(request(LINKS.calls_url, b"", headers)) is NATIVE
    both = {"X-Twilio-Signature": "x", "X-SignalWire-Signature": "x"}
    assert likely_dialect(request(LINKS.calls_url, b"", both)).name == "signalwire"


# Fuzz

HEADERS = """Content-Type Authorization Jambonz-Signature X-Twilio-Signature X-Twilio-Webhooks-Signature-Settings
X-SignalWire-Signature X-SignalWire-Sha256-Signature telnyx-signature-ed25519 telnyx-timestamp X-Plivo-Signature-V3
X-Plivo-Signature-V3-Nonce"""
FIELDS = """CallSid From To Digits ParentCallSid CallStatus DialCallStatus DialCallDuration Timestamp SipResponseCode
CallUUID DialStatus DialAction DialBLegHangupCause DialALegUUID Duration HangupCause call_sid parent_call_sid from to
digits call_status dial_call_status sip_status duration conversation_uuid uuid status direction timestamp sip_code
dtmf session_id exiting exten mask_x Caller-Caller-ID-Number Caller-Destination-Number Caller-Privacy-Hide-Number
variable_originate_disposition variable_originate_failed_cause variable_hangup_cause variable_hangup_cause_q850
variable_bridge_epoch variable_end_epoch"""
names = st.sampled_from(HEADERS.split())
values = (
    st.text()
    | st.text(alphabet='v1t=,.Bearer AB09+/_-{}"', max_size=200)
    | st.sampled_from([FORM, "Bearer e30.e30.e30", "Basic cGJ4OndoX3NlYw==", "Basic ///="])
)
urls = st.text() | st.sampled_from(
    [LINKS.calls_url, "https://[::1", "https://a:99999/", "//", "https://x?bodySHA256=", "\ud800"]
)
queries = st.lists(st.tuples(st.sampled_from(["leg", "bodySHA256", "from"]) | st.text(), st.text()), max_size=4)
requests = st.builds(
    WebhookRequest,
    st.sampled_from(["POST", "GET", "PUT", ""]),
    urls,
    st.dictionaries(names, values),
    queries,
    st.binary()
    | st.sampled_from(
        [b"CallSid=1&CallSid=2", b'{"a":"\\ud800"}', b"{}", b"%ud800=1", b"session_id=1&exiting=true&session_id=2"]
    ),
)


@every
@given(sent=requests, secrets=st.lists(st.binary(max_size=70), max_size=3))
def test_no_garbage_raises_anything_else(provider: Provider, sent: WebhookRequest, secrets: list[bytes]) -> None:
    with pytest.raises(SignatureInvalid):
        provider.dialect.verify(sent, secrets=secrets, now=NOW)


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)
fields = st.sampled_from(FIELDS.split())


@every
@given(said=st.dictionaries(fields, json_values))
def test_whatever_is_said_is_read_or_refused(provider: Provider, said: dict[str, object]) -> None:
    body = json.dumps(said).encode() if provider.as_json else urlencode(said, errors="replace").encode()
    sent = replace(provider.ask(), body=body)
    for read in (provider.dialect.read_call, provider.dialect.read_event):
        try:
            read(sent)
        except (UnreadableBody, InvalidContent):
            continue
    assert provider.dialect.acknowledge(sent).status in (200, 204)


@every
@given(text=st.text(), language=st.sampled_from(["zh-TW", "en"]))
def test_any_prompt_makes_a_document(provider: Provider, text: str, language: str) -> None:
    written = provider.dialect.write("c", Hangup(Prompt(PromptId.GOODBYE, text, language)), links=Links("", ""))
    assert "<" not in text_of(written)
