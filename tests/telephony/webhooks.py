"""Requests of the cloud providers, signed as each of them signs; written for the tests, synthetic unless a test says
otherwise. The signing here is a second writing of each scheme: ``test_sdk_oracles.py`` holds it against the vendors'.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maskservice.domain.call import Bridge, Gather, Hangup
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import SENTENCES, MenuChoice, PromptId, say, say_menu, say_whisper
from maskservice.telephony.dialect import Dialect, Links
from maskservice.telephony.freeswitch import FREESWITCH
from maskservice.telephony.jambonz import JAMBONZ
from maskservice.telephony.plivo import PLIVO
from maskservice.telephony.request import WebhookRequest
from maskservice.telephony.signalwire import SIGNALWIRE
from maskservice.telephony.telnyx import TELNYX
from maskservice.telephony.twilio import TWILIO
from maskservice.telephony.vonage import VONAGE

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
TOKEN = b"0123456789abcdef0123456789abcdef"
OTHER = b"another-token-of-32-characters-xx"
X, COURIER, RECIPIENT = "+886900000000", "+886987654321", "+886912345678"
BASE = "https://mask.example.com"
LINKS = Links.of(BASE, "pbx_1")
FORM = "application/x-www-form-urlencoded"

GATHER = Gather(say(PromptId.ENTER_EXTENSION), max_digits=4, attempts_left=3)
MENU = Gather(say_menu([MenuChoice(1, "1234"), MenuChoice(2, None, "甲&乙<b>")]), max_digits=1, attempts_left=3)
CONNECT = Bridge(PhoneNumber.from_e164(RECIPIENT), X)
WHISPER = say_whisper("甲&乙<b>店")
WHISPERED = replace(CONNECT, whisper=WHISPER)
CONNECT_POST_DIAL = replace(CONNECT, post_dial_digits="100")
HANGUP = Hangup(say(PromptId.GOODBYE))

Sign = Callable[[WebhookRequest, bytes], Mapping[str, str]]


def request(url: str, body: bytes, headers: Mapping[str, str], *, method: str = "POST") -> WebhookRequest:
    return WebhookRequest(method, url, headers, tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True)), body)


def post(url: str, said: Mapping[str, object], *, as_json: bool) -> WebhookRequest:
    body = json.dumps(said).encode() if as_json else urlencode(said).encode()
    return request(url, body, {"Content-Type": "application/json" if as_json else FORM})


def with_headers(unsigned: WebhookRequest, headers: Mapping[str, str]) -> WebhookRequest:
    return replace(unsigned, headers={**unsigned.headers, **headers})


def recorded(file: str) -> str:
    """The sentence in a FreeSWITCH's recording; nothing for any other file."""
    sentences = {
        f"file_string://mask/{lang}/{each}.wav": text for lang, said in SENTENCES.items() for each, text in said.items()
    }
    return sentences.get(file, "")


def form(each: WebhookRequest) -> list[tuple[str, str]]:
    return parse_qsl(each.body.decode(), keep_blank_values=True)


def twilio_headers(each: WebhookRequest, secret: bytes) -> dict[str, str]:
    signed = each.url + "".join(name + value for name, value in sorted(form(each)))
    return {"X-Twilio-Signature": base64.b64encode(hmac.digest(secret, signed.encode(), "sha1")).decode()}


def signalwire_headers(each: WebhookRequest, secret: bytes) -> dict[str, str]:
    return {"X-SignalWire-Signature": twilio_headers(each, secret)["X-Twilio-Signature"]}


def telnyx_key(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret[:32])


def telnyx_headers(each: WebhookRequest, secret: bytes) -> dict[str, str]:
    signature = telnyx_key(secret).sign(STAMP.encode() + b"|" + each.body)
    return {"telnyx-signature-ed25519": base64.b64encode(signature).decode(), "telnyx-timestamp": STAMP}


def plivo_headers(each: WebhookRequest, secret: bytes, nonce: str = "05429567804466091622") -> dict[str, str]:
    bare, _, query = each.url.partition("?")
    base = bare + "?" + "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(query)))
    base += ("." if query else "") + "".join(name + value for name, value in sorted(form(each)))
    signature = hmac.digest(secret, f"{base}.{nonce}".encode(), "sha256")
    return {"X-Plivo-Signature-V3": base64.b64encode(signature).decode(), "X-Plivo-Signature-V3-Nonce": nonce}


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def token(claims: Mapping[str, object], secret: bytes, header: object = None) -> str:
    signed = f"{segment(header or {'alg': 'HS256', 'typ': 'JWT'})}.{segment(claims)}"
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def vonage_claims(each: WebhookRequest) -> dict[str, object]:
    # A new jti for each request that is another one, as Vonage gives it.
    jti = hashlib.sha256(each.url.encode() + each.body).hexdigest()[:32]
    payload_hash = hashlib.sha256(each.body).hexdigest()
    return {"iss": "Vonage", "iat": int(STAMP), "jti": jti, "api_key": "a1b2c3d4", "payload_hash": payload_hash}


def vonage_headers(each: WebhookRequest, secret: bytes) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(vonage_claims(each), secret)}"}


def jambonz_headers(each: WebhookRequest, secret: bytes) -> dict[str, str]:
    return {
        "Jambonz-Signature": f"t={STAMP},v1={hmac.digest(secret, f'{STAMP}.'.encode() + each.body, 'sha256').hex()}"
    }


def whsec(secret: bytes) -> str:
    return f"whsec_{base64.b64encode(secret).decode()}"


def freeswitch_headers(each: WebhookRequest, secret: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'pbx_1:{whsec(secret)}'.encode()).decode()}"}


def _same(number: str) -> str:
    return number


def _bare(number: str) -> str:
    return number.removeprefix("+")


@dataclass(frozen=True)
class Provider:
    """How one provider asks: the names of its fields, its writing of numbers, its signature."""

    dialect: Dialect
    call_id: str
    caller: str
    called: str
    sign: Sign
    as_json: bool = False
    number: Callable[[str], str] = _same
    key: Callable[[bytes], bytes] = bytes
    digits: str = "Digits"

    def said(self, caller: str | None = COURIER, digits: str | None = None) -> dict[str, object]:
        said: dict[str, object] = {self.call_id: "call-1", self.called: self.number(X), "Other": "陳小美"}
        if caller is not None:
            said[self.caller] = self.number(caller)
        if digits is not None:
            keyed: object = {"digits": digits, "timed_out": False} if self.dialect is VONAGE else digits
            said["dtmf" if self.dialect is VONAGE else "digits" if self.as_json else self.digits] = keyed
        return said

    def ask(self, caller: str | None = COURIER, digits: str | None = None, leg: int = 1) -> WebhookRequest:
        url = LINKS.calls_url if leg == 1 else f"{LINKS.calls_url}?leg={leg}"
        return self.signed(post(url, self.said(caller, digits), as_json=self.as_json))

    def report(self, said: Mapping[str, object]) -> WebhookRequest:
        return self.signed(post(LINKS.events_url, said, as_json=self.as_json))

    def signed(self, unsigned: WebhookRequest, secret: bytes = TOKEN) -> WebhookRequest:
        return with_headers(unsigned, self.sign(unsigned, secret))

    def verify(self, each: WebhookRequest, *secrets: bytes, now: datetime = NOW) -> str:
        return self.dialect.verify(each, secrets=[self.key(one) for one in secrets or (TOKEN,)], now=now)


PROVIDERS = {
    each.dialect.name: each
    for each in (
        Provider(TWILIO, "CallSid", "From", "To", twilio_headers),
        Provider(SIGNALWIRE, "CallSid", "From", "To", signalwire_headers),
        Provider(
            TELNYX,
            "CallSid",
            "From",
            "To",
            telnyx_headers,
            key=lambda secret: telnyx_key(secret).public_key().public_bytes_raw(),
        ),
        Provider(PLIVO, "CallUUID", "From", "To", plivo_headers, number=_bare),
        Provider(VONAGE, "conversation_uuid", "from", "to", vonage_headers, as_json=True, number=_bare),
        Provider(JAMBONZ, "call_sid", "from", "to", jambonz_headers, as_json=True),
        Provider(
            FREESWITCH,
            "session_id",
            "Caller-Caller-ID-Number",
            "Caller-Destination-Number",
            freeswitch_headers,
            digits="exten",
        ),
    )
}
