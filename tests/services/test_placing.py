"""A new order placed in one write: what it writes, and that whoever comes too late has written nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from maskservice.domain.errors import DatabaseUnavailable, PoolExhausted
from maskservice.domain.ids import BindingId, uuid7
from maskservice.services.bindings import create_binding
from maskservice.services.placements import Placement
from maskservice.storage.db import Database
from maskservice.storage.hot_models import BINDINGS, ORDERS, SLOTS
from maskservice.storage.models import NUMBERS
from tests.counting import count_statements
from tests.services.conftest import Shop, X


def rows(shop: Shop) -> dict[str, int]:
    with shop.database.engine.connect() as connection:
        counted = {t.name: connection.scalar(select(func.count()).select_from(t)) for t in (BINDINGS, ORDERS, SLOTS)}
        held = connection.scalar(select(NUMBERS.c.held).where(NUMBERS.c.virtual_number == X))
    return {name: count or 0 for name, count in counted.items()} | {"held": held or 0}


def test_a_new_order_is_an_offer_and_one_write(shop: Shop) -> None:
    shop.bind("warm")
    with count_statements(shop.database) as sent:
        bound = create_binding(shop.order("new"), shop.ports)
    assert bound.created
    assert len(sent) == (5 if shop.database.is_sqlite or shop.database.is_cluster else 2)
    assert rows(shop) == {"bindings": 2, "order_index": 2, "slots": 2, "held": 2}
    with shop.ports.unit(write=False) as uow:
        stored = uow.bindings.by_slot(X, bound.view.masked_number.extension)
    assert stored is not None
    assert (stored.binding.id, stored.binding.extension) == (bound.view.id, bound.view.masked_number.extension)


def placement(shop: Shop, order_id: str, *, ceiling: int = 1000, proposals: tuple[str, ...] = ("0001",)) -> Placement:
    view = shop.bind("pattern", phone="0912-345-679")
    with shop.ports.unit(write=False) as uow:
        stored = uow.bindings.get(view.id)
    assert stored is not None
    place = BindingId(X, uuid7(shop.clock.now(), shop.ports.randomness.randbytes(10)))
    binding = replace(stored.binding, id=place, order_id=order_id, extension="")
    return Placement(replace(stored, binding=binding), ceiling, proposals)


def place(shop: Shop, wanted: Placement) -> str | None:
    with shop.ports.unit(whole=True) as uow:
        got = uow.placements.place(wanted)
        if got is not None:
            uow.commit()
    return got


@pytest.mark.parametrize("late", ["order", "number", "slot"])
def test_nothing_is_written_where_one_part_comes_too_late(shop: Shop, late: str) -> None:
    wanted = placement(shop, "pattern" if late == "order" else "another")
    before = rows(shop)
    if late == "number":
        wanted = replace(wanted, ceiling=before["held"])
    if late == "slot":
        taken = shop.bind("holder", phone="0912-345-670").masked_number.extension
        wanted, before = replace(wanted, proposals=(taken,)), rows(shop)
    assert place(shop, wanted) is None
    assert rows(shop) == before
    if late != "order":
        assert place(shop, replace(wanted, ceiling=1000, proposals=("0002", "0003"))) == "0002"


def test_the_first_free_proposal_is_taken(shop: Shop) -> None:
    taken = shop.bind("holder").masked_number.extension
    assert place(shop, placement(shop, "another", proposals=(taken, "0007", "0008"))) == "0007"


def test_one_order_asked_for_at_once_is_bound_once(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """By the straight way, and by the long one that an idempotency key takes: no two wait for each other in a ring."""
    app, _ = database_app
    got: list[Any] = []
    gate = threading.Barrier(12)

    def run(turn: int) -> None:
        with app.app_context():
            for order in range(6):
                if order == 0:
                    gate.wait()
                try:
                    got.append(create_binding(shop.order(f"O-{order}"), shop.ports))
                except (PoolExhausted, DatabaseUnavailable) as failure:
                    got.append((turn, failure))

    threads = [threading.Thread(target=run, args=(turn,)) for turn in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not [each for each in got if isinstance(each, tuple)]
    assert sum(each.created for each in got) == 6
    assert rows(shop) == {"bindings": 6, "order_index": 6, "slots": 6, "held": 6}
