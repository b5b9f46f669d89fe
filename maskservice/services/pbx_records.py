"""A PBX and its secrets as they are stored, and their repository.

Answers for: the shape of both, and the promise of each method. Must not know: how they are stored, how a secret is
sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Pbx:
    """``recordings``: the address below which it finds the recorded prompts, None where they are spoken."""

    id: str
    name: str
    dialect: str
    created_at: datetime
    revoked_at: datetime | None = None
    recordings: str | None = None


@dataclass(frozen=True, slots=True)
class PbxSecret:
    """``secret`` is sealed under ``wrapped_key`` (tenant '', row: the secret's id, field 'secret'). At most two are
    valid at once."""

    id: str
    pbx_id: str
    wrapped_key: bytes
    secret: bytes
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SpokenPbx:
    """What a request of a PBX is checked with: its dialect, where its recordings lie, how often it was changed, and its
    valid secrets, newest first (none for a revoked one)."""

    dialect: str
    recordings: str | None
    revision: int
    secrets: Sequence[PbxSecret]


class Pbxs(Protocol):
    def add(self, pbx: Pbx) -> None:
        """Raises NameTaken."""
        ...

    def named(self, name: str) -> Pbx | None: ...

    def all(self) -> Sequence[Pbx]: ...

    def add_secret(self, secret: PbxSecret) -> None: ...

    def revoke_secret(self, secret_id: str, *, at: datetime) -> bool: ...

    def secrets(self, pbx_id: str) -> Sequence[PbxSecret]:
        """Unrevoked secrets of an unrevoked PBX, newest first; one statement."""
        ...

    def set_recordings(self, pbx_id: str, place: str | None) -> None: ...

    def spoken_by(self, pbx_id: str) -> SpokenPbx | None:
        """None for an unknown PBX. One statement."""
        ...

    def revision(self, pbx_id: str) -> int | None:
        """How often the PBX or its secrets were changed; None for an unknown or revoked one."""
        ...

    def revoke(self, pbx_id: str, *, at: datetime) -> bool: ...
