"""Tenants and their API keys: made, listed, revoked, recognised.

Answers for: a key being shown once and stored as a digest only. Must not know: HTTP, SQL.
A key has 256 random bits, so a fast hash is enough (libraries.md): slow hashes are for what people can remember.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from maskservice.domain.errors import FieldError, InvalidContent, NotFound, PhoneRefused, Unauthenticated
from maskservice.domain.ids import new_plain_id
from maskservice.domain.phone import judge_phone, read_phone
from maskservice.services.content import seal_phone
from maskservice.services.judging import own_mark
from maskservice.services.lookup import CARE_LINE_FIELD
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import ALL_SCOPES, ApiKey, Scope, Tenant, TenantPolicy

KEY_PREFIX = "msk_"
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the tenant, with what the key allows."""

    tenant: Tenant
    key_id: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class NewTenant:
    """``api_key`` is shown once and stored nowhere."""

    tenant: Tenant
    key: ApiKey
    api_key: str = field(repr=False)


def checked_name(name: str) -> str:
    """A name of 1 to 60 characters without control characters, trimmed. Raises InvalidContent."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= LONGEST_NAME or any(unicodedata.category(each).startswith("C") for each in name):
        detail = f"A name has 1 to {LONGEST_NAME} characters and no control characters."
        raise InvalidContent((FieldError("/name", "invalid_name", detail),))
    return name


def create_tenant(
    name: str,
    *,
    policy: TenantPolicy,
    care_line: str | None,
    pools: Sequence[str],
    scopes: Iterable[Scope] = ALL_SCOPES,
    ports: Ports,
) -> NewTenant:
    """A tenant with its first key, admitted to the pools. Raises NameTaken, InvalidContent, NotFound for an unknown
    pool."""
    name = checked_name(name)
    now = ports.clock.now()
    with ports.unit() as uow:
        tenant = Tenant(new_plain_id("ten", now, ports.randomness.randbytes(10)), name, now, policy)
        if care_line is not None:
            tenant = _with_care_line(tenant, care_line, uow, ports)
        uow.tenants.add(tenant)
        for pool_name in pools:
            pool = uow.pools.named(pool_name)
            if pool is None:
                raise NotFound("There is no pool of this name. Create it first: maskservice pool create NAME.")
            uow.pools.admit(pool.id, (tenant.id,))
        key, text = _new_key(tenant.id, scopes, label="first key", ports=ports)
        uow.api_keys.add(key)
        uow.commit()
    return NewTenant(tenant, key, text)


def change_tenant(
    name: str,
    *,
    policy: TenantPolicy | None = None,
    care_line: str | None = None,
    drop_care_line: bool = False,
    ports: Ports,
) -> Tenant:
    """Changes a tenant's policy or care line. Raises NotFound, InvalidContent."""
    with ports.unit() as uow:
        tenant = tenant_named(name, uow)
        if policy is not None:
            tenant = replace(tenant, policy=policy)
        if drop_care_line:
            tenant = replace(tenant, care_line=None, wrapped_key=None)
        if care_line is not None:
            tenant = _with_care_line(tenant, care_line, uow, ports)
        uow.tenants.replace(tenant)
        uow.commit()
    return tenant


def tenant_named(name: str, uow: UnitOfWork) -> Tenant:
    """By name or id. Raises NotFound."""
    tenant = uow.tenants.named(name) or uow.tenants.get(name)
    if tenant is None:
        raise NotFound("There is no tenant of this name. 'maskservice tenant list' shows them.")
    return tenant


def find_tenant(name: str, *, ports: Ports) -> Tenant:
    """By name or id. Raises NotFound."""
    with ports.unit(write=False) as uow:
        return tenant_named(name, uow)


def list_tenants(ports: Ports) -> Sequence[Tenant]:
    with ports.unit(write=False) as uow:
        return uow.tenants.all()


def issue_key(tenant_name: str, *, scopes: Iterable[Scope], label: str = "", ports: Ports) -> tuple[ApiKey, str]:
    """A further key of a tenant and its text, shown once. Raises NotFound."""
    with ports.unit() as uow:
        key, text = _new_key(tenant_named(tenant_name, uow).id, scopes, label=label, ports=ports)
        uow.api_keys.add(key)
        uow.commit()
    return key, text


def list_keys(tenant_name: str, *, ports: Ports) -> Sequence[ApiKey]:
    with ports.unit(write=False) as uow:
        return uow.api_keys.of_tenant(tenant_named(tenant_name, uow).id)


def revoke_key(key_id: str, *, ports: Ports) -> None:
    """The key opens nothing from now on. Raises NotFound."""
    with ports.unit() as uow:
        if not uow.api_keys.revoke(key_id, at=ports.clock.now()):
            raise NotFound("There is no key of this id. 'maskservice key list TENANT' shows them.")
        uow.commit()


def authenticate(presented: str | None, *, ports: Ports) -> Caller:
    """The caller behind a key's text. Raises Unauthenticated for a missing, unknown or revoked one: they are not
    told apart."""
    if not presented or len(presented) > 200 or not presented.startswith(KEY_PREFIX):
        raise Unauthenticated("Send a valid API key: 'Authorization: Bearer msk_…'.")
    digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).digest()
    with ports.unit(write=False) as uow:
        owner = uow.api_keys.owner_of(digest)
    if owner is None:
        raise Unauthenticated("Send a valid API key: 'Authorization: Bearer msk_…'.")
    key, tenant = owner
    return Caller(tenant, key.id, key.scopes)


def _new_key(tenant_id: str, scopes: Iterable[Scope], *, label: str, ports: Ports) -> tuple[ApiKey, str]:
    text = KEY_PREFIX + base64.urlsafe_b64encode(ports.randomness.randbytes(32)).decode("ascii").rstrip("=")
    now = ports.clock.now()
    key = ApiKey(
        id=new_plain_id("key", now, ports.randomness.randbytes(10)),
        tenant_id=tenant_id,
        digest=hashlib.sha256(text.encode()).digest(),
        hint=text[-4:],
        scopes=frozenset(scopes),
        created_at=now,
        label=label,
    )
    return key, text


def _with_care_line(tenant: Tenant, text: str, uow: UnitOfWork, ports: Ports) -> Tenant:
    """A care line is a number like any other: it is read by the same rules, refused when it is ours, and sealed."""
    reading = read_phone(text)
    own = reading.base is not None and uow.numbers.is_own(own_mark(reading.base.reveal(), ports))
    try:
        phone = judge_phone(reading, is_own=own, allowed_countries=tenant.policy.countries)
    except PhoneRefused as refusal:
        raise InvalidContent((FieldError("/care_line", refusal.code, refusal.detail),)) from None
    row = ports.cipher.new_row(tenant.id, tenant.id)
    return replace(tenant, care_line=seal_phone(phone, row, CARE_LINE_FIELD), wrapped_key=row.wrapped_key)
