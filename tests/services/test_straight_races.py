"""What comes between the read and the one write of the straight way, on PostgreSQL.

SQLite's one writer holds everything from the read on.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from maskservice.domain.call import InboundCall
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller
from maskservice.services import pools
from maskservice.services.calls import Webhook, route_call
from maskservice.services.rekeying import rekey_number
from maskservice.storage.db import Database
from tests.counting import count_statements
from tests.services.conftest import Shop, number
from tests.services.test_placing import place, placement, rows
from tests.services.test_straight import at_once

COURIER, OTHER = "+886987654321", "+886977111222"


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


class Gate:
    """A source of chance that lets a call read, and holds it before it writes: what a call draws, it draws between."""

    def __init__(self) -> None:
        self.has_read, self.may_write = threading.Event(), threading.Event()

    def randbytes(self, count: int) -> bytes:
        self.has_read.set()
        self.may_write.wait(20)
        return secrets.token_bytes(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)


@pytest.mark.parametrize("kind", ["stranger", "withheld", "tail", "known"])
def test_a_right_guess_among_wrong_ones_is_none_the_better_for_having_been_read_before_them(
    shop: Shop, database_app: tuple[Flask, Database], kind: str
) -> None:
    """It is read while the caller is free, and written when he is blocked: then it counts as after them. Also where a
    right guess changes nothing of the caller: a withheld number, the end of the order, which asks for the courier."""
    app, _ = database_app
    pools.set_guard("default", GuardPolicy(caller_tries=3, withheld_tries=3), ports=shop.ports)
    view = shop.bind("TW-20231109-1234")
    extension = view.masked_number.extension
    caller = None if kind == "withheld" else OTHER
    if kind == "tail":
        shop.reach(COURIER, extension)
    if kind == "known":
        shop.reach(OTHER, shop.bind("another", phone="0912-345-679").masked_number.extension)
    right = f"0900000000#{extension}" + ("*1234" if kind == "tail" else "")
    wrong = f"0900000000#{(int(extension) + 1) % 10_000:04d}"
    gate, told = Gate(), []

    def guess() -> None:
        with app.app_context():
            call = InboundCall("right", read_caller(caller), read_dialled(right), None)
            told.append(route_call(Webhook("pbx_1", "w-right", call), replace(shop.ports, randomness=gate)))

    thread = threading.Thread(target=guess)
    thread.start()
    assert gate.has_read.wait(20)
    for turn in range(3):
        shop.leg(caller, wrong, call=f"wrong-{turn}")
    gate.may_write.set()
    thread.join()
    assert number(told[0].answer) is None
    assert number(shop.leg(caller, right, call="later").answer) is None


def test_who_only_looks_at_the_caller_waits_for_nobody(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """All withheld callers of a PBX are one to the guard: their calls go side by side, and none the long way."""
    app, _ = database_app
    to = [f"0900000000#{shop.bind(f'O-{place}').masked_number.extension}" for place in range(6)]
    shop.leg(None, to[0])
    with count_statements(shop.database) as sent:
        answers = at_once(app, [lambda to=each: shop.leg(None, to) for each in to])
    assert all(number(each.answer) for each in answers)
    assert len(sent) == 2 * len(to)


def test_no_contact_is_left_by_a_call_whose_binding_was_released_meanwhile(
    shop: Shop, database_app: tuple[Flask, Database]
) -> None:
    app, _ = database_app
    view = shop.bind()
    gate = Gate()

    def run() -> None:
        with app.app_context():
            to = read_dialled(f"0900000000#{view.masked_number.extension}")
            call = InboundCall("c", read_caller(COURIER), to, None)
            route_call(Webhook("pbx_1", "w", call), replace(shop.ports, randomness=gate))

    thread = threading.Thread(target=run)
    thread.start()
    assert gate.has_read.wait(20)
    shop.release(view)
    gate.may_write.set()
    thread.join()
    with shop.ports.unit(write=False) as uow:
        assert uow.contacts.get(view.id) is None


def test_where_the_statement_fails_nothing_stays_and_nothing_personal_is_told(shop: Shop) -> None:
    wanted = placement(shop, "another")
    with shop.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE bindings ADD CONSTRAINT no_more CHECK (order_id <> 'another')"))
    before = rows(shop)
    with pytest.raises(Exception, match="no_more") as told:
        place(shop, wanted)
    assert "another" not in str(told.value).replace("no_more", "")
    assert rows(shop) == before


def test_two_who_rekey_one_number_at_once_do_not_wait_in_a_ring(
    shop: Shop, database_app: tuple[Flask, Database]
) -> None:
    app, _ = database_app
    for turn in range(60):
        shop.bind(f"O-{turn}")
    shop.clock.move(seconds=1)
    told = at_once(app, [lambda: list(rekey_number("+886900000000", ports=shop.ports)) for _ in range(3)])
    assert all(isinstance(each, list) for each in told)
    assert {each.order_id for done in told for each in done} == {f"O-{turn}" for turn in range(60)}


def test_a_database_that_cannot_say_whether_it_is_a_cluster_is_used_as_if_it_were(shop: Shop) -> None:
    """A transaction serves both. The question is asked again by the next unit that wants to know."""
    database = shop.database
    change = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {}', current_database()); END $$"
    database.is_cluster = None
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA shadow")
        # The first table of this name that the server finds has not the column that is asked for.
        connection.exec_driver_sql("CREATE TABLE shadow.pg_extension (other integer)")
        connection.exec_driver_sql(change.format("SET search_path = shadow, pg_catalog, public"))
    database.engine.dispose()
    with count_statements(database) as sent:
        shop.bind()
    assert database.is_cluster is None
    assert len(sent) > 2
    with database.engine.begin() as connection:
        connection.exec_driver_sql(change.format("RESET search_path"))
    database.engine.dispose()
    shop.bind("next")
    assert database.is_cluster is False
