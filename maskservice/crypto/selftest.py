"""Proof at start that the primitives compute what the standards say, and that the key ring is the one the database
was written with.

Answers for: known-answer tests, a round trip, check values of keys. Must not know: where registered check values are
stored, how a start is refused. There is no switch that leaves it out, as there is none that turns encryption off.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from maskservice.crypto.cipher import NumberCipher, RowRef
from maskservice.crypto.ring import KeyRing, attempted
from maskservice.domain.errors import SealBroken

__all__ = [
    "KNOWN_ANSWERS",
    "KeyFault",
    "KeyFaultKind",
    "KnownAnswer",
    "key_check",
    "missing_or_wrong",
    "run_self_test",
    "verify_known_answers",
    "verify_round_trip",
]


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A published test vector: where it is from, how we compute it, what it has to be."""

    source: str
    compute: Callable[[], bytes]
    expected: bytes


class KeyFaultKind(StrEnum):
    """What is wrong with a registered key."""

    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class KeyFault:
    """A key of the database that the ring lacks, or holds another key for. ``str`` is a sentence for the operator."""

    key_id: str
    kind: KeyFaultKind

    def __str__(self) -> str:
        if self.kind is KeyFaultKind.MISSING:
            return f"The key {self.key_id} is missing from the key ring; put back the key ring of this database."
        return f"The key {self.key_id} of the key ring is not the one of this database; put back the right key ring."


_GCM_NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
_GCM_ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_GCM_PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
    "57ba637b39"
)
_GCM_SEALED = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
    "0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b"
)


def _gcm() -> AESGCM:
    return AESGCM(bytes.fromhex("feffe9928665731c6d6a8f9467308308") * 2)


KNOWN_ANSWERS: tuple[KnownAnswer, ...] = (
    KnownAnswer(
        source="AES-256-GCM encryption, test case 16 of the GCM submission to NIST",
        compute=lambda: _gcm().encrypt(_GCM_NONCE, _GCM_PLAIN, _GCM_ASSOCIATED),
        expected=_GCM_SEALED,
    ),
    KnownAnswer(
        source="AES-256-GCM decryption, test case 16 of the GCM submission to NIST",
        compute=lambda: _gcm().decrypt(_GCM_NONCE, _GCM_SEALED, _GCM_ASSOCIATED),
        expected=_GCM_PLAIN,
    ),
    KnownAnswer(
        source="HMAC-SHA256, test case 2 of RFC 4231",
        compute=lambda: hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256"),
        expected=bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ),
    KnownAnswer(
        source="HKDF-SHA256, test case 1 of RFC 5869",
        compute=lambda: HKDFExpand(SHA256(), 42, bytes(range(0xF0, 0xFA))).derive(
            HKDF.extract(SHA256(), bytes(range(13)), b"\x0b" * 22)
        ),
        expected=bytes.fromhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    ),
)


def run_self_test() -> None:
    """Compute the known answers and a round trip with a key ring of its own. Raises RuntimeError: do not start."""
    verify_known_answers(KNOWN_ANSWERS)
    verify_round_trip(NumberCipher(KeyRing.generate(datetime.now(UTC), os.urandom)))


def verify_known_answers(answers: Iterable[KnownAnswer]) -> None:
    """Raises RuntimeError that names the first test vector whose computed value differs."""
    for answer in answers:
        # Decryption that is broken raises instead of giving another value.
        if attempted(answer.compute, Exception) != answer.expected:
            raise RuntimeError(
                f"The encryption self-test failed ({answer.source}); reinstall Python and the cryptography package."
            )


def verify_round_trip(cipher: NumberCipher) -> None:
    """Seal, open, and see an altered and a moved value refused. Raises RuntimeError."""
    ref = RowRef(tenant="self-test", row="1")
    plain = "陳小美 self-test"
    row = cipher.new_row(*ref)
    sealed = row.seal("name", plain)
    again = cipher.open_row(*ref, row.wrapped_key)
    if again.open("name", sealed) != plain:
        raise RuntimeError("The encryption self-test failed: what was sealed opens as something else.")
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for field, value in (("name", altered), ("address", sealed)):
        try:
            again.open(field, value)
        except SealBroken:
            continue
        raise RuntimeError("The encryption self-test failed: an altered or moved value was opened.")


def key_check(ring: KeyRing, key_id: str) -> bytes:
    """The 8-byte check value of a key, for the database to remember. Raises KeyMissing."""
    return ring.key(key_id).check


def missing_or_wrong(ring: KeyRing, registered: Mapping[str, bytes]) -> tuple[KeyFault, ...]:
    """Every registered key (id → check value) that ``ring`` lacks or holds another key for, in the order of their ids.

    Keys that are in the ring alone are no fault: they are new, and the caller registers them.
    """
    held = ring.checks()
    faults = []
    for key_id, check in sorted(registered.items()):
        if key_id not in held:
            faults.append(KeyFault(key_id, KeyFaultKind.MISSING))
        elif not hmac.compare_digest(held[key_id], check):
            faults.append(KeyFault(key_id, KeyFaultKind.WRONG))
    return tuple(faults)
