"""Encryption of what a row holds: a data key per row, wrapped under the key ring, every value tied to its tenant, row
and field.

Answers for: the stored form, key derivation, refusing what was altered or moved. Must not know: tables, what a field
means, where keys come from. Not hidden: the length of a text in UTF-8 bytes. To move a row to another key, seal its
fields again under ``new_row``.

Stored form of a field, 33 bytes more than the text: ``version 1 | key 4 | nonce 12 | ciphertext | tag 16``; a wrapped
data key is one of 65 bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from maskservice.crypto.ring import KEY_BYTES, KEY_TAG_BYTES, KeyRing, KeyUse, attempted
from maskservice.domain.errors import KeyMissing, SealBroken

__all__ = [
    "FORMAT_VERSION",
    "SEAL_OVERHEAD_BYTES",
    "WRAPPED_KEY_BYTES",
    "NumberCipher",
    "RowCipher",
    "RowRef",
    "length_prefixed",
]

FORMAT_VERSION: Final = 1
_VERSION_BYTE = bytes([FORMAT_VERSION])
_HEADER = 1 + KEY_TAG_BYTES
_NONCE_BYTES = 12
_BODY = _HEADER + _NONCE_BYTES
_TAG_BYTES = 16
SEAL_OVERHEAD_BYTES: Final = _BODY + _TAG_BYTES
WRAPPED_KEY_BYTES: Final = SEAL_OVERHEAD_BYTES + KEY_BYTES

_EXTRACT_SALT = b"maskservice/kek/v1"
_SHA256 = SHA256()


def length_prefixed(*parts: bytes) -> bytes:
    """Join ``parts``, each after its length in 4 bytes, so that no two different sequences give the same bytes."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])


_WRAP = length_prefixed(b"maskservice/wrapped-data-key/v1")
_FIELD = length_prefixed(b"maskservice/sealed-field/v1")


@lru_cache(maxsize=64)
def _named(field: str) -> bytes:
    """Fields are few, and their names no secret."""
    return length_prefixed(field.encode("utf-8"))


class RowRef(NamedTuple):
    """Whose row it is and which: ids, never content. A value sealed for one RowRef does not open for another."""

    tenant: str
    row: str


@dataclass(frozen=True, slots=True, repr=False)
class _WrapKey:
    """A wrapping key made ready: its id, the header of what is stored under it, the extracted half of HKDF."""

    id: str
    header: bytes
    extracted: bytes

    def for_row(self, context: bytes) -> AESGCM:
        # A wrapping key of its own for every row: with random nonces one AES-GCM key may encrypt at most 2^32 times
        # (NIST SP 800-38D §8.3), which a single key-encryption key would reach within days at parcel volume.
        return AESGCM(HKDFExpand(_SHA256, KEY_BYTES, _WRAP + context).derive(self.extracted))

    def context(self, ref: RowRef) -> bytes:
        return length_prefixed(
            _VERSION_BYTE, self.id.encode("ascii"), ref.tenant.encode("utf-8"), ref.row.encode("utf-8")
        )


class RowCipher:
    """Seals and opens the fields of one row; NumberCipher makes it. ``wrapped_key`` (65 bytes) is stored with them."""

    __slots__ = ("_associated", "_cipher", "_header", "_key_id", "_known", "wrapped_key")

    def __init__(
        self, *, data_key: bytes, wrapped_key: bytes, key: _WrapKey, context: bytes, known: Mapping[bytes, _WrapKey]
    ) -> None:
        self.wrapped_key = wrapped_key
        self._cipher = AESGCM(data_key)
        self._associated = _FIELD + context
        self._header = key.header
        self._key_id = key.id
        self._known = known

    def __repr__(self) -> str:
        return f"<RowCipher {self._key_id}>"

    def seal(self, field: str, plain: str) -> bytes:
        """Encrypt ``plain`` for ``field``: 33 bytes more than its UTF-8. Raises ValueError for a lone surrogate."""
        nonce = os.urandom(_NONCE_BYTES)
        associated = self._associated + _named(field)
        return self._header + nonce + self._cipher.encrypt(nonce, _utf8(plain), associated)

    def open(self, field: str, sealed: bytes) -> str:
        """Decrypt what ``seal`` gave for the same tenant, row and field.

        Raises SealBroken where it was altered, cut, or belongs elsewhere, KeyMissing where it names a key that the
        ring does not hold.
        """
        if _key_named(sealed, SEAL_OVERHEAD_BYTES, self._known).header != self._header:
            raise SealBroken("A stored value names another key than its row does; restore the row from a backup.")
        associated = self._associated + _named(field)
        return _opened(self._cipher, sealed, associated).decode("utf-8")


class NumberCipher:
    """Makes the cipher of a row, from the key ring. Holds only the keys; threads and forked workers may share it."""

    __slots__ = ("_known", "_primary")

    def __init__(self, ring: KeyRing) -> None:
        self._known = {
            key.tag: _WrapKey(
                id=key.id, header=_VERSION_BYTE + key.tag, extracted=HKDF.extract(_SHA256, _EXTRACT_SALT, key.secret)
            )
            for key in ring.keys
            if key.use is KeyUse.WRAP
        }
        self._primary = self._known[ring.only(KeyUse.WRAP).tag]

    def __repr__(self) -> str:
        return f"<NumberCipher {self._primary.id}>"

    def new_row(self, tenant: str, row: str) -> RowCipher:
        """Draw a data key for a row that is written anew as a whole, and wrap it under the primary key."""
        key = self._primary
        context = key.context(RowRef(tenant, row))
        drawn = os.urandom(KEY_BYTES + _NONCE_BYTES)
        data_key, nonce = drawn[:KEY_BYTES], drawn[KEY_BYTES:]
        wrapped = key.header + nonce + key.for_row(context).encrypt(nonce, data_key, _WRAP + context)
        return RowCipher(data_key=data_key, wrapped_key=wrapped, key=key, context=context, known=self._known)

    def open_row(self, tenant: str, row: str, wrapped: bytes) -> RowCipher:
        """Unwrap the data key of a stored row. Raises SealBroken and KeyMissing as RowCipher.open does."""
        key = _key_named(wrapped, WRAPPED_KEY_BYTES, self._known)
        context = key.context(RowRef(tenant, row))
        data_key = _opened(key.for_row(context), wrapped, _WRAP + context)
        return RowCipher(data_key=data_key, wrapped_key=wrapped, key=key, context=context, known=self._known)


def _key_named(stored: bytes, shortest: int, known: Mapping[bytes, _WrapKey]) -> _WrapKey:
    if len(stored) < shortest:
        raise SealBroken("A stored value is shorter than any that was sealed; restore the row from a backup.")
    if stored[0] != FORMAT_VERSION:
        raise SealBroken(
            f"A stored value has another format than {FORMAT_VERSION}: it was altered, or written by a later "
            "version of maskservice."
        )
    tag = stored[1:_HEADER]
    key = known.get(tag)
    if key is None:
        raise KeyMissing(
            tag.hex(),
            "A stored value names a key that the key ring does not hold; "
            f"the SHA-256 of its id begins with {tag.hex()}.",
        )
    return key


def _opened(cipher: AESGCM, stored: bytes, associated: bytes) -> bytes:
    try:
        return cipher.decrypt(stored[_HEADER:_BODY], stored[_BODY:], associated)
    except InvalidTag:
        raise SealBroken(
            "A stored value was altered or belongs to another tenant, row or field; restore the row from a backup."
        ) from None


def _utf8(plain: str) -> bytes:
    raw = attempted(lambda: plain.encode("utf-8"), UnicodeEncodeError)
    if raw is None:
        raise ValueError("a text with a lone surrogate has no UTF-8 form and cannot be sealed")
    return raw
