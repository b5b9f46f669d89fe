"""What a call, an event and a create send, explained by a real Citus: each statement is one task, so one node runs it.

The statements are those that the services really send. Without MASKSERVICE_TEST_CITUS_URL (a coordinator, an empty
database of its own) nothing here runs, and the summary says so; ``test_citus_rules.py`` reads the same statements then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import sql

from maskservice.services.batches import create_bindings
from maskservice.storage.distribution import REFERENCE
from tests.conftest import fresh_on_citus
from tests.services.conftest import Shop
from tests.services.test_citus_rules import (
    COURIER,
    STEPS,
    calls_of_all_kinds,
    create_and,
    grow_old,
    list_bindings_each_way,
)
from tests.storage.test_distribution import CITUS, MISSING
from tests.storage.test_plans import sent_to

# There is one cluster: the storage suite on it runs on the same worker.
pytestmark = pytest.mark.xdist_group("citus")

_OURS = re.compile(r"\s*(?:WITH|SELECT|INSERT|UPDATE|DELETE)\b")
_WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")


@pytest.fixture
def database_url() -> str:
    url = os.environ.get(CITUS)
    if not url:
        pytest.skip(MISSING)
    return fresh_on_citus(url)


def tasks(shop: Shop, statement: str, parameters: Any) -> list[int]:
    """How many tasks each part of the plan is; a part is what a reference to another node's rows would make more of."""
    given = parameters[0] if isinstance(parameters, list) else parameters
    with shop.database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        # Citus plans by the value of the distribution column: it has to stand in the text.
        text = re.sub(r"\$(\d+)", lambda found: sql.Literal(given[int(found[1]) - 1]).as_string(driver), statement)
        plan = "\n".join(row[0] for row in driver.execute(f"EXPLAIN {text}").fetchall())
        connection.rollback()
    return [int(count) for count in re.findall(r"Task Count: (\d+)", plan)]


@contextmanager
def explained(shop: Shop) -> Iterator[dict[str, list[int]]]:
    """Each statement of the block with the tasks of its plan; the same text is explained once."""
    seen: dict[str, list[int]] = {}
    with sent_to(shop.database) as sent:
        yield seen
    for statement, parameters in list(sent):
        if statement not in seen and _OURS.match(statement):
            seen[statement] = tasks(shop, statement, parameters)


def on_several(seen: dict[str, list[int]]) -> dict[str, list[int]]:
    return {statement: counts for statement, counts in seen.items() if any(count != 1 for count in counts)}


def written(seen: dict[str, list[int]]) -> set[str]:
    return {name for statement in seen for name in _WRITES.findall(statement)}


def test_the_counting_finds_what_asks_every_node(shop: Shop) -> None:
    assert tasks(shop, "SELECT key FROM bindings WHERE key = $1", ("0" * 32,))[0] > 1


def test_every_statement_of_a_call_runs_on_one_node(shop: Shop) -> None:
    view = shop.bind("expiring", expires_in=60)
    calls_of_all_kinds(shop)  # what a process asks once, it has asked
    shop.clock.move(seconds=61)
    with explained(shop) as seen:
        shop.reach(COURIER, view.masked_number.extension)  # the call stores the death that it sees
        calls_of_all_kinds(shop)
    assert len(seen) > 12
    assert on_several(seen) == {}
    # A write to a reference table is one task too, but one that every node carries out.
    assert written(seen) & set(REFERENCE) <= {"guard_callers", "virtual_numbers"}
    assert {"calls", "webhook_receipts", "contacts"} <= written(seen)


@pytest.mark.parametrize("step", STEPS)
def test_every_statement_of_a_create_and_of_a_step_runs_on_one_node(shop: Shop, step: str) -> None:
    with explained(shop) as seen:
        create_and(shop, step)
    assert len(seen) > 6
    assert on_several(seen) == {}
    assert written(seen) & set(REFERENCE) <= {"virtual_numbers"}


def test_of_a_batch_only_what_is_about_several_numbers_asks_several_nodes(shop: Shop) -> None:
    rows = [shop.order(f"order-{place}") for place in range(20)]
    with explained(shop) as seen:
        create_bindings(rows, shop.tenant, shop.ports)
        create_bindings(rows, shop.tenant, shop.ports)
    several = on_several(seen)
    starts = {" ".join(re.split(r"[ .]", statement)[: 3 if "INSERT" in statement else 2]) for statement in several}
    assert starts == {"INSERT INTO slots", "SELECT bindings"}, several


def test_lists_and_the_worker_ask_every_node_and_are_not_refused(shop: Shop) -> None:
    shop.bind("dead", expires_in=60, waybill="W1")
    with explained(shop) as seen:
        assert list_bindings_each_way(shop) == [1, 1, 1]
        grow_old(shop)
    assert len(on_several(seen)) > 10
