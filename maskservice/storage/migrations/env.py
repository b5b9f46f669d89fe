"""What Alembic runs: the migrations on the connection it is handed by ``storage/schema.py``.

Answers for: the time-outs that hold while tables change. Must not know: addresses, settings, ini files.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from maskservice.storage import hot_models  # noqa: F401 - puts its tables into the metadata
from maskservice.storage.models import Base

_LOCK_TIMEOUT = "5s"  # a migration that waits for a lock makes every call behind it wait too
_STATEMENT_TIMEOUT = "15min"


def _run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'"))
        # Citus changes no reference table after a distributed one over several connections a node; elsewhere it is the
        # name of nothing, and does nothing.
        connection.execute(text("SET LOCAL citus.multi_shard_modify_mode = 'sequential'"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite's DDL is transactional too, where the transaction was begun by a real BEGIN.
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
