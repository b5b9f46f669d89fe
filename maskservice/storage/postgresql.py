"""PostgreSQL's own settings: time-outs on the server's side, and noticing that a pooled connection has died.

Answers for: what is asked of a connection. Must not know: tables, sessions, SQLite.
"""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import URL, Engine, event, exc

APPLICATION = "maskservice"
LOCK_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 15
IDLE_TIMEOUT_S = 30
_CONNECT_TIMEOUT_S = 5


def connect_arguments(url: URL) -> dict[str, Any]:
    """Arguments for libpq. The time-outs are the server's, so they hold even where we hang; read committed is its
    default.

    ``options`` in the address are kept and come last, so they win.
    """
    settings = {
        "lock_timeout": f"{LOCK_TIMEOUT_S}s",
        "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
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
        # A peer that vanished without a word: noticed in half a minute, not in two hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }


def install(engine: Engine) -> None:
    """Hooks a PostgreSQL engine up."""

    @event.listens_for(engine, "checkout")
    def checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        # In place of a ping, which is a round trip for every request: an idle server has nothing to say, so a socket
        # with something to read means that it said good-bye (or new settings). A fresh connection takes its place.
        if connection.closed:
            raise exc.DisconnectionError("the connection is closed")
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        if poll.poll(0):
            raise exc.DisconnectionError("the server closed an idle connection")
