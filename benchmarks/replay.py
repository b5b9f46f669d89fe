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
_PROPOSALS = "(SELECT json_agg(lpad(trunc(random() * 10000)::text, 4, '0'))::text FROM generate_series(1, 16))"
_WARM = 3
"""Requests before the first that is recorded: a process asks for some things once."""
_PLACEHOLDER = re.compile(r"\$(\d+)")
_FRESH = frozenset(
    {
        "at_key", "receipt_call", "receipt_webhook_id", "receipt_pbx_call_id", "new_pbx_call_id", "contact_call",
        "guard_caller", "order_order_id", "order_binding", "order_waybill", "holder", "new_key", "new_order_id",
        "new_waybill",
    }
)  # fmt: skip
"""What a request makes anew, by the names of its parameters; of these no row may have them yet."""


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
    names: Sequence[str]
    given: Sequence[Any]

    @property
    def writes(self) -> bool:
        return "INSERT INTO" in self.text


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

    def note(_connection: Any, _cursor: Any, text: str, given: Any, context: Any, _many: bool) -> None:
        names = () if context is None or context.compiled is None else context.compiled.positiontup
        sent.append(_Statement(text, tuple(names or ()), tuple(given)))

    event.listen(engine, "before_cursor_execute", note)
    client, runs = app.test_client(), {}
    for name, request in kinds.items():
        runs[name] = []
        for turn in range(-_WARM, _SCRIPTS + 1):
            sent.clear()
            head, _, body = request().partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, path, _ = first.split(" ")
            answer = client.open(path, method=method, data=body, headers=[tuple(line.split(": ", 1)) for line in lines])
            assert answer.status_code in (200, 201), answer.text
            if turn >= 0:
                runs[name].append(list(sent))
    app.extensions["maskservice.database"].dispose()
    return runs


def _script(run: Sequence[_Statement], other: Sequence[_Statement]) -> str:
    """No transaction, as the service sends none around these. What differs in ``other`` and is new in each request is
    made of :n; a value that occurs twice is made the same way twice."""
    lines = ["\\set n random(1, 9000000000000000)"]
    new = _new_values(run, other)
    for each in run:
        text = _PLACEHOLDER.sub(lambda found, sent=each: _sent(sent, int(found[1]) - 1, new), each.text)
        lines.append(" ".join(text.split()) + ";")
    return "\n".join([*lines, ""])


def _new_values(run: Sequence[_Statement], other: Sequence[_Statement]) -> set[Any]:
    """Keys that this request wrote: they differ from those of another request."""
    new: set[Any] = set()
    for mine, its in zip(run, other, strict=True):
        if mine.writes:
            for name, value, another in zip(mine.names, mine.given, its.given, strict=True):
                if name in _FRESH and value is not None and _plain(value) != _plain(another):
                    new.add(_plain(value))
    return new


def _sent(statement: _Statement, place: int, new: set[Any]) -> str:
    if statement.names[place : place + 1] == ("proposals",):
        return _PROPOSALS  # the same ones would all be taken after a few requests
    return _written(statement.given[place], new)


def _plain(value: Any) -> Any:
    """As it was before SQLAlchemy wrapped bytes and JSON for psycopg."""
    return getattr(value, "obj", value)


def _written(value: Any, new: set[Any]) -> str:
    value = _plain(value)
    is_new = isinstance(value, str | UUID | bytes) and value in new
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case UUID():
            return f"md5(:n::text || '{value.hex[-6:]}')::uuid" if is_new else f"'{value}'::uuid"
        case bytes() if is_new:
            return f"decode(md5(:n::text || '{value.hex()[-6:]}'), 'hex')"
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
