"""The key ring as a value: its form, its refusals, rotation, and that it cannot be printed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from maskservice.crypto.ring import KeyRing, KeyUse, RingKey, key_tag
from maskservice.domain.errors import KeyMissing, KeyRingInvalid

# Two ids whose SHA-256 begins with the same 4 bytes, found by trying.
COLLIDING = ("kek-20261124-3dba", "kek-20261124-d962")


def b64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def document(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "format": 1,
        "primary": "kek-20261124-3f9a",
        "keys": [entry("kek-20261124-3f9a", "wrap"), entry("idx-1", "index"), entry("fpr-1", "fingerprint")],
    }
    return whole | changes


def entry(key_id: str, use: str, **changes: Any) -> dict[str, Any]:
    whole = {"id": key_id, "use": use, "key": b64(os.urandom(32)), "created_at": "2026-11-24T06:00:00Z"}
    return whole | changes


def test_a_generated_ring_has_one_random_key_of_each_use(now: datetime) -> None:
    asked: list[int] = []

    def randbytes(length: int) -> bytes:
        asked.append(length)
        return os.urandom(length)

    ring = KeyRing.generate(now, randbytes)
    assert asked == [2, 32] * 3, "each key is drawn on its own, none derived from another"
    assert [key.use for key in ring.keys] == [KeyUse.WRAP, KeyUse.INDEX, KeyUse.FINGERPRINT]
    for key, prefix in zip(ring.keys, ("kek", "idx", "fpr"), strict=True):
        assert re.fullmatch(prefix + r"-20261124-[0-9a-f]{4}", key.id)
        assert key.created_at == now.replace(microsecond=0)
    assert ring.primary == ring.keys[0].id


def test_the_date_in_an_id_is_the_one_in_utc() -> None:
    taipei = datetime(2026, 11, 25, 7, 59, tzinfo=timezone(timedelta(hours=8)))
    assert KeyRing.generate(taipei, os.urandom).primary.startswith("kek-20261124-")


def test_the_written_form_is_the_agreed_one_and_reads_back(ring: KeyRing) -> None:
    written = json.loads(ring.dump())
    assert written == {
        "format": 1,
        "primary": ring.primary,
        "keys": [
            {"id": key.id, "use": key.use.value, "key": b64(key.secret), "created_at": "2026-11-24T06:00:00Z"}
            for key in ring.keys
        ],
    }
    assert KeyRing.parse(ring.dump()) == ring


def test_a_time_in_another_zone_is_read_and_written_in_utc() -> None:
    there = document()
    there["keys"][0]["created_at"] = "2026-11-24T14:00:00+08:00"
    read = KeyRing.parse(json.dumps(there))
    assert read.keys[0].created_at.tzinfo is UTC
    assert json.loads(read.dump())["keys"][0]["created_at"] == "2026-11-24T06:00:00Z"


def test_nothing_printed_of_a_ring_shows_a_key(ring: KeyRing, shapes_of: Callable[[KeyRing], list[str]]) -> None:
    printed = " ".join([repr(ring), str(ring), f"{ring}", repr(ring.keys), str(ring.keys[0]), f"{[ring]}"])
    for key in ring.keys:
        assert key.id in printed
    assert not [shape for shape in shapes_of(ring) if shape in printed]


def test_a_ring_cannot_be_changed_in_place(ring: KeyRing) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ring.primary = "kek-1"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        ring.keys[0].secret = b""  # type: ignore[misc]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("", "not a JSON object"),
        ("{", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"format": 1, "format": 1}', "not a JSON object"),
        (document(format=2), "'format'"),
        (document(format=True), "'format'"),
        (document(format="1"), "'format'"),
        ({"format": 1}, "nothing else"),
        (document(more=1), "nothing else"),
        (document(primary=1), "nothing else"),
        (document(keys={}), "nothing else"),
        (document(keys=[1]), "Key number 1"),
        (document(keys=[entry("kek-1", "wrap", more="x")]), "nothing else"),
        (document(keys=[entry("kek-1", "wrap", key=5)]), "each a text"),
        (document(keys=[entry("idx-1", "index"), entry("kek-1", "seal")]), "Key number 2"),
        (document(keys=[entry("kek-1", "wrap", key="!")]), "has to be base64"),
        (document(keys=[entry("kek-1", "wrap", key="鑰")]), "has to be base64"),
        (document(keys=[entry("kek-1", "wrap", key=b64(bytes(range(31))))]), "32 bytes"),
        (document(keys=[entry("kek-1", "wrap", key=b64(bytes(range(33))))]), "32 bytes"),
        (document(keys=[entry("kek-1", "wrap", key=b64(bytes(32)))]), "placeholder"),
        (document(keys=[entry("kek-1", "wrap", created_at="yesterday")]), "'created_at'"),
        (document(keys=[entry("kek-1", "wrap", created_at="2026-11-24T06:00:00")]), "time zone"),
        (document(keys=[entry("kek-1", "wrap", created_at="0001-01-01T00:00:00+14:00")]), "time zone"),
        (document(keys=[entry("idx-1", "wrap")]), "begin with 'kek-'"),
        (document(keys=[entry("kek-1", "index")]), "begin with 'idx-'"),
        (document(keys=[entry("kek-A", "wrap")]), "begin with 'kek-'"),
        (document(keys=[entry("kek-1\n", "wrap")]), "begin with 'kek-'"),
        (document(keys=[entry("kek-" + "a" * 37, "wrap")]), "begin with 'kek-'"),
        (document(keys=[]), "exactly one key with use 'index'"),
        (document(keys=[entry("kek-1", "wrap"), entry("idx-1", "index")]), "exactly one key with use 'fingerprint'"),
        (document(keys=[*document()["keys"], entry("idx-2", "index")]), "exactly one key with use 'index'"),
        (document(primary="kek-unknown"), "'primary'"),
        (document(primary="idx-1"), "'primary'"),
        (document(keys=[*document()["keys"], entry("kek-20261124-3f9a", "wrap")]), "another id"),
    ],
)
def test_a_ring_of_the_wrong_form_is_refused_with_what_to_mend(
    broken: Any, says: str, carried: Callable[[BaseException], str]
) -> None:
    text = broken if isinstance(broken, str) else json.dumps(broken)
    with pytest.raises(KeyRingInvalid) as caught:
        KeyRing.parse(text)
    assert says in caught.value.detail
    held = broken.get("keys", []) if isinstance(broken, dict) else []
    for key in held if isinstance(held, list) else []:
        if isinstance(key, dict) and len(str(key["key"])) > 20:
            assert key["key"] not in carried(caught.value)


def test_a_key_that_slipped_into_another_field_is_not_repeated(carried: Callable[[BaseException], str]) -> None:
    slipped = b64(os.urandom(32))
    for broken in (
        document(keys=[entry(slipped, "wrap")]),
        document(keys=[entry("kek-1", slipped)]),
        document(keys=[entry("kek-1", "wrap", created_at=slipped)]),
        document(keys=[entry("kek-1", "wrap", key=slipped + "=")]),
        document(primary=slipped),
        document(format=slipped),
        document(**{slipped: 1}),
    ):
        with pytest.raises(KeyRingInvalid) as caught:
            KeyRing.parse(json.dumps(broken))
        assert slipped not in carried(caught.value)
    with pytest.raises(KeyRingInvalid) as caught:
        KeyRing.parse(json.dumps(document())[:-1] + slipped)
    assert slipped not in carried(caught.value)


def test_the_same_key_twice_is_refused() -> None:
    twice = document()
    twice["keys"][1]["key"] = twice["keys"][0]["key"]
    with pytest.raises(KeyRingInvalid, match="Two keys of the key ring are the same"):
        KeyRing.parse(json.dumps(twice))


def test_a_broken_random_source_makes_no_ring(now: datetime) -> None:
    with pytest.raises(KeyRingInvalid, match="placeholder"):
        KeyRing.generate(now, lambda length: b"\x07" * length)
    with pytest.raises(KeyRingInvalid, match="are the same"):
        KeyRing.generate(now, lambda length: bytes(range(length)))


def test_a_time_without_a_zone_makes_no_ring(now: datetime) -> None:
    with pytest.raises(KeyRingInvalid, match="time zone"):
        KeyRing.generate(now.replace(tzinfo=None), os.urandom)


def test_two_ids_with_one_compact_form_are_refused(ring: KeyRing) -> None:
    one, other = COLLIDING
    assert key_tag(one) == key_tag(other)
    extra = tuple(
        RingKey(id=key_id, use=KeyUse.WRAP, secret=os.urandom(32), created_at=datetime.now(UTC))
        for key_id in (one, other)
    )
    with pytest.raises(KeyRingInvalid, match=f"{one} and {other}"):
        KeyRing(primary=ring.primary, keys=ring.keys + extra)


def test_the_compact_form_is_the_start_of_the_sha256_of_the_id(ring: KeyRing) -> None:
    assert key_tag(ring.primary) == ring.keys[0].tag == hashlib.sha256(ring.primary.encode()).digest()[:4]


def test_rotation_adds_then_promotes_then_drops(ring: KeyRing, now: datetime) -> None:
    two = ring.with_new_wrap_key(now + timedelta(days=1), os.urandom)
    assert two.primary == ring.primary
    assert two.keys[:3] == ring.keys
    added = two.keys[3]
    assert added.use is KeyUse.WRAP
    assert added.id.startswith("kek-20261125-")

    promoted = two.promoted(added.id)
    assert promoted.keys == two.keys
    assert promoted.only(KeyUse.WRAP) == added

    alone = promoted.without_wrap_key(ring.primary)
    assert [key.id for key in alone.keys] == [ring.keys[1].id, ring.keys[2].id, added.id]
    assert KeyRing.parse(alone.dump()) == alone


def test_a_rotation_that_cannot_be_is_refused(ring: KeyRing) -> None:
    steps: list[Callable[[], KeyRing]] = [
        lambda: ring.promoted("kek-unknown"),
        lambda: ring.promoted(ring.only(KeyUse.INDEX).id),
        lambda: ring.without_wrap_key("kek-unknown"),
        lambda: ring.without_wrap_key(ring.primary),
        lambda: ring.without_wrap_key(ring.only(KeyUse.INDEX).id),
        lambda: ring.without_wrap_key(ring.only(KeyUse.FINGERPRINT).id),
    ]
    for step in steps:
        with pytest.raises(KeyRingInvalid):
            step()


def test_a_key_is_found_by_its_id_or_missed_by_name(ring: KeyRing) -> None:
    assert ring.key(ring.primary).id == ring.primary
    with pytest.raises(KeyMissing) as caught:
        ring.key("kek-unknown")
    assert caught.value.key_id == "kek-unknown"


def test_check_values_are_a_labelled_hmac(ring: KeyRing) -> None:
    assert ring.checks() == {
        key.id: hmac.new(key.secret, b"maskservice/key-check/v1\0" + key.id.encode(), hashlib.sha256).digest()[:8]
        for key in ring.keys
    }
