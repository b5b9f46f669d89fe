"""A secret that is itself sent with each request, by PBXs that can compute no signature: as a bearer or by HTTP basic.

Answers for: comparing it in constant time with every valid one. Must not know: a dialect's requests.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

from maskservice.domain.errors import SignatureInvalid
from maskservice.telephony.matching import require_match
from maskservice.telephony.signature import LONGEST_SECRET, SHORTEST_SECRET, parse_secret

_BEARER: Final = re.compile(rb"[Bb]earer +([!-~]{1,128}) *")
_BASIC: Final = re.compile(rb"[Bb]asic +([A-Za-z0-9+/]{1,512}={0,2}) *")


def require_bearer(header: bytes, secrets: Sequence[bytes]) -> None:
    """Raises SignatureInvalid unless ``Bearer whsec_…`` holds one of ``secrets``, compared in constant time."""
    match = _BEARER.fullmatch(header)
    given = None if match is None else _secret_in(match[1])
    if given is None:
        raise SignatureInvalid("The header Authorization is to be 'Bearer whsec_…'.")
    _require_one_of(secrets, given)


def require_basic(header: bytes, secrets: Sequence[bytes]) -> None:
    """Raises SignatureInvalid unless the password in ``Basic base64(user:whsec_…)`` is one of ``secrets``, compared in
    constant time. The user's name proves nothing and may be any (RFC 7617).
    """
    match = _BASIC.fullmatch(header)
    given: bytes | None = None
    if match is not None:
        try:
            given = _secret_in(base64.b64decode(match[1], validate=True).partition(b":")[2])
        except binascii.Error:
            given = None
    if given is None:
        raise SignatureInvalid("The header Authorization is to be 'Basic' with the password 'whsec_…'.")
    _require_one_of(secrets, given)


def _secret_in(text: bytes) -> bytes | None:
    try:
        return parse_secret(text.decode("ascii"))
    except ValueError:
        return None


def _require_one_of(secrets: Sequence[bytes], given: bytes) -> None:
    whole = [secret for secret in secrets if SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET]
    require_match(lambda secret: (secret,), whole, (given,))
