"""PostgreSQL's own settings: time-outs on both sides, and noticing that a pooled connection or the server has died.

Answers for: what is asked of a connection, and how long anybody waits for it. Must not know: tables, sessions, SQLite.
A server that hangs (stopped, frozen by its disk, cut off behind a proxy) keeps none of its own time-outs, and on a Unix
socket no TCP option helps: the deadline here is the client's, kept by psycopg's own wait.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Sequence
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

PARAMSTYLE: Final = "numeric_dollar"
"""How SQLAlchemy writes parameters: as :class:`BriefCursor` sends them."""

POOLER: Final = "pooler"
"""Option of the address: ``?pooler=transaction``."""

_SKIPPING: Final = " FOR UPDATE SKIP LOCKED"
_CONNECT_TIMEOUT_S: Final = 3
_TRIAL_WAIT_S: Final = 0.5
_T = TypeVar("_T")


def server_settings(patience_s: float = PATIENCE_S) -> dict[str, str]:
    """What is asked of every session of the server: its time-outs hold even where we hang."""
    return {
        "lock_timeout": f"{round((patience_s - 1) * 1000)}ms",
        "statement_timeout": f"{round((patience_s - 0.5) * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_S}s",
        "timezone": "UTC",
    }


def without_pooler(url: URL) -> tuple[URL, bool]:
    """The address without our own option ``pooler``, and whether a pooler in transaction mode stands before the server.

    Raises ValueError for any other kind of pooler.
    """
    named = url.query.get(POOLER)
    if named is None:
        return url, False
    if named != "transaction":
        raise ValueError("The option 'pooler' of the database address is 'transaction', or it is left out.")
    return url.difference_update_query([POOLER]), True


def connect_arguments(url: URL, *, patience_s: float = PATIENCE_S, pooled: bool = False) -> dict[str, Any]:
    """Arguments for psycopg and libpq; read committed is the server's default.

    ``options`` in the address are kept and come last, so they win. ``patience_s``: more than 1. ``pooled``: a session
    of ours is a transaction of somebody's server connection, so nothing may be kept in it: no prepared statements, and
    no settings, which PgBouncer refuses at the start. What the role's own settings are then: see :func:`keep_settings`.
    """
    settings = {} if pooled else server_settings(patience_s)
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
        **({"options": options.strip()} if options.strip() else {}),
        **({"prepare_threshold": None} if pooled else {}),
        # A peer that vanished without a word: noticed in half a minute, not in two hours; with data under way sooner.
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": round(patience_s * 1000),
    }


def keep_settings(connection: Connection, *, patience_s: float = PATIENCE_S) -> None:
    """Makes the time-outs the role's own in this database, where a pooler lets no session set them. A role may do that
    for itself. They hold for connections that the pooler opens from then on."""
    for name, value in server_settings(patience_s).items():
        connection.exec_driver_sql(
            "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I "
            f"SET {name} = %L', current_database(), '{value}'); END $$"
        )


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


class LateDescription(Sequence[tuple[Any, ...]]):
    """A result's columns, described when somebody looks. SQLAlchemy takes a description with every result and looks
    into that of a statement's first result only; psycopg's own makes an object a column each time, a tenth of a call.
    """

    def __init__(self, result: Any, encoding: str) -> None:
        self._result, self._encoding = result, encoding

    def __len__(self) -> int:
        return int(self._result.nfields)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        # The seven items of PEP 249, of which two are required.
        return (self._result.fname(place).decode(self._encoding), self._result.ftype(place), *[None] * 5)


class BriefCursor(psycopg.RawCursor[Any]):
    """psycopg's cursor for statements in the server's own form, ``$1``: it has not to be made of another one each time,
    which for a statement of some length was a sixth of a call. With a :class:`LateDescription`."""

    @property
    def description(self) -> Any:
        """None after a statement that returns no rows."""
        result = self.pgresult
        return LateDescription(result, "utf-8") if result is not None and result.nfields else None


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


def is_distributed(driver: Any) -> bool:
    """Whether ``bindings`` is spread over a Citus cluster (``distribution.py``). ``driver``: a psycopg connection."""
    if driver.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'").fetchone() is None:
        return False
    asked = "SELECT 1 FROM pg_dist_partition WHERE logicalrelid = to_regclass('bindings')"
    return driver.execute(asked).fetchone() is not None


def on_a_cluster(statement: str) -> str:
    """Citus locks rows of one shard only ("SELECT … FOR UPDATE works in single-shard queries only"). Statements that
    pass over what another worker has in hand ask all shards; without the lock they find the same rows as that worker,
    whose guarded changes then come first."""
    return statement.replace(_SKIPPING, "")


def install(
    engine: Engine, *, patience_s: float = PATIENCE_S, is_cluster: Callable[[Any], bool] = lambda _: False
) -> None:
    """Hooks a PostgreSQL engine up. ``is_cluster``: whether its tables are distributed; asked with a connection that
    sends what a cluster refuses."""
    door = Door(patience_s=patience_s)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def before_execute(connection: Connection, *sent: Any) -> tuple[str, Any]:
        _, statement, parameters, *_ = sent
        if _SKIPPING in statement and is_cluster(connection.connection.driver_connection):
            statement = on_a_cluster(statement)
        return statement, parameters

    @event.listens_for(engine, "do_connect")
    def do_connect(_dialect: Any, _record: Any, arguments: Any, settings: Any) -> ImpatientConnection:
        connection: ImpatientConnection = door.enter(
            lambda: ImpatientConnection.connect(*arguments, **{"cursor_factory": BriefCursor, **settings})
        )
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
