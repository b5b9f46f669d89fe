"""The signature of a webhook as in Standard Webhooks: HMAC-SHA256 over ``id.timestamp.body``.

Answers for: signing, verifying, and the text form of a secret. Must not know: what a body says, where secrets are
kept, the clock.
Source: https://www.standardwebhooks.com, symmetric scheme ``v1``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from maskservice.domain.errors import SignatureInvalid

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of the text form, not a secret
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
LONGEST_SIGNATURE_HEADER = 2048
MOST_SIGNATURES = 16

# id, timestamp and body are joined by dots alone. Without quotes and braces in an id no signed JSON can be cut
# elsewhere and read as another id and another JSON; without a comma a header that came twice and was joined is no id.
_ID = re.compile(r"[A-Za-z0-9_.:;@/+=~|*-]{1,128}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def parse_secret(text: str) -> bytes:
    """The key in ``whsec_<base64>``, 24 to 64 bytes. Raises ValueError, which never repeats the text."""
    prefix, encoded = text[: len(SECRET_PREFIX)], text[len(SECRET_PREFIX) :]
    if prefix != SECRET_PREFIX:
        raise ValueError("A webhook secret begins with 'whsec_'.")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("A webhook secret is 'whsec_' and base64.") from None
    return _checked_secret(secret)


def new_secret_text(randomness: bytes) -> str:
    """``whsec_<base64>`` of 24 to 64 bytes from a cryptographic source. Raises ValueError for fewer or more."""
    return SECRET_PREFIX + base64.b64encode(_checked_secret(randomness)).decode("ascii")


def sign(*, secret: bytes, webhook_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a request. The same message sent again keeps its ``webhook_id`` and takes a new ``sent_at``.

    Raises ValueError for a naive time, a secret of the wrong size or an id that :func:`verify` would not read
    (1 to 128 letters, digits and ``_ . : ; @ / + = ~ | * -``).
    """
    _require_aware(sent_at)
    if not _ID.fullmatch(webhook_id):
        raise ValueError("A webhook id is 1 to 128 letters, digits and _.:;@/+=~|*-")
    timestamp = str(int(sent_at.timestamp()))
    return {
        ID_HEADER: webhook_id,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: _signature(_checked_secret(secret), f"{webhook_id}.{timestamp}.", body).decode("ascii"),
    }


def verify(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: datetime) -> str:
    """The webhook id of a request signed with any of ``secrets`` (two are valid while one is rotated) within five
    minutes of ``now``.

    Header names are read in any case. Raises SignatureInvalid for everything else, garbage of any kind included, with
    a sentence that tells an integrator where to look; ValueError only for our own mistake of a naive ``now``.
    """
    _require_aware(now)
    webhook_id, timestamp, signatures = _read_headers(headers)
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise SignatureInvalid(
            "The webhook-timestamp is more than five minutes away from the service's time: compare the clocks."
        )
    prefix = f"{webhook_id}.{timestamp}."
    matches = False
    for secret in secrets:
        if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
            continue  # a key that was lost on its way to us, an empty one above all, must not open the door
        expected = _signature(secret, prefix, body)
        for signature in signatures:
            # No early way out: how long this takes shall not tell which secret or which signature was the right one.
            matches |= hmac.compare_digest(expected, signature)
    if not matches:
        raise SignatureInvalid(
            "No signature matches: compare the secret, and sign the bytes of the body exactly as they are sent."
        )
    return webhook_id


def _read_headers(headers: Mapping[str, str]) -> tuple[str, str, tuple[bytes, ...]]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        known = name.lower()
        if known not in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER):
            continue
        if known in found:
            raise SignatureInvalid(f"The header {known} was sent twice.")
        found[known] = value
    missing = [name for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER) if not found.get(name)]
    if missing:
        raise SignatureInvalid(f"Missing from the request's headers: {', '.join(missing)}.")
    if not _ID.fullmatch(found[ID_HEADER]):
        raise SignatureInvalid("The webhook-id is not 1 to 128 letters, digits and _.:;@/+=~|*-")
    if not _TIMESTAMP.fullmatch(found[TIMESTAMP_HEADER]):
        raise SignatureInvalid("The webhook-timestamp is not a whole number of seconds since 1970.")
    return found[ID_HEADER], found[TIMESTAMP_HEADER], _read_signatures(found[SIGNATURE_HEADER])


def _read_signatures(header: str) -> tuple[bytes, ...]:
    """The ``v1`` entries, of which there is a bounded number: each one costs a comparison per secret."""
    entries = header.split(" ") if len(header) <= LONGEST_SIGNATURE_HEADER and header.isascii() else []
    if not 1 <= len(entries) <= MOST_SIGNATURES:
        raise SignatureInvalid(
            "The webhook-signature cannot be read: it is up to 16 entries 'v1,<base64>' with a space between them."
        )
    return tuple(entry.encode("ascii") for entry in entries if entry.startswith("v1,"))


def _signature(secret: bytes, prefix: str, body: bytes) -> bytes:
    digest = hmac.new(secret, prefix.encode("ascii") + body, hashlib.sha256).digest()
    return b"v1," + base64.b64encode(digest)


def _checked_secret(secret: bytes) -> bytes:
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
        raise ValueError("A webhook secret has 24 to 64 bytes.")
    return secret


def _require_aware(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a naive time was given")
