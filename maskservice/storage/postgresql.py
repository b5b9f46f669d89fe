"""PostgreSQL's own settings: time-outs on both sides, and noticing that a pooled connection or the server has died.

Answers for: what is asked of a connection, and how long anybody waits for it. Must not know: tables, sessions, SQLite.
A server that hangs (stopped, frozen by its disk, cut off behind a proxy) keeps none of its own time-outs, and on a Unix
socket no TCP option helps: the deadline here is the client's, kept by psycopg's own wait.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout, _WaitTimeout
from sqlalchemy import URL, Connection, Engine, event, exc

APPLICATION: Final = "maskservice"
PATIENCE_S: Final = 5.0
"""Seconds until a statement that is not answered counts as hung. The server's own limits are half a second (statement)
and a second (lock) shorter, so that one which lives says so first and keeps its connection."""
IDLE_TIMEOUT_S: Final = 30
UNHURRIED: Final = "maskservice_unhurried"
"""Execution option of a connection: no deadline of ours, only the server's (migrations set those themselves)."""

_CONNECT_TIMEOUT_S: Final = 3
_TRIAL_WAIT_S: Final = 0.5
_T = TypeVar("_T")


def connect_arguments(url: URL, *, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Arguments for libpq. The server's time-outs hold even where we hang; read committed is its default.

    ``options`` in the address are kept and come last, so they win. ``patience_s``: more than 1.
    """
    settings = {
        "lock_timeout": f"{round((patience_s - 1) * 1000)}ms",
        "statement_timeout": f"{round((patience_s - 0.5) * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_S}s",
        "timezone": "UTC",
    }
    given = url.query.get("options", "")
    options = " ".join(
        [
            *(f"-c {name}={value}" for name, value in settings.items()),
            given if isinstance(given, str) else " ".join(given),
        ]
    )
    return {
        "application_name": APPLICATION,
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "options": options.strip(),
        # A peer that vanished without a word: noticed in half a minute, not in two hours; with data under way sooner.
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": round(patience_s * 1000),
    }


class Door:
    """The way to the server. While it is known to be silent one thread at a time tries it, and the others are refused
    at once: else every request would hold its thread for the whole patience, and calls would wait behind requests."""

    def __init__(self, *, patience_s: float) -> None:
        self.patience_s = patience_s
        self._silent = False
        self._trial = threading.Lock()

    def was_silent(self) -> None:
        self._silent = True

    def enter(self, connect: Callable[[], _T]) -> _T:
        """What ``connect`` gives. Raises psycopg.OperationalError."""
        if not self._silent:
            return self._attempt(connect)
        if not self._trial.acquire(timeout=_TRIAL_WAIT_S):
            raise psycopg.OperationalError("the server is silent; another thread tries it")
        try:
            return self._attempt(connect)
        finally:
            self._trial.release()

    def _attempt(self, connect: Callable[[], _T]) -> _T:
        try:
            made = connect()
        except ConnectionTimeout:
            self._silent = True
            raise
        self._silent = False
        return made


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection whose every exchange with the server has a deadline. What missed it is closed: whether the server
    still does what it was asked is not known, and its answer must never be taken for that of the next statement."""

    door: Door | None = None
    hurried: bool = True

    def wait(self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        """psycopg's own (3.3.9), which takes the deadline along to its poll: no thread watches, and a statement costs
        under a microsecond more (tests/storage/test_postgresql.py prints it).

        Raises psycopg.OperationalError past the deadline; the connection is closed then.
        """
        if timeout is None and self.hurried and self.door is not None:
            timeout = self.door.patience_s
        try:
            return super().wait(gen, interval, timeout)
        except _WaitTimeout:
            self.pgconn.finish()
        if self.door is not None:
            self.door.was_silent()
        raise psycopg.OperationalError("the server did not answer within the deadline")


def install(engine: Engine, *, patience_s: float = PATIENCE_S) -> None:
    """Hooks a PostgreSQL engine up."""
    door = Door(patience_s=patience_s)

    @event.listens_for(engine, "do_connect")
    def do_connect(_dialect: Any, _record: Any, arguments: Any, settings: Any) -> ImpatientConnection:
        connection: ImpatientConnection = door.enter(lambda: ImpatientConnection.connect(*arguments, **settings))
        connection.door = door
        return connection

    @event.listens_for(engine, "set_connection_execution_options")
    def set_options(connection: Connection, options: dict[str, Any]) -> None:
        if UNHURRIED in options:
            driver: Any = connection.connection.dbapi_connection
            driver.hurried = not options[UNHURRIED]

    @event.listens_for(engine, "checkout")
    def checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.hurried = True
        # In place of a ping, which is a round trip for every request: an idle server has nothing to say, so a socket
        # with something to read means that it said good-bye (or new settings). A fresh connection takes its place.
        if connection.closed:
            raise exc.DisconnectionError("the connection is closed")
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        if poll.poll(0):
            raise exc.DisconnectionError("the server closed an idle connection")
