"""Values that can be searched without being read: who a caller is on a virtual number, and whether two requests are
the same.

Answers for: keyed hashes under two keys of their own. Must not know: where the values are stored, how a phone number
is parsed. The keys are not the encryption keys and never in the database: a plain hash of a mobile number is undone
in seconds (9 x 10^7 of them).
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from maskservice.crypto.cipher import length_prefixed
from maskservice.crypto.ring import KeyRing, KeyUse

__all__ = ["FINGERPRINT_BYTES", "NUMBER_INDEX_BYTES", "BlindIndex"]

NUMBER_INDEX_BYTES: Final = 16
FINGERPRINT_BYTES: Final = 32

_NUMBER = length_prefixed(b"maskservice/blind-index/number/v1")
_FINGERPRINT = length_prefixed(b"maskservice/fingerprint/v1")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")


class BlindIndex:
    """Keyed hashes from the key ring. Holds no state but the keys; may be shared by threads and after a fork."""

    __slots__ = ("_fingerprint_key", "_index_key")

    def __init__(self, ring: KeyRing) -> None:
        self._index_key = ring.only(KeyUse.INDEX).secret
        self._fingerprint_key = ring.only(KeyUse.FINGERPRINT).secret

    def __repr__(self) -> str:
        return "<BlindIndex>"

    def number(self, scope: str, e164: str) -> bytes:
        """16 bytes by which a phone is found within ``scope`` (say, one virtual number); in another scope it has
        another value.

        Raises ValueError where ``e164`` is not in E.164 (ITU-T E.164: ``+`` and at most 15 digits): any other writing
        would never be found.
        """
        if not _E164.fullmatch(e164):
            raise ValueError("a blind index is made of a number in E.164 only")
        message = _NUMBER + length_prefixed(scope.encode("utf-8"), e164.encode("ascii"))
        return hmac.digest(self._index_key, message, "sha256")[:NUMBER_INDEX_BYTES]

    def fingerprint(self, purpose: str, *parts: bytes) -> bytes:
        """32 bytes, equal for equal ``purpose`` and ``parts``, that say nothing of them to one without the key."""
        message = _FINGERPRINT + length_prefixed(purpose.encode("utf-8"), *parts)
        return hmac.digest(self._fingerprint_key, message, "sha256")
