"""A number that fills up while a create waits for it: the create is served elsewhere, and holds nothing meanwhile."""

from __future__ import annotations

import threading
from decimal import Decimal

import psycopg
import pytest
from flask import Flask

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.errors import PoolExhausted
from maskservice.services import pools
from maskservice.services.slots import NumberFilledUp, until_placed
from maskservice.storage.db import Database
from tests.services.conftest import Shop


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


def waiting(url: str) -> int:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        here = "wait_event_type = 'Lock' and datname = current_database()"
        row = connection.execute(f"select count(*) from pg_stat_activity where {here}").fetchone()
    return 0 if row is None else int(row[0])


@pytest.mark.parametrize("numbers", [("0900-000010",), ("0900-000010", "0900-000011")])
def test_a_number_that_fills_up_meanwhile(
    shop: Shop, database_app: tuple[Flask, Database], database_url: str, numbers: tuple[str, ...]
) -> None:
    """Somebody takes the last place of every number but the last, and commits once our create waits for one."""
    app, database = database_app
    policy = PoolPolicy(density=Decimal("0.0001"))
    pools.create_pool("tiny", policy=policy, tenants=(), shared=True, ports=shop.ports)
    pools.import_numbers(numbers, pool_name="tiny", ports=shop.ports)
    last = f"+886{numbers[-1].replace('-', '')[1:]}"
    got: list[object] = []

    def create() -> None:
        with app.app_context():
            try:
                got.append(shop.bind("o", pool="tiny").id.virtual_number)
            except PoolExhausted as full:
                got.append(full)

    thread = threading.Thread(target=create)
    with database.unit() as uow:
        for number in numbers[: len(numbers) - 1] or numbers:
            assert uow.numbers.take(f"+886{number.replace('-', '')[1:]}", ceiling=1) == 1
        thread.start()
        # It may also go for the free number at once; only where it waits is there something to see.
        for _ in range(50):
            if got or waiting(database_url):
                break
            thread.join(0.1)
        uow.commit()
    thread.join(10)
    if len(numbers) == 1:
        assert isinstance(got[0], PoolExhausted)
    else:
        assert got == [last]


def test_what_is_begun_again_has_been_taken_back(shop: Shop) -> None:
    begun = 0

    def step() -> int:
        nonlocal begun
        begun += 1
        assert uow.numbers.take("+886900000000", ceiling=1) == 1
        if begun < 3:
            raise NumberFilledUp
        return begun

    def never() -> int:
        raise NumberFilledUp

    with shop.ports.unit() as uow:
        assert until_placed(step, uow) == 3
        uow.commit()
    with shop.ports.unit() as uow, pytest.raises(PoolExhausted):
        until_placed(never, uow)
    _, held = pools.list_numbers("default", ports=shop.ports)
    assert [count for _, count in held] == [1]
