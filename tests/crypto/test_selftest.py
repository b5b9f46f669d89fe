"""The self-test: published vectors, that a wrong primitive is noticed, and that a wrong or missing key is."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import os
from datetime import datetime

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from maskservice.crypto import (
    KeyFault,
    KeyFaultKind,
    KeyRing,
    NumberCipher,
    RowCipher,
    key_check,
    missing_or_wrong,
    run_self_test,
)
from maskservice.crypto.selftest import KNOWN_ANSWERS, KnownAnswer, verify_known_answers, verify_round_trip
from maskservice.domain.errors import KeyMissing, SealBroken


def test_the_self_test_passes() -> None:
    run_self_test()


@pytest.mark.parametrize("answer", KNOWN_ANSWERS, ids=lambda answer: answer.source)
def test_every_known_answer_is_compared(answer: KnownAnswer) -> None:
    verify_known_answers([answer])
    for place in range(len(answer.expected)):
        wrong = bytearray(answer.expected)
        wrong[place] ^= 1
        with pytest.raises(RuntimeError, match="self-test failed"):
            verify_known_answers([dataclasses.replace(answer, expected=bytes(wrong))])


def test_a_primitive_that_raises_fails_the_self_test() -> None:
    def broken() -> bytes:
        raise InvalidTag

    with pytest.raises(RuntimeError, match="a test case"):
        verify_known_answers([KnownAnswer(source="a test case", compute=broken, expected=b"")])


# RFC 5869, appendix A.1 to A.3: IKM, salt, info, PRK, OKM
RFC_5869 = [
    (
        b"\x0b" * 22,
        bytes(range(13)),
        bytes(range(0xF0, 0xFA)),
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)),
        bytes(range(0x60, 0xB0)),
        bytes(range(0xB0, 0x100)),
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        b"\x0b" * 22,
        b"",
        b"",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("secret", "salt", "info", "extracted", "expanded"), RFC_5869)
def test_hkdf_by_its_halves(secret: bytes, salt: bytes, info: bytes, extracted: str, expanded: str) -> None:
    made = HKDF.extract(SHA256(), salt, secret)
    assert made.hex() == extracted
    assert HKDFExpand(SHA256(), len(expanded) // 2, info).derive(made).hex() == expanded


# RFC 4231, test cases 1, 2, 3 and 6
@pytest.mark.parametrize(
    ("key", "message", "expected"),
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_hmac_sha256(key: bytes, message: bytes, expected: str) -> None:
    assert hmac.digest(key, message, "sha256").hex() == expected


# AES-256 cases 13, 14 and 16 of the GCM submission to NIST: key, nonce, plaintext, associated data, ciphertext and tag
@pytest.mark.parametrize(
    ("key", "nonce", "plain", "associated", "sealed"),
    [
        ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        (
            "00" * 32,
            "00" * 12,
            "00" * 16,
            "",
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (
            "feffe9928665731c6d6a8f9467308308" * 2,
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ],
)
def test_aes_256_gcm(key: str, nonce: str, plain: str, associated: str, sealed: str) -> None:
    cipher = AESGCM(bytes.fromhex(key))
    made = cipher.encrypt(bytes.fromhex(nonce), bytes.fromhex(plain), bytes.fromhex(associated))
    assert made.hex() == sealed
    assert cipher.decrypt(bytes.fromhex(nonce), made, bytes.fromhex(associated)).hex() == plain


class RowAround(RowCipher):
    """A row cipher that passes on to a sound one; its children are broken on purpose."""

    def __init__(self, sound: RowCipher) -> None:
        self.sound = sound


class GarblingRow(RowAround):
    """Opens as something else."""

    def open(self, field: str, sealed: bytes) -> str:
        return self.sound.open(field, sealed)[1:]


class CarelessRow(RowAround):
    """Does not look at the tag."""

    def open(self, field: str, sealed: bytes) -> str:
        try:
            return self.sound.open(field, sealed)
        except SealBroken:
            return "opened all the same"


class FieldlessRow(RowAround):
    """Leaves the field out of the associated data."""

    def open(self, field: str, sealed: bytes) -> str:
        return self.sound.open("name" if field == "address" else field, sealed)


class Broken(NumberCipher):
    def __init__(self, ring: KeyRing, kind: type[RowAround]) -> None:
        super().__init__(ring)
        self.kind = kind

    def open_row(self, tenant: str, row: str, wrapped: bytes) -> RowCipher:
        return self.kind(super().open_row(tenant, row, wrapped))


@pytest.mark.parametrize(
    ("kind", "says"),
    [(GarblingRow, "something else"), (CarelessRow, "altered or moved"), (FieldlessRow, "altered or moved")],
)
def test_a_broken_cipher_fails_the_round_trip(ring: KeyRing, kind: type[RowAround], says: str) -> None:
    with pytest.raises(RuntimeError, match=says):
        verify_round_trip(Broken(ring, kind))


def test_the_round_trip_of_a_sound_cipher_passes(cipher: NumberCipher) -> None:
    verify_round_trip(cipher)


def test_the_check_value_of_a_key(ring: KeyRing) -> None:
    assert key_check(ring, ring.primary) == ring.checks()[ring.primary]
    assert len(key_check(ring, ring.primary)) == 8
    assert hashlib.sha256(ring.key(ring.primary).secret).digest()[:8] != key_check(ring, ring.primary)
    with pytest.raises(KeyMissing):
        key_check(ring, "kek-unknown")


def test_a_ring_that_holds_all_registered_keys_has_no_fault(ring: KeyRing, now: datetime) -> None:
    assert missing_or_wrong(ring, ring.checks()) == ()
    assert missing_or_wrong(ring, {}) == ()
    assert missing_or_wrong(ring.with_new_wrap_key(now, os.urandom), ring.checks()) == (), "a new key is no fault"


def test_missing_and_wrong_keys_are_told_apart_by_id(ring: KeyRing, now: datetime) -> None:
    registered = ring.with_new_wrap_key(now, os.urandom).checks()
    missing = next(key_id for key_id in registered if key_id not in ring.checks())
    registered[ring.primary] = bytes(8)
    index = ring.keys[1].id
    registered[index] = registered[index][:7]
    faults = missing_or_wrong(ring, registered)
    assert faults == tuple(
        sorted(
            [
                KeyFault(missing, KeyFaultKind.MISSING),
                KeyFault(ring.primary, KeyFaultKind.WRONG),
                KeyFault(index, KeyFaultKind.WRONG),
            ],
            key=lambda fault: fault.key_id,
        )
    )
    for fault in faults:
        assert fault.key_id in str(fault)
        assert ("missing" in str(fault)) == (fault.kind is KeyFaultKind.MISSING)


def test_every_key_of_another_ring_is_missing(ring: KeyRing, now: datetime) -> None:
    other = KeyRing.generate(now, os.urandom)
    assert {fault.kind for fault in missing_or_wrong(other, {ring.primary: ring.keys[0].check})} == {
        KeyFaultKind.MISSING
    }


def test_the_check_value_is_tied_to_the_id(ring: KeyRing) -> None:
    key = ring.keys[0]
    assert dataclasses.replace(key, id="kek-another").check != key.check
