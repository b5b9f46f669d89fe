"""Call records by month: the partitions of ``calls`` on PostgreSQL.

Answers for: that a call finds its month's partition, whether a worker runs or not; the repository ``CallMonths``. Must
not know: what a call is, how long it is kept.

There is no DEFAULT partition on purpose: attaching a month would lock and read all of what had fallen into it, with
every call of that time waiting. In its place whoever writes into a month that has no partition makes it, in its own
transaction: that locks out no reader and no writer of the table, and happens where no worker has run for months.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from maskservice.domain.months import month_of, months_after
from maskservice.storage.statements import Statements

AHEAD: Final = 2
"""Months that the worker makes before they begin, besides the present one."""

# 'call' in ASCII; the migrations have a number of their own.
_LOCK: Final = 0x63616C6C
_PATIENCE: Final = "250ms"
_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_BOUND = re.compile(r"FOR VALUES FROM \((MINVALUE|'[^']+')\) TO \((MAXVALUE|'[^']+')\)")
_FIND = """
SELECT parent.relkind::text, part.relname, pg_get_expr(part.relpartbound, part.oid)
FROM pg_class AS parent
LEFT JOIN pg_inherits AS tie ON tie.inhparent = parent.oid
LEFT JOIN pg_class AS part ON part.oid = tie.inhrelid
WHERE parent.oid = to_regclass('calls')
"""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A partition: calls that began in [``start``, ``end``)."""

    start: datetime
    end: datetime
    name: str


def part_of(moment: datetime) -> Part:
    """What is made for a call that begins then."""
    start = month_of(moment)
    return Part(start, months_after(start, 1), f"calls_{start:%Y_%m}")


class KnownMonths:
    """What this process has seen committed of the partitions, so that a call asks for them once a process and month.

    A month that was made in a unit is not taken as known: the unit may yet be rolled back."""

    def __init__(self) -> None:
        self._parts: tuple[Part, ...] = ()

    def hold(self, moment: datetime) -> bool:
        return any(part.start <= moment < part.end for part in self._parts)

    def require(self, connection: Connection, moment: datetime) -> None:
        """Makes the month's partition where there is none. Needs a transaction."""
        if self.hold(moment):
            return
        found = parts(connection)
        if found is None:
            return  # the statement to come says so itself
        # An ordinary table, which holds all times, may be made into parts while this process runs.
        self._parts = tuple(part for part in found if part.end < _END)
        if not any(part.start <= moment < part.end for part in found):
            make(connection, part_of(moment))


def parts(connection: Connection) -> tuple[Part, ...] | None:
    """The partitions, oldest first; one that reaches over all times where ``calls`` is an ordinary table (before the
    migration); None where there is no such table."""
    driver: Any = connection.connection.driver_connection
    rows = driver.execute(_FIND).fetchall()
    if not rows:
        return None
    if rows[0][0] != "p":
        return (Part(_BEGINNING, _END, "calls"),)
    bounds = ((name, _BOUND.match(bound or "")) for _, name, bound in rows)
    return tuple(sorted(Part(_read(match[1]), _read(match[2]), name) for name, match in bounds if match is not None))


def make(connection: Connection, part: Part) -> bool:
    """False where it is there already, or its time is covered by another. One at a time makes partitions."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if any(each.start < part.end and part.start < each.end for each in parts(connection) or ()):
        return False
    # Made apart and then attached: unlike CREATE … PARTITION OF that keeps no reader and no writer of the table out.
    connection.exec_driver_sql(f"CREATE TABLE {part.name} (LIKE calls INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    connection.exec_driver_sql(
        f"ALTER TABLE calls ATTACH PARTITION {part.name} "
        f"FOR VALUES FROM ('{part.start.isoformat()}') TO ('{part.end.isoformat()}')"
    )
    return True


def _read(word: str) -> datetime:
    if word in ("MINVALUE", "MAXVALUE"):
        return _BEGINNING if word == "MINVALUE" else _END
    return datetime.fromisoformat(word.strip("'")).astimezone(UTC)


class SqlCallMonths:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def keep_ahead(self, now: datetime) -> int:
        if self._statements.dialect == "sqlite":
            return 0
        wanted = [part_of(months_after(month_of(now), place)) for place in range(AHEAD + 1)]

        def step(connection: Connection) -> int:
            found = parts(connection)
            if found is None:
                return 0
            missing = [each for each in wanted if not any(part.start <= each.start < part.end for part in found)]
            return sum(make(connection, each) for each in missing)

        return self._statements.step(step)

    def drop_one(self, *, ended_before: datetime) -> str | None:
        """Takes the lock that keeps every user of the table out, for the moment that it takes to unlink a file."""
        if self._statements.dialect == "sqlite":
            return None

        def step(connection: Connection) -> str | None:
            old = next((part for part in parts(connection) or () if part.end <= ended_before), None)
            if old is None:
                return None
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
                    connection.exec_driver_sql(f"DROP TABLE {old.name}")
            except DBAPIError as error:
                if isinstance(error.orig, LockNotAvailable):
                    return None
                raise
            return old.name

        return self._statements.step(step)


__all__ = ["AHEAD", "KnownMonths", "Part", "SqlCallMonths", "make", "part_of", "parts"]
