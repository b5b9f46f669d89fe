"""Tenants and API keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maskservice.domain.errors import MaskServiceError, NameTaken
from maskservice.services.records import Scope, TenantPolicy
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, ApiKeyFactory, TenantFactory


def test_a_tenant_comes_back_as_it_was(uow: SqlUnitOfWork) -> None:
    policy = TenantPolicy(
        grace=timedelta(hours=1, microseconds=7),
        default_life=timedelta(days=400),
        longest_life=timedelta(days=800),
        contact_life=timedelta(0),
        countries=frozenset({"JP", "HK"}),
        mask="〇",
        latin_mask="x",
    )
    tenant = TenantFactory(policy=policy, care_line=b"\x00sealed", wrapped_key=b"\xff")
    uow.tenants.add(tenant)
    assert uow.tenants.get(tenant.id) == tenant
    assert uow.tenants.named(tenant.name) == tenant
    assert uow.tenants.get("ten_none") is None
    assert uow.tenants.named("none") is None


def test_a_name_is_taken_once_and_the_unit_goes_on(uow: SqlUnitOfWork) -> None:
    first = TenantFactory()
    uow.tenants.add(first)
    with pytest.raises(NameTaken):
        uow.tenants.add(TenantFactory(name=first.name))
    second = TenantFactory()
    uow.tenants.add(second)
    assert uow.tenants.all() == [first, second]


def test_replacing_changes_everything_but_not_to_anothers_name(uow: SqlUnitOfWork) -> None:
    first, second = TenantFactory(), TenantFactory()
    uow.tenants.add(first)
    uow.tenants.add(second)
    changed = replace(
        first, name="新名", policy=replace(first.policy, grace=timedelta(hours=5)), care_line=b"c", wrapped_key=b"w"
    )
    uow.tenants.replace(changed)
    assert uow.tenants.get(first.id) == changed
    assert uow.tenants.get(second.id) == second
    with pytest.raises(NameTaken):
        uow.tenants.replace(replace(second, name="新名"))


def test_the_owner_of_a_key_is_found_in_one_statement(uow: SqlUnitOfWork, database: Database) -> None:
    tenant = TenantFactory()
    uow.tenants.add(tenant)
    key = ApiKeyFactory(tenant_id=tenant.id, scopes=frozenset({Scope.LABELS_READ, Scope.CALLS_READ}), label="倉庫")
    uow.api_keys.add(key)
    with count_statements(database) as sent:
        assert uow.api_keys.owner_of(key.digest) == (key, tenant)
    assert len(sent) == 1
    assert uow.api_keys.owner_of(b"?" * 32) is None
    assert uow.api_keys.of_tenant(tenant.id) == [key]
    assert uow.api_keys.of_tenant("ten_none") == []


def test_a_revoked_key_opens_nothing_and_keeps_its_first_moment(uow: SqlUnitOfWork) -> None:
    tenant = TenantFactory()
    uow.tenants.add(tenant)
    key = ApiKeyFactory(tenant_id=tenant.id)
    uow.api_keys.add(key)
    assert uow.api_keys.revoke(key.id, at=NOW)
    assert uow.api_keys.revoke(key.id, at=NOW + timedelta(days=1))
    assert not uow.api_keys.revoke("key_none", at=NOW)
    assert uow.api_keys.owner_of(key.digest) is None
    assert uow.api_keys.of_tenant(tenant.id) == [replace(key, revoked_at=NOW)]


def test_a_digest_is_unique_and_the_refusal_names_the_constraint_only(uow: SqlUnitOfWork) -> None:
    tenant = TenantFactory()
    uow.tenants.add(tenant)
    uow.api_keys.add(ApiKeyFactory(tenant_id=tenant.id, digest=b"secret-digest"))
    with pytest.raises(MaskServiceError) as caught:
        uow.api_keys.add(ApiKeyFactory(tenant_id=tenant.id, digest=b"secret-digest"))
    # A cluster names no constraint.
    assert "digest" in str(caught.value) or str(caught.value).endswith("23505).")
    error: BaseException | None = caught.value
    while error is not None:
        assert "secret-digest" not in repr(error)
        assert b"secret-digest".hex() not in repr(error)
        error = error.__cause__ or error.__context__
