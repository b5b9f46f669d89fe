"""Bindings that the worker ends and purges a second, and what calls notice: ``benchmarks/expiry.py [--rows N]``.

Answers for: the shipped server and ``maskservice worker`` processes on a PostgreSQL that keeps what it acknowledges;
rate, CPU of workers and database a binding (from /proc, which survives a noisy machine) beside the floor, which is the
same changes as three plain statements of SQL for all rows at once; and the times of calls, sent at a fixed rate from
outside, while nothing expires, while bindings end, and while they are purged.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, select, text

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import RESULTS, cpu_of, load_line, postmaster_of
from benchmarks.traffic import good, webhook
from maskservice.storage.models import POOLS
from tests.postgres import PostgresServer
from tests.storage.many import fill
from tests.system.installation import ROOT, Installation, install, order, serving

SAVED = RESULTS / "expiry.txt"
_CALLERS = 4
_LIVE = 100
_FLOOR_ROWS = 20_000
_WATCHED = {
    "end": "SELECT count(*) FROM bindings WHERE status IN ('active', 'delivered', 'locked') AND expires_at <= :now",
    "purge": "SELECT count(*) FROM slots WHERE free_at IS NOT NULL AND free_at <= :now",
}


@dataclass(frozen=True)
class Measured:
    what: str
    rows: int
    seconds: float
    workers_cpu: float
    database_cpu: float
    times_ms: list[float]

    def at(self, share: float) -> float:
        return sorted(self.times_ms)[min(int(len(self.times_ms) * share), len(self.times_ms) - 1)]


class Calls:
    """Webhooks that connect, ``rate`` a second however long each takes, and how long each took."""

    def __init__(self, place: Installation, url: str, numbers: list[str], rate: float) -> None:
        self._place, self._url, self._numbers, self._rate = place, url, numbers, rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._sent = 0
        self._threads = [threading.Thread(target=self._send, args=(each,)) for each in range(_CALLERS)]

    def __enter__(self) -> Calls:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def take(self) -> list[float]:
        """The times since it was asked last."""
        with self._lock:
            taken, self._times = self._times, []
        return taken

    def _send(self, thread: int) -> None:
        with httpx.Client(base_url=self._url) as client:
            due = time.monotonic() + thread / self._rate
            turn = 0
            while not self._stop.wait(max(due - time.monotonic(), 0)):
                name = f"{thread}-{turn}-{os.getpid()}"
                call = {"call_id": f"c-{name}", "from": f"+8869870{thread}{turn % 1000:03d}5", "digits": None}
                call["to"] = self._numbers[(turn * _CALLERS + thread) % len(self._numbers)]
                webhook(client, self._place, f"w-{name}", "calls", call, 200)
                with self._lock:
                    # From when it was due: a call that waits behind another one is late, too.
                    self._times.append((time.monotonic() - due) * 1000)
                turn += 1
                due += _CALLERS / self._rate


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=150_000, help="bindings that end and are purged")
    arguments.add_argument("--workers", type=int, nargs="*", default=[1, 2], help="worker processes, one run each")
    arguments.add_argument("--rate", type=float, default=20, help="calls a second")
    arguments.add_argument("--quiet-seconds", type=float, default=15, help="how long calls are measured alone")
    arguments.add_argument("--save", type=Path, default=SAVED)
    asked = arguments.parse_args()
    found: list[Measured] = []
    for workers in asked.workers:
        with PostgresServer(durable=True) as postgres, tempfile.TemporaryDirectory(prefix="expiry-") as home:
            place = install(Path(home) / "home", postgres.create_database())
            engine = create_engine(place.database_url, isolation_level="AUTOCOMMIT")
            found += _run(place, engine, asked, workers)
            engine.dispose()
    table = _table(found)
    Console(width=160).print(table)
    asked.save.parent.mkdir(exist_ok=True)
    with asked.save.open("w", encoding="utf-8") as file:
        Console(file=file, width=160).print(table)
    return 0


def _run(place: Installation, engine: Engine, asked: argparse.Namespace, workers: int) -> Iterator[Measured]:
    with serving(place, workers=1, MASKSERVICE_ENV="production") as server:
        with httpx.Client(base_url=server.url, headers=place.headers) as client:
            made = [good(client.post("/v1/bindings", json=order(each)), 201).json() for each in range(_LIVE)]
        numbers = [f"{each['virtual_number']}#{each['extension']}" for each in made]
        _load(engine, place, asked.rows)
        with Calls(place, server.url, numbers, asked.rate) as calls:
            _say(f"calls alone, {asked.quiet_seconds:.0f} s")
            time.sleep(3)  # connections, caches, the checkpoint of what was loaded
            calls.take()
            time.sleep(asked.quiet_seconds)
            yield Measured("calls alone", 0, asked.quiet_seconds, 0, 0, calls.take())
            for kind in ("end", "purge"):
                if kind == "purge":
                    _rest_is_over(engine)
                    time.sleep(2)
                yield _watch(kind, place, engine, calls, workers)
        yield _floor(engine)


def _load(engine: Engine, place: Installation, rows: int) -> None:
    _say(f"loading {rows:,} bindings")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        pool = connection.execute(select(POOLS.c.id).where(POOLS.c.name == "p")).scalar_one()
        for first, count, expires in ((0, rows, yesterday), (rows, _FLOOR_ROWS, yesterday + timedelta(days=30))):
            fill(
                connection, count, pool=pool, tenant=place.tenant_id, expires=expires, apart="1 microsecond",
                now=yesterday, first=first, contact_every=2,
            )  # fmt: skip
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            connection.exec_driver_sql(statement)


def _rest_is_over(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.execute(text("UPDATE slots SET free_at = free_at - interval '60 days' WHERE free_at IS NOT NULL"))
        connection.exec_driver_sql("VACUUM ANALYZE slots")


def _watch(kind: str, place: Installation, engine: Engine, calls: Calls, workers: int) -> Measured:
    """Between the first twentieth and the last: neither the programs' start nor the last, smaller rounds count."""
    with engine.connect() as connection, _workers(place, workers) as processes:
        postmaster = postmaster_of(place.database_url)

        def left() -> int:
            return int(connection.execute(text(_WATCHED[kind]), {"now": datetime.now(UTC)}).scalar() or 0)

        def accounts() -> tuple[float, float]:
            return sum(cpu_of(each.pid) for each in processes), cpu_of(postmaster)

        whole = now = left()
        while now > whole * 0.95:
            time.sleep(0.05)
            now = left()
        began, at_first, before = time.monotonic(), now, accounts()
        calls.take()
        while now > whole * 0.05:
            time.sleep(0.5)
            now = left()
            _say(f"{kind}: {whole - now:,} of {whole:,}")
        seconds, after = time.monotonic() - began, accounts()
        times = calls.take()
    name = f"{kind}, {workers} worker{'s' if workers > 1 else ''}, calls beside"
    return Measured(name, at_first - now, seconds, after[0] - before[0], after[1] - before[1], times)


@contextmanager
def _workers(place: Installation, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    environment = {**place.environment, "MASKSERVICE_ENV": "production"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "maskservice", "worker"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _floor(engine: Engine) -> Measured:
    """What the server alone needs for the changes of an end and of a purge: nothing is locked, sent or looked up row by
    row."""
    rows = "(SELECT virtual_number, key FROM bindings WHERE status = 'active' AND order_id LIKE 'order-%') AS g"
    here = "x.virtual_number = g.virtual_number AND x.{} = g.key"
    statements = (
        f"UPDATE slots AS x SET free_at = now() FROM {rows} WHERE {here.format('binding')}",
        f"UPDATE contacts AS x SET expires_at = now() FROM {rows} WHERE {here.format('binding')}",
        f"UPDATE bindings AS x SET status = 'expired', ended_at = now() FROM {rows} WHERE {here.format('key')}",
    )
    with engine.connect() as connection:
        postmaster = postmaster_of(engine.url.render_as_string(hide_password=False))
        connection.exec_driver_sql("SET statement_timeout = 0")
        before, began = cpu_of(postmaster), time.monotonic()
        for statement in statements:
            changed = connection.execute(text(statement)).rowcount
        used = cpu_of(postmaster) - before
        return Measured("floor of an end: plain SQL", changed, time.monotonic() - began, 0, used, [])


def _table(found: list[Measured]) -> Table:
    caption = (
        f"{load_line()}; CPU in microseconds a binding, the calls' share of "
        "the database's included. 'both cores': 2 cores over the CPU of one. p99 x: of the calls alone in the same run."
    )
    table = Table(title="Expiry on PostgreSQL, and calls meanwhile", caption=caption)
    for column in ("", "bindings", "bindings/s", "CPU worker us", "CPU db us", "both cores", "calls", "p50 ms",
                   "p99 ms", "p50 x", "p99 x"):  # fmt: skip
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    alone = found[0]
    for each in found:
        if each.what == "calls alone":
            alone = each
        cells = [each.what]
        if each.rows:
            both = (each.workers_cpu + each.database_cpu) / each.rows * 1e6
            cells += [f"{each.rows:,}", f"{each.rows / each.seconds:,.0f}", f"{each.workers_cpu / each.rows * 1e6:.0f}"]
            cells += [f"{each.database_cpu / each.rows * 1e6:.0f}", f"{2e6 / both:,.0f}/s"]
        else:
            cells += [""] * 5
        if each.times_ms:
            cells += [str(len(each.times_ms)), f"{each.at(0.5):.1f}", f"{each.at(0.99):.1f}"]
            cells += [f"{each.at(0.5) / alone.at(0.5):.2f}", f"{each.at(0.99) / alone.at(0.99):.2f}"]
        table.add_row(*cells)
    return table


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
