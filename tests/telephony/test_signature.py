from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from maskservice.domain.errors import SignatureInvalid
from maskservice.telephony.signature import (
    ID_HEADER,
    MOST_SIGNATURES,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    new_secret_text,
    parse_secret,
    sign,
    verify,
)

SECRET, OTHER = bytes(range(24)), bytes(range(100, 132))
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
BODY = '{"call_id":"c-1","note":"您好"}'.encode()


def headers(**changes: str) -> dict[str, str]:
    """A valid request's headers, some of them replaced: id, timestamp, signature."""
    return sign(secret=SECRET, webhook_id="msg_1", sent_at=NOW, body=BODY) | {
        f"webhook-{name}": value for name, value in changes.items()
    }


def test_known_answer_of_the_specification() -> None:
    # The example of the Standard Webhooks documentation, also in its reference libraries' own tests.
    signed = sign(
        secret=parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        sent_at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
    )
    assert signed[SIGNATURE_HEADER] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_package_accepts_ours() -> None:
    signed = sign(secret=SECRET, webhook_id="msg_1", sent_at=datetime.now(UTC), body=BODY)
    assert Webhook(new_secret_text(SECRET)).verify(BODY, signed) == json.loads(BODY)


def test_ours_accepts_the_reference_package() -> None:
    now = datetime.now(UTC)
    signature = Webhook(new_secret_text(SECRET)).sign(msg_id="msg_2", timestamp=now, data=BODY.decode())
    sent = {"Webhook-Id": "msg_2", "Webhook-Timestamp": str(int(now.timestamp())), "Webhook-Signature": signature}
    assert verify(headers=sent, body=BODY, secrets=[SECRET], now=now) == "msg_2"


@pytest.mark.parametrize("secrets", [[SECRET], [SECRET, OTHER], [OTHER, SECRET]])
def test_either_secret_is_valid_during_a_rotation(secrets: list[bytes]) -> None:
    assert verify(headers=headers(), body=BODY, secrets=secrets, now=NOW) == "msg_1"


def test_one_of_several_signatures_is_enough() -> None:
    good = headers()[SIGNATURE_HEADER]
    wrong = sign(secret=OTHER, webhook_id="msg_1", sent_at=NOW, body=BODY)[SIGNATURE_HEADER]
    for several in (f"{wrong} {good}", f"{good} {wrong}", f"v1a,ed25519 v2,xx {good}"):
        assert verify(headers=headers(signature=several), body=BODY, secrets=[SECRET], now=NOW) == "msg_1"


@pytest.mark.parametrize("seconds", [-300, -299, 0, 300])
def test_five_minutes_either_way_are_tolerated(seconds: int) -> None:
    assert verify(headers=headers(), body=BODY, secrets=[SECRET], now=NOW + timedelta(seconds=seconds)) == "msg_1"


@pytest.mark.parametrize("seconds", [-301, -86400, 300.001, 301, 10**9])
def test_beyond_five_minutes_is_refused(seconds: float) -> None:
    with pytest.raises(SignatureInvalid, match="clocks"):
        verify(headers=headers(), body=BODY, secrets=[SECRET], now=NOW + timedelta(seconds=seconds))


GOOD = headers()
ENTRY = GOOD[SIGNATURE_HEADER]
FORGED = {
    "another id": headers(id="msg_2"),
    "another timestamp": headers(timestamp=str(int(NOW.timestamp()) + 1)),
    "timestamp with a leading zero": headers(timestamp="0" + GOOD[TIMESTAMP_HEADER]),
    "no version": headers(signature=ENTRY.removeprefix("v1,")),
    "another version": headers(signature="v2," + ENTRY.removeprefix("v1,")),
    "signature cut": headers(signature=ENTRY[:-1]),
    "signature of nothing": headers(signature="v1,"),
    "signature padded twice": headers(signature=ENTRY + "="),
    "signature unpadded": headers(signature=ENTRY.rstrip("=")),
    "signatures with a comma between": headers(signature=f"{ENTRY},{ENTRY}"),
    "headers came twice and were joined": headers(id="msg_1,msg_1"),
    "id empty": headers(id=""),
    "id not ASCII": headers(id="msg_１"),
    "id with a NUL": headers(id="msg_1\x00"),
    "id with a line end": headers(id="msg_1\n"),
    "id huge": headers(id="m" * 100_000),
    "timestamp empty": headers(timestamp=""),
    "timestamp NaN": headers(timestamp="NaN"),
    "timestamp infinite": headers(timestamp="1e999"),
    "timestamp negative": headers(timestamp="-1"),
    "timestamp huge": headers(timestamp="9" * 5000),
    "timestamp full width": headers(timestamp="".join(chr(0xFEE0 + ord(c)) for c in GOOD[TIMESTAMP_HEADER])),
    "timestamp with a fraction": headers(timestamp=GOOD[TIMESTAMP_HEADER] + ".0"),
    "timestamp with underscores": headers(timestamp="1_700_000_000"),
    "signature empty": headers(signature=""),
    "signature blank": headers(signature="   "),
    "signature not ASCII": headers(signature="v1,簽章"),
    "signature Latin-1": headers(signature="v1,\xff\xfe"),
    "signature a lone surrogate": headers(signature="v1,\udcff"),
    "signature huge": headers(signature="v1," + "A" * 1_000_000),
    "thousands of signatures, the good one among them": headers(signature=" ".join(["v1,A"] * 5000 + [ENTRY])),
    "one signature too many": headers(signature=" ".join(["v1,A"] * MOST_SIGNATURES + [ENTRY])),
    "the same header in two cases": {**GOOD, "Webhook-Id": "msg_1"},
    "no headers": {},
    **{f"without {gone}": {k: v for k, v in GOOD.items() if k != gone} for gone in GOOD},
}


@pytest.mark.parametrize("sent", FORGED.values(), ids=FORGED.keys())
def test_forged_and_garbage_headers_are_refused(sent: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(headers=sent, body=BODY, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"c-1", b"c-2"), b"\xff" * 1000])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        verify(headers=GOOD, body=body, secrets=[SECRET], now=NOW)


def test_a_refusal_repeats_nothing_that_was_sent() -> None:
    for sent in (
        headers(id="msg_0912345678\x00"),
        headers(timestamp="0912345678x"),
        headers(signature="v1,0912345678"),
    ):
        with pytest.raises(SignatureInvalid) as refused:
            verify(headers=sent, body=BODY, secrets=[SECRET], now=NOW)
        assert "0912345678" not in refused.value.detail


def test_without_a_secret_nothing_is_valid() -> None:
    with pytest.raises(SignatureInvalid):
        verify(headers=GOOD, body=BODY, secrets=[], now=NOW)


def test_a_lost_secret_opens_nothing() -> None:
    """Anybody can sign with the empty key."""
    signed = f"msg_1.{GOOD[TIMESTAMP_HEADER]}.".encode() + BODY
    forged = "v1," + base64.b64encode(hmac.digest(b"", signed, "sha256")).decode()
    with pytest.raises(SignatureInvalid):
        verify(headers=headers(signature=forged), body=BODY, secrets=[b""], now=NOW)


def test_a_body_cannot_be_cut_elsewhere() -> None:
    """A signed text read as another id and another body: what stands before the second dot is no id."""
    inner = f'{{"to":"x.{int(NOW.timestamp())}.{{ ",":1,":2}}'.encode()
    signed = sign(secret=SECRET, webhook_id="msg_1", sent_at=NOW, body=inner)
    before, _, after = inner.partition(f".{int(NOW.timestamp())}.".encode())
    forged = {
        ID_HEADER: f"msg_1.{signed[TIMESTAMP_HEADER]}." + before.decode(),
        TIMESTAMP_HEADER: signed[TIMESTAMP_HEADER],
        SIGNATURE_HEADER: signed[SIGNATURE_HEADER],
    }
    with pytest.raises(SignatureInvalid):
        verify(headers=forged, body=after, secrets=[SECRET], now=NOW)


def test_naive_times_are_refused() -> None:
    naive = datetime(2026, 11, 24)  # noqa: DTZ001 - the mistake that is tested
    with pytest.raises(ValueError, match="naive"):
        verify(headers=GOOD, body=BODY, secrets=[SECRET], now=naive)
    with pytest.raises(ValueError, match="naive"):
        sign(secret=SECRET, webhook_id="msg_1", sent_at=naive, body=BODY)


@pytest.mark.parametrize("webhook_id", ["", "a b", 'a"b', "a,b", "您", "x" * 129])
def test_only_readable_ids_are_signed(webhook_id: str) -> None:
    with pytest.raises(ValueError, match="webhook id"):
        sign(secret=SECRET, webhook_id=webhook_id, sent_at=NOW, body=BODY)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_survives_its_text_form(size: int) -> None:
    assert parse_secret(new_secret_text(bytes(size))) == bytes(size)


@pytest.mark.parametrize("size", [0, 23, 65])
def test_secrets_of_the_wrong_size_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        new_secret_text(bytes(size))
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        parse_secret("whsec_" + base64.b64encode(bytes(size)).decode())


@pytest.mark.parametrize(
    "text", ["", "whsec_!!!", "whsec_AAA", "WHSEC_" + "A" * 32, "A" * 32, "whsec_密鑰", "whsec_" + "A" * 31]
)
def test_garbled_secrets_are_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(ValueError, match="webhook secret") as refused:
        parse_secret(text)
    assert len(text) < 7 or text not in str(refused.value)
    assert refused.value.__cause__ is None


texts = st.text() | st.text(alphabet="v1,= .ABab09+/", max_size=200) | st.sampled_from(list(GOOD.values()))
names = st.sampled_from([ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER, "Webhook-Id", "WEBHOOK-SIGNATURE"]) | st.text()


@given(sent=st.dictionaries(names, texts), body=st.binary(), secrets=st.lists(st.binary(max_size=70), max_size=3))
def test_no_garbage_raises_anything_else(sent: dict[str, str], body: bytes, secrets: list[bytes]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(headers=sent, body=body, secrets=secrets, now=NOW)
