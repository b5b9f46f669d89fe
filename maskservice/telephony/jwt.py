"""The one kind of JSON Web Token that is read here: compact, HS256, recently issued (RFC 7515, RFC 7519).

Answers for: refusing every other kind. Must not know: whose token it is, where it came from.
Our own and not PyJWT's: what a general library offers beyond this (other algorithms, keys by URL, critical headers) is
what has to be refused here; PyJWT makes the tokens of the tests.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic_core import from_json

from maskservice.domain.errors import SignatureInvalid
from maskservice.telephony.matching import TOLERANCE, require_aware, require_match

LONGEST_TOKEN: Final = 2048

_PART: Final = re.compile(r"[A-Za-z0-9_-]+")


def read_hs256(token: str, *, secrets: Sequence[bytes], now: datetime) -> Mapping[str, object]:
    """The claims of a token signed with any of ``secrets`` and issued within five minutes of ``now``.

    ``exp`` and ``nbf`` are kept to where they are there. Raises SignatureInvalid for everything else.
    """
    require_aware(now)
    parts = token.split(".") if len(token) <= LONGEST_TOKEN and token.isascii() else []
    if len(parts) != 3:
        raise SignatureInvalid("The token is not three parts with dots between.")
    header = _json(parts[0])
    # The algorithm is ours to say. A header that says another, "none" above all, is no token for us.
    if header is None or header.get("alg") != "HS256" or header.get("typ", "JWT") != "JWT" or "crit" in header:
        raise SignatureInvalid("The token is not signed with HS256.")
    signature = _decoded(parts[2])
    if signature is None:
        raise SignatureInvalid("The token's signature cannot be read.")
    signed = f"{parts[0]}.{parts[1]}".encode("ascii")
    require_match(lambda secret: (hmac.digest(secret, signed, "sha256"),), secrets, (signature,))
    claims = _json(parts[1])
    if claims is None:
        raise SignatureInvalid("The token's claims cannot be read.")
    _require_in_time(claims, now)
    return claims


def _require_in_time(claims: Mapping[str, object], now: datetime) -> None:
    moment, tolerance = now.timestamp(), TOLERANCE.total_seconds()
    issued = _seconds(claims.get("iat"))
    if issued is None or abs(moment - issued) > tolerance:
        raise SignatureInvalid("The token was not issued within the last five minutes: compare the clocks.")
    ends, begins = _seconds(claims.get("exp", moment + 1)), _seconds(claims.get("nbf", moment))
    if ends is None or begins is None or moment >= ends or moment < begins - tolerance:
        raise SignatureInvalid("The token is not valid at this time: compare the clocks.")


def _seconds(value: object) -> float | None:
    """Seconds since 1970 (RFC 7519 section 2, NumericDate)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 10**12 else None


def _json(part: str) -> Mapping[str, object] | None:
    decoded = _decoded(part)
    if decoded is None:
        return None
    try:
        read = from_json(decoded)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _decoded(part: str) -> bytes | None:
    """Base64url without padding (RFC 7515 section 2), in the one spelling of these bytes."""
    if not _PART.fullmatch(part):
        return None
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii") == part else None
