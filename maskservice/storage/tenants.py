"""Tenants and their API keys.

Answers for: the repositories ``Tenants`` and ``ApiKeys``. Must not know: what a key looks like, what a care line says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.call_policy import TenantCalls
from maskservice.domain.errors import NameTaken
from maskservice.services.records import ApiKey, Scope, Tenant
from maskservice.storage.call_policy import calls_to_json
from maskservice.storage.models import API_KEYS, TENANTS
from maskservice.storage.rows import TENANT_COLUMNS, tenant_of
from maskservice.storage.statements import Statements

_T, _K = TENANTS.c, API_KEYS.c
_KEY_COLUMNS = (_K.id, _K.tenant_id, _K.digest, _K.hint, _K.scopes, _K.created_at, _K.revoked_at, _K.label)

# PostgreSQL's insert is also SQLite's here: both dialects compile its ON CONFLICT, and the suite runs each of these on
# both.
_ADD = upsert(TENANTS).on_conflict_do_nothing(index_elements=[_T.name])
_GET = select(*TENANT_COLUMNS).where(_T.id == bindparam("wanted"))
# FOR NO KEY UPDATE: whatever only refers to the tenant by a foreign key goes on.
_GET_LOCKED = _GET.with_for_update(key_share=True)
_NAMED = select(*TENANT_COLUMNS).where(_T.name == bindparam("wanted"))
_ALL = select(*TENANT_COLUMNS).order_by(_T.id)
_REPLACE = update(TENANTS).where(_T.id == bindparam("wanted"))

_ADD_KEY = insert(API_KEYS)
_KEYS_OF = select(*_KEY_COLUMNS).where(_K.tenant_id == bindparam("wanted")).order_by(_K.id)
_REVOKE = (
    update(API_KEYS)
    .where(_K.id == bindparam("wanted"), _K.revoked_at.is_(None))
    .values(revoked_at=bindparam("moment", type_=_K.revoked_at.type))
)
_KNOWN_KEY = select(_K.id).where(_K.id == bindparam("wanted"))
_OWNER = (
    select(*_KEY_COLUMNS, *TENANT_COLUMNS)
    .join_from(API_KEYS, TENANTS, _T.id == _K.tenant_id)
    .where(_K.digest == bindparam("wanted"), _K.revoked_at.is_(None))
)


def _row(tenant: Tenant) -> dict[str, Any]:
    policy = tenant.policy
    return {
        "id": tenant.id,
        "name": tenant.name,
        "created_at": tenant.created_at,
        "grace": policy.grace,
        "default_life": policy.default_life,
        "longest_life": policy.longest_life,
        "contact_life": policy.contact_life,
        "countries": " ".join(sorted(policy.countries)),
        "mask": policy.mask,
        "latin_mask": policy.latin_mask,
        "care_line": tenant.care_line,
        "wrapped_key": tenant.wrapped_key,
        "calls": calls_to_json(policy.calls),
    }


def _key_of(cells: Sequence[Any]) -> ApiKey:
    key_id, tenant_id, digest, hint, scopes, created_at, revoked_at, label = cells
    return ApiKey(
        key_id,
        tenant_id,
        digest,
        hint,
        frozenset(Scope(scope) for scope in scopes.split()),
        created_at,
        revoked_at,
        label,
    )


class SqlTenants:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, tenant: Tenant) -> None:
        if not self._statements.change(_ADD, _row(tenant)):
            raise NameTaken("There is a tenant of this name already.")

    def get(self, tenant_id: str, *, for_update: bool = False) -> Tenant | None:
        row = self._statements.first(_GET_LOCKED if for_update else _GET, {"wanted": tenant_id})
        return None if row is None else tenant_of(row)

    def named(self, name: str) -> Tenant | None:
        row = self._statements.first(_NAMED, {"wanted": name})
        return None if row is None else tenant_of(row)

    def all(self) -> Sequence[Tenant]:
        return [tenant_of(row) for row in self._statements.rows(_ALL)]

    def replace(self, tenant: Tenant) -> None:
        """Raises NameTaken where the new name is another tenant's."""
        other = self.named(tenant.name)
        if other is not None and other.id != tenant.id:
            raise NameTaken("There is a tenant of this name already.")
        self._statements.change(_REPLACE, {**_row(tenant), "wanted": tenant.id})

    def replace_calls(self, tenant_id: str, calls: TenantCalls) -> None:
        self._statements.change(_REPLACE, {"wanted": tenant_id, "calls": calls_to_json(calls)})


class SqlApiKeys:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, key: ApiKey) -> None:
        self._statements.change(
            _ADD_KEY,
            {
                "id": key.id,
                "tenant_id": key.tenant_id,
                "digest": key.digest,
                "hint": key.hint,
                "scopes": " ".join(sorted(key.scopes)),
                "created_at": key.created_at,
                "revoked_at": key.revoked_at,
                "label": key.label,
            },
        )

    def of_tenant(self, tenant_id: str) -> Sequence[ApiKey]:
        return [_key_of(row) for row in self._statements.rows(_KEYS_OF, {"wanted": tenant_id})]

    def revoke(self, key_id: str, *, at: datetime) -> bool:
        if self._statements.change(_REVOKE, {"wanted": key_id, "moment": at}):
            return True
        return self._statements.first(_KNOWN_KEY, {"wanted": key_id}) is not None

    def owner_of(self, digest: bytes) -> tuple[ApiKey, Tenant] | None:
        row = self._statements.first(_OWNER, {"wanted": digest})
        if row is None:
            return None
        width = len(_KEY_COLUMNS)
        return _key_of(row[:width]), tenant_of(row[width:])
