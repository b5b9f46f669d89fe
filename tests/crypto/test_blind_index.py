"""The blind index and fingerprints: equal for equal input, unlike for all else, and under keys of their own."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from datetime import datetime

import pytest

from maskservice.crypto import BlindIndex, KeyRing
from maskservice.crypto.cipher import length_prefixed
from maskservice.crypto.ring import KeyUse

X1, X2 = "+886900000000", "+886900000001"
PHONE = "+886912345678"


@pytest.fixture(scope="module")
def index(ring: KeyRing) -> BlindIndex:
    return BlindIndex(ring)


def test_a_number_has_one_value_a_scope(index: BlindIndex, ring: KeyRing) -> None:
    value = index.number(X1, PHONE)
    assert len(value) == 16
    assert value == BlindIndex(KeyRing.parse(ring.dump())).number(X1, PHONE)
    assert len({value, index.number(X2, PHONE), index.number(X1, X2), index.number("", PHONE)}) == 4


def test_the_values_are_the_documented_ones(index: BlindIndex, ring: KeyRing) -> None:
    """A change here makes every stored value unfindable."""
    message = length_prefixed(b"maskservice/blind-index/number/v1", X1.encode(), PHONE.encode())
    key = ring.only(KeyUse.INDEX).secret
    assert index.number(X1, PHONE) == hmac.new(key, message, hashlib.sha256).digest()[:16]
    message = length_prefixed(b"maskservice/fingerprint/v1", b"request", b"a", b"")
    key = ring.only(KeyUse.FINGERPRINT).secret
    assert index.fingerprint("request", b"a", b"") == hmac.new(key, message, hashlib.sha256).digest()


def test_the_border_between_scope_and_number_counts(index: BlindIndex) -> None:
    assert index.number("+8869", "+12345") != index.number("+8869+1", "+2345")
    assert index.number("a+1", "+2345") != index.number("a", "+12345")


def test_rotating_the_wrapping_key_leaves_the_values_as_they_are(
    index: BlindIndex, ring: KeyRing, now: datetime
) -> None:
    two = ring.with_new_wrap_key(now, os.urandom)
    rotated = BlindIndex(two.promoted(two.keys[-1].id).without_wrap_key(ring.primary))
    assert rotated.number(X1, PHONE) == index.number(X1, PHONE)
    assert rotated.fingerprint("request", b"a") == index.fingerprint("request", b"a")


def test_another_ring_gives_other_values(index: BlindIndex, now: datetime) -> None:
    other = BlindIndex(KeyRing.generate(now, os.urandom))
    assert other.number(X1, PHONE) != index.number(X1, PHONE)
    assert other.fingerprint("request", b"a") != index.fingerprint("request", b"a")


@pytest.mark.parametrize(
    "other",
    [
        "0912345678",
        "886912345678",
        "+0912345678",
        "+886 912345678",
        "+886912345678\n",
        "+",
        "",
        "+٨٨٦٩",
        "+" + "1" * 16,
    ],
)
def test_a_number_in_another_writing_is_refused_and_not_repeated(
    index: BlindIndex, carried: Callable[[BaseException], str], other: str
) -> None:
    with pytest.raises(ValueError, match=r"E\.164") as caught:
        index.number(X1, other)
    if len(other) > 1:
        assert other not in carried(caught.value)


def test_a_fingerprint_depends_on_its_purpose_and_on_every_border(index: BlindIndex) -> None:
    told_apart = [
        index.fingerprint("request"),
        index.fingerprint("request", b""),
        index.fingerprint("request", b"", b""),
        index.fingerprint("request", b"ab"),
        index.fingerprint("request", b"a", b"b"),
        index.fingerprint("request", b"b", b"a"),
        index.fingerprint("requesta", b"b"),
        index.fingerprint("", b"request", b"ab"),
    ]
    assert len(set(told_apart)) == len(told_apart)
    assert {len(value) for value in told_apart} == {32}
    assert index.fingerprint("request", b"a", b"b") == told_apart[4]


def test_nothing_printed_shows_a_key(index: BlindIndex) -> None:
    assert repr(index) == str(index) == "<BlindIndex>"
