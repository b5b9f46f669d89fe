"""The one way by which repositories reach the database: a lazily begun transaction on the session's connection.

Answers for: beginning late, translating every failure, refusing writes in a unit that reads. Must not know: tables,
what a statement means. The connection is used directly, since Core on a connection costs half of what a session's
``execute`` does; the session owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

import psycopg
from sqlalchemy import Connection, CursorResult, Dialect, Engine, Executable, LargeBinary, Table, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from maskservice.domain.errors import MaskServiceError
from maskservice.storage.failures import STORAGE_ERRORS, divided_by_nothing, translated

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Cells = Sequence[Any]
"""The values of one row, by position."""
_T = TypeVar("_T")
_OPEN: Final = "maskservice_unit"
"""In a session's ``info``: a unit is open in its context."""


class Months(Protocol):
    """Makes the place of a call that begins then, where there is none; see ``call_months.py``."""

    def hold(self, moment: datetime) -> bool: ...

    def require(self, connection: Connection, moment: datetime) -> None: ...


class Statements:
    """One transaction after the other on one session. ``dialect``: sqlite or postgresql. ``alone``: there is no
    transaction, each statement is kept as soon as it is done, so one that writes must be whole by itself; a session has
    nothing to own then, and the connection is this engine's. Every method raises DatabaseUnavailable or
    DatabaseNotMigrated."""

    def __init__(
        self,
        session: Session,
        *,
        dialect: str,
        write: bool,
        options: dict[str, Any],
        months: Months | None = None,
        alone: Engine | None = None,
    ) -> None:
        self.dialect = dialect
        self.is_whole = write and alone is not None
        self._alone = alone
        self._months = months
        self._session = session
        self._write = write
        self._options = options
        self._connection: Connection | None = None

    def open(self) -> None:
        """Raises RuntimeError where another unit is open in the same context. The transaction begins with the first
        statement."""
        if self._session.info.get(_OPEN) or self._session.in_transaction():
            raise RuntimeError("a unit of work is open in this context already")
        self._session.info[_OPEN] = True

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Cells]:
        """All rows of a read."""
        return self._run(statement, parameters, lambda result: result.all())

    def first(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Cells | None:
        """The first row of a read, or None."""
        return self._run(statement, parameters, lambda result: result.first())

    def change(self, statement: Executable, parameters: Parameters = None) -> int:
        """How many rows a write touched."""
        self._require_write()
        return self._run(statement, parameters, lambda result: result.rowcount)

    def changed(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Cells | None:
        """The row that a write returns, or None where it touched none."""
        self._require_write()
        return self._run(statement, parameters, lambda result: result.first())

    def changed_rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Cells]:
        """All rows that a write returns."""
        self._require_write()
        return self._run(statement, parameters, lambda result: result.all())

    def whole(self, statement: Executable, parameters: Mapping[str, Any]) -> Cells | None:
        """A write of several tables in one statement that divides by what it wrote of the one that decides: its row, or
        None where that was nothing, and then nothing of it was done."""
        self._require_write()
        try:
            return self._begun().execute(statement, parameters).first()
        except STORAGE_ERRORS as error:
            if divided_by_nothing(error):
                return None
            failure = translated(error)
        raise failure

    def load(self, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Writes many new rows at once: COPY on PostgreSQL, which costs a third of an INSERT of as many rows. A column
        that no row fills is left out, so it must have no default."""
        self._require_write()
        if self.dialect == "sqlite":
            self.change(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])
            return
        filled = {
            name: cells
            for name, cells in zip(columns, zip(*rows, strict=True), strict=True)
            if cells.count(None) < len(cells)
        }
        text = f"COPY {table.name} ({', '.join(filled)}) FROM STDIN"
        failure: MaskServiceError | None = None
        try:
            connection = self._begun()
            sent = [_bound(table.c[name].type, cells, connection.dialect) for name, cells in filled.items()]
            driver = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(text) as copy:  # type: ignore[union-attr]
                for row in zip(*sent, strict=True):
                    copy.write_row(row)
        except (*STORAGE_ERRORS, psycopg.Error) as error:
            failure = translated(error)
        if failure is not None:
            # The server's message about a COPY quotes the row.
            failure.__cause__ = None
            raise failure

    def step(self, work: Callable[[Connection], _T]) -> _T:
        """A piece of work of several statements that are none of Core's, such as changes of tables."""
        self._require_write()
        try:
            return work(self._begun())
        except STORAGE_ERRORS as error:
            failure = translated(error)
        raise failure

    def has_month(self, moment: datetime) -> bool:
        """Whether the place of a call that begins then is known to be there."""
        return self._months is None or self._months.hold(moment)

    def require_month(self, moment: datetime) -> None:
        """Before a call is recorded that began then."""
        if self._months is not None and not self._months.hold(moment):
            months = self._months
            self.step(lambda connection: months.require(connection, moment))

    def commit(self) -> None:
        if self._alone is not None:
            return  # each statement is kept already
        self._attempt(self._session.commit)
        self._connection = None

    def rollback(self) -> None:
        if self._alone is not None:
            return
        self._connection = None
        self._attempt(self._session.rollback)

    def close(self) -> None:
        """Takes back what was not committed and gives the connection back, whatever state it is in. Raises nothing."""
        connection, self._connection = self._connection, None
        self._session.info.pop(_OPEN, None)
        if self._alone is not None:
            if connection is not None:
                with suppress(*STORAGE_ERRORS):
                    connection.close()
            return
        try:
            self._session.close()
        except STORAGE_ERRORS:
            self._session.invalidate()

    def _require_write(self) -> None:
        if not self._write:
            raise RuntimeError("this unit of work was opened for reading")

    def _run(self, statement: Executable, parameters: Parameters, take: Callable[[CursorResult[Any]], _T]) -> _T:
        try:
            return take(self._begun().execute(statement, parameters))
        except STORAGE_ERRORS as error:
            failure = translated(error)
        # Raised out here: inside the block the original, and the parameters with it, would hang on as its context.
        raise failure

    def _begun(self) -> Connection:
        if self._connection is None:
            self._connection = (
                self._session.connection(execution_options=self._options)
                if self._alone is None
                else self._alone.connect()
            )
        return self._connection

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
            return
        except SQLAlchemyError as error:
            failure = translated(error)
        raise failure


def _bound(kind: TypeEngine[Any], cells: Cells, dialect: Dialect) -> Cells:
    """What an INSERT would do to a column's values on their way: JSON becomes text, a naive moment is refused."""
    if isinstance(kind, LargeBinary):  # as they are: the wrapper that the DB-API asks for is written by Python code
        return cells
    step = kind.dialect_impl(dialect).bind_processor(dialect)
    return cells if step is None else [step(cell) for cell in cells]
