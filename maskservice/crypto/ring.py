"""The key ring as a value: which keys there are, what each is for, and its written form.

Answers for: making, reading and writing a ring, rotation, and never showing a key by accident. Must not know: files,
the environment, where random bytes and the time come from (they are arguments), what is encrypted with the keys.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from maskservice.domain.errors import KeyMissing, KeyRingInvalid

__all__ = ["KEY_BYTES", "KEY_TAG_BYTES", "RING_FORMAT", "KeyRing", "KeyUse", "RingKey", "attempted", "key_tag"]

RING_FORMAT = 1
KEY_BYTES = 32
KEY_TAG_BYTES = 4
KEY_CHECK_BYTES = 8

_CHECK_LABEL = b"maskservice/key-check/v1\x00"
_ID = re.compile(r"(?:kek|idx|fpr)-[a-z0-9][a-z0-9-]{0,35}")
_FEWEST_DISTINCT_BYTES = 8

_T = TypeVar("_T")


class KeyUse(StrEnum):
    """What a key is for. The three are independent: none can be computed from another."""

    WRAP = "wrap"
    INDEX = "index"
    FINGERPRINT = "fingerprint"


_PREFIX = {KeyUse.WRAP: "kek-", KeyUse.INDEX: "idx-", KeyUse.FINGERPRINT: "fpr-"}


def attempted(step: Callable[[], _T], *failures: type[Exception]) -> _T | None:
    """Give what ``step`` gives, or None where it fails with one of ``failures``.

    ``json``, ``base64``, ``bytes.decode`` and ``open`` keep their whole input in the exception they raise. Raising
    our own error inside an ``except`` would chain that exception, and the keys with it, into every error report; so
    ours is raised after the block has ended.
    """
    try:
        return step()
    except failures:
        return None


def key_tag(key_id: str) -> bytes:
    """The compact form of a key id in stored values: the first 4 bytes of its SHA-256, unique within a ring."""
    return hashlib.sha256(key_id.encode("utf-8")).digest()[:KEY_TAG_BYTES]


@dataclass(frozen=True, slots=True, repr=False)
class RingKey:
    """One 256-bit key with its id, its use and when it was made (UTC). ``repr`` and ``str`` show the id only.

    Raises KeyRingInvalid where the id does not fit the use, the key is not 32 random-looking bytes, or ``created_at``
    has no time zone.
    """

    id: str
    use: KeyUse
    secret: bytes
    created_at: datetime

    def __post_init__(self) -> None:
        # A rejected id is not repeated: what stands in its place may be a key that slipped into the wrong field.
        if not _ID.fullmatch(self.id) or not self.id.startswith(_PREFIX[self.use]):
            raise KeyRingInvalid(
                f"The id of a key with use '{self.use}' has to begin with '{_PREFIX[self.use]}', followed by up to "
                "36 of a-z, 0-9 and '-'."
            )
        if len(self.secret) != KEY_BYTES:
            raise KeyRingInvalid(
                f"The key {self.id} has to be {KEY_BYTES} bytes; make one with `openssl rand -base64 32`."
            )
        # 32 random bytes hold about 30 different ones; a template's AAAA… or a broken random source holds few.
        if len(set(self.secret)) < _FEWEST_DISTINCT_BYTES:
            raise KeyRingInvalid(
                f"The key {self.id} is a placeholder, not random; make one with `openssl rand -base64 32`."
            )
        # astimezone overflows at the two ends of the calendar.
        made = (
            None
            if self.created_at.tzinfo is None
            else attempted(lambda: self.created_at.astimezone(UTC), OverflowError)
        )
        if made is None:
            raise KeyRingInvalid(
                f"The time of the key {self.id} has to name its time zone, as in 2026-11-24T06:00:00Z."
            )
        object.__setattr__(self, "created_at", made)

    def __repr__(self) -> str:
        return f"<RingKey {self.id}>"

    @property
    def tag(self) -> bytes:
        """The 4 bytes that name this key in stored values."""
        return key_tag(self.id)

    @property
    def check(self) -> bytes:
        """8 bytes that tell this key from another under the same id, and nothing else about it.

        HMAC-SHA256 of a label under the key. No other message under these keys begins with that label: the rest begin
        with a length.
        """
        return hmac.digest(self.secret, _CHECK_LABEL + self.id.encode("ascii"), "sha256")[:KEY_CHECK_BYTES]


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """All keys of one installation: wrapping keys, of which one is primary, one blind-index key, one fingerprint key.

    Frozen: rotation gives a new ring. Raises KeyRingInvalid unless there is exactly one index and one fingerprint
    key, ``primary`` is a wrapping key, and all ids, their compact forms and all keys differ.
    """

    primary: str
    keys: tuple[RingKey, ...]

    def __post_init__(self) -> None:
        for use in (KeyUse.INDEX, KeyUse.FINGERPRINT):
            if sum(key.use is use for key in self.keys) != 1:
                raise KeyRingInvalid(
                    f"The key ring has to hold exactly one key with use '{use}'; restore it from its backup."
                )
        if not any(key.id == self.primary and key.use is KeyUse.WRAP for key in self.keys):
            raise KeyRingInvalid("The 'primary' of the key ring has to be the id of one of its keys with use 'wrap'.")
        seen: dict[bytes, str] = {}
        for key in self.keys:
            if key.tag in seen:
                raise KeyRingInvalid(
                    f"The key ids {seen[key.tag]} and {key.id} are the same in stored values; the key that was "
                    "added last needs another id."
                )
            seen[key.tag] = key.id
        if len({key.secret for key in self.keys}) != len(self.keys):
            raise KeyRingInvalid("Two keys of the key ring are the same; each has to be random of its own.")

    def __repr__(self) -> str:
        return f"<KeyRing primary={self.primary} keys={','.join(key.id for key in self.keys)}>"

    @classmethod
    def generate(cls, now: datetime, randbytes: Callable[[int], bytes]) -> KeyRing:
        """Make a ring with one key of each use. ``now`` is aware; ``randbytes`` is ``os.urandom`` outside tests."""
        wrap, index, fingerprint = (_new_key(use, now, randbytes) for use in KeyUse)
        return cls(primary=wrap.id, keys=(wrap, index, fingerprint))

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read the JSON form. Raises KeyRingInvalid with a sentence on what to mend; it repeats nothing of the text."""
        document = attempted(lambda: json.loads(text, object_pairs_hook=_members_once), ValueError, RecursionError)
        if not isinstance(document, dict):
            raise KeyRingInvalid(
                "The key ring is not a JSON object; restore it from its backup, or make one with `maskservice init`."
            )
        if type(document.get("format")) is not int or document["format"] != RING_FORMAT:
            raise KeyRingInvalid(
                f"The 'format' of the key ring has to be {RING_FORMAT}; another was written by another version "
                "of maskservice."
            )
        if (
            set(document) != {"format", "primary", "keys"}
            or not isinstance(document["primary"], str)
            or not isinstance(document["keys"], list)
        ):
            raise KeyRingInvalid(
                "The key ring has to hold 'format', 'primary' (a key id) and 'keys' (a list), and nothing else."
            )
        keys = []
        for place, entry in enumerate(document["keys"], start=1):
            try:
                keys.append(_read_key(entry))
            except KeyRingInvalid as error:
                raise KeyRingInvalid(f"Key number {place} of the key ring: {error.detail}") from None
        return cls(primary=document["primary"], keys=tuple(keys))

    def dump(self) -> str:
        """Write the JSON form, keys included: for the key ring's file and nothing else."""
        entries = [
            {
                "id": key.id,
                "use": key.use.value,
                "key": base64.b64encode(key.secret).decode("ascii"),
                "created_at": key.created_at.isoformat().replace("+00:00", "Z"),
            }
            for key in self.keys
        ]
        return json.dumps({"format": RING_FORMAT, "primary": self.primary, "keys": entries}, indent=2) + "\n"

    def with_new_wrap_key(self, now: datetime, randbytes: Callable[[int], bytes]) -> KeyRing:
        """Add a wrapping key that is not primary yet: every process has to hold it before one of them writes with it.

        Raises KeyRingInvalid where the drawn id is taken (one in 65,536 a day): draw again.
        """
        return replace(self, keys=(*self.keys, _new_key(KeyUse.WRAP, now, randbytes)))

    def promoted(self, key_id: str) -> KeyRing:
        """Make ``key_id`` the key that new rows are written with. Raises KeyRingInvalid unless it is a wrapping key."""
        return replace(self, primary=key_id)

    def without_wrap_key(self, key_id: str) -> KeyRing:
        """Drop a wrapping key that no stored row names any more.

        Raises KeyRingInvalid for an unknown id, and for the primary, index and fingerprint keys.
        """
        kept = tuple(key for key in self.keys if key.id != key_id)
        if len(kept) == len(self.keys):
            raise KeyRingInvalid("The key ring holds no key of that id.")
        return replace(self, keys=kept)

    def key(self, key_id: str) -> RingKey:
        """The key of that id. Raises KeyMissing."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise KeyMissing(key_id)

    def only(self, use: KeyUse) -> RingKey:
        """The one key of ``use``; for WRAP the primary one."""
        return next(key for key in self.keys if key.use is use and (use is not KeyUse.WRAP or key.id == self.primary))

    def checks(self) -> dict[str, bytes]:
        """Every key id with its 8-byte check value, which the database remembers to notice a wrong key at start."""
        return {key.id: key.check for key in self.keys}


def _new_key(use: KeyUse, now: datetime, randbytes: Callable[[int], bytes]) -> RingKey:
    made = now if now.tzinfo is None else now.astimezone(UTC).replace(microsecond=0)
    return RingKey(
        id=f"{_PREFIX[use]}{made:%Y%m%d}-{randbytes(2).hex()}", use=use, secret=randbytes(KEY_BYTES), created_at=made
    )


def _members_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # JSON lets the last of two equal names win in silence; in a key ring that is a lost key.
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def _read_key(entry: object) -> RingKey:
    if (
        not isinstance(entry, dict)
        or set(entry) != {"id", "use", "key", "created_at"}
        or not all(isinstance(part, str) for part in entry.values())
    ):
        raise KeyRingInvalid("It has to hold 'id', 'use', 'key' and 'created_at', each a text, and nothing else.")
    use = attempted(lambda: KeyUse(entry["use"]), ValueError)
    if use is None:
        raise KeyRingInvalid("Its 'use' has to be 'wrap', 'index' or 'fingerprint'.")
    secret = attempted(lambda: base64.b64decode(entry["key"], validate=True), ValueError)
    if secret is None:
        raise KeyRingInvalid("Its 'key' has to be base64; make one with `openssl rand -base64 32`.")
    created_at = attempted(lambda: datetime.fromisoformat(entry["created_at"]), ValueError)
    if created_at is None:
        raise KeyRingInvalid("Its 'created_at' has to be a time with its zone, as in 2026-11-24T06:00:00Z.")
    return RingKey(id=entry["id"], use=use, secret=secret, created_at=created_at)
