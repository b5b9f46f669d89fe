"""Skipping what needs a part that could not be had, by the part's name; conftest.py puts these into the summary."""

from __future__ import annotations

from typing import NoReturn

import pytest

NO_TELEPHONY = "NO TELEPHONY"


def without(part: Exception | str) -> NoReturn:
    """Skips, naming the part."""
    pytest.skip(f"{NO_TELEPHONY}: {part}")
