"""SQLite as a database for many writers: durable settings, and a queue in which every writer gets its turn.

Answers for: PRAGMAs, file modes, BEGIN IMMEDIATE and who may send it next. Must not know: tables, sessions, PostgreSQL.
SQLite's own busy handler sleeps longer the longer one has waited, up to 100 ms, so a newcomer overtakes: with eight
processes some writers starve past a second. Here threads of one process stand in line, and between processes every head
of a line asks each millisecond.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

READS_ONLY = "maskservice_reads_only"
"""Execution option: this transaction only reads, a plain BEGIN will do. Without it a transaction takes the writer's
place."""
WAIT_S = "maskservice_wait_s"
"""Execution option: seconds to wait for the writer's place, 5 without it."""

_PATIENCE_S = 5.0
# A checkpoint that waits for a reader keeps writers out meanwhile, so it gives up soon and is asked for again.
_SCRUB_PATIENCE_S = 0.5
_STEP_S = 0.001
_LOOK_AFTER_DEAD_S = 0.1
_TICKET = "maskservice_ticket"
_PRAGMAS = (
    f"PRAGMA busy_timeout = {int(_PATIENCE_S * 1000)}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL anything less loses acknowledged commits with the power
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is purged is overwritten, not just unlinked; see scrub() for what it leaves
)


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in the line of one process, held from before BEGIN IMMEDIATE until the connection is given back."""

    thread: threading.Thread
    connection: sqlite3.Connection
    called: threading.Event = field(default_factory=threading.Event)


class WriterQueue:
    """First come, first served, among the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[Ticket] = deque()

    def __len__(self) -> int:
        return len(self._line)

    def enter(self, connection: sqlite3.Connection, *, deadline: float) -> Ticket:
        """Waits for its turn until ``deadline`` (``time.monotonic()``). Raises sqlite3.OperationalError when it has not
        come by then."""
        ticket = Ticket(threading.current_thread(), connection)
        with self._lock:
            self._line.append(ticket)
            if self._line[0] is ticket:
                return ticket
        try:
            while not ticket.called.wait(min(_LOOK_AFTER_DEAD_S, max(deadline - time.monotonic(), 0))):
                self._dismiss_the_dead()
                if time.monotonic() >= deadline and not ticket.called.is_set():
                    raise sqlite3.OperationalError("the writer's turn did not come in time")
        except BaseException:
            self.leave(ticket)
            raise
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Gives the place back; again: nothing."""
        with self._lock:
            if ticket not in self._line:
                return
            self._line.remove(ticket)
            if self._line:
                self._line[0].called.set()

    def _dismiss_the_dead(self) -> None:
        """A thread that ended inside its transaction cannot end that: its connection is closed, which takes everything
        back, before the next in line is called. Closed and not rolled back: whoever still held it must not go on
        outside of any transaction."""
        with self._lock:
            if not self._line or self._line[0].thread.is_alive():
                return
            dead = self._line.popleft()
            dead.connection.close()
            if self._line:
                self._line[0].called.set()


def prepare_file(path: Path) -> None:
    """Folder 0700 and file 0600 where they are missing; what exists keeps its modes. SQLite gives the WAL the modes of
    its file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def install(engine: Engine) -> WriterQueue:
    """Hooks a SQLite engine up; returns its queue."""
    queue = WriterQueue()
    path = Path(engine.url.database or "")

    @event.listens_for(engine, "do_connect")
    def do_connect(*_: Any) -> None:
        with suppress(OSError):  # SQLite is about to say the same, as a database error
            prepare_file(path)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: Any) -> None:
        # Transactions are begun by us alone: the driver's own BEGIN comes too late and is a deferred one.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection
        if options.get(READS_ONLY, False):
            driver.execute("BEGIN").close()
            return
        deadline = time.monotonic() + float(options.get(WAIT_S, _PATIENCE_S))
        ticket = queue.enter(driver, deadline=deadline)
        try:
            _begin_immediate(driver, deadline)
        except BaseException:
            queue.leave(ticket)
            raise
        places = connection.connection.record_info
        if places is not None:  # a pooled connection always has them
            places[_TICKET] = ticket

    # The pool gets a connection back after its commit, rollback or failure, and also when it was invalidated or its
    # owner was collected.
    @event.listens_for(engine, "checkin")
    def checkin(_: Any, record: Any) -> None:
        ticket = record.record_info.pop(_TICKET, None)
        if ticket is not None:
            queue.leave(ticket)

    return queue


def scrub(engine: Engine, queue: WriterQueue, *, whole: bool = False) -> bool:
    """Removes what purged rows left behind; whether it could. Busy or failing it is False, and raises nothing.

    ``secure_delete`` overwrites a deleted cell in its page, but (found by looking for purged bytes in real files):

    - the new page goes to the WAL. The main file keeps the old one until a checkpoint, and the WAL keeps every older
      version until it is written over. A checkpoint that truncates ends both.
    - when SQLite splits a page it moves cells to the new one and does not wipe where they were: a copy stays in the
      unallocated middle of a page that lives on. secure_delete knows nothing of it. ``whole=True`` has VACUUM write
      the file anew, which ends that: it holds the writer's place for about a second per 100 MB.
    """
    try:
        connection = engine.raw_connection()
    except (SQLAlchemyError, sqlite3.Error):
        return False
    driver: Any = connection.dbapi_connection
    ticket = None
    try:
        ticket = queue.enter(driver, deadline=time.monotonic() + _PATIENCE_S)
        if whole:
            driver.execute("VACUUM").close()
        driver.execute(f"PRAGMA busy_timeout = {int(_SCRUB_PATIENCE_S * 1000)}").close()
        (busy, *_) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    except sqlite3.Error:
        return False
    finally:
        with suppress(sqlite3.Error):
            driver.execute(_PRAGMAS[0]).close()
        if ticket is not None:
            queue.leave(ticket)
        connection.close()


def _begin_immediate(connection: sqlite3.Connection, deadline: float) -> None:
    """Raises sqlite3.OperationalError where other processes leave no gap until ``deadline``."""
    connection.execute("PRAGMA busy_timeout = 0").close()
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE").close()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
            # The jitter keeps two processes from asking in step for ever; it decides nothing that must be
            # unpredictable.
            time.sleep(_STEP_S * (0.5 + random.random()))  # noqa: S311
    finally:
        connection.execute(_PRAGMAS[0]).close()
