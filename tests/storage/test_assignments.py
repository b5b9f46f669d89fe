"""Assignments and rules for callers on both databases, and that the purge of a binding takes its own along."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert

from maskservice.domain.caller_rule import Verdict
from maskservice.domain.ids import BindingId, plain_id
from maskservice.services.roster_records import CallerRule
from maskservice.storage.db import Database
from maskservice.storage.roster_models import CALLER_RULES, WHOLE_TENANT
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.factories import NOW, NUMBER, key, tenant_id
from tests.storage.conftest import World, elsewhere

HERE = BindingId(NUMBER, key(1))
CALLER = b"c" * 16


def rule(place: int = 0, **facts: object) -> CallerRule:
    made = CallerRule(plain_id("rule", key(place)), tenant_id(1), CALLER, "111", NOW, to_recipient=Verdict.BLOCK)
    return replace(made, **facts)  # type: ignore[arg-type]


def test_assignments_replace_each_other(uow: SqlUnitOfWork) -> None:
    assert uow.assignments.of_binding(HERE) == []
    uow.assignments.replace(HERE, ["cou_b", "cou_a", "cou_b"])
    uow.assignments.replace(elsewhere(), ["cou_a"])
    assert uow.assignments.of_binding(HERE) == ["cou_a", "cou_b"]
    uow.assignments.replace(HERE, ["cou_b", "cou_c"])
    assert uow.assignments.of_binding(HERE) == ["cou_b", "cou_c"]
    uow.assignments.replace(HERE, [])
    assert uow.assignments.of_binding(HERE) == []
    assert uow.assignments.of_binding(elsewhere()) == ["cou_a"]


def test_a_removed_courier_is_assigned_nowhere(uow: SqlUnitOfWork) -> None:
    for place in (HERE, elsewhere()):
        uow.assignments.replace(place, ["cou_a", "cou_b"])
    uow.assignments.forget_courier("cou_a")
    assert [uow.assignments.of_binding(place) for place in (HERE, elsewhere())] == [["cou_b"], ["cou_b"]]


def test_a_caller_has_one_rule_in_each_place(uow: SqlUnitOfWork) -> None:
    first = uow.caller_rules.put(rule(1))
    assert first == rule(1)
    changed = uow.caller_rules.put(rule(2, to_recipient=None, to_courier=Verdict.ALLOW, created_at=NOW))
    assert changed == rule(1, to_courier=Verdict.ALLOW)
    again = uow.caller_rules.put(rule(3, to_recipient=Verdict.ALLOW))
    assert again == rule(1, to_recipient=Verdict.ALLOW, to_courier=Verdict.ALLOW)
    elsewhere_too = [
        rule(4, binding=HERE),
        rule(5, binding=elsewhere()),
        rule(6, tenant_id=tenant_id(2)),
        rule(7, caller=b"d" * 16),
    ]
    assert [uow.caller_rules.put(each) for each in elsewhere_too] == elsewhere_too
    assert uow.caller_rules.get(tenant_id(1), rule(4).id) == elsewhere_too[0]
    assert uow.caller_rules.get(tenant_id(2), rule(4).id) is None


def test_rules_in_pages(uow: SqlUnitOfWork) -> None:
    made = [rule(place, caller=bytes([place]) * 16, binding=HERE if place % 2 else None) for place in range(5)]
    for each in made:
        uow.caller_rules.put(each)
    assert uow.caller_rules.page(tenant_id(1), limit=2, before=None) == [made[4], made[3]]
    assert uow.caller_rules.page(tenant_id(1), limit=9, before=made[3].id) == [made[2], made[1], made[0]]
    assert uow.caller_rules.page(tenant_id(1), limit=9, before=None, binding=HERE) == [made[3], made[1]]
    assert uow.caller_rules.page(tenant_id(1), limit=9, before=made[3].id, binding=HERE) == [made[1]]
    assert uow.caller_rules.page(tenant_id(1), limit=9, before=None, binding=elsewhere()) == []
    assert uow.caller_rules.page(tenant_id(2), limit=9, before=None) == []


def test_a_rule_is_deleted_by_its_tenant(uow: SqlUnitOfWork) -> None:
    uow.caller_rules.put(rule(1))
    assert not uow.caller_rules.delete(tenant_id(2), rule(1).id)
    assert uow.caller_rules.delete(tenant_id(1), rule(1).id)
    assert not uow.caller_rules.delete(tenant_id(1), rule(1).id)


@pytest.mark.parametrize("column", ["to_recipient", "to_courier"])
def test_the_table_knows_two_verdicts(database: Database, column: str) -> None:
    row = {
        "tenant_id": tenant_id(1), "binding": WHOLE_TENANT, "caller": CALLER, "id": "rule_1", "last3": "111",
        "created_at": NOW, column: "maybe",
    }  # fmt: skip
    with pytest.raises(Exception, match=f"ck_caller_rules_{column}"), database.engine.begin() as connection:
        connection.execute(insert(CALLER_RULES), row)


def test_the_purge_of_a_binding_takes_its_own_along(uow: SqlUnitOfWork, world: World) -> None:
    gone, stays = world.bind(uow).binding, world.bind(uow).binding
    for each in (gone, stays):
        uow.assignments.replace(each.id, ["cou_a"])
        uow.caller_rules.put(rule(int(each.extension), binding=each.id))
    whole = uow.caller_rules.put(rule(9_999))
    uow.endings.purge([(gone.id.virtual_number, "99999", gone.id.key)], at=NOW)  # rekeyed since: it lives on
    assert uow.assignments.of_binding(gone.id) == ["cou_a"]
    uow.endings.purge([(gone.id.virtual_number, gone.extension, gone.id.key)], at=NOW + timedelta(days=90))
    assert uow.assignments.of_binding(gone.id) == []
    assert uow.assignments.of_binding(stays.id) == ["cou_a"]
    left = {each.binding for each in uow.caller_rules.page(tenant_id(1), limit=9, before=None)}
    assert left == {stays.id, whole.binding}
