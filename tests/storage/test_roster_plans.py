"""The roster's statements on thousands of rows: none reads a whole table, and a page reads its tenant's rows only."""

from __future__ import annotations

from sqlalchemy import insert

from maskservice.domain.caller_rule import Verdict
from maskservice.domain.ids import BindingId, plain_id
from maskservice.services.roster_records import CallerRule
from maskservice.storage.db import Database
from maskservice.storage.roster_models import ASSIGNMENTS, CALLER_RULES, COURIER_PHONES, COURIERS, WHOLE_TENANT
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.factories import NOW, NUMBER, TenantFactory, key
from tests.storage.conftest import plain_only
from tests.storage.test_plans import scanned, sent_to
from tests.storage.test_roster import courier, phone

ROWS, TENANTS = 6000, 60
BIG = {table.name for table in (COURIERS, COURIER_PHONES, ASSIGNMENTS, CALLER_RULES)}


def caller(place: int) -> bytes:
    return place.to_bytes(16, "big")


def fill(database: Database) -> str:
    """Sixty tenants of a hundred rows each; the id of one."""
    tenants = [TenantFactory() for _ in range(TENANTS)]
    with database.unit() as uow:
        for each in tenants:
            uow.tenants.add(each)
        uow.commit()
    owner = [tenants[place % TENANTS].id for place in range(ROWS)]
    ids = [plain_id("cou", key(place)) for place in range(ROWS)]
    with database.engine.begin() as connection:
        connection.execute(
            insert(COURIERS),
            [
                {
                    "id": ids[place], "tenant_id": owner[place], "carrier": f"c{place % 7}", "wrapped_key": b"w",
                    "name": b"n", "pin_mark": caller(place), "created_at": NOW, "revoked_at": None,
                }
                for place in range(ROWS)
            ],
        )  # fmt: skip
        connection.execute(
            insert(COURIER_PHONES),
            [
                {"tenant_id": owner[place], "caller": caller(place), "courier_id": ids[place], "phone": b"p"}
                for place in range(ROWS)
            ],
        )
        connection.execute(
            insert(ASSIGNMENTS),
            [{"virtual_number": NUMBER, "binding": key(place), "courier_id": ids[place]} for place in range(ROWS)],
        )
        connection.execute(
            insert(CALLER_RULES),
            [
                {
                    "tenant_id": owner[place], "binding": key(place) if place % 2 else WHOLE_TENANT,
                    "caller": caller(place), "id": plain_id("rule", key(place)),
                    "virtual_number": NUMBER if place % 2 else None, "to_recipient": "block", "to_courier": None,
                    "last3": "111", "created_at": NOW,
                }
                for place in range(ROWS)
            ],
        )  # fmt: skip
        connection.exec_driver_sql("ANALYZE")
    return tenants[7].id


def use_everything(uow: SqlUnitOfWork, tenant_id: str) -> None:
    mine, binding = plain_id("cou", key(7)), BindingId(NUMBER, key(67))
    couriers, rules = uow.couriers, uow.caller_rules
    couriers.hold(tenant_id)
    couriers.add(courier(90_000, tenant_id, 90_000, pin=b"fresh"))
    couriers.several(tenant_id, [mine, plain_id("cou", key(67))])
    couriers.owners(tenant_id, [caller(7), caller(8)])
    couriers.pin_owner(tenant_id, caller(7))
    couriers.page(tenant_id, limit=10, before=None)
    couriers.page(tenant_id, limit=10, before=mine, carrier="c1")
    couriers.save(courier(7, tenant_id))
    couriers.enroll(tenant_id, mine, [phone(90_001)])
    couriers.strike(tenant_id, mine, [caller(7)])
    couriers.remove(tenant_id, mine, at=NOW)
    uow.assignments.of_binding(binding)
    uow.assignments.replace(binding, [mine])
    uow.assignments.forget_courier(mine)
    rule = CallerRule(plain_id("rule", key(90_000)), tenant_id, caller(7), "111", NOW, to_courier=Verdict.ALLOW)
    rules.put(rule)
    rules.get(tenant_id, rule.id)
    rules.page(tenant_id, limit=10, before=None)
    rules.page(tenant_id, limit=10, before=rule.id, binding=binding)
    rules.delete(tenant_id, rule.id)


@plain_only
def test_no_statement_reads_a_whole_table(database: Database) -> None:
    tenant_id = fill(database)
    with sent_to(database) as sent, database.unit() as uow:
        use_everything(uow, tenant_id)
    assert len(sent) > 20
    found = {statement: scanned(database, statement, parameters, big=BIG) for statement, parameters in sent}
    assert {statement: plan for statement, plan in found.items() if plan} == {}


@plain_only
def test_the_purge_of_a_binding_finds_its_own(database: Database) -> None:
    fill(database)
    with sent_to(database) as sent:
        for table in ("caller_rules", "assignments"):
            statement = f"DELETE FROM {table} WHERE virtual_number = '{NUMBER}' AND binding = '{key(7).hex}'"
            assert scanned(database, statement, {} if database.is_sqlite else None, big=BIG) == []
    assert len(sent) >= 2
