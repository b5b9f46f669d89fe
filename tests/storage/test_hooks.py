"""Hooks in the database: one of a kind, and the tenant's row always tells whether it is there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maskservice.domain.binding import Status
from maskservice.domain.hooks import FailurePolicy, HookKind
from maskservice.services.hook_records import Hook
from maskservice.services.records import Who
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.factories import NOW, NUMBER, tenant_id
from tests.storage.conftest import World

MARK = b"recipient's mark"
BEFORE, LATE = HookKind.BEFORE_CONNECT, HookKind.OUT_OF_SESSION


def hook(world: World, kind: HookKind = BEFORE, *, name: str = "hook_1") -> Hook:
    policy = FailurePolicy.CONNECT if kind is BEFORE else None
    return Hook(name, world.tenant.id, kind, b"wrapped", b"sealed-url", b"sealed-secret", policy, NOW)


def marks(uow: SqlUnitOfWork, world: World) -> frozenset[HookKind]:
    tenant = uow.tenants.get(world.tenant.id)
    assert tenant is not None
    return tenant.hooks


def test_put_get_list_remove(uow: SqlUnitOfWork, world: World) -> None:
    assert uow.hooks.hold(world.tenant.id, BEFORE) is None
    assert marks(uow, world) == frozenset()
    first, late = hook(world), hook(world, LATE, name="hook_2")
    uow.hooks.put(first)
    uow.hooks.put(late)
    assert (uow.hooks.get(world.tenant.id, BEFORE), uow.hooks.hold(world.tenant.id, LATE)) == (first, late)
    assert list(uow.hooks.of_tenant(world.tenant.id)) == [first, late]
    assert marks(uow, world) == {BEFORE, LATE}
    changed = Hook("hook_3", world.tenant.id, BEFORE, b"w", b"u", b"s", FailurePolicy.REFUSE, NOW + timedelta(days=1))
    uow.hooks.put(changed)
    assert uow.hooks.get(world.tenant.id, BEFORE) == changed
    assert uow.hooks.remove(world.tenant.id, BEFORE)
    assert not uow.hooks.remove(world.tenant.id, BEFORE)
    assert marks(uow, world) == {LATE}
    assert uow.hooks.get(tenant_id(2), LATE) is None


def test_a_change_of_the_tenant_leaves_the_marks(uow: SqlUnitOfWork, world: World) -> None:
    before = uow.tenants.get(world.tenant.id)
    uow.hooks.put(hook(world))
    assert before is not None
    uow.tenants.replace(before)
    assert marks(uow, world) == {BEFORE}


def test_a_policy_that_does_not_belong_is_refused_by_the_database(uow: SqlUnitOfWork, world: World) -> None:
    wrong = Hook("hook_1", world.tenant.id, LATE, b"w", b"u", b"s", FailurePolicy.CONNECT, NOW)
    with pytest.raises(Exception, match=r"database|constraint"):
        uow.hooks.put(wrong)


def test_ended_bindings_are_found_for_a_tenant_that_asks_behind_the_live_ones(uow: SqlUnitOfWork, world: World) -> None:
    ended = [
        world.bind(uow, binding__status=Status.RELEASED, binding__ended_at=NOW, content__phone_mark=MARK)
        for _ in range(2)
    ]
    live = world.bind(uow, content__phone_mark=MARK)

    def found() -> list[object]:
        bare = uow.calls.line_and_recipient(NUMBER, Who(mark=MARK), now=NOW)
        assert bare is not None
        assert bare.passed is None
        return [each.stored.binding.id for each in bare.own]

    assert found() == [live.binding.id]
    uow.hooks.put(hook(world, LATE))
    assert found() == [live.binding.id, ended[1].binding.id, ended[0].binding.id]
    uow.hooks.remove(world.tenant.id, LATE)
    uow.hooks.put(hook(world))
    assert found() == [live.binding.id]
    uow.hooks.put(hook(world, LATE))
    narrowed = uow.calls.line_and_recipient(NUMBER, Who(mark=MARK), now=NOW, tenant_id=tenant_id(2))
    assert narrowed is None or not narrowed.own
