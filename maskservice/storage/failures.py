"""From what a driver raises to the domain's tree, without any value that was in a statement.

Answers for: which failure passes by itself (503), which needs a migration, and that no message or parameter of a
refused row gets out. Must not know: the statements, HTTP.
"""

from __future__ import annotations

import sqlite3

import psycopg
from psycopg.errors import DivisionByZero, LockNotAvailable
from sqlalchemy import exc

from maskservice.domain.errors import DatabaseNotMigrated, DatabaseUnavailable, MaskServiceError

STORAGE_ERRORS = (exc.SQLAlchemyError, sqlite3.Error, UnicodeError)
"""What a statement can raise. UnicodeError: a lone surrogate cannot be sent, and the driver's exception holds the whole
text."""

# PostgreSQL's SQLSTATE (appendix A): undefined table, undefined column, no such schema.
_NOT_MIGRATED = frozenset({"42P01", "42703", "3F000"})
# Lock timeout, read-only server (a failover). By class: connection, rollback of a transaction, resources, operator,
# system error; 25P03 (idle in transaction) and 57014 (statement timeout) are in the operator's and transaction's
# classes.
_PASSING = frozenset({"55P03", "25006", "25P03"})
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})


def translated(error: BaseException) -> MaskServiceError:
    """The domain's error for what went wrong. Its cause is the driver's own exception where that can hold no value,
    else there is none.

    An unforeseen refusal becomes the root of the tree, naming at most the constraint.
    """
    driver = error.orig if isinstance(error, exc.DBAPIError) else error
    state = getattr(driver, "sqlstate", None) or ""
    if state in _NOT_MIGRATED or (isinstance(driver, sqlite3.OperationalError) and str(driver).startswith("no such ")):
        return DatabaseNotMigrated("The database's tables are not those of this version: run 'maskservice init'.")
    if _passes(error, driver, state):
        failure = DatabaseUnavailable("The database did not answer in time, or could not be reached. Try again.")
        # SQLAlchemy's own exception carries the parameters: only the driver's may go on, which has none.
        failure.__cause__ = driver if isinstance(driver, BaseException) else None
        return failure
    return MaskServiceError(f"The database refused a statement ({_reason(driver, state)}).")


def _passes(error: BaseException, driver: BaseException | None, state: str) -> bool:
    if isinstance(error, exc.TimeoutError | exc.DisconnectionError):
        return True
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(driver, sqlite3.OperationalError):
        # SQLITE_ERROR is a statement that can never work; our own queue's time-out has no code.
        return getattr(driver, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR
    if isinstance(driver, sqlite3.Error):
        # The bare DatabaseError: the file is damaged, or is none of SQLite's.
        return type(driver) is sqlite3.DatabaseError
    if state:
        return state in _PASSING or state[:2] in _PASSING_CLASSES
    return isinstance(
        error, exc.OperationalError | exc.InterfaceError | psycopg.OperationalError | psycopg.InterfaceError
    )


def _reason(driver: BaseException | None, state: str) -> str:
    constraint = getattr(getattr(driver, "diag", None), "constraint_name", None)
    if isinstance(driver, sqlite3.IntegrityError):
        constraint = str(driver)  # SQLite names columns and constraints, never values
    return " ".join(part for part in (type(driver).__name__, state, constraint) if part)


def divided_by_nothing(error: BaseException) -> bool:
    """PostgreSQL's division_by_zero."""
    return isinstance(error, exc.DBAPIError) and isinstance(error.orig, DivisionByZero)


def is_lock_timeout(failure: DatabaseUnavailable) -> bool:
    """Whether a row or an index entry that another transaction holds was waited for in vain (PostgreSQL, after
    ``lock_timeout``)."""
    return isinstance(failure.__cause__, LockNotAvailable)
