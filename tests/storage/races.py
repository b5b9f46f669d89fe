"""What races do, in threads and as processes: ``python tests/storage/races.py URL TASKS COUNT THREADS SEED``.

Answers for: the same few use cases done over and over, as fast as possible. Must not know: who wins, the rest of
the tests: a top-level package ``tests`` of some library may stand before ours on a bare interpreter's path.
A process says ``ready``, waits for a line, runs, and prints its wins and the seconds of each unit of work as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

from flask import Flask

from maskservice.domain.ids import BindingId, CallId, plain_id
from maskservice.services.records import IdempotencyClaim, Receipt
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NUMBER = "+886900000000"
CEILING = 300
TENANT = plain_id("ten", UUID(int=1))


def _key(source: random.Random) -> UUID:
    return UUID(int=source.getrandbits(128))


def allocate(uow: SqlUnitOfWork, place: int, source: random.Random) -> str | None:
    """A place below the ceiling and a slot, as an allocation does, out of a space hardly larger than the ceiling."""
    if uow.numbers.take(NUMBER, ceiling=CEILING) is None:
        return None
    while True:
        proposals = [f"{source.randrange(CEILING + 20):04d}" for _ in range(8)]
        taken = uow.slots.claim(NUMBER, proposals, binding=_key(source), at=NOW)
        if taken is not None:
            return taken


def slot(uow: SqlUnitOfWork, place: int, source: random.Random) -> str | None:
    """The same extension for everybody, without the count's row lock in front of it."""
    return uow.slots.claim(NUMBER, [f"{place:04d}"], binding=_key(source), at=NOW)


def order(uow: SqlUnitOfWork, place: int, source: random.Random) -> str | None:
    won = uow.orders.claim(TENANT, f"order-{place}", binding=BindingId(NUMBER, _key(source)), waybill=None)
    return str(place) if won else None


def receipt(uow: SqlUnitOfWork, place: int, source: random.Random) -> str | None:
    """Even places: one webhook id from everybody. Odd places: one leg under ids of their own."""
    webhook = f"w-{place}" if place % 2 == 0 else str(_key(source))
    call = CallId(NUMBER, _key(source))
    won = uow.receipts.add(Receipt(NUMBER, "pbx_1", f"c-{place}", 1, webhook, NOW, call, "hangup", 0))
    return str(place) if won else None


def idempotency(uow: SqlUnitOfWork, place: int, source: random.Random) -> str | None:
    claim = IdempotencyClaim(TENANT, f"k-{place}", b"f", "o", _key(source), NOW)
    return str(place) if uow.idempotency.claim(claim) is None else None


TASKS: dict[str, Callable[[SqlUnitOfWork, int, random.Random], str | None]] = {
    task.__name__: task for task in (allocate, slot, order, receipt, idempotency)
}


Result = tuple[list[str], list[float]]


def run(database: Database, task: str, count: int, seed: int) -> Result:
    """Needs an app context. (What was won and committed, seconds of each unit)"""
    source = random.Random(seed)
    wins, seconds = [], []
    for place in range(count):
        started = time.monotonic()
        with database.unit() as uow:
            won = TASKS[task](uow, place, source)
            uow.commit()
        seconds.append(time.monotonic() - started)
        if won is not None:
            wins.append(won)
    return wins, seconds


def run_threads(app: Flask, database: Database, task: str, *, count: int, threads: int, seed: int = 0) -> list[Result]:
    """The same in several threads, which start together."""
    barrier = threading.Barrier(threads)

    def work(thread: int) -> Result:
        with app.app_context():
            barrier.wait(10)
            return run(database, task, count, seed * 1000 + thread)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


def main(url: str, tasks: str, count: str, threads: str, seed: str) -> None:
    app, database = Flask(__name__), Database(url)
    database.init_app(app)
    with app.app_context(), database.unit(write=False) as uow:
        uow.tenants.all()  # connected before the start
    print("ready", flush=True)
    sys.stdin.readline()
    results = {
        task: run_threads(app, database, task, count=int(count), threads=int(threads), seed=int(seed))
        for task in tasks.split(",")
    }
    database.dispose()
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
