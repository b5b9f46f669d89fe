"""A PBX and its secrets as they are stored.

Answers for: the shape of both. Must not know: how they are stored, how a secret is sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


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
