"""Several workers, calls and looks at one time: every end is one, and every slot rests from the moment of death."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from flask import Flask

from maskservice.services import binding_reads
from maskservice.services.expiry import expire_due, free_rested
from maskservice.storage.db import Database
from tests.ends import counted_ends, watch_ends, wrong_ends
from tests.services.conftest import Shop

COUNT, WORKERS = 120, 3


def at_once(app: Flask, *jobs: Callable[[], object]) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> None:
        try:
            with app.app_context():
                barrier.wait(10)
                job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_workers_and_calls_end_every_binding_once(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    app, database = database_app
    views = [shop.bind(f"order-{place}", expires_in=60 + place % 7) for place in range(COUNT)]
    watch_ends(database.engine)
    shop.clock.move(hours=5)
    done: Counter[str] = Counter()

    def work() -> None:
        while ended := expire_due(shop.ports, limit=5):
            done["worker"] += ended

    def call() -> None:
        for view in views[::3]:
            shop.leg("+886987654321", view.masked_number.tel_uri.removeprefix("tel:").replace(";ext=", "#"))

    def look() -> None:
        for view in reversed(views[::2]):
            binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports)

    at_once(app, *[work] * WORKERS, call, look)
    work()
    assert counted_ends(database.engine) == [1] * COUNT
    assert wrong_ends(database.engine) == 0
    assert 0 < done["worker"] <= COUNT


def test_workers_and_creates_purge_every_binding_once(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """Creates raise the counts that the workers lower: none of either is lost."""
    app, database = database_app
    for place in range(COUNT):
        shop.bind(f"order-{place}", expires_in=60)
    shop.clock.move(hours=1)
    while expire_due(shop.ports, limit=50):
        pass
    shop.clock.move(days=31)
    freed: list[int] = []

    def work() -> None:
        while count := free_rested(shop.ports, limit=7):
            freed.append(count)

    def create() -> None:
        for place in range(20):
            shop.bind(f"new-{threading.get_ident()}-{place}")

    at_once(app, *[work] * WORKERS, create, create)
    work()
    assert sum(freed) == COUNT
    with database.unit(write=False) as uow:
        assert uow.pools.use()[0].held == 40
