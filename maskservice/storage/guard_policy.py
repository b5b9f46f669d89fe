"""A pool's guard policy as JSON: only what differs from the defaults, so that a better default reaches old pools too.

Answers for: both ways. Must not know: tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from functools import lru_cache
from typing import Any

from maskservice.domain.guard import GuardPolicy

_DEFAULT = GuardPolicy()


def guard_to_json(policy: GuardPolicy) -> dict[str, Any] | None:
    """Times in seconds; None where nothing differs."""
    differing = {}
    for each in fields(policy):
        value = getattr(policy, each.name)
        if value != getattr(_DEFAULT, each.name):
            differing[each.name] = value.total_seconds() if isinstance(value, timedelta) else value
    return differing or None


def guard_of(differing: Mapping[str, Any] | None) -> GuardPolicy:
    return _guard(tuple(sorted(differing.items()))) if differing else _DEFAULT


@lru_cache(maxsize=256)
def _guard(differing: tuple[tuple[str, Any], ...]) -> GuardPolicy:
    known = {each.name: getattr(_DEFAULT, each.name) for each in fields(GuardPolicy)}
    given: dict[str, Any] = {
        name: timedelta(seconds=value) if isinstance(known[name], timedelta) else value
        for name, value in differing
        if name in known  # not a threshold of a later version, after a downgrade
    }
    return GuardPolicy(**given)
