"""The tables of the guard: what is remembered of callers and of attacked numbers.

Answers for: columns, keys, indexes. Must not know: the rules. Callers are blind indexes: no number stands here either.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from maskservice.storage.models import NUMBER_LENGTH, Base, table_of
from maskservice.storage.types import POOL_ID


class GuardCallerRow(Base):
    """One caller in one pool. A wrong try locks the row and every change counts it up, so that guesses sent at once
    share one budget: see docs/adr/0008."""

    __tablename__ = "guard_callers"
    pool_id: Mapped[str] = mapped_column(POOL_ID, primary_key=True)
    caller: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    seen_at: Mapped[datetime]
    wrong: Mapped[list[Any] | None] = mapped_column(JSON)  # milliseconds since 1970, oldest first
    blocked_at: Mapped[datetime | None]
    blocked_until: Mapped[datetime | None]
    blocks: Mapped[int]
    reached: Mapped[int]
    reached_day: Mapped[str]  # a UTC date, or ''
    # How often it was changed: who decided by an older state than this one comes too late (``leg_writes.py``).
    turn: Mapped[int] = mapped_column(server_default="0")
    __table_args__ = (Index(None, "seen_at"),)


class GuardNumberRow(Base):
    """One virtual number in its present window."""

    __tablename__ = "guard_numbers"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    window_start: Mapped[datetime]
    wrong: Mapped[int]
    callers: Mapped[int]
    enrolled_only_until: Mapped[datetime | None]


class GuardScanRow(Base):
    """A caller who had a wrong try on a number within a window: counts him once."""

    __tablename__ = "guard_scans"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    caller: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    __table_args__ = (Index(None, "window_start"),)


GUARD_CALLERS = table_of(GuardCallerRow)
GUARD_NUMBERS = table_of(GuardNumberRow)
GUARD_SCANS = table_of(GuardScanRow)
