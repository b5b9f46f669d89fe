"""Each cloud provider as it calls the running service: its own fields, and its own package's signature.

Twilio, Plivo, Vonage and Telnyx are signed by the vendors' packages (Telnyx' uses PyNaCl as here). SignalWire's package
needs an old twilio and jambonz has none for Python: theirs are a second writing, in tests/telephony/webhooks.py.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import jwt
from nacl.signing import SigningKey
from plivo.utils.signature_v3 import construct_post_url, get_signature_v3
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from maskservice.services import pbxs
from maskservice.telephony import DIALECTS, SecretForm, WebhookRequest
from tests.telephony.webhooks import (
    COURIER,
    PROVIDERS,
    RECIPIENT,
    STAMP,
    TOKEN,
    Provider,
    X,
    form,
    post,
    recorded,
    vonage_claims,
    whsec,
    with_headers,
)
from tests.web.conftest import PUBLIC_URL, Site

NONCE = "05429567804466091622"


def _twilio(sent: WebhookRequest, secret: bytes) -> dict[str, str]:
    validator = RequestValidator(secret.decode())
    return {"X-Twilio-Signature": validator.compute_signature(sent.url, dict(form(sent)))}


def _telnyx(sent: WebhookRequest, secret: bytes) -> dict[str, str]:
    signature = SigningKey(secret[:32]).sign(STAMP.encode() + b"|" + sent.body).signature
    return {"telnyx-signature-ed25519": base64.b64encode(signature).decode(), "telnyx-timestamp": STAMP}


def _plivo(sent: WebhookRequest, secret: bytes) -> dict[str, str]:
    base = construct_post_url(sent.url, dict(form(sent))).decode()
    signature = get_signature_v3(secret.decode(), base, NONCE).decode()
    return {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": NONCE}


def _vonage(sent: WebhookRequest, secret: bytes) -> dict[str, str]:
    return {"Authorization": "Bearer " + jwt.encode(vonage_claims(sent), secret, algorithm="HS256")}


SIGNED_BY: Mapping[str, Callable[[WebhookRequest, bytes], Mapping[str, str]]] = {
    "twilio": _twilio,
    "signalwire": PROVIDERS["signalwire"].sign,
    "telnyx": _telnyx,
    "plivo": _plivo,
    "vonage": _vonage,
    "jambonz": PROVIDERS["jambonz"].sign,
    "freeswitch": PROVIDERS["freeswitch"].sign,
}

_BARE_X, _BARE_RECIPIENT = X.removeprefix("+"), RECIPIENT.removeprefix("+")
_LEG = {"CallSid": "leg-2", "ParentCallSid": "call-1", "From": X, "To": RECIPIENT}
_TWIML = {
    "ringing": {**_LEG, "CallStatus": "ringing"},
    "answered": {**_LEG, "CallStatus": "in-progress"},
    "completed": {"CallSid": "call-1", "To": X, "DialCallStatus": "completed", "DialCallDuration": "36"},
    "busy": {"CallSid": "call-1", "To": X, "DialCallStatus": "busy"},
    "caller_ended": {"CallSid": "call-1", "From": COURIER, "To": X, "CallStatus": "completed", "CallDuration": "50"},
}
_PLIVO_LEG = {"CallUUID": "call-1", "DialALegUUID": "call-1", "DialBLegFrom": _BARE_X, "DialBLegTo": _BARE_RECIPIENT}
_VONAGE_LEG = {"conversation_uuid": "call-1", "direction": "outbound", "from": _BARE_X, "to": _BARE_RECIPIENT}
_JAMBONZ_LEG = {"call_sid": "leg-2", "parent_call_sid": "call-1", "from": X, "to": RECIPIENT}
_FREESWITCH_LEG = {"session_id": "call-1", "mask_x": X, "Caller-Destination-Number": "connect"}
REPORTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "twilio": _TWIML,
    "signalwire": _TWIML,
    "telnyx": _TWIML,
    "plivo": {
        "ringing": {**_PLIVO_LEG, "DialAction": "ring"},
        "answered": {**_PLIVO_LEG, "DialAction": "answer"},
        "completed": {"CallUUID": "call-1", "To": _BARE_X, "DialStatus": "completed", "DialBLegDuration": "36"},
        "busy": {"CallUUID": "call-1", "To": _BARE_X, "DialStatus": "busy"},
        "caller_ended": {"CallUUID": "call-1", "To": _BARE_X, "CallStatus": "completed", "Duration": "50"},
    },
    "vonage": {
        "ringing": {**_VONAGE_LEG, "status": "ringing"},
        "answered": {**_VONAGE_LEG, "status": "answered"},
        "completed": {**_VONAGE_LEG, "status": "completed", "duration": "36"},
        "busy": {**_VONAGE_LEG, "status": "busy"},
        "caller_ended": {
            "conversation_uuid": "call-1", "direction": "inbound", "to": _BARE_X, "status": "completed",
            "duration": "50",
        },
    },
    "jambonz": {
        "ringing": {**_JAMBONZ_LEG, "call_status": "ringing"},
        "answered": {**_JAMBONZ_LEG, "call_status": "in-progress"},
        "completed": {"call_sid": "call-1", "to": X, "dial_call_status": "completed", "duration": "36"},
        "busy": {"call_sid": "call-1", "to": X, "dial_call_status": "busy"},
        "caller_ended": {"call_sid": "call-1", "to": X, "call_status": "completed", "duration": "50"},
    },
    "freeswitch": {
        "completed": {
            **_FREESWITCH_LEG, "exiting": "true", "variable_originate_disposition": "call accepted",
            "variable_last_bridge_hangup_cause": "NORMAL_CLEARING", "variable_hangup_cause": "NORMAL_CLEARING",
            "variable_bridge_epoch": str(int(STAMP) + 6), "variable_end_epoch": str(int(STAMP) + 42),
        },
        "busy": {
            **_FREESWITCH_LEG, "variable_originate_disposition": "USER_BUSY",
            "variable_originate_failed_cause": "USER_BUSY",
        },
        "caller_ended": {
            "session_id": "call-1", "Caller-Destination-Number": X, "exiting": "true",
            "variable_hangup_cause": "NORMAL_CLEARING", "variable_hangup_cause_q850": "16",
        },
    },
}  # fmt: skip
"""How each provider tells what became of call-1; synthetic, after the sources named in telephony/. A kind that is not
there is one that it does not report.
"""


@dataclass
class Line:
    """A PBX of one dialect at the running service."""

    site: Site
    provider: Provider
    pbx_id: str
    after_url: str = ""
    """Where the last connect has the end of its bridge told, and what is next asked for."""

    @property
    def name(self) -> str:
        return self.provider.dialect.name

    @property
    def calls_url(self) -> str:
        return f"{PUBLIC_URL}/v1/pbx/{self.pbx_id}/calls"

    @property
    def events_url(self) -> str:
        return f"{PUBLIC_URL}/v1/pbx/{self.pbx_id}/events"

    def ask(self, digits: str | None = None, *, url: str | None = None, **more: Any) -> TestResponse:
        said = self.provider.said(more.pop("caller", COURIER), digits) | more.pop("said", {})
        return self._kept(self.send(url or self.calls_url, said, **more))

    def report(self, what: str, **more: Any) -> TestResponse:
        ends_bridge = what in ("completed", "busy")
        said = REPORTS[self.name][what] | more.pop("said", {})
        place = self.after_url if ends_bridge and self.after_url else self.events_url
        return self._kept(self.send(place, said, **more))

    def _kept(self, answer: TestResponse) -> TestResponse:
        self.after_url = after_of(answer) or self.after_url
        return answer

    def send(
        self, url: str, said: Mapping[str, object], *, secret: bytes = TOKEN, to: str | None = None, **more: Any
    ) -> TestResponse:
        """``to``: the address that it is sent to, though ``url`` is the one that is signed."""
        unsigned = post(url, said, as_json=self.provider.as_json)
        return self.deliver(with_headers(unsigned, SIGNED_BY[self.name](unsigned, secret)), to=to, **more)

    def deliver(
        self, sent: WebhookRequest, *, to: str | None = None, headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        """As it arrives behind a proxy: the service sees another scheme and another host than the provider."""
        place = (to or sent.url).removeprefix(PUBLIC_URL)
        return self.site.client.post(
            place, data=sent.body, headers={**sent.headers, **(headers or {})}, base_url="http://10.0.0.7:8000"
        )


@dataclass(frozen=True)
class Pasted:
    """A dialect whose secret is given, also where the service would make one: the tests have to know it."""

    name: str

    @property
    def secret_form(self) -> SecretForm:
        return replace(DIALECTS[self.name].secret_form, ours=False)

    def read_secret(self, text: str) -> bytes:
        return DIALECTS[self.name].read_secret(text)


def secret_text(name: str, secret: bytes) -> str:
    """A secret as it is pasted."""
    if name == "telnyx":
        return base64.b64encode(PROVIDERS[name].key(secret)).decode()
    return whsec(secret) if name == "freeswitch" else secret.decode()


def plug_in(site: Site, name: str) -> Line:
    with site.app.app_context():
        made = pbxs.create_pbx(f"雲端 {name}", dialect=Pasted(name), secret=secret_text(name, TOKEN), ports=site.ports)
    return Line(site, PROVIDERS[name], made.pbx.id)


@dataclass(frozen=True)
class Heard:
    """What a provider makes of an answer: where it asks next, whom it rings showing what, what it speaks."""

    next_url: str | None
    rung: str | None
    shown: str | None
    spoken: str


def heard(answer: TestResponse) -> Heard:
    if answer.content_type == "application/json":
        verbs = answer.json
        hook = next((each.get("actionHook") or each.get("eventUrl", [None])[0] for each in verbs if _asks(each)), None)
        dial = next((each for each in verbs if each.get("verb") == "dial" or each.get("action") == "connect"), {})
        target = (dial.get("target") or dial.get("endpoint") or [{}])[0]
        spoken = "".join(each.get("text", "") + each.get("say", {}).get("text", "") for each in verbs)
        return Heard(hook, target.get("number"), dial.get("callerId") or dial.get("from"), spoken)
    assert answer.content_type.startswith("text/xml"), answer.content_type
    root = ElementTree.fromstring(answer.data)
    if root.tag == "document":
        onward = root.find("work/continue")
        played = "".join(recorded(each.get("file", "")) for each in root.iter("playback"))
        next_url = None if onward is None else onward.get("action")
        return Heard(next_url, root.findtext("variables/mask_to"), root.findtext("variables/mask_caller_id"), played)
    asked = next((each for each in root if each.tag in ("Gather", "GetDigits")), None)
    dial_, number = root.find("Dial"), root.find("Dial/Number")
    return Heard(
        None if asked is None else asked.get("action"),
        None if number is None else number.text,
        None if dial_ is None else dial_.get("callerId"),
        "".join(each.text or "" for each in root.iter() if each.tag in ("Say", "Speak")),
    )


def after_of(answer: TestResponse) -> str | None:
    """The address that a connect names for the end of its bridge."""
    if answer.status_code != 200:
        return None
    if answer.content_type == "application/json":
        dials = [each for each in answer.json if each.get("verb") == "dial" or each.get("action") == "connect"]
        return next((each.get("actionHook") or each["eventUrl"][0] for each in dials), None)
    root = ElementTree.fromstring(answer.data)
    dial = root.find("work/dial" if root.tag == "document" else "Dial")
    return None if dial is None else dial.get("action")


def whisper_of(answer: TestResponse) -> str | None:
    """The address that a connect names for what the called party hears."""
    if answer.content_type == "application/json":
        (dial,) = answer.json
        address = dial.get("confirmHook") or dial.get("endpoint", [{}])[0].get("onAnswer", {}).get("url")
        return None if address is None else str(address)
    root = ElementTree.fromstring(answer.data)
    dial_, number = root.find("Dial"), root.find("Dial/Number")
    return None if dial_ is None or number is None else number.get("url") or dial_.get("confirmSound")


def _asks(verb: Mapping[str, Any]) -> bool:
    return verb.get("verb") == "gather" or verb.get("action") == "input"


def leg_of(url: str | None) -> str | None:
    return dict(parse_qsl(urlsplit(url or "").query)).get("leg")
