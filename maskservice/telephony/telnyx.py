"""Telnyx: TeXML, which is TwiML, signed with Ed25519 over time and body.

Answers for: Telnyx' signature and what is entered in its portal. Must not know: TwiML itself (``twiml.py``), web,
services.
Source: telnyx 4.189 (lib/webhook_verification.py); developers.telnyx.com, TeXML callbacks.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from maskservice.domain.errors import SignatureInvalid
from maskservice.telephony.dialect import Links, SecretForm
from maskservice.telephony.matching import require_recent, required_header
from maskservice.telephony.request import WebhookRequest
from maskservice.telephony.twiml import TwimlDialect

SIGNATURE_HEADER: Final = "telnyx-signature-ed25519"
TIMESTAMP_HEADER: Final = "telnyx-timestamp"
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TelnyxDialect(TwimlDialect):
    """Telnyx' dialect; stateless."""

    def read_secret(self, text: str) -> bytes:
        """The account's public key, Base64 of 32 bytes. Raises ValueError, which never repeats the text."""
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError("Telnyx' public key is the Base64 of 32 bytes: copy it whole, without spaces.")
        return key

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The derived id of a request signed for any of the public keys in ``secrets`` within five minutes of ``now``.

        The signature does not cover the URL. The leg, which stands there, only tells one request of a call from the
        next: whoever could change it could as well send the request unchanged. Raises SignatureInvalid.
        """
        encoded = required_header(request.header(SIGNATURE_HEADER), SIGNATURE_HEADER)
        timestamp = required_header(request.header(TIMESTAMP_HEADER), TIMESTAMP_HEADER).decode("ascii")
        require_recent(timestamp, now=now, name=TIMESTAMP_HEADER)
        signature = _decoded(encoded)
        if not any(_opens(key, signature, f"{timestamp}|".encode("ascii") + request.body) for key in secrets):
            raise SignatureInvalid("The signature matches none of the public keys of this PBX.")
        return self.webhook_id(request)

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:  # noqa: ARG002 - it is Telnyx' own
        """What to enter in Telnyx' portal."""
        links = Links.of(base_url, pbx_id)
        return (
            "Telnyx Mission Control, Voice, TeXML Applications, one application for all virtual numbers:\n"
            f"  Voice Method, Webhook URL:  POST, {links.calls_url}\n"
            f"  Failover URL:               {links.calls_url}\n"
            f"  Status callback:            POST, {links.events_url}\n"
            "Assign each virtual number to the application.\n"
            "Never GET: it would write callers' numbers into URLs, and so into logs.\n"
            "Signed with Telnyx' own key; the service keeps the account's Public Key.\n"
        )


TELNYX: Final = TelnyxDialect(
    name="telnyx",
    secret_form=SecretForm(
        ours=False, name="Public Key", found_at="Telnyx Mission Control, Keys & Credentials, Public Key"
    ),
)


def _decoded(encoded: bytes) -> bytes:
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureInvalid(f"The {SIGNATURE_HEADER} is not the Base64 of 64 bytes.")
    return signature


def _opens(key: bytes, signature: bytes, signed: bytes) -> bool:
    # All of this is public: there is nothing to be learnt from how long it takes.
    if len(key) != KEY_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        return False
    return True
