"""What every provider's signature check needs: keys, comparing without telling, and ids for requests that have none.

Answers for: constant-time comparison against several secrets, the text form of a provider's token, derived webhook ids.
Must not know: a dialect's scheme.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from maskservice.domain.errors import SignatureInvalid

TOLERANCE: Final = timedelta(minutes=5)
SHORTEST_TOKEN, LONGEST_TOKEN = 16, 256
LONGEST_SIGNATURE: Final = 2048
MOST_SIGNATURES: Final = 16

_TOKEN: Final = re.compile(rf"[!-~]{{{SHORTEST_TOKEN},{LONGEST_TOKEN}}}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_NO_MATCH: Final = (
    "No signature matches: compare the secret, and the public URL of the service with the one that the provider calls."
)


def read_token(text: str) -> bytes:
    """The key that a provider shows as text: 16 to 256 visible ASCII characters. Raises ValueError, which never repeats
    the text.
    """
    if not _TOKEN.fullmatch(text):
        raise ValueError("A provider's secret is 16 to 256 visible characters: copy it whole, without spaces.")
    return text.encode("ascii")


def require_match(
    expected: Callable[[bytes], Iterable[bytes]], secrets: Sequence[bytes], given: Iterable[bytes]
) -> None:
    """Raises SignatureInvalid unless one of ``given`` is what one of ``secrets`` makes of the request.

    A key that was lost on its way to us, which is an empty one, opens nothing.
    """
    given, matches = tuple(given), False
    for secret in secrets:
        if not secret:
            continue
        for candidate in expected(secret):
            for each in given:
                # No early way out: how long this takes shall not tell which secret or signature was the right one.
                matches |= hmac.compare_digest(candidate, each)
    if not matches:
        raise SignatureInvalid(_NO_MATCH)


def required_header(value: str | None, name: str) -> bytes:
    """A header's value in ASCII. Raises SignatureInvalid when it is absent, too long or not ASCII."""
    if value is None:
        raise SignatureInvalid(f"Missing from the request's headers, or sent twice: {name}.")
    if len(value) > LONGEST_SIGNATURE or not value.isascii():
        raise SignatureInvalid(f"The header {name} cannot be read.")
    return value.encode("ascii")


def require_recent(timestamp: str, *, now: datetime, name: str) -> None:
    """Raises SignatureInvalid unless ``timestamp``, in whole seconds since 1970, is within five minutes of ``now``;
    ValueError for our own mistake of a naive ``now``.
    """
    require_aware(now)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureInvalid(f"The {name} is not a whole number of seconds since 1970.")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise SignatureInvalid(
            f"The {name} is more than five minutes away from the service's time: compare the clocks."
        )


def require_aware(moment: datetime) -> None:
    """Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a naive time was given")


def derived_id(*parts: str | None) -> str:
    """A webhook id of 64 hexadecimal digits: equal parts, equal id. It holds no part in clear.

    The parts are written with their lengths, so that none can reach into its neighbour.
    """
    written = "".join("-" if part is None else f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
