"""One row of the table, measured: CPU of application and database, rate, latency, memory.

Answers for: reading the accounts before and after, and the table itself. Must not know: which requests are sent.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.machine import Client, Sent, cpu_of, largest_child_mb, load_line, own_cpu, wire
from tests.system.installation import Server

_TURNS = 8
EMPTY_REQUEST = wire("POST", "/", b"{}")
OK, CREATED, NO_CONTENT = b"HTTP/1.1 200 ", b"HTTP/1.1 201 ", b"HTTP/1.1 204 "


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU in milliseconds a request. ``rate`` a second, of the whole machine, the client's share included."""

    what: str
    count: int = 0
    rate: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    application_ms: float = 0.0
    database_ms: float = 0.0
    floor_ms: float = 0.0
    sql_floor_ms: float = 0.0
    statements: int = 0
    worker_mb: float = 0.0
    p99_half_ms: float = 0.0
    target: str = ""

    @property
    def ratio(self) -> float:
        """To the empty route."""
        return self.application_ms / self.floor_ms if self.floor_ms else 0.0

    @property
    def sql_ratio(self) -> float:
        """To the same statements without the service."""
        return self.database_ms / self.sql_floor_ms if self.sql_floor_ms else 0.0


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whose CPU is counted: the server, and the database's postmaster (0: none)."""

    server: Server
    postmaster: int = 0

    def now(self) -> tuple[float, float]:
        return cpu_of(self.server.process.pid), cpu_of(self.postmaster) if self.postmaster else 0.0


def measured(
    what: str,
    requests: Sequence[bytes],
    accounts: Accounts,
    *,
    good: bytes,
    clients: int,
    rows_each: int = 1,
    keep: bool = False,
    target: str = "",
) -> tuple[Figure, Sent]:
    """Sends all, as fast as they are answered; each request counts as ``rows_each``."""
    client = Client(accounts.server.url, clients=clients)
    with Progress(console=Console(stderr=True), transient=True, disable=not os.isatty(2)) as progress:
        task = progress.add_task(what, total=len(requests))
        before = accounts.now()
        sent = client.send(requests, good=good, rows_each=rows_each, keep=keep, tick=lambda: progress.advance(task))
        after = accounts.now()
    count = sent.count * rows_each
    return (
        Figure(
            what,
            count=count,
            rate=count / sent.seconds,
            p50_ms=sent.quantile_ms(0.5),
            p99_ms=sent.quantile_ms(0.99),
            application_ms=(after[0] - before[0]) / count * 1000,
            database_ms=(after[1] - before[1]) / count * 1000,
            worker_mb=largest_child_mb(accounts.server.process.pid),
            target=target,
        ),
        sent,
    )


def beside(
    what: str, requests: Sequence[bytes], accounts: Accounts, empty: Accounts, *, good: bytes, clients: int,
    rows_each: int = 1, target: str = "", turns: int = _TURNS,
) -> Figure:  # fmt: skip
    """As :func:`measured`, in turns with the empty route: whatever else the machine does then disturbs both alike, and
    the ratio of the two holds where neither figure does."""
    size = max(len(requests) // turns, 1)
    pieces, floors = [], []
    for start in range(0, len(requests), size):
        floor, _ = measured("empty", [EMPTY_REQUEST] * max(size, 50), empty, good=OK, clients=clients)
        piece, _ = measured(
            what, requests[start : start + size], accounts, good=good, clients=clients, rows_each=rows_each,
            target=target,
        )  # fmt: skip
        pieces.append(piece)
        floors.append(floor)
    return replace(mean(pieces), floor_ms=mean(floors).application_ms)


def mean(pieces: Sequence[Figure]) -> Figure:
    """One row of several."""
    count = sum(each.count for each in pieces)
    return replace(
        pieces[0],
        count=count,
        rate=count / sum(each.count / each.rate for each in pieces),
        p50_ms=sorted(each.p50_ms for each in pieces)[len(pieces) // 2],
        p99_ms=max(each.p99_ms for each in pieces),
        application_ms=sum(each.application_ms * each.count for each in pieces) / count,
        database_ms=sum(each.database_ms * each.count for each in pieces) / count,
        worker_mb=max(each.worker_mb for each in pieces),
    )


def at_half_rate(figure: Figure, requests: Sequence[bytes], accounts: Accounts, *, good: bytes, clients: int) -> Figure:
    """The p99 at half of the rate that was just measured, counted from the moment a request was due.

    A quarter of the requests goes ahead in a burst. More clients than before occupy more threads, each of which opens
    its own connection once: the first call on that costs PostgreSQL three times an ordinary one, for its catalogue and
    its plans, and a dozen of those among a thousand calls would be the p99.
    """
    client = Client(accounts.server.url, clients=clients * 4)
    burst = len(requests) // 4
    client.send(requests[:burst], good=good)
    sent = client.send(requests[burst:], good=good, rate=figure.rate / 2)
    return replace(figure, p99_half_ms=sent.quantile_ms(0.99))


_COLUMNS = (
    "", "count", "per s", "p50 ms", "p99 ms", "p99 half", "app ms", "empty ms", "x empty", "db ms", "x SQL", "SQLs",
    "MB", "target",
)  # fmt: skip


def table_of(figures: Sequence[Figure], notes: Sequence[str], own: float) -> Table:
    caption = (
        f"{load_line()} (others work on this machine too). CPU ms a request from /proc: app = gunicorn's master and "
        "workers, db = all of PostgreSQL. x empty: CPU over that of an empty Flask JSON route under the same gunicorn "
        "configuration, sent in turns with the row's requests. x SQL: database CPU over that of the same statements "
        "without the service. p50 and p99: the middle and the worst of the turns. p99 half: at half of the row's "
        f"rate. The client took {own:.0f} s of CPU. " + " ".join(notes)
    )
    table = Table(title="What a request costs", caption=caption, caption_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column not in ("", "target") else "left", no_wrap=True)
    for each in figures:
        table.add_row(
            each.what,
            f"{each.count:,}",
            f"{each.rate:,.0f}",
            _number(each.p50_ms, 1),
            _number(each.p99_ms, 1),
            _number(each.p99_half_ms, 1),
            _number(each.application_ms, 3),
            _number(each.floor_ms, 3),
            _number(each.ratio, 2),
            _number(each.database_ms, 3),
            _number(each.sql_ratio, 2),
            str(each.statements or ""),
            _number(each.worker_mb, 0),
            each.target,
        )
    return table


def _number(value: float, places: int) -> str:
    return f"{value:.{places}f}" if value else ""


def shown(figures: Sequence[Figure], notes: Sequence[str], save: Path | None) -> None:
    """Prints the table, and saves it."""
    table = table_of(figures, notes, own_cpu())
    Console(width=190).print(table)
    if save is not None:
        save.parent.mkdir(exist_ok=True)
        with save.open("w", encoding="utf-8") as file:
            Console(file=file, width=190).print(table)
