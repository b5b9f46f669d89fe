"""``python -m benchmarks [--quick] [--database postgresql|sqlite|both] [--requests N]``: what a request costs, in one
table.

Answers for: the shipped server on a PostgreSQL that keeps what it acknowledges and on SQLite, driven from outside, with
its floors measured in the same run: an empty Flask route under the same gunicorn configuration, and the same SQL sent
by pgbench. ``--quick`` is a smoke test: it proves that everything runs and is answered as it should be (else the exit
code is 1), its figures are of no use.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks.figures import (
    CREATED,
    EMPTY_REQUEST,
    NO_CONTENT,
    OK,
    Accounts,
    Figure,
    at_half_rate,
    beside,
    shown,
)
from benchmarks.machine import EMPTY, RESULTS, Client, database, scratch, served
from benchmarks.replay import replayed
from benchmarks.traffic import Requests, bodies_of
from tests.system.installation import Installation, install

_NUMBERS = [f"0900-{place:06d}" for place in range(200)]
_CLIENTS = 4
_BATCH = 500
_FEW = 24
"""Requests of a row in a smoke test."""
_said = Console(stderr=True)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a smoke test of some 20 s; saves nothing")
    arguments.add_argument("--database", choices=("postgresql", "sqlite", "both"), default="both")
    arguments.add_argument("--requests", type=int, default=3000, help="requests of each row (default 3000)")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--save", type=Path, default=RESULTS / "requests.txt")
    asked = arguments.parse_args()
    count = _FEW if asked.quick else asked.requests
    figures: list[Figure] = []
    notes: list[str] = []
    try:
        for kind in ("postgresql", "sqlite") if asked.database == "both" else (asked.database,):
            with scratch() as folder, database(kind, folder) as (url, postmaster):
                place = install(folder / "home", url, numbers=_NUMBERS)
                figures += _all(kind, place, postmaster, count=count, workers=asked.workers, notes=notes)
    except RuntimeError as wrong:
        _said.print(f"[bold red]Not measured:[/] {escape(str(wrong))}")
        return 1
    shown(figures, notes, None if asked.quick else asked.save)
    return 0


def _all(
    kind: str, place: Installation, postmaster: int, *, count: int, workers: int, notes: list[str]
) -> list[Figure]:
    figures: list[Figure] = []
    requests = Requests(place)
    quickly = {"turns": 1} if count == _FEW else {}
    with (
        served(place, workers=workers, application=EMPTY) as (idle, empty_first),
        served(place, workers=workers) as (server, first),
    ):
        time.sleep(0.5)
        empty = Accounts(idle)
        notes.append(
            f"First answer after the start: {first:.1f} s with {workers} workers on {kind} "
            f"(the empty route: {empty_first:.1f} s)."
        )
        Client(idle.url, clients=_CLIENTS).send([EMPTY_REQUEST] * 100, good=OK)
        accounts = Accounts(server, postmaster)

        def row(what: str, sent: list[bytes], *, good: bytes, rows_each: int = 1, target: str = "") -> Figure:
            _said.print(f"{kind}: {what}")
            figure = beside(
                f"{kind}: {what}", sent, accounts, empty, good=good, clients=_CLIENTS, rows_each=rows_each,
                target=target, **quickly,
            )  # fmt: skip
            figures.append(figure)
            return figure

        warm = max(count // 10, min(count, 40))
        client = Client(server.url, clients=_CLIENTS)
        warmed = client.send([requests.create() for _ in range(warm)], good=CREATED, keep=True)
        made = bodies_of(warmed.answers)
        row("single create", [requests.create() for _ in range(count)], good=CREATED, target="empty 5")
        client.send([requests.call(made[turn % len(made)]) for turn in range(warm)], good=b'"connect"')
        calls = [requests.call(made[turn % len(made)]) for turn in range(count)]
        one_leg = row("call, one leg", calls, good=b'"connect"', target="2.5, SQL 1.5, half 50")
        calls = [requests.call(made[turn % len(made)]) for turn in range(max(count // 3, min(2 * count, 50)))]
        figures[-1] = at_half_rate(one_leg, calls, accounts, good=b'"connect"', clients=_CLIENTS)
        half = max(count // 2, min(count, 40))
        pairs = [requests.two_legs(made[turn % len(made)]) for turn in range(half)]
        # All first legs go out before the second ones, since a connection does not wait for another.
        row("first leg, asks", [first for first, _ in pairs], good=b'"gather"')
        row("second leg, connects", [second for _, second in pairs], good=b'"connect"')
        names = [f"call-known-{turn}" for turn in range(half)]
        places = [made[turn % len(made)] for turn in range(half)]
        dialled = [f"{each['virtual_number']}#{each['extension']}" for each in places]
        known = [requests.leg(to, name=name) for to, name in zip(dialled, names, strict=True)]
        client.send(known, good=b'"connect"')
        events = [requests.event(at, name) for at, name in zip(places, names, strict=True)]
        row("event of a call", events, good=NO_CONTENT)
        row("label", [requests.label(each) for each in places], good=OK)
        batches = [requests.batch(_BATCH if count > 1000 else 50) for _ in range(max(count // 200, 2))]
        size = _BATCH if count > 1000 else 50
        row("batch create, a binding", batches, good=b'"status":201', rows_each=size, target="8 x single")
    if kind == "postgresql":
        _compare(figures, place, made, postmaster, count=count, notes=notes)
    memory = max(each.worker_mb for each in figures)
    notes.append(f"Most memory of a worker on {kind}: {memory:.0f} MB (target 120).")
    return figures


def _compare(
    figures: list[Figure], place: Installation, made: list[dict[str, object]], postmaster: int, *, count: int,
    notes: list[str],
) -> None:  # fmt: skip
    """The same SQL without the service beside two rows."""
    found = replayed(place, made, postmaster, count=count)
    notes.append(found.note)
    for turn, each in enumerate(figures):
        for name, cost in found.costs.items():
            if each.what.endswith(name):
                figures[turn] = replace(each, sql_floor_ms=cost.cpu_ms, statements=cost.statements)


if __name__ == "__main__":
    sys.exit(main())
