"""Tables and statements against what Citus documents that it refuses.

The rules, from its manual ("SQL Support and Workarounds", "Creating and Modifying Distributed Objects", "FAQ") and its
issues: a unique key of a distributed table holds the distribution column; a foreign key leads from a reference table to
a reference table, or from a distributed table to a reference table, never the other way; SELECT … FOR UPDATE works in
single-shard queries only (issue 4647); the distribution column cannot be updated; no subquery in VALUES; functions of
a change are not volatile; two tables that are not together are never joined. A real one (12.1.12) taught two
more: no look-up on several shards for each row of a list; in an UPDATE no cast of a text in a list to a moment.
Where a cluster is at hand, test_citus_nodes.py asks it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from maskservice.domain.call import Outcome
from maskservice.services import binding_reads, binding_steps, expiry, retention
from maskservice.services.batches import create_bindings
from maskservice.services.bindings import create_binding
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.idempotency import IdempotentRequest
from maskservice.storage.distribution import BY_NUMBER, BY_TENANT, NUMBER, REFERENCE, TENANT, plan
from maskservice.storage.models import Base
from tests.services.conftest import Shop, X
from tests.storage.test_plans import sent_to

COURIER, RECIPIENT = "+886987654321", "+886912345678"
COLUMN = {**dict.fromkeys(BY_NUMBER, NUMBER), **dict.fromkeys(BY_TENANT, TENANT)}
VOLATILE = re.compile(r"\b(now|clock_timestamp|random|gen_random_uuid|nextval|current_timestamp)\b", re.I)


PER_ROW = re.compile(r"\(SELECT [^()]*\bFROM \w+(?: AS \w+)?\s+WHERE \w+\.virtual_number = \(\w+\.value ->>")


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """Only there: Citus is a PostgreSQL."""
    return postgres_url


def test_every_table_has_its_place() -> None:
    assert [each.table for each in plan()] == [*REFERENCE, *BY_NUMBER, *BY_TENANT]
    assert {each.table for each in plan()} == set(Base.metadata.tables)
    assert len(plan()) == len(Base.metadata.tables)


def test_every_unique_key_holds_the_distribution_column() -> None:
    for name, column in COLUMN.items():
        table = Base.metadata.tables[name]
        kinds = (PrimaryKeyConstraint, UniqueConstraint)
        keys = [{each.name for each in key.columns} for key in table.constraints if isinstance(key, kinds)]
        keys += [{each.name for each in index.columns} for index in table.indexes if index.unique]
        assert all(column in key for key in keys), name
        assert not table.c[column].nullable


def test_foreign_keys_lead_to_reference_tables_that_were_placed_before() -> None:
    order = [each.table for each in plan()]
    for name, table in Base.metadata.tables.items():
        for key in table.constraints:
            if isinstance(key, ForeignKeyConstraint):
                assert key.referred_table.name in REFERENCE, name
                assert order.index(key.referred_table.name) < order.index(name), name
                assert key.ondelete is None


def test_tables_that_lie_together_have_one_type_of_column() -> None:
    for column in (NUMBER, TENANT):
        types = {repr(Base.metadata.tables[name].c[column].type) for name, by in COLUMN.items() if by == column}
        assert len(types) == 1


def mentioned(statement: str) -> Iterator[tuple[str, str]]:
    """(table, how the statement calls it) of every distributed table in it."""
    for name in COLUMN:
        pattern = rf"(?:\bFROM|\bJOIN|\bINTO|\bUPDATE|,)\s+{name}\b(?!\.)(?:\s+AS\s+(\w+))?"
        for match in re.finditer(pattern, statement):
            yield name, match.group(1) or name


def names_by_parameter(statement: str, alias: str, column: str, inserted: bool) -> bool:
    if inserted:
        columns, _, rest = statement.partition("(")[2].partition(")")
        place = [each.strip() for each in columns.split(",")].index(column)
        values = re.sub(r"^\s*(?:VALUES\s*\(|SELECT\s+)", "", rest)
        return bool(re.match(r"\$\d", values.split(",")[place].strip()))
    own = rf"(?:{alias}\.)" if f"{alias}." in statement else ""
    return bool(re.search(rf"{own}\b{column} = \$\d", statement))


def broken(statement: str) -> list[str]:
    """What of it Citus would refuse, or would ask of every node."""
    faults = []
    for name, alias in mentioned(statement):
        inserted = statement.startswith(f"INSERT INTO {name} ") and alias == name
        if not names_by_parameter(statement, alias, COLUMN[name], inserted):
            faults.append(f"{alias} is not named by its {COLUMN[name]}")
    columns = {COLUMN[name] for name, _ in mentioned(statement)}
    if len(columns) > 1:
        faults.append("tables that are not together")
    if VOLATILE.search(statement):
        faults.append("a function that is not immutable")
    if re.search(r"VALUES \([^)]*\bSELECT\b", statement):
        faults.append("a subquery in VALUES")
    if PER_ROW.search(statement):
        faults.append("a look-up for each row of a list")
    if statement.startswith("UPDATE") and re.search(r"CAST\([^()]*->>[^()]* AS TIMESTAMP", statement):
        faults.append("a function that is not immutable, of a column")
    changed = re.search(r"\bSET (.*?)(?: WHERE | FROM |$)", statement, re.S)
    target = re.match(r"UPDATE (\w+)", statement)
    if changed and target and re.search(rf"\b{COLUMN.get(target[1], 'none of these')} ?=", changed[1]):
        faults.append("the distribution column is changed")
    return faults


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT bindings.key FROM bindings WHERE bindings.key = $1",
        "SELECT b.key FROM slots JOIN bindings AS b ON b.key = slots.binding WHERE slots.virtual_number = $1",
        "SELECT 1 FROM calls WHERE calls.virtual_number = $1 AND calls.started_at < now()",
        "UPDATE slots SET virtual_number=$2 WHERE slots.virtual_number = $1",
        "INSERT INTO slots (virtual_number, extension) VALUES ((SELECT 1), $1)",
        "INSERT INTO slots (extension, virtual_number) SELECT $1, other.virtual_number FROM other",
        "SELECT 1 FROM bindings JOIN order_index ON true WHERE bindings.virtual_number = $1 "
        "AND order_index.tenant_id = $2",
        "SELECT l.value ->> 0 FROM json_array_elements($1) AS l(value) WHERE (SELECT slots.binding FROM slots "
        "WHERE slots.virtual_number = (l.value ->> 0) AND slots.extension = (l.value ->> 1)) IS NULL",
        "UPDATE bindings SET ended_at=CAST(l.value ->> 2 AS TIMESTAMP WITH TIME ZONE) "
        "FROM json_array_elements($1) AS l(value) WHERE bindings.virtual_number = (l.value ->> 0)",
    ],
)
def test_the_rules_find_what_they_are_for(statement: str) -> None:
    assert broken(statement)


@contextmanager
def watched(shop: Shop) -> Iterator[list[str]]:
    seen: list[str] = []
    shop.database.is_cluster = True
    with sent_to(shop.database) as sent:
        yield seen
    seen.extend({statement for statement, _ in sent})


def calls_of_all_kinds(shop: Shop) -> None:
    view = shop.bind(waybill="W1")
    other = shop.bind("another", phone="0912-345-678")
    shop.reach(COURIER, view.masked_number.extension)
    shop.reach(COURIER, "9999")
    shop.reach(None, view.masked_number.extension)
    shop.leg(COURIER, f"{X}#{view.masked_number.extension}", call="c-one", webhook="again")
    shop.leg(COURIER, f"{X}#{view.masked_number.extension}", call="c-one", webhook="again")
    shop.leg(RECIPIENT, X, call="c-menu")
    shop.leg(RECIPIENT, X, "1", call="c-menu")
    shop.leg("+886977111222", X)
    shop.leg(COURIER, "0900-999999")
    for outcome in (Outcome.RINGING, Outcome.ANSWERED, Outcome.COMPLETED):
        report_call(CallReport("pbx_1", "c-one", X, outcome), shop.ports)
    shop.release(other)
    shop.reach(COURIER, other.masked_number.extension)


STEPS: dict[str, Callable[[Shop, Any], object]] = {
    "deliver": lambda shop, view: binding_steps.deliver_binding(
        shop.tenant, view.id, delivered_at=None, ports=shop.ports
    ),
    "lock": lambda shop, view: binding_steps.lock_binding(shop.tenant, view.id, reason="x", ports=shop.ports),
    "release": lambda shop, view: shop.release(view),
    "get": lambda shop, view: binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports),
    "label": lambda shop, view: binding_reads.get_label_of_order(shop.tenant, view.order_id, ports=shop.ports),
}


def create_and(shop: Shop, step: str) -> None:
    """Creates with and without an idempotency key, each a second time, and a step of a binding."""
    keyed = replace(shop.order(waybill="W1"), idempotency=IdempotentRequest("k", "r", b"{}"))
    for order in (keyed, shop.order("plain", waybill="W2")):
        view = create_binding(order, shop.ports).view
        create_binding(order, shop.ports)
    STEPS[step](shop, view)


def list_bindings_each_way(shop: Shop) -> list[int]:
    """How many a list of all, of the order ``dead`` and of the waybill W1 gives."""
    every = binding_reads.ListBindings(shop.tenant, limit=10)
    ways = (every, replace(every, order_id="dead"), replace(every, waybill="W1"))
    return [len(binding_reads.list_bindings(query, shop.ports).rows) for query in ways]


def grow_old(shop: Shop) -> None:
    """All that the worker does to bindings and calls from their end to their last trace."""
    shop.clock.move(days=1)
    expiry.work_round(shop.ports)
    shop.clock.move(days=40)
    expiry.work_round(shop.ports)
    shop.clock.move(days=500)
    retention.clear_old(shop.ports, retention.Kept(), limit=10)


def test_every_statement_of_a_call_asks_one_node(shop: Shop) -> None:
    view = shop.bind("expiring", expires_in=60)
    shop.clock.move(seconds=61)
    with watched(shop) as seen:
        shop.reach(COURIER, view.masked_number.extension)  # the call stores the death that it sees
        calls_of_all_kinds(shop)
    assert len(seen) > 12
    assert {each: broken(each) for each in seen if broken(each)} == {}


@pytest.mark.parametrize("step", STEPS)
def test_creates_and_steps_ask_one_node_a_statement(shop: Shop, step: str) -> None:
    with watched(shop) as seen:
        create_and(shop, step)
    assert len(seen) > 6
    assert {each: broken(each) for each in seen if broken(each)} == {}


def test_what_asks_all_nodes_locks_nothing_and_joins_nothing_apart(shop: Shop) -> None:
    """The worker and lists: a whole cluster answers, so no row lock, and no join of tables that lie apart."""
    with watched(shop) as seen:
        shop.bind("dead", expires_in=60, waybill="W1")
        for _ in range(2):
            create_bindings([shop.order(f"order-{place}") for place in range(9)], shop.tenant, shop.ports)
        list_bindings_each_way(shop)
        grow_old(shop)
    several = [each for each in seen if any("not named" in fault for fault in broken(each))]
    assert len(several) > 10
    for statement in several:
        assert "FOR UPDATE" not in statement, statement
        assert not re.search(r"\bJOIN\b", statement) or len(set(mentioned(statement))) < 2, statement
        assert "distribution column is changed" not in broken(statement)
        assert not VOLATILE.search(statement)
        assert not any("list" in fault or "immutable" in fault for fault in broken(statement)), statement
