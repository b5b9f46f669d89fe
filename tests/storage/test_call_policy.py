"""What is set about calls, kept as JSON of what differs, on both databases; calls of a day; restricted numbers."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from maskservice.domain.call_policy import Access, BindingRules, Codes, Directions, PoolCalls, QuietHours, TenantCalls
from maskservice.services.records import TenantPolicy
from maskservice.storage.call_policy import binding_rules_of, calls_to_json, pool_calls_of, tenant_calls_of
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.factories import NOW, NUMBER, TenantFactory
from tests.storage.conftest import World, build_world, elsewhere

QUIET = QuietHours.parse("21:00-08:00")
TENANT_S = TenantCalls(
    Access.ENROLLED, Directions.TO_COURIER, 20, 600, calls_per_day=3, quiet=QUIET, quiet_exempt=True, whisper=True
)
POOL_S = PoolCalls("en", Codes.ASKED, QUIET, repeat_call=True)
RULES = BindingRules(Access.ASSIGNED, Directions.TO_RECIPIENT)


def test_every_setting_of_the_samples_differs_from_its_default() -> None:
    for sample in (TENANT_S, POOL_S, RULES):
        for each in fields(sample):
            assert getattr(sample, each.name) != getattr(type(sample)(), each.name), each.name


def test_what_differs_is_kept_and_nothing_else() -> None:
    assert calls_to_json(TenantCalls()) is calls_to_json(PoolCalls()) is calls_to_json(None) is None
    assert calls_to_json(TenantCalls(quiet=QUIET)) == {"quiet": "21:00-08:00"}
    assert calls_to_json(PoolCalls(codes=Codes.KEYED)) == {"codes": "keyed"}
    assert tenant_calls_of(calls_to_json(TENANT_S)) == TENANT_S
    assert pool_calls_of(calls_to_json(POOL_S)) == POOL_S
    assert binding_rules_of(calls_to_json(RULES)) == RULES
    assert tenant_calls_of(None) == TenantCalls()
    assert binding_rules_of(None) is None
    assert tenant_calls_of({"whisper": True, "of_a_later_version": 1}) == TenantCalls(whisper=True)


@pytest.mark.parametrize("calls", [TENANT_S, TenantCalls()])
def test_a_tenant_s_settings_come_back_and_are_replaced_alone(uow: SqlUnitOfWork, calls: TenantCalls) -> None:
    tenant = TenantFactory(policy=TenantPolicy(calls=calls), care_line=b"sealed", wrapped_key=b"key")
    other = TenantFactory(policy=TenantPolicy(calls=TENANT_S))
    for each in (tenant, other):
        uow.tenants.add(each)
    assert uow.tenants.get(tenant.id, for_update=True) == tenant
    uow.tenants.replace_calls(tenant.id, TenantCalls(whisper=True))
    expected = replace(tenant, policy=replace(tenant.policy, calls=TenantCalls(whisper=True)))
    assert uow.tenants.get(tenant.id) == expected
    uow.tenants.replace_calls(tenant.id, TenantCalls())
    assert uow.tenants.named(tenant.name) == replace(tenant, policy=TenantPolicy())
    assert uow.tenants.get(other.id) == other


def test_a_pool_s_settings_and_a_binding_s_rules_come_back(uow: SqlUnitOfWork, world: World) -> None:
    uow.pools.replace_calls(world.pool.id, POOL_S)
    pool = uow.pools.named(world.pool.name)
    assert pool is not None
    assert (pool.calls, pool.guard) == (POOL_S, world.pool.guard)
    stored = world.bind(uow, binding__call_rules=RULES)
    assert uow.bindings.get(stored.binding.id) == stored
    for rules in (BindingRules(directions=Directions.BOTH), None):
        uow.bindings.save(replace(stored.binding, call_rules=rules))
        again = uow.bindings.get(stored.binding.id)
        assert again is not None
        assert again.binding.call_rules == rules


def test_calls_of_a_day_are_claimed_up_to_the_limit(uow: SqlUnitOfWork) -> None:
    place, other = elsewhere(), elsewhere(1)
    claims = [uow.guard.claim_call(place, day="2026-11-24", most=3) for _ in range(5)]
    assert claims == [True, True, True, False, False]
    assert uow.guard.claim_call(other, day="2026-11-24", most=3), "each binding by itself"
    assert uow.guard.claim_call(place, day="2026-11-24", most=4), "a limit that was raised"
    assert not uow.guard.claim_call(place, day="2026-11-24", most=1)
    assert [uow.guard.claim_call(place, day="2026-11-25", most=1) for _ in range(2)] == [True, False]


def test_a_pool_s_restricted_numbers(uow: SqlUnitOfWork) -> None:
    world, until = build_world(uow, numbers=4), NOW + timedelta(hours=1)
    numbers = [f"+{int(NUMBER) + place}" for place in range(4)]
    uow.guard.restrict(numbers[0], until=until, at=NOW)
    uow.guard.restrict(numbers[1], until=NOW, at=NOW)
    uow.guard.restrict(numbers[2], until=until, at=NOW)
    uow.guard.restrict(numbers[2], until=None, at=NOW)
    uow.guard.count_wrong(numbers[3], b"caller", window_start=NOW)
    uow.guard.restrict("+886911111111", until=until, at=NOW)
    assert uow.guard.restricted(world.pool.id, now=NOW) == {numbers[0]: until}
    assert uow.guard.restricted(world.pool.id, now=until) == {}
    assert uow.guard.restricted("pool_none", now=NOW) == {}
