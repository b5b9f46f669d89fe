"""The same SQL without the service: the statements of one request, recorded in this process and sent by pgbench.

Answers for: the floor of the database's CPU. What differs from one request to the next is made by the script from a
random number; the rest stands in it as it was sent. Where there is no pgbench, psycopg sends the same script.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event

from benchmarks.machine import cpu_of, libpq
from benchmarks.traffic import Requests
from maskservice.app import create_app
from maskservice.settings import Settings
from tests.system.installation import Installation

_SCRIPTS = 4
_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


@dataclass(frozen=True, slots=True)
class Cost:
    statements: int
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Replayed:
    costs: Mapping[str, Cost]
    note: str


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    given: Mapping[str, Any]


def replayed(place: Installation, made: Sequence[Mapping[str, Any]], postmaster: int, *, count: int) -> Replayed:
    requests = Requests(place, iter(range(10**9, 2 * 10**9)))
    kinds: dict[str, Callable[[], bytes]] = {
        "call, one leg": lambda: requests.call(random.choice(made)),
        "single create": requests.create,
    }
    pgbench = shutil.which("pgbench")
    costs = {}
    recorded = _recorded(place, kinds)
    for name, runs in recorded.items():
        scripts = [_script(run, other) for run, other in pairwise(runs)]
        with tempfile.TemporaryDirectory(prefix="maskservice-replay-") as folder:
            files = []
            for turn, script in enumerate(scripts):
                files.append(Path(folder) / f"{turn}.sql")
                files[-1].write_text(script, encoding="utf-8")
            used = _by_pgbench if pgbench else _by_psycopg
            used(place.database_url, files, max(count // 10, 20))
            before = cpu_of(postmaster)
            used(place.database_url, files, count)
            spent = cpu_of(postmaster) - before
        costs[name] = Cost(len(runs[0]), spent / count * 1000)
    return Replayed(costs, f"The same SQL was sent by {'pgbench' if pgbench else 'psycopg (there is no pgbench)'}.")


def _recorded(place: Installation, kinds: Mapping[str, Callable[[], bytes]]) -> dict[str, list[list[_Statement]]]:
    """Of each kind a few runs, each the statements of one request."""
    app = create_app(Settings(home=place.home, database_url=place.database_url, log_level="ERROR"))
    engine = app.extensions["maskservice.database"].engine
    sent: list[_Statement] = []

    def note(_connection: Any, _cursor: Any, text: str, given: Any, _context: Any, _many: bool) -> None:
        sent.append(_Statement(text, dict(given)))

    event.listen(engine, "before_cursor_execute", note)
    client, runs = app.test_client(), {}
    for name, request in kinds.items():
        runs[name] = []
        for _ in range(_SCRIPTS + 1):
            sent.clear()
            head, _, body = request().partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, path, _ = first.split(" ")
            answer = client.open(path, method=method, data=body, headers=[tuple(line.split(": ", 1)) for line in lines])
            assert answer.status_code in (200, 201), answer.text
            runs[name].append(list(sent))
    app.extensions["maskservice.database"].dispose()
    return runs


def _script(run: Sequence[_Statement], other: Sequence[_Statement]) -> str:
    """One transaction. What differs in ``other`` and is new in each request is made of :n; a value that occurs twice is
    made the same way twice."""
    lines = ["\\set n random(1, 9000000000000000)"]
    new = _new_values(run, other)
    begun = False
    for each in run:
        # The first statement reads the secret or the key, outside of the transaction, as the service does.
        if not begun and each is not run[0]:
            lines.append("BEGIN;")
            begun = True
        text = _PLACEHOLDER.sub(
            lambda found, given=each.given: "%" if found[1] is None else _written(given[found[1]], new), each.text
        )
        lines.append(" ".join(text.split()) + ";")
    return "\n".join([*lines, "COMMIT;", ""])


def _new_values(run: Sequence[_Statement], other: Sequence[_Statement]) -> set[Any]:
    """Keys that this request wrote: they differ from those of another request and no row may have them yet."""
    new: set[Any] = set()
    for mine, its in zip(run, other, strict=False):
        if not mine.text.startswith("INSERT"):
            continue
        for name, value in mine.given.items():
            fresh = name in ("key", "call", "webhook_id", "pbx_call_id", "order_id", "waybill", "holder", "binding")
            if fresh and value is not None and its.given.get(name) != value and not _is_read(value, mine):
                new.add(value)
    return new


def _is_read(value: Any, writer: _Statement) -> bool:
    """A binding that a look-up found is no new one: the contact and the receipt of a call name it."""
    names = {name for name, each in writer.given.items() if each == value}
    contacts = "INSERT INTO contacts" in writer.text or "INSERT INTO webhook_receipts" in writer.text
    calls = "INSERT INTO calls" in writer.text
    return names == {"binding"} and (contacts or calls)


def _written(value: Any, new: set[Any]) -> str:
    is_new = isinstance(value, str | UUID) and value in new
    value = getattr(value, "obj", value)  # as SQLAlchemy wraps bytes and JSON for psycopg
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case UUID():
            return f"md5(:n::text || '{value.hex[-6:]}')::uuid" if is_new else f"'{value}'::uuid"
        case bytes():
            return f"'\\x{value.hex()}'::bytea"
        case datetime():
            return f"'{value.isoformat()}'::timestamptz"
        case str():
            plain = value.replace("'", "''").replace(":", "' || chr(58) || '")
            return f"('{plain[:4]}' || :n)" if is_new else (f"('{plain}')" if "chr(58)" in plain else f"'{plain}'")
        case _:
            return "'" + json.dumps(value).replace("'", "''").replace(":", "\\u003a") + "'::json"


def _by_pgbench(url: str, files: Sequence[Path], count: int) -> None:
    files_given = [part for file in files for part in ("-f", str(file))]
    environment = {name: each for name, each in os.environ.items() if not name.startswith("PG")}
    command = ["pgbench", "-n", "-M", "prepared", "-c", "1", "-t", str(count), *files_given, libpq(url)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr[-1500:]}")


def _by_psycopg(url: str, files: Sequence[Path], count: int) -> None:
    scripts = [file.read_text(encoding="utf-8").splitlines()[1:] for file in files]
    with psycopg.connect(libpq(url), autocommit=True, prepare_threshold=1) as connection:
        for turn in range(count):
            given = {"n": random.randrange(9 * 10**15)}
            for line in scripts[turn % len(scripts)]:
                text = re.sub(r"(?<!:):n\b", "%(n)s::bigint", line.replace("%", "%%"))
                connection.execute(text.encode(), given if "%(n)s" in text else None)
