"""SignalWire: cXML, which is TwiML, under signatures of its own.

Answers for: SignalWire's signatures and what is entered in its space. Must not know: TwiML itself (``twiml.py``), web,
services.
Source: signalwire 2.1's request validators (pbx.md section 4); https://developer.signalwire.com/guides/webhook-security.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from maskservice.telephony.dialect import Links, SecretForm, UnreadableBody
from maskservice.telephony.matching import require_aware, require_match, required_header
from maskservice.telephony.request import Fields, WebhookRequest
from maskservice.telephony.twilio import signed_text, spellings
from maskservice.telephony.twiml import TwimlDialect

SIGNATURE_HEADER: Final = "X-SignalWire-Signature"
SHA256_HEADER: Final = "X-SignalWire-Sha256-Signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalWireDialect(TwimlDialect):
    """SignalWire's dialect; stateless."""

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The derived id of a request signed with any of ``secrets``, under either of the two headers.

        No signature of SignalWire's holds a time: the id is what makes a replay harmless. Raises SignatureInvalid.
        """
        require_aware(now)
        sent = [name for name in (SIGNATURE_HEADER, SHA256_HEADER) if request.header(name) is not None]
        given = [required_header(request.header(name), name) for name in sent or [SIGNATURE_HEADER]]
        fields = _fields(request)
        require_match(lambda secret: _signatures(secret, request, fields), secrets, given)
        return self.webhook_id(request)

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:  # noqa: ARG002 - it is SignalWire's own
        """What to enter in SignalWire's dashboard."""
        links = Links.of(base_url, pbx_id)
        return (
            "SignalWire Dashboard, Phone Numbers, each virtual number, Edit Settings:\n"
            "  Handle calls using:         LaML (cXML) Webhooks\n"
            f"  When a call comes in:       {links.calls_url}, POST\n"
            f"  Fallback:                   {links.calls_url}, POST\n"
            f"  Status callback:            {links.events_url}, POST\n"
            "Never GET: it would write callers' numbers into URLs, and so into logs.\n"
            "Signed with the project's Signing Key.\n"
        )


SIGNALWIRE: Final = SignalWireDialect(
    name="signalwire",
    secret_form=SecretForm(
        ours=False, name="Signing Key", found_at="SignalWire Dashboard, API Credentials, Signing Key"
    ),
)


def _fields(request: WebhookRequest) -> Fields | None:
    """The form; None for another body, which only the signatures over its bytes can cover."""
    try:
        return request.form()
    except UnreadableBody:
        return None


def _signatures(secret: bytes, request: WebhookRequest, fields: Fields | None) -> Iterator[bytes]:
    """Over the URL and the bytes of the body, hexadecimal; over the URL and the sorted form as Twilio does, Base64,
    which cXML's forms have. Which of them a header holds is not the same in all of SignalWire's own packages.
    """
    for algorithm in ("sha1", "sha256"):
        for url in spellings(request.url):
            signed = url.encode("utf-8", "surrogatepass") + request.body
            yield hmac.digest(secret, signed, algorithm).hex().encode("ascii")
            if fields is not None:
                yield base64.b64encode(hmac.digest(secret, signed_text(url, fields), algorithm))
