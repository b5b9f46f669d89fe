"""The database as one object: its address, its engine, and the units of work that it opens.

Answers for: which databases are supported and how they are set up; the thin use of Flask-SQLAlchemy. Must not know:
tables, use cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import psycopg
from flask import Flask, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from maskservice.storage import postgresql, sqlite
from maskservice.storage.call_months import KnownMonths
from maskservice.storage.failures import STORAGE_ERRORS
from maskservice.storage.statements import Statements
from maskservice.storage.unit_of_work import SqlUnitOfWork

_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_COUNTED: Mapping[str, Any] = {"preserve_rowcount": True}
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def normalise_url(url: str, *, base: Path | None = None) -> str:
    """The address with its driver written out; a relative SQLite path becomes absolute below ``base`` (default: the
    current folder).

    Raises ValueError for any other database, for SQLite in memory, for what is no address and for an unknown pooler;
    the address is not repeated, it may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None:
        raise ValueError("The database address cannot be read. Write sqlite:///path or postgresql://user@host/name.")
    if parsed.drivername in _POSTGRESQL:
        postgresql.without_pooler(parsed)
        return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if parsed.drivername not in _SQLITE:
        raise ValueError("The database must be SQLite (sqlite:///path) or PostgreSQL (postgresql://user@host/name).")
    path = parsed.database or ""
    if path in ("", ":memory:") or path.startswith("file:"):
        raise ValueError(
            "SQLite needs a file: a database in memory is another one for every process. Write sqlite:///path."
        )
    absolute = ((base or Path.cwd()) / Path(path).expanduser()).absolute()
    return URL.create("sqlite+pysqlite", database=str(absolute)).render_as_string()


class Database:
    """One database of one app. ``pool_size``: connections a process keeps; ``pool_overflow`` more under load; past that
    a unit waits at most ``pool_timeout_s`` and raises DatabaseUnavailable. ``patience_s``: how long PostgreSQL may take
    over one statement. Make it after the fork: connections are not shared between processes.
    """

    def __init__(
        self,
        url: str,
        *,
        echo: bool = False,
        pool_size: int = 8,
        pool_overflow: int = 8,
        pool_timeout_s: float = 5.0,
        patience_s: float = postgresql.PATIENCE_S,
    ) -> None:
        self._url, self._pooled = postgresql.without_pooler(make_url(normalise_url(url)))
        self._echo = echo
        self._patience_s = patience_s
        self._pool = {"pool_size": pool_size, "max_overflow": pool_overflow, "pool_timeout": pool_timeout_s}
        self._app: Flask | None = None
        self._engine: Engine | None = None
        self._alone: Engine | None = None
        self.is_cluster: bool | None = None
        """Whether a Citus cluster holds the tables; None until the server was asked, which is done once: serving
        processes are started anew after ``db distribute``."""
        self._queue: sqlite.WriterQueue | None = None
        self._months = None if self.is_sqlite else KnownMonths()
        # add_models_to_shell would import every model into 'flask shell': there is nothing to play with in sealed rows.
        self._extension = SQLAlchemy(
            session_options={"expire_on_commit": False, "autoflush": False}, add_models_to_shell=False
        )

    @property
    def is_pooled(self) -> bool:
        """Whether a pooler in transaction mode stands before the server (``?pooler=transaction`` in the address)."""
        return self._pooled

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def init_app(self, app: Flask) -> None:
        """Gives the app its engine; nothing connects yet. Raises RuntimeError when done twice."""
        if self._app is not None:
            raise RuntimeError("this database has its app already")
        options: dict[str, Any] = {
            **self._pool,
            "hide_parameters": True,  # a parameter may be a recipient's address
            "json_serializer": _json,
            "json_deserializer": orjson.loads,
            "pool_use_lifo": True,
        }
        if not self.is_sqlite:
            options["paramstyle"] = postgresql.PARAMSTYLE
            options["connect_args"] = postgresql.connect_arguments(
                self._url, patience_s=self._patience_s, pooled=self._pooled
            )
        app.config["SQLALCHEMY_DATABASE_URI"] = self._url
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
        app.config["SQLALCHEMY_ECHO"] = self._echo
        self._extension.init_app(app)
        with app.app_context():
            self._engine = self._extension.engine
        if self.is_sqlite:
            self._queue = sqlite.install(self._engine)
        else:
            postgresql.install(self._engine, patience_s=self._patience_s, is_cluster=self._asks_cluster)
            self._alone = self._engine.execution_options(**_COUNTED, isolation_level="AUTOCOMMIT")
        self._app = app

    @property
    def engine(self) -> Engine:
        """For migrations, probes and tests; use cases open a :meth:`unit`. Raises RuntimeError before
        :meth:`init_app`."""
        if self._engine is None:
            raise RuntimeError("call init_app first")
        return self._engine

    @property
    def waiting_writers(self) -> int:
        """Threads of this process that write to SQLite or stand in line for it; 0 on PostgreSQL."""
        return 0 if self._queue is None else len(self._queue)

    def unit(self, *, write: bool = True, whole: bool = False) -> SqlUnitOfWork:
        """A unit of work on the app context's session. ``write=False``: on SQLite a reader's snapshot that keeps no
        writer waiting; on PostgreSQL autocommit, which spares BEGIN and ROLLBACK and sees what read committed would
        see; writing in it raises RuntimeError. ``whole=True``: on a plain PostgreSQL autocommit too, for a write of one
        statement; a transaction on SQLite and on a cluster.

        Raises RuntimeError outside of an app context, and when entered inside another unit: units do not nest.
        """
        if not has_app_context():
            raise RuntimeError("a unit of work needs an app context")
        session: Callable[[], Session] = self._extension.session
        in_one = whole and not self.is_sqlite and self._is_known_plain()
        reads = {sqlite.READS_ONLY: True} if self.is_sqlite and not write else {}
        statements = Statements(
            session(),
            dialect=self._url.get_backend_name(),
            write=write,
            options={**_COUNTED, **reads},
            months=self._months,
            alone=self._alone if in_one or not write else None,
        )
        return SqlUnitOfWork(statements)

    def _is_known_plain(self) -> bool:
        """Whether this is no cluster. Where the server could not be asked it may be one: a transaction serves both."""
        if self.is_cluster is None:
            try:
                with self.engine.connect() as connection:
                    self._asks_cluster(connection.connection.driver_connection)
            except (*STORAGE_ERRORS, psycopg.Error):
                return False  # the unit's own statements will tell what is wrong
        return not self.is_cluster

    def _asks_cluster(self, driver: Any) -> bool:
        if self.is_cluster is None:
            self.is_cluster = postgresql.is_distributed(driver)
        return self.is_cluster

    def scrub(self, *, whole: bool = False) -> bool:
        """Removes from SQLite's files what purged rows left behind; whether it could (False: busy, ask again later).
        Call it after a round that purged, outside of any unit; ``whole=True``, which rewrites the file, at times.

        Does nothing on PostgreSQL, where vacuum is the server's, and raises nothing. See :func:`sqlite.scrub`.
        """
        return self._queue is None or sqlite.scrub(self.engine, self._queue, whole=whole)

    def dispose(self) -> None:
        """Closes the idle connections: at the end, and in a child right after a fork."""
        if self._engine is not None:
            self._engine.dispose()


__all__ = ["Database", "normalise_url"]
