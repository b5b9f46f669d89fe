"""The cipher: what opens where, what does not, the stored form, rotation. A value opens in its own row and field,
unaltered, or not at all.
"""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from maskservice.crypto import KeyRing, NumberCipher, RowCipher, RowRef
from maskservice.crypto.cipher import SEAL_OVERHEAD_BYTES, WRAPPED_KEY_BYTES, length_prefixed
from maskservice.crypto.ring import key_tag
from maskservice.domain.errors import KeyMissing, SealBroken

REF = RowRef(tenant="ten_1", row="bnd_1")
PHONE = "+886912345678"


@pytest.fixture(scope="module")
def row(cipher: NumberCipher) -> RowCipher:
    return cipher.new_row(*REF)


@pytest.mark.parametrize("plain", ["", "a", PHONE, "陳小美", "👨‍👩‍👧‍👦", "\0", "é", "e\u0301", "台" * 5000])
def test_what_is_sealed_opens_again(cipher: NumberCipher, row: RowCipher, plain: str) -> None:
    sealed = row.seal("name", plain)
    assert len(sealed) == len(plain.encode()) + SEAL_OVERHEAD_BYTES == len(plain.encode()) + 33
    assert row.open("name", sealed) == plain
    assert cipher.open_row(*REF, row.wrapped_key).open("name", sealed) == plain


@given(plain=st.text(), field=st.text(st.characters(codec="utf-8")), ids=st.tuples(st.text(), st.text()))
def test_any_text_opens_again_in_any_row(cipher: NumberCipher, plain: str, field: str, ids: tuple[str, str]) -> None:
    ref = RowRef(*ids)
    row = cipher.new_row(*ref)
    assert cipher.open_row(*ref, row.wrapped_key).open(field, row.seal(field, plain)) == plain


@given(before=st.text(), after=st.text(), surrogate=st.integers(0xD800, 0xDFFF))
def test_a_lone_surrogate_is_refused_and_nothing_of_the_text_is_repeated(
    row: RowCipher, carried: Callable[[BaseException], str], before: str, after: str, surrogate: int
) -> None:
    with pytest.raises(ValueError, match="lone surrogate") as caught:
        row.seal("name", before + PHONE + chr(surrogate) + after)
    assert caught.value.__context__ is None
    assert PHONE not in carried(caught.value)


def test_the_stored_form(ring: KeyRing, row: RowCipher) -> None:
    header = b"\x01" + key_tag(ring.primary)
    sealed = row.seal("phone", PHONE)
    assert sealed.startswith(header)
    assert row.wrapped_key.startswith(header)
    assert len(row.wrapped_key) == WRAPPED_KEY_BYTES == 65
    assert PHONE.encode() not in sealed


def test_the_stored_form_is_the_documented_one_and_stays_readable(ring: KeyRing, row: RowCipher) -> None:
    """Opened here with the library alone: a change of the format or of a label breaks this, and every stored value."""
    context = length_prefixed(b"\x01", ring.primary.encode(), b"ten_1", b"bnd_1")
    wrap = length_prefixed(b"maskservice/wrapped-data-key/v1") + context
    wrapping = HKDF(SHA256(), 32, salt=b"maskservice/kek/v1", info=wrap).derive(ring.key(ring.primary).secret)
    data_key = AESGCM(wrapping).decrypt(row.wrapped_key[5:17], row.wrapped_key[17:], wrap)
    sealed = row.seal("phone", PHONE)
    field = length_prefixed(b"maskservice/sealed-field/v1") + context + length_prefixed(b"phone")
    assert AESGCM(data_key).decrypt(sealed[5:17], sealed[17:], field) == PHONE.encode()
    with pytest.raises(InvalidTag):
        AESGCM(ring.key(ring.primary).secret).decrypt(row.wrapped_key[5:17], row.wrapped_key[17:], wrap)


def test_the_same_text_is_never_sealed_to_the_same_bytes(cipher: NumberCipher, row: RowCipher) -> None:
    assert len({row.seal("phone", PHONE) for _ in range(1000)}) == 1000
    assert len({row.seal("phone", PHONE)[5:17] for _ in range(1000)}) == 1000
    assert len({cipher.new_row(*REF).wrapped_key for _ in range(1000)}) == 1000


def test_every_altered_bit_is_noticed(cipher: NumberCipher, row: RowCipher) -> None:
    sealed = row.seal("phone", PHONE)
    for stored, attempt in (
        (sealed, lambda altered: row.open("phone", altered)),
        (row.wrapped_key, lambda altered: cipher.open_row(*REF, altered)),
    ):
        for place in range(len(stored)):
            for bit in range(8):
                altered = bytearray(stored)
                altered[place] ^= 1 << bit
                # An altered key id reads as a key that the ring does not hold.
                with pytest.raises(KeyMissing if 1 <= place < 5 else SealBroken):
                    attempt(bytes(altered))


def test_every_cut_and_every_addition_is_noticed(cipher: NumberCipher, row: RowCipher) -> None:
    sealed = row.seal("phone", PHONE)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            row.open("phone", sealed[:length])
    for length in range(len(row.wrapped_key)):
        with pytest.raises(SealBroken):
            cipher.open_row(*REF, row.wrapped_key[:length])
    with pytest.raises(SealBroken):
        row.open("phone", sealed + b"\0")
    with pytest.raises(SealBroken):
        cipher.open_row(*REF, row.wrapped_key + b"\0")


@pytest.mark.parametrize(
    "other",
    [
        RowRef("ten_1", "bnd_2"),
        RowRef("ten_2", "bnd_1"),
        RowRef("bnd_1", "ten_1"),
        RowRef("ten_1b", "nd_1"),
        RowRef("ten_", "1bnd_1"),
        RowRef("", "ten_1bnd_1"),
        RowRef("ten_1bnd_1", ""),
        RowRef("ten_1 ", "bnd_1"),
        RowRef("TEN_1", "bnd_1"),
    ],
)
def test_a_row_does_not_open_as_another(cipher: NumberCipher, row: RowCipher, other: RowRef) -> None:
    with pytest.raises(SealBroken):
        cipher.open_row(*other, row.wrapped_key)
    with pytest.raises(SealBroken):
        cipher.new_row(*other).open("phone", row.seal("phone", PHONE))


def test_field_and_row_are_tied_even_under_the_same_data_key(ring: KeyRing, row: RowCipher) -> None:
    sealed = row.seal("phone", PHONE)
    for field in ("name", "phone ", "Phone", "", "phon", "phonee"):
        with pytest.raises(SealBroken):
            row.open(field, sealed)
    # The same data key under another row: only the associated data tells the two apart.
    moved = copy.copy(row)
    for ids, opens in (((b"ten_1", b"bnd_1"), True), ((b"ten_1", b"bnd_2"), False), ((b"ten_2", b"bnd_1"), False)):
        moved._associated = length_prefixed(b"maskservice/sealed-field/v1", b"\x01", ring.primary.encode(), *ids)
        if opens:
            assert moved.open("phone", sealed) == PHONE
            continue
        with pytest.raises(SealBroken):
            moved.open("phone", sealed)


def test_two_data_keys_of_one_row_do_not_open_each_other(cipher: NumberCipher) -> None:
    one, other = cipher.new_row(*REF), cipher.new_row(*REF)
    with pytest.raises(SealBroken):
        other.open("phone", one.seal("phone", PHONE))


def test_a_wrapped_key_is_no_field_and_a_field_no_wrapped_key(cipher: NumberCipher, row: RowCipher) -> None:
    with pytest.raises(SealBroken):
        row.open("", row.wrapped_key)
    with pytest.raises(SealBroken):
        cipher.open_row(*REF, row.seal("", "x" * 32))


def test_old_values_open_after_a_promotion_and_new_ones_use_the_new_key(ring: KeyRing, now: datetime) -> None:
    old = NumberCipher(ring).new_row(*REF)
    sealed = old.seal("phone", PHONE)
    two = ring.with_new_wrap_key(now, os.urandom)
    added = two.keys[-1]
    waiting, promoted = NumberCipher(two), NumberCipher(two.promoted(added.id))

    assert waiting.new_row(*REF).wrapped_key[1:5] == key_tag(ring.primary), "added is not yet primary"
    new = promoted.new_row(*REF)
    assert new.wrapped_key[1:5] == added.tag
    for holds_both in (waiting, promoted):
        assert holds_both.open_row(*REF, old.wrapped_key).open("phone", sealed) == PHONE
        assert holds_both.open_row(*REF, new.wrapped_key).open("phone", new.seal("phone", PHONE)) == PHONE
    # A row is written on with the key it was made with, until it is sealed anew as a whole.
    assert promoted.open_row(*REF, old.wrapped_key).seal("phone", PHONE)[1:5] == key_tag(ring.primary)
    with pytest.raises(SealBroken, match="another key than its row"):
        promoted.open_row(*REF, new.wrapped_key).open("phone", sealed)


def test_a_ring_without_the_old_key_says_which_one_is_missing(ring: KeyRing, now: datetime) -> None:
    old = NumberCipher(ring).new_row(*REF)
    two = ring.with_new_wrap_key(now, os.urandom)
    alone = NumberCipher(two.promoted(two.keys[-1].id).without_wrap_key(ring.primary))
    short = key_tag(ring.primary).hex()
    for attempt in (
        lambda: alone.open_row(*REF, old.wrapped_key),
        lambda: alone.new_row(*REF).open("phone", old.seal("phone", PHONE)),
    ):
        with pytest.raises(KeyMissing) as caught:
            attempt()
        assert caught.value.key_id == short
        assert short in caught.value.detail


def test_another_key_under_the_same_id_opens_nothing(ring: KeyRing, now: datetime) -> None:
    row = NumberCipher(ring).new_row(*REF)
    other = KeyRing.generate(now, os.urandom).dump()
    forged = KeyRing.parse(other.replace(KeyRing.parse(other).primary, ring.primary))
    with pytest.raises(SealBroken):
        NumberCipher(forged).open_row(*REF, row.wrapped_key)


def test_index_and_fingerprint_keys_do_not_wrap(ring: KeyRing, cipher: NumberCipher, row: RowCipher) -> None:
    for key in ring.keys[1:]:
        with pytest.raises(KeyMissing):
            cipher.open_row(*REF, b"\x01" + key.tag + row.wrapped_key[5:])


def test_nothing_printed_shows_a_key_or_a_text(
    ring: KeyRing, cipher: NumberCipher, row: RowCipher, shapes_of: Callable[[KeyRing], list[str]]
) -> None:
    sealed = row.seal("phone", PHONE)
    assert repr(row) == str(row) == f"<RowCipher {ring.primary}>"
    assert repr(cipher) == str(cipher) == f"<NumberCipher {ring.primary}>"
    with pytest.raises(SealBroken) as caught:
        row.open("name", sealed)
    printed = f"{row!r} {cipher!r} {cipher._known!r} {caught.value!r}"
    assert PHONE not in printed
    assert not [shape for shape in shapes_of(ring) if shape in printed]


def test_a_row_cipher_cannot_be_written_out(row: RowCipher) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(row)


def test_threads_may_share_a_cipher(cipher: NumberCipher) -> None:
    shared = cipher.new_row(*REF)

    def walk(number: int) -> bool:
        ref = RowRef("ten_1", f"bnd_{number}")
        row = cipher.new_row(*ref)
        own = cipher.open_row(*ref, row.wrapped_key).open("phone", row.seal("phone", str(number)))
        return own == shared.open("phone", shared.seal("phone", str(number))) == str(number)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(walk, range(2000)))


@given(one=st.lists(st.binary(max_size=6), max_size=4), other=st.lists(st.binary(max_size=6), max_size=4))
def test_no_two_sequences_have_one_length_prefixed_form(one: list[bytes], other: list[bytes]) -> None:
    assert (length_prefixed(*one) == length_prefixed(*other)) == (one == other)
