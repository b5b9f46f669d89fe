"""Tenants' hooks.

Answers for: the repository ``Hooks``, and the marks on the tenant's row being true in the same transaction. Must not
know: what an address or a secret is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Update, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.hooks import FailurePolicy, HookKind
from maskservice.services.hook_records import Hook
from maskservice.storage.models import TENANT_HOOKS, TENANTS
from maskservice.storage.statements import Cells, Statements

_H, _T = TENANT_HOOKS.c, TENANTS.c
_COLUMNS = (_H.id, _H.tenant_id, _H.kind, _H.wrapped_key, _H.url, _H.secret, _H.on_failure, _H.changed_at)
_HERE = (_H.tenant_id == bindparam("at_tenant"), _H.kind == bindparam("at_kind"))

_INSERT = upsert(TENANT_HOOKS)
_PUT = _INSERT.on_conflict_do_update(
    index_elements=[_H.tenant_id, _H.kind],
    set_={name: _INSERT.excluded[name] for name in ("id", "wrapped_key", "url", "secret", "on_failure", "changed_at")},
)
_GET = select(*_COLUMNS).where(*_HERE)
_OF_TENANT = select(*_COLUMNS).where(_H.tenant_id == bindparam("at_tenant")).order_by(_H.kind)
_REMOVE = delete(TENANT_HOOKS).where(*_HERE)

_OWNER = update(TENANTS).where(_T.id == bindparam("at_tenant"))
_MARK: Final[dict[HookKind, Update]] = {
    HookKind.BEFORE_CONNECT: _OWNER.values(asks_before_connect=bindparam("asks")),
    HookKind.OUT_OF_SESSION: _OWNER.values(asks_out_of_session=bindparam("asks")),
}
# Changes nothing and takes the row's lock, which every change of a hook needs first.
_LOCK = _OWNER.values(name=_T.name)


def _hook_of(cells: Cells) -> Hook:
    hook_id, tenant_id, kind, wrapped_key, url, secret, on_failure, changed_at = cells
    policy = None if on_failure is None else FailurePolicy(on_failure)
    return Hook(hook_id, tenant_id, HookKind(kind), wrapped_key, url, secret, policy, changed_at)


class SqlHooks:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def put(self, hook: Hook) -> None:
        self._mark(hook.tenant_id, hook.kind, asks=True)
        row: dict[str, Any] = {
            "tenant_id": hook.tenant_id,
            "kind": hook.kind.value,
            "id": hook.id,
            "wrapped_key": hook.wrapped_key,
            "url": hook.url,
            "secret": hook.secret,
            "on_failure": None if hook.on_failure is None else hook.on_failure.value,
            "changed_at": hook.changed_at,
        }
        self._statements.change(_PUT, row)

    def hold(self, tenant_id: str, kind: HookKind) -> Hook | None:
        self._statements.change(_LOCK, {"at_tenant": tenant_id})
        return self.get(tenant_id, kind)

    def get(self, tenant_id: str, kind: HookKind) -> Hook | None:
        row = self._statements.first(_GET, {"at_tenant": tenant_id, "at_kind": kind.value})
        return None if row is None else _hook_of(row)

    def of_tenant(self, tenant_id: str) -> Sequence[Hook]:
        return [_hook_of(row) for row in self._statements.rows(_OF_TENANT, {"at_tenant": tenant_id})]

    def remove(self, tenant_id: str, kind: HookKind) -> bool:
        self._mark(tenant_id, kind, asks=False)
        return self._statements.change(_REMOVE, {"at_tenant": tenant_id, "at_kind": kind.value}) == 1

    def _mark(self, tenant_id: str, kind: HookKind, *, asks: bool) -> None:
        self._statements.change(_MARK[kind], {"at_tenant": tenant_id, "asks": asks})
