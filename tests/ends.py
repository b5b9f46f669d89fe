"""Counting how often each binding is ended, by the database itself: a trigger on every change of the status.

Answers for: that count, and what must be true of every end. Must not know: who ends them.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

_SQLITE = (
    "CREATE TABLE ends (binding TEXT)",
    "CREATE TRIGGER count_ends AFTER UPDATE OF status ON bindings WHEN NEW.ended_at IS NOT NULL "
    "BEGIN INSERT INTO ends VALUES (NEW.key); END",
)
_POSTGRESQL = (
    "CREATE TABLE ends (binding uuid)",
    "CREATE FUNCTION count_end() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO ends VALUES (NEW.key); RETURN NULL; END $$",
    "CREATE TRIGGER count_ends AFTER UPDATE OF status ON bindings FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) "
    "EXECUTE FUNCTION count_end()",
)
# SQLite keeps an interval as a moment since 1970.
_LATE = {
    "sqlite": "julianday(s.free_at) - julianday(b.ended_at) NOT BETWEEN 29.999999 AND 30.000001",
    "postgresql": "s.free_at <> b.ended_at + interval '30 days'",
}


def watch_ends(engine: Engine) -> None:
    with engine.begin() as connection:
        for statement in _SQLITE if engine.dialect.name == "sqlite" else _POSTGRESQL:
            connection.execute(text(statement))


def counted_ends(engine: Engine) -> list[int]:
    """How often each binding that was ended was ended."""
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT count(*) FROM ends GROUP BY binding")).scalars())


def wrong_ends(engine: Engine) -> int:
    """Bindings whose end is not the moment of death, or whose slot does not rest thirty days from there."""
    statement = (
        "SELECT count(*) FROM bindings AS b JOIN slots AS s ON s.virtual_number = b.virtual_number "
        "AND s.binding = b.key WHERE b.status <> 'expired' OR b.ended_at <> b.expires_at OR s.free_at IS NULL "
        f"OR {_LATE[engine.dialect.name]}"
    )
    with engine.connect() as connection:
        return int(connection.execute(text(statement)).scalar() or 0)
