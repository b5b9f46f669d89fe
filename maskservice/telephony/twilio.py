"""Twilio: TwiML, signed over the URL and the sorted form.

Answers for: Twilio's signature and what is entered in its console. Must not know: TwiML itself (``twiml.py``), web,
services.
Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security; checked against twilio 9.13's RequestValidator.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from maskservice.domain.errors import SignatureInvalid
from maskservice.telephony.dialect import Links, SecretForm, UnreadableBody
from maskservice.telephony.matching import require_aware, require_match, required_header
from maskservice.telephony.request import Fields, WebhookRequest
from maskservice.telephony.twiml import TwimlDialect

SIGNATURE_HEADER: Final = "X-Twilio-Signature"
SETTINGS_HEADER: Final = "X-Twilio-Webhooks-Signature-Settings"
BODY_HASH_PARAMETER: Final = "bodySHA256"

_ALGORITHMS: Final = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_URL: Final = re.compile(r"(https?://)([^/?#]*?)(:[0-9]{1,5})?([/?#].*)?", re.IGNORECASE | re.DOTALL)
_DEFAULT_PORTS: Final = {"http://": ":80", "https://": ":443"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioDialect(TwimlDialect):
    """Twilio's dialect; stateless."""

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The derived id of a request signed with any of ``secrets``. Twilio's scheme has neither time nor nonce: the
        id is what makes a replay harmless. Raises SignatureInvalid.
        """
        require_aware(now)
        given = required_header(request.header(SIGNATURE_HEADER), SIGNATURE_HEADER)
        algorithm = _algorithm(request.header(SETTINGS_HEADER))
        fields = _signed_fields(request)
        texts = tuple(signed_text(url, fields) for url in spellings(request.url))
        require_match(lambda secret: (_signature(secret, text, algorithm) for text in texts), secrets, (given,))
        return self.webhook_id(request)

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:  # noqa: ARG002 - it is Twilio's own
        """What to enter in Twilio's console."""
        links = Links.of(base_url, pbx_id)
        return (
            "Twilio Console, Phone Numbers, Active numbers, each virtual number, Voice Configuration:\n"
            f"  A call comes in:            Webhook, {links.calls_url}, HTTP POST\n"
            f"  Primary handler fails:      Webhook, {links.calls_url}, HTTP POST\n"
            f"  Call status changes:        {links.events_url}, HTTP POST\n"
            "  Caller Name Lookup:         Disabled\n"
            "Never HTTP GET: it would write callers' numbers into URLs, and so into logs.\n"
            "Signed with the account's Auth Token; a subaccount has its own.\n"
        )


TWILIO: Final = TwilioDialect(
    name="twilio",
    secret_form=SecretForm(ours=False, name="Auth Token", found_at="Twilio Console, Account, API keys & tokens"),
    interruptible=True,
)


def signed_text(url: str, fields: Fields) -> bytes:
    """What Twilio signs: the URL, then each name and value in order, equal values of a name once."""
    return (url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))).encode("utf-8", "surrogatepass")


def spellings(url: str) -> tuple[str, ...]:
    """The URL as it is, without its port, and with it: which of them Twilio signs is not always the one it calls."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return (url,)
    scheme, host, port, rest = parts.group(1), parts.group(2), parts.group(3) or "", parts.group(4) or ""
    ports = dict.fromkeys((port, "", port or _DEFAULT_PORTS[scheme.lower()]))
    return tuple(f"{scheme}{host}{each}{rest}" for each in ports)


def _algorithm(settings: str | None) -> str:
    for part in (settings or "").split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            if value.strip() not in _ALGORITHMS:
                raise SignatureInvalid(f"The {SETTINGS_HEADER} names an algorithm that is not known here.")
            return _ALGORITHMS[value.strip()]
    return _ALGORITHMS["HMAC_SHA1"]


def _signed_fields(request: WebhookRequest) -> Fields:
    """The form; none for an empty body, or for another body whose hash stands in the signed URL."""
    if not request.body:
        return ()
    if request.is_form:
        try:
            return request.form()
        except UnreadableBody as unreadable:
            refusal = str(unreadable)
        raise SignatureInvalid(refusal)
    actual = hashlib.sha256(request.body).hexdigest()
    # In the URL itself, which is what is signed. The hash is no secret: nothing is learnt from how it is compared.
    if not re.search(rf"[?&]{BODY_HASH_PARAMETER}={actual}(?:[&#]|$)", request.url):
        raise SignatureInvalid("The body is neither a form nor the one whose hash is in the URL.")
    return ()


def _signature(secret: bytes, text: bytes, algorithm: str) -> bytes:
    return base64.b64encode(hmac.digest(secret, text, algorithm))
