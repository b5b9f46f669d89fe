"""Bindings a second, one by one and in batches: ``benchmarks/batch.py [--database postgresql|sqlite|both] [--rows N]``.

Answers for: the shipped server (gunicorn with config/) on a real PostgreSQL that keeps what it acknowledges, and on
SQLite, driven from outside; what each row costs in CPU of application and database, from /proc, which survives a noisy
machine. The client is plain sockets with bodies made beforehand; its own CPU is shown, since it shares the cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import RESULTS, cpu_of, database, largest_child_mb, load_line, own_cpu
from tests.system.installation import Installation, Server, install, serving

SAVED = RESULTS / "batch.txt"
_NUMBERS = [f"0900-00{place:04d}" for place in range(1000)]


@dataclass(frozen=True)
class Measured:
    what: str
    rows: int
    seconds: float
    application: float
    database: float
    client: float
    megabytes: float

    @property
    def per_row_us(self) -> float:
        return (self.application + self.database) / self.rows * 1e6


def order(place: object) -> bytes:
    mobile = f"09{random.randrange(10, 89)}-{random.randrange(1000):03d}-{random.randrange(1000):03d}"
    recipient = {"name": "陳小美", "phone": mobile, "address": "台北市大安區敦化南路1段111號"}
    row = {"order_id": f"TW-{place}", "recipient": recipient, "pool": "p", "waybill": f"H{place}"}
    return json.dumps(row, ensure_ascii=False).encode()


def post(connection: http.client.HTTPConnection, path: str, body: bytes, kind: str, key: str) -> bytes:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status not in (200, 201):
        raise RuntimeError(f"{answer.status}: {content[:300]!r}")
    return content


def drive(server: Server, key: str, bodies: list[list[bytes]], batched: bool, tick: Callable[[int], None]) -> int:
    """Sends each list of bodies from a thread of its own; how many bindings were made."""
    made = [0] * len(bodies)
    failed: list[BaseException] = []
    address = urlsplit(server.url)

    def work(thread: int) -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
        try:
            for body in bodies[thread]:
                if batched:
                    answer = post(connection, "/v1/bindings/batch", body, "application/x-ndjson", key)
                    made[thread] += answer.count(b'"status":201,')
                    tick(answer.count(b"\n"))
                else:
                    post(connection, "/v1/bindings", body, "application/json", key)
                    made[thread] += 1
                    tick(1)
        except (OSError, RuntimeError, http.client.HTTPException) as failure:
            failed.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(made)


def measure(
    what: str, server: Server, postmaster: int, installation: Installation, bodies: list[list[bytes]], batched: bool
) -> Measured:
    total = sum(body.count(b"\n") + 1 for each in bodies for body in each)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        before = (cpu_of(server.process.pid), cpu_of(postmaster) if postmaster else 0.0, own_cpu())
        begun = time.monotonic()
        made = drive(server, installation.api_key, bodies, batched, lambda count: progress.advance(task, count))
        seconds = time.monotonic() - begun
    after = (cpu_of(server.process.pid), cpu_of(postmaster) if postmaster else 0.0, own_cpu())
    if made != total:
        raise RuntimeError(f"{made} of {total} bindings were made")
    used = [late - early for early, late in zip(before, after, strict=True)]
    return Measured(what, made, seconds, *used, megabytes=largest_child_mb(server.process.pid))


def run(kind: str, url: str, postmaster: int, *, rows: int, singles: int) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="maskservice-batch-") as home:
        installation = install(Path(home) / "home", url, numbers=_NUMBERS)
        with serving(installation, MASKSERVICE_ENV="production", MASKSERVICE_LOG_LEVEL="INFO") as server:

            def measured(what: str, bodies: list[list[bytes]], *, batched: bool) -> Measured:
                return measure(f"{kind}: {what}", server, postmaster, installation, bodies, batched)

            def batches(name: str, size: int, threads: int) -> list[list[bytes]]:
                share = rows // size // threads
                return [
                    [b"\n".join(order(f"{name}-{t}-{b}-{n}") for n in range(size)) for b in range(share)]
                    for t in range(threads)
                ]

            measured("warm-up", [[order(f"w-{t}-{n}") for n in range(100)] for t in range(4)], batched=False)
            measured(
                "warm-up", [[b"\n".join(order(f"wb-{t}-{n}") for n in range(500))] for t in range(2)], batched=True
            )
            return [
                measured(
                    "single creates, 8 clients",
                    [[order(f"s-{t}-{n}") for n in range(singles // 8)] for t in range(8)],
                    batched=False,
                ),
                measured("batches of 1,000, 2 clients", batches("k", 1000, 2), batched=True),
                measured("batches of 10,000, 2 clients", batches("m", 10_000, 2), batched=True),
            ]


def table_of(found: list[Measured]) -> Table:
    table = Table(title="Bindings, one by one and in batches", caption=_caption())
    for column in ("", "bindings", "bindings/s", "CPU app us", "CPU db us", "both us", "2 cores could", "x single",
                   "client us", "worker MB"):  # fmt: skip
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    single = found[0]
    for each in found:
        if "single" in each.what:
            single = each
        table.add_row(
            each.what,
            f"{each.rows:,}",
            f"{each.rows / each.seconds:,.0f}",
            f"{each.application / each.rows * 1e6:.0f}",
            f"{each.database / each.rows * 1e6:.0f}",
            f"{each.per_row_us:.0f}",
            f"{2e6 / each.per_row_us:,.0f}/s",
            f"{single.per_row_us / each.per_row_us:.1f}",
            f"{each.client / each.rows * 1e6:.0f}",
            f"{each.megabytes:.0f}",
        )
    return table


def _caption() -> str:
    return (
        f"{load_line()}; CPU in microseconds a binding; SQLite's is in the "
        "application's. 'x single': CPU a binding of a single create over this row's."
    )


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--database", choices=("postgresql", "sqlite", "both"), default="both")
    arguments.add_argument("--rows", type=int, default=40_000, help="bindings of each batched measurement")
    arguments.add_argument("--singles", type=int, default=2_000)
    arguments.add_argument("--save", type=Path, default=SAVED)
    asked = arguments.parse_args()
    found: list[Measured] = []
    for kind in ("postgresql", "sqlite") if asked.database == "both" else (asked.database,):
        with (
            tempfile.TemporaryDirectory(prefix="maskservice-db-") as folder,
            database(kind, Path(folder)) as (url, pid),
        ):
            found += run(kind, url, pid, rows=asked.rows, singles=asked.singles)
    table = table_of(found)
    Console(width=160).print(table)
    asked.save.parent.mkdir(exist_ok=True)
    with asked.save.open("w", encoding="utf-8") as file:
        Console(file=file, width=160).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
