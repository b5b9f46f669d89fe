"""The figures that ``maskservice plan`` reckons with: ``benchmarks/planning.py [--orders N]``, about two minutes.

Answers for: CPU ms of application and database by the operating system's accounting, bytes of a row with its indexes,
from the shipped server with one worker on a PostgreSQL of its own, driven from outside by one client. What it prints
goes into ``maskservice/domain/measured.py``. Run it on a machine that does nothing else: busy neighbours of a core made
the CPU times up to half as much again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import cpu_of, libpq, postmaster_of
from benchmarks.traffic import good, webhook
from tests.postgres import PostgresServer
from tests.system.installation import Installation, install, order, serving

_A_NUMBER_HOLDS = 1000
_WARM_UP = 100
_OF_A_BINDING = ("bindings", "slots", "order_index")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--orders", type=int, default=3000, help="orders without and with a key, calls, events (default 3000)"
    )
    count = arguments.parse_args().orders
    home = Path(tempfile.mkdtemp(prefix="maskservice-planning-"))
    try:
        with PostgresServer() as postgres:
            url = postgres.create_database()
            numbers = [f"0900-{each:06d}" for each in range(2 * (count + _WARM_UP) // _A_NUMBER_HOLDS + 2)]
            place = install(home / "home", url, numbers=numbers)
            with psycopg.connect(libpq(url), autocommit=True) as database:
                _measure(place, database, count)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _measure(place: Installation, database: psycopg.Connection[tuple[object, ...]], count: int) -> None:
    postmaster = postmaster_of(place.database_url)
    with serving(place, workers=1, MASKSERVICE_ENV="production") as server, httpx.Client(base_url=server.url) as client:
        accounts = {
            "application": lambda: 1000 * cpu_of(server.process.pid),
            "database": lambda: 1000 * cpu_of(postmaster),
        }
        made: list[dict[str, str]] = []

        def create(turn: int) -> None:
            body = order(f"20261124-{turn:08d}", phone=f"09{12_000_000 + turn:08d}")
            made.append(good(client.post("/v1/bindings", json=body, headers=place.headers), 201).json())

        def create_with_key(turn: int) -> None:
            body = order(f"20261125-{turn:08d}", phone=f"09{13_000_000 + turn:08d}")
            headers = {**place.headers, "Idempotency-Key": f"0b9f6a0e-1111-4222-8333-{turn:012d}"}
            good(client.post("/v1/bindings", json=body, headers=headers), 201)

        def look_up(turn: int) -> None:
            binding = made[turn]
            call = {"call_id": f"call-{turn:08d}", "from": f"+8869{87_000_000 + turn:08d}", "digits": None}
            call["to"] = f"{binding['virtual_number']}#{binding['extension']}"
            assert webhook(client, place, f"w-{turn}", "calls", call, 200).json()["action"] == "connect"

        def event(turn: int) -> None:
            told = {"call_id": f"call-{turn:08d}", "to": made[turn]["virtual_number"], "event": "answered"}
            webhook(client, place, f"e-{turn}", "events", {**told, "at": _now(), "duration_s": None}, 204)

        rows = count + _WARM_UP
        _timed("create", create, count, accounts)
        bare = _bytes(database, *_OF_A_BINDING)
        for name, step in (("create with key", create_with_key), ("look-up", look_up), ("event", event)):
            _timed(name, step, count, accounts)

    keyed = _bytes(database, *_OF_A_BINDING) - bare
    database.execute("VACUUM ANALYZE")
    _told("live binding", bare / rows)
    _told("first answer", (keyed - bare) / rows)
    _told("contact", _bytes(database, "contacts") / rows)
    _told("call record", _bytes(database, "calls") / rows)
    _told("receipt", _bytes(database, "webhook_receipts") / rows)
    _told("idempotency key", _bytes(database, "idempotency_keys") / rows)
    _purge_all(place, database)
    _told("purged binding", _bytes(database, "bindings", "order_index") / (2 * rows))


def _told(name: str, size: float) -> None:
    print(f"{name:<16} {size:8.0f} bytes")


def _timed(name: str, step: Callable[[int], None], count: int, accounts: dict[str, Callable[[], float]]) -> None:
    for turn in range(_WARM_UP):
        step(turn)
    before, began = {each: account() for each, account in accounts.items()}, time.monotonic()
    for turn in range(_WARM_UP, _WARM_UP + count):
        step(turn)
        if sys.stderr.isatty() and turn % 50 == 0:
            print(f"\r{name}: {turn} of {count}", end="\r", file=sys.stderr, flush=True)
    used = {each: (account() - before[each]) / count for each, account in accounts.items()}
    print(
        f"{name:<16} {used['application']:8.2f} ms CPU application, {used['database']:.2f} ms CPU database, "
        f"{1000 * (time.monotonic() - began) / count:.1f} ms in all",
        flush=True,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _bytes(database: psycopg.Connection[tuple[object, ...]], *tables: str) -> int:
    """With indexes and long values."""
    found = database.execute(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE oid = ANY(%(names)s::regclass[]) "
        # Call records lie in partitions: the table itself has no bytes.
        "OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = ANY(%(names)s::regclass[]))",
        {"names": list(tables)},
    )
    return int(str((found.fetchone() or (0,))[0]))


def _rows(database: psycopg.Connection[tuple[object, ...]], table: str) -> int:
    found = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
    return int(str((found or (0,))[0]))


def _purge_all(place: Installation, database: psycopg.Connection[tuple[object, ...]]) -> None:
    """Moves every binding's end and rest into the past, lets the worker purge, and packs the tables."""
    past = "now() - interval '400 days'"
    database.execute(f"UPDATE bindings SET status = 'expired', ended_at = {past}, expires_at = {past}")
    database.execute(f"UPDATE slots SET free_at = {past}")
    worker = [sys.executable, "-m", "maskservice", "worker", "--once"]
    while _rows(database, "slots"):
        subprocess.run(worker, env=place.environment, check=True, capture_output=True)
    database.execute("VACUUM FULL bindings")
    database.execute("VACUUM FULL order_index")


if __name__ == "__main__":
    sys.exit(main())
