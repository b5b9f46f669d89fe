"""What pools, tenants and bindings have set about calls, as JSON: only what differs from the defaults, so that a better
default reaches old rows too.

Answers for: both ways. Must not know: tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from maskservice.domain.call_policy import Access, BindingRules, Codes, Directions, PoolCalls, QuietHours, TenantCalls

_Policy = TypeVar("_Policy", PoolCalls, TenantCalls, BindingRules)
_READERS: Mapping[str, Any] = {
    "access": Access,
    "directions": Directions,
    "codes": Codes,
    "quiet": QuietHours.parse,
}
Differing = Mapping[str, Any] | None


def calls_to_json(policy: PoolCalls | TenantCalls | BindingRules | None) -> dict[str, Any] | None:
    """None where nothing differs."""
    if policy is None:
        return None
    default = type(policy)()
    given = {each.name: getattr(policy, each.name) for each in fields(policy)}
    differing = {name: _plain(value) for name, value in given.items() if value != getattr(default, name)}
    return differing or None


def pool_calls_of(differing: Differing) -> PoolCalls:
    return _read(PoolCalls, tuple(sorted(differing.items()))) if differing else _POOL


def tenant_calls_of(differing: Differing) -> TenantCalls:
    return _read(TenantCalls, tuple(sorted(differing.items()))) if differing else _TENANT


def binding_rules_of(differing: Differing) -> BindingRules | None:
    return _read(BindingRules, tuple(sorted(differing.items()))) if differing else None


_POOL, _TENANT = PoolCalls(), TenantCalls()


@lru_cache(maxsize=512)
def _read(kind: type[_Policy], differing: tuple[tuple[str, Any], ...]) -> _Policy:
    known = {each.name for each in fields(kind)}
    # A setting of a later version, after a downgrade, is left out.
    given = {name: value for name, value in differing if name in known}
    return kind(
        **{name: _READERS[name](value) if name in _READERS and value else value for name, value in given.items()}
    )


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    return str(value) if isinstance(value, QuietHours) else value
