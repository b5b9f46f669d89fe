"""Spreading the tables over the machines of a Citus cluster.

Answers for: which table goes where, and doing it step by step, so that a run that was cut off is taken up by the next.
Must not know: who asks. What Citus refuses is in its manual ("SQL Support and Workarounds", "Creating and Modifying
Distributed Objects"): tests/services/test_citus_rules.py holds the tables and statements to it, and where a cluster is
named, tests/services/test_citus_nodes.py has it explain them. docs/scaling.rst says what was run on which version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from maskservice.storage import guard_models, hooks, roster_models  # noqa: F401 -- their tables belong to the metadata
from maskservice.storage.db import Database
from maskservice.storage.failures import STORAGE_ERRORS, translated
from maskservice.storage.models import Base
from maskservice.storage.postgresql import UNHURRIED
from maskservice.storage.revision import is_current

NUMBER: Final = "virtual_number"
TENANT: Final = "tenant_id"

BY_NUMBER: Final = (
    "slots", "bindings", "contacts", "passes", "calls", "webhook_receipts", "call_days", "assignments",
    "guard_numbers", "guard_scans",
)  # fmt: skip
"""Asked on the way of a call, each by its virtual number: all of one number lie on one machine."""
BY_TENANT: Final = ("order_index", "idempotency_keys")
REFERENCE: Final = (
    "tenants", "tenant_hooks", "api_keys", "pools", "pool_tenants", "virtual_numbers", "pbxs", "pbx_secrets",
    "crypto_keys", "couriers", "courier_phones", "caller_rules", "guard_callers",
)  # fmt: skip
"""The same on every machine, in an order in which nothing refers to what comes later."""

# Citus lets one statement on several shards at a time change a table, until its commit: a batch that claims slots and
# the worker that frees some would wait in a ring. Ours keep an order of their own and look before they insert, as on
# one machine. The role sets it for itself, so it holds through a pooler too.
_AT_ONCE = (
    "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I "
    "SET citus.enable_deadlock_prevention = off', current_database()); END $$"
)
_FIRST_OF = {NUMBER: BY_NUMBER[0], TENANT: BY_TENANT[0]}


class CannotDistribute(Exception):
    """The database cannot be distributed as it is; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a table goes. ``column`` and ``together_with`` are None for a reference table."""

    table: str
    column: str | None = None
    together_with: str | None = None

    @property
    def kind(self) -> str:
        return "reference" if self.column is None else "distributed"

    @property
    def statement(self) -> str:
        if self.column is None:
            return f"SELECT create_reference_table('{self.table}')"
        # 'none' begins a group of its own: by itself Citus would put all columns of one type together.
        group = self.together_with or "none"
        return f"SELECT create_distributed_table('{self.table}', '{self.column}', colocate_with => '{group}')"


@dataclass(frozen=True, slots=True)
class Step:
    """``done``: False where it would be done (a dry run), or was done before."""

    placement: Placement
    before: bool
    done: bool


@dataclass(frozen=True, slots=True)
class Distribution:
    """``citus``: the extension's version, None where it is missing; ``workers``: active ones besides the
    coordinator."""

    citus: str | None
    workers: int | None
    steps: tuple[Step, ...]


def plan() -> tuple[Placement, ...]:
    """Every table of the metadata, in the order in which they have to be placed."""
    together = [
        Placement(table, column, None if table == _FIRST_OF[column] else _FIRST_OF[column])
        for column, tables in ((NUMBER, BY_NUMBER), (TENANT, BY_TENANT))
        for table in tables
    ]
    return (*(Placement(table) for table in REFERENCE), *together)


def distribute(
    database: Database, *, dry_run: bool, progress: Callable[[Placement], None] = lambda _: None
) -> Distribution:
    """Places every table that is not placed yet, each in a transaction of its own; again: nothing. Then the role that
    asks lets its statements on several shards run at once. A dry run changes nothing, and tells the plan also where the
    extension is missing.

    Raises CannotDistribute (SQLite, no extension, not migrated), DatabaseUnavailable.
    """
    if database.is_sqlite:
        raise CannotDistribute("SQLite lies in one file. Name a PostgreSQL with Citus in MASKSERVICE_DATABASE_URL.")
    if not is_current(database):
        raise CannotDistribute("The database is not migrated; run 'maskservice init' first.")
    version = _ask(database, _version)
    if version is None and not dry_run:
        raise CannotDistribute(
            "The extension citus is not in this database. On the coordinator and on every worker run "
            "'CREATE EXTENSION citus' in it, add the workers with 'SELECT citus_add_node(…)', then come back. "
            "With --dry-run you see what would be done."
        )
    placed = frozenset() if version is None else _ask(database, _placed)
    workers = None if version is None else _ask(database, _workers)
    steps = []
    for placement in plan():
        before = placement.table in placed
        if not before and not dry_run:
            progress(placement)
            _ask(database, lambda connection, each=placement: _place(connection, each))  # type: ignore[misc]
        steps.append(Step(placement, before=before, done=not before and not dry_run))
    if not dry_run:
        _ask(database, lambda connection: connection.exec_driver_sql(_AT_ONCE))
    return Distribution(version, workers, tuple(steps))


def _ask(database: Database, step: Callable[[Connection], Any]) -> Any:
    """A table of tens of millions of rows takes its time: only the server's lock time-out holds."""
    try:
        with database.engine.connect().execution_options(**{UNHURRIED: True}) as connection, connection.begin():
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            return step(connection)
    except STORAGE_ERRORS as error:
        failure = translated(error)
    raise failure


def _version(connection: Connection) -> str | None:
    found = connection.execute(text("SELECT extversion FROM pg_extension WHERE extname = 'citus'")).scalar()
    return None if found is None else str(found)


def _placed(connection: Connection) -> frozenset[str]:
    names: Sequence[Any] = (
        connection.execute(text("SELECT CAST(logicalrelid AS text) FROM pg_dist_partition")).scalars().all()
    )
    return frozenset(str(name) for name in names) & frozenset(Base.metadata.tables)


def _workers(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM citus_get_active_worker_nodes()")).scalar() or 0)


def _place(connection: Connection, placement: Placement) -> None:
    connection.exec_driver_sql(placement.statement)
    # What lay in the table stays behind on the coordinator, hidden, until it is cleared away.
    if placement.column is not None:
        connection.exec_driver_sql(f"SELECT truncate_local_data_after_distributing_table('{placement.table}')")


__all__ = [
    "BY_NUMBER",
    "BY_TENANT",
    "NUMBER",
    "REFERENCE",
    "TENANT",
    "CannotDistribute",
    "Distribution",
    "Placement",
    "Step",
    "distribute",
    "plan",
]
