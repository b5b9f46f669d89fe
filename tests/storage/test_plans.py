"""Statements on thousands of rows: none on the way of a call or an allocation reads a whole table or compiles again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, insert
from sqlalchemy.engine.interfaces import CacheStats

from maskservice.domain.binding import Status
from maskservice.domain.call import Direction, Outcome
from maskservice.domain.causes import Cause
from maskservice.domain.guard import CallerState
from maskservice.domain.ids import AttemptGroupId, BindingId, time_of
from maskservice.services.call_filter import CallFilter
from maskservice.services.records import OrderClaim, SlotClaim, Who
from maskservice.storage.db import Database
from maskservice.storage.hot_models import BINDINGS, CALLS, CONTACTS, IDEMPOTENCY, ORDERS, PASSES, RECEIPTS, SLOTS
from maskservice.storage.models import NUMBERS
from maskservice.storage.rows import content_to_row, facts_to_row
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.factories import (
    NOW,
    NUMBER,
    CallRecordFactory,
    IdempotencyClaimFactory,
    ReceiptFactory,
    StoredBindingFactory,
    key,
    pool_id,
    tenant_id,
)
from tests.storage.conftest import World, build_world, plain_only

ROWS = 6000
IN_USE = 5  # numbers over which the bindings are spread
BIG = {table.name for table in (BINDINGS, SLOTS, CONTACTS, ORDERS, PASSES, CALLS, RECEIPTS, IDEMPOTENCY, NUMBERS)}

Sent = list[tuple[str, Any]]


@contextmanager
def sent_to(database: Database) -> Iterator[Sent]:
    """Each statement with its parameters as the driver got them."""
    sent: Sent = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", listen)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", listen)


def fill(database: Database) -> World:
    with database.unit() as uow:
        world = build_world(uow)
        uow.commit()
    stored = [
        StoredBindingFactory(
            binding__id=BindingId(f"+{int(NUMBER) + place % IN_USE}", key(place)),
            binding__tenant_id=world.tenant.id if place % 10 == 0 else tenant_id(place % 97),
            binding__order_id=f"order-{place}",
            binding__waybill=f"W{place}",
            binding__extension=f"{place // IN_USE:04d}",
            binding__expires_at=NOW + timedelta(minutes=place),
            content__phone_mark=b"mark-%d" % (place // 3),
        )
        for place in range(ROWS)
    ]
    with database.engine.begin() as connection:
        bindings = [each.binding for each in stored]
        numbers = [
            {
                "virtual_number": f"+{int(NUMBER) + place}",
                "pool_id": world.pool.id,
                "held": 0,
                "spread": place * 1000,
                "mark": b"own-%d" % place,
                "created_at": NOW,
            }
            for place in range(1, ROWS)
        ]
        connection.execute(insert(NUMBERS), numbers)
        connection.execute(
            insert(BINDINGS),
            [facts_to_row(each.binding) | content_to_row(each.content) | {"creation_answer": None} for each in stored],
        )
        connection.execute(
            insert(SLOTS),
            [
                {
                    "virtual_number": each.id.virtual_number,
                    "extension": each.extension,
                    "binding": each.id.key,
                    "taken_at": NOW,
                    "free_at": NOW + timedelta(minutes=place) if place % 20 == 0 else None,
                }
                for place, each in enumerate(bindings)
            ],
        )
        connection.execute(
            insert(ORDERS),
            [
                {
                    "tenant_id": each.tenant_id,
                    "order_id": each.order_id,
                    "binding": each.id.key,
                    "former": "",
                    "virtual_number": each.id.virtual_number,
                    "waybill": each.waybill,
                }
                for each in bindings
            ],
        )
        connection.execute(
            insert(CONTACTS),
            [
                {
                    "virtual_number": each.id.virtual_number,
                    "binding": each.id.key,
                    "mark": b"courier-%d" % (place % 500),
                    "phone": b"p",
                    "call": key(place),
                    "reached_at": NOW,
                    "expires_at": NOW + timedelta(days=3),
                }
                for place, each in enumerate(bindings)
            ],
        )
        connection.execute(
            insert(PASSES),
            [
                {
                    "virtual_number": each.id.virtual_number,
                    "mark": b"mark-%d" % place,
                    "binding": each.id.key,
                    "expires_at": NOW + timedelta(seconds=place),
                }
                for place, each in enumerate(bindings)
            ],
        )
        connection.execute(
            insert(RECEIPTS),
            [
                {
                    "virtual_number": NUMBER,
                    "pbx_id": "pbx_1",
                    "webhook_id": f"w-{place}",
                    "pbx_call_id": f"c-{place // 3}",
                    "leg": place % 3,
                    "received_at": NOW + timedelta(seconds=place),
                    "call": key(place),
                    "action": "gather",
                    "tries_used": 0,
                    "trace": [],
                }
                for place in range(ROWS)
            ],
        )
        connection.execute(
            insert(CALLS),
            [
                {
                    "virtual_number": NUMBER,
                    "started_at": time_of(key(place)),
                    "key": key(place),
                    "pbx_id": "pbx_1",
                    "pbx_call_id": f"c-{place}",
                    "pool_id": world.pool.id,
                    "outcome": "asking",
                    "tries_used": 0,
                    "trace": [],
                    "tenant_id": tenant_id(place % 97) if place % 5 else None,
                    "binding": key(place) if place % 5 else None,
                    "caller": b"caller-%d" % (place % 500),
                    "attempt_group": key(place),
                }
                for place in range(ROWS)
            ],
        )
        connection.execute(
            insert(IDEMPOTENCY),
            [
                {
                    "tenant_id": tenant_id(1),
                    "key": f"k-{place}",
                    "fingerprint": b"f",
                    "order_id": "o",
                    "binding": key(place),
                    "created_at": NOW + timedelta(seconds=place),
                    "created": True,
                }
                for place in range(ROWS)
            ],
        )
        connection.exec_driver_sql("ANALYZE")
    return world


def call_pages(binding: BindingId) -> list[tuple[str | None, UUID | None, CallFilter]]:
    """Every form of a page of calls that is read off another index, alone and with all that narrows it."""
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    words = {"direction": Direction.TO_COURIER, "outcome": Outcome.BUSY, "cause": Cause.BUSY}
    places: list[dict[str, Any]] = [
        {},
        {"binding": binding},
        {"group": AttemptGroupId(NUMBER, key(30))},
        {"virtual_number": NUMBER},
    ]
    return [
        (whose, before, CallFilter(**place, **more))
        for whose in (tenant_id(1), None)
        for place in places
        for before, more in ((None, {}), (key(3000), span | words))
    ]


def use_everything(uow: SqlUnitOfWork, world: World) -> None:
    """Every statement of a call, of a creation, of a listing and of the worker, once."""
    tenant, binding = world.tenant.id, BindingId(NUMBER, key(20))
    calls, bindings, orders = uow.calls, uow.bindings, uow.orders
    calls.line_and_slot(NUMBER, "0004")
    calls.line_and_slot(NUMBER, "0004", tenant_id=tenant)
    calls.line_and_binding(binding)
    calls.line_and_recipient(NUMBER, Who(b"mark-10"), now=NOW)
    calls.line_and_recipient(NUMBER, Who(b"courier-10"), now=NOW, tenant_id=tenant)
    uow.passes.give(binding, b"mark-10", expires_at=NOW + timedelta(seconds=180))
    calls.line_and_recipient(NUMBER, Who(b"mark-10"), now=NOW)
    uow.passes.forget(older_than=NOW + timedelta(seconds=3), limit=2)
    record = CallRecordFactory(id__key=key(950_000), caller=b"caller-7")
    calls.add(record)
    calls.save_leg(replace(record, binding=key(20)))
    calls.save(record)
    for page_tenant, before, which in call_pages(binding):
        calls.page(page_tenant, limit=10, before=before, which=which)
    calls.forget_callers(older_than=NOW + timedelta(milliseconds=3), limit=2)
    uow.receipts.thread(NUMBER, "pbx_1", "c-1000", "w-2000")
    uow.receipts.latest(NUMBER, "pbx_1", "c-1000")
    uow.receipts.add(ReceiptFactory())
    uow.receipts.forget(older_than=NOW + timedelta(seconds=3), limit=2)
    uow.idempotency.claim(IdempotencyClaimFactory(key="k-1000"))
    uow.idempotency.forget(older_than=NOW + timedelta(seconds=3), limit=2)
    uow.contacts.get(binding)
    uow.numbers.offer(tenant_id=tenant, pool_name="default", phone_mark=b"own-77", spread=5_990_000)
    uow.numbers.is_own(b"own-1000")
    uow.numbers.take(NUMBER, ceiling=1000)
    uow.slots.claim(NUMBER, [f"{place:04d}" for place in range(0, 9999, 700)], binding=key(1), at=NOW)
    uow.slots.rest(NUMBER, "0004", binding=key(1), until=NOW)
    uow.slots.rested(now=NOW + timedelta(minutes=100), limit=5)
    uow.endings.free([(NUMBER, "0004", key(1)), (NUMBER, "0008", key(40))])
    uow.contacts.shorten(binding, until=NOW)
    bindings.to_rekey(NUMBER, before=NOW, now=NOW, limit=5)
    uow.guard.hold(pool_id(1), b"caller", at=NOW)
    uow.guard.save(pool_id(1), b"caller", CallerState(wrong=(NOW,)))
    uow.guard.count_wrong(NUMBER, b"caller", window_start=NOW)
    uow.guard.number(NUMBER)
    uow.guard.restrict(NUMBER, until=None, at=NOW)
    uow.guard.forget(older_than=NOW - timedelta(days=1), limit=5)
    bindings.get(binding)
    bindings.get(binding, for_update=True)
    bindings.by_slot(NUMBER, "0008")
    bindings.due(now=NOW + timedelta(minutes=20), limit=5)
    bindings.page(tenant, now=NOW, limit=10, before=None)
    bindings.page(tenant, now=NOW, limit=10, before=key(3000), status=Status.ACTIVE)
    bindings.page(tenant, now=NOW, limit=10, before=None, order_id="order-20")
    bindings.page(tenant, now=NOW, limit=10, before=None, waybill="W20")
    uow.endings.purge([(NUMBER, "0008", binding.key)], at=NOW)
    uow.endings.end([replace(each, ended_at=NOW) for each in bindings.due(now=NOW + timedelta(minutes=20), limit=5)])
    uow.endings.forget(purged_before=NOW + timedelta(days=1), limit=5)
    uow.numbers.after("", limit=5)
    uow.endings.forget_calls(NUMBER, older_than=NOW + timedelta(milliseconds=20), limit=5)
    orders.claim(tenant, "order-20", binding=binding, waybill=None)
    orders.current(tenant, "order-20")
    orders.place_of(tenant, "order-20", binding.key)
    orders.by_waybill(tenant, "W20")
    orders.retire(tenant, "order-20", binding=binding)
    use_everything_of_a_batch(uow, world)


def use_everything_of_a_batch(uow: SqlUnitOfWork, world: World) -> None:
    tenant_id = world.tenant.id
    some = range(0, 500, 10)
    claims = [OrderClaim(f"fresh-{n}", BindingId(NUMBER, key(800_000 + n)), None) for n in some]
    uow.numbers.own_among([b"own-%d" % n for n in some])
    uow.numbers.offer(tenant_id=tenant_id, pool_name="default", phone_mark=None, spread=5_990_000, limit=48)
    uow.orders.claim_many(tenant_id, claims)
    uow.numbers.reserve(NUMBER, 50, ceiling=10_000)
    uow.numbers.reserve(NUMBER, 50, ceiling=1)
    uow.slots.held_among([(NUMBER, f"{n:04d}") for n in some])
    uow.slots.claim_many([SlotClaim(NUMBER, f"{n:04d}", key(800_000 + n)) for n in some], at=NOW)
    uow.orders.give_up(tenant_id, claims)
    uow.bindings.current_of(tenant_id, [f"order-{n}" for n in some])


def scanned(database: Database, statement: str, parameters: Any, *, big: Collection[str] = BIG) -> list[str]:
    """What reads a whole table or sorts much; on PostgreSQL also in the plan that a prepared statement settles on."""
    if isinstance(parameters, list):  # one statement for several rows
        parameters = parameters[0]
    with database.engine.connect() as connection:
        if database.is_sqlite:
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            return [line for line in plan if line.startswith("SCAN ") and line.split()[1] in big]
        names: dict[str, str] = {}
        generic = re.sub(r"%\((\w+)\)s", lambda match: names.setdefault(match[1], f"${len(names) + 1}"), statement)
        plans = [connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()]
        if not re.search(r"%s", generic):
            raw: Any = connection.connection.dbapi_connection
            plans.append(raw.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {generic}").fetchone()[0])
        return [
            f"{node['Node Type']} {node.get('Relation Name', '')}"
            for plan in plans
            for node in nodes(plan[0]["Plan"])
            if (node["Node Type"] == "Seq Scan" and node["Relation Name"] in big)
            or (node["Node Type"] == "Sort" and node["Plan Rows"] > 100)
        ]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def test_marks_and_waybills_are_found_by_their_hash_indexes(postgres_database: tuple[Flask, Database]) -> None:
    app, database = postgres_database
    with app.app_context():
        world = fill(database)
        with sent_to(database) as sent, database.unit() as uow:
            use_everything(uow, world)
    wanted = {"order_index.waybill = ": "ix_order_index_waybill", ".phone_mark = ": "ix_bindings_phone_mark"}
    seen = dict.fromkeys(wanted, 0)
    with database.engine.connect() as connection:
        for statement, parameters in sent:
            for condition, index in wanted.items():
                if condition in statement:
                    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()
                    assert index in {node.get("Index Name") for node in nodes(plan[0]["Plan"])}, statement
                    seen[condition] += 1
    assert min(seen.values()) > 1


@plain_only
def test_no_statement_reads_a_whole_table(database: Database) -> None:
    world = fill(database)
    with sent_to(database) as sent, database.unit() as uow:
        use_everything(uow, world)
    assert len(sent) > 35
    # For a worker's whole batch, and to rekey a fifth of all there is, it is right to read so small a table at once:
    # test_million_rows.py looks at those.
    found = {
        statement: scanned(database, statement, parameters)
        for statement, parameters in sent
        if "json_array_elements(" not in statement and "rekeyed_at < " not in statement
    }
    assert {statement: plan for statement, plan in found.items() if plan} == {}


@plain_only
def test_a_group_is_found_by_the_caller_s_calls_of_the_last_moments(database: Database) -> None:
    """By the binding it would read every attempt that ever met none on this number, in the middle of a scan."""
    fill(database)
    record = CallRecordFactory(id__key=key(950_000), caller=b"caller-7")
    with sent_to(database) as sent, database.unit() as uow:
        uow.calls.add(record)
        uow.calls.save_leg(replace(record, binding=key(20)))
    for statement, parameters in sent:
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        with database.engine.connect() as connection:
            plan = [str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]
        (line,) = [each for each in plan if " near" in each and ("SEARCH" in each or "Scan" in each)]
        assert "virtual_number_caller_started_at" in line  # a partition's own begins with its name


def test_nothing_is_compiled_twice(database: Database) -> None:
    with database.unit() as uow:
        use_everything(uow, build_world(uow))
    hits: list[tuple[CacheStats, str]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        hits.append((context.cache_hit, statement))

    with database.unit() as uow:
        world = build_world(uow)
        event.listen(database.engine, "before_cursor_execute", listen)
        use_everything(uow, world)
        event.remove(database.engine, "before_cursor_execute", listen)
    assert len(hits) > 35
    assert [statement for hit, statement in hits if hit is not CacheStats.CACHE_HIT] == []


@pytest.mark.parametrize("name", ["slots", "order_index", "idempotency_keys", "webhook_receipts"])
def test_conflict_targets_are_named_where_there_is_one(database: Database, name: str) -> None:
    with sent_to(database) as sent, database.unit() as uow:
        use_everything(uow, build_world(uow))
    inserts = [statement for statement, _ in sent if statement.startswith(f"INSERT INTO {name} ")]
    assert inserts
    target = {
        "slots": "ON CONFLICT (virtual_number, extension) DO NOTHING",
        "order_index": "ON CONFLICT (tenant_id, order_id, former) DO NOTHING",
        "idempotency_keys": "ON CONFLICT (tenant_id, key) DO NOTHING",
        "webhook_receipts": "ON CONFLICT DO NOTHING",
    }[name]
    assert all(target in statement.replace('"', "") for statement in inserts)
