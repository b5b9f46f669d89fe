"""Look-ups among millions of live bindings, and what one takes on disk: ``python -m benchmarks.large [--rows N]``.

Answers for: rows loaded by COPY beside a few that were bound through the service, which are then called; the rate with
few and with many, in one run. Must not know: how a binding is looked up. The loaded rows are sealed by nobody: their
bytes are random and of the usual lengths. Ten million rows want 10 GB of disk and some ten minutes.

``--bytes-only`` loads and weighs, and calls nobody. Orders and waybills come in the order of their names, or with
``--arrival random`` in none; the bindings of ``--tenants`` come in turns. Indexes are as full as that leaves them.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import Progress

from benchmarks.figures import Accounts, Figure, measured, shown
from benchmarks.machine import RESULTS, Client, database, libpq, scratch, served
from benchmarks.traffic import Requests, bodies_of
from maskservice.domain.ids import read_plain_id
from tests.system.installation import Installation, install

_NUMBERS = 20_000  # 500 on each at ten million, half of what the usual ceiling allows
_TABLES = ("bindings", "slots", "order_index")
_BINDING = (
    "virtual_number", "key", "tenant_id", "order_id", "waybill", "extension", "status", "created_at",
    "expires_at", "masked_name", "wrapped_key", "sealed_phone", "sealed_name", "sealed_address", "phone_mark",
    "shared_line",
)  # fmt: skip
_PIECE = 20_000


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    arguments.add_argument("--rows", type=int, default=10_000_000)
    arguments.add_argument("--few", type=int, default=10_000)
    arguments.add_argument("--calls", type=int, default=4000)
    arguments.add_argument("--bound", type=int, default=2000, help="bound and called at each size")
    arguments.add_argument("--save", type=Path, default=RESULTS / "large.txt")
    arguments.add_argument("--bytes-only", action="store_true")
    arguments.add_argument("--arrival", choices=["ascending", "random"], default="ascending")
    arguments.add_argument("--tenants", type=int, default=1)
    asked = arguments.parse_args()
    names = _scrambled if asked.arrival == "random" else _counted
    figures: list[Figure] = []
    notes: list[str] = []
    with scratch() as folder, database("postgresql", folder) as (url, postmaster):
        numbers = [f"090{place:07d}" for place in range(_NUMBERS)]
        place = install(folder / "home", url, numbers=numbers)
        loaded = 0
        for rows in (asked.few, asked.rows):
            load(place, rows - loaded, first=loaded, names=names, tenants=asked.tenants)
            loaded = rows
            notes += sizes(place, rows)
            if not asked.bytes_only:
                figures.append(_called(place, postmaster, rows, bound=asked.bound, calls=asked.calls))
    if asked.bytes_only:
        print("\n".join([f"{asked.arrival} orders, tenants: {asked.tenants}", *notes]))
        return 0
    few, many = figures
    whole = (few.application_ms + few.database_ms) / (many.application_ms + many.database_ms)
    notes.append(
        f"Rate by CPU with many over that with few: {whole:.2f} (target 0.9), of the database alone "
        f"{few.database_ms / many.database_ms:.2f}: nothing in the application depends on their number."
    )
    shown(figures, notes, asked.save)
    return 0


def _called(place: Installation, postmaster: int, rows: int, *, bound: int, calls: int) -> Figure:
    requests = Requests(place, iter(range(rows * 100, rows * 100 + 10**8)))
    with served(place, workers=2) as (server, _):
        client = Client(server.url, clients=4)
        made = bodies_of(client.send([requests.create() for _ in range(bound)], good=b" 201", keep=True).answers)
        client.send([requests.call(random.choice(made)) for _ in range(200)], good=b'"connect"')
        sent = [requests.call(random.choice(made)) for _ in range(calls)]
        figure, _ = measured(
            f"call, one leg, {rows:,} live", sent, Accounts(server, postmaster), good=b'"connect"', clients=4
        )
        return replace(figure, target="0.9 x the rate with few")


def _counted(place: int) -> str:
    return f"{place:08d}"


def _scrambled(place: int) -> str:
    """Eight digits too, of each place others: the finalizer of MurmurHash3 loses none of 32 bits."""
    for factor in (0x85EBCA6B, 0xC2B2AE35):
        place = ((place ^ (place >> 16)) * factor) & 0xFFFFFFFF
    return f"{place ^ (place >> 16):08x}"


def load(
    place: Installation, rows: int, *, first: int, names: Callable[[int], str] = _counted, tenants: int = 1
) -> None:
    """``rows`` live bindings with their slots and orders in the order of time. ``names``: the last eight characters of
    an order."""
    begun = time.time()
    owners = [read_plain_id("ten", place.tenant_id), *(uuid.uuid4() for _ in range(tenants - 1))]
    with psycopg.connect(libpq(place.database_url)) as connection:
        with Progress(console=Console(stderr=True), disable=not os.isatty(2)) as progress:
            task = progress.add_task("COPY", total=rows)
            for start in range(first, first + rows, _PIECE):
                piece = list(_rows(owners, names, range(start, min(start + _PIECE, first + rows))))
                _copy(connection, piece)
                progress.advance(task, len(piece))
        connection.execute(
            "UPDATE virtual_numbers n SET held = "
            "(SELECT count(*) FROM slots s WHERE s.virtual_number = n.virtual_number)"
        )
        connection.commit()
    with psycopg.connect(libpq(place.database_url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    print(f"{rows:,} rows loaded in {time.time() - begun:.0f} s", file=sys.stderr)


def _rows(owners: Sequence[uuid.UUID], names: Callable[[int], str], places: range) -> Iterator[tuple[object, ...]]:
    now = datetime.now(UTC)
    for place in places:
        moment = now + timedelta(milliseconds=place)
        key = uuid.UUID(int=(int(moment.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | random.getrandbits(62))
        # In turns over the numbers, as allocation spreads them; with five digits nothing that is bound is in the way.
        number, extension = f"+88690{place % _NUMBERS:07d}", f"{place // _NUMBERS:05d}"
        # Orders and waybills sort after those that are bound, so that they fill their indexes in their order.
        yield (
            number, key, owners[place % len(owners)], f"TX-20261124-{names(place)}", f"K00{names(place)}",
            extension, "active", moment, moment + timedelta(days=60), "陳O美", random.randbytes(65),
            random.randbytes(46), random.randbytes(42), random.randbytes(87), random.randbytes(16), False,
        )  # fmt: skip


def _copy(connection: psycopg.Connection[tuple[object, ...]], piece: Sequence[tuple[object, ...]]) -> None:
    texts = {
        "bindings": (f"({', '.join(_BINDING)})", piece),
        "slots": ("(virtual_number, extension, binding, taken_at)", [(r[0], r[5], r[1], r[7]) for r in piece]),
        "order_index": (
            "(tenant_id, order_id, binding, virtual_number, waybill, former)",
            [(r[2], r[3], r[1], r[0], r[4], "") for r in piece],
        ),
    }
    for table, (columns, rows) in texts.items():
        with connection.cursor().copy(f"COPY {table} {columns} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
    connection.commit()


def sizes(place: Installation, rows: int) -> list[str]:
    """Bytes of a live binding: the tables and each of their indexes."""
    with psycopg.connect(libpq(place.database_url)) as connection:
        found = connection.execute(
            "SELECT c.relname, pg_relation_size(c.oid) FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid "
            "WHERE coalesce(i.indrelid, c.oid) IN (SELECT name::regclass FROM unnest(%s::text[]) name) "
            "ORDER BY 2 DESC",
            (list(_TABLES),),
        ).fetchall()
    total = sum(int(str(size)) for _, size in found)
    parts = ", ".join(f"{name} {int(str(size)) / rows:.0f}" for name, size in found)
    return [f"A live binding at {rows:,} rows: {total / rows:.0f} bytes ({parts})."]


if __name__ == "__main__":
    sys.exit(main())
