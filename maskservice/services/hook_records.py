"""A tenant's hook as it is stored, and the repository of hooks.

Answers for: the shape of both, the address and the secret being sealed. Must not know: how they are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from maskservice.domain.hooks import FailurePolicy, HookKind


@dataclass(frozen=True, slots=True)
class Hook:
    """``url`` and ``secret`` (``whsec_…``) are sealed under ``wrapped_key`` (row: the hook's id; fields 'url' and
    'secret'). Every change makes a new id."""

    id: str
    tenant_id: str
    kind: HookKind
    wrapped_key: bytes
    url: bytes
    secret: bytes
    on_failure: FailurePolicy | None
    changed_at: datetime


class Hooks(Protocol):
    """At most one hook of a kind a tenant."""

    def put(self, hook: Hook) -> None:
        """In place of the last of its kind. The tenant's row tells from now on that it is there; that row is written
        first, so that two changes at once wait for each other."""
        ...

    def hold(self, tenant_id: str, kind: HookKind) -> Hook | None:
        """The hook, for a unit that changes it: another change of it waits."""
        ...

    def get(self, tenant_id: str, kind: HookKind) -> Hook | None: ...

    def of_tenant(self, tenant_id: str) -> Sequence[Hook]: ...

    def remove(self, tenant_id: str, kind: HookKind) -> bool:
        """False where there was none."""
        ...
