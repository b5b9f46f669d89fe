"""Opens the application for one command, and closes it again.

Answers for: every command working on the same wiring as the server. Must not know: what a command does with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from apiflask import APIFlask

from maskservice.app import create_app
from maskservice.hooks import HttpsHookLine
from maskservice.services.ports import Ports
from maskservice.settings import Settings
from maskservice.storage.db import Database
from maskservice.web import Wiring


def quiet(settings: Settings) -> Settings:
    """The same settings for a command that says itself what happens: only errors are logged, unless DEBUG is set."""
    return settings if settings.log_level == "DEBUG" else settings.model_copy(update={"log_level": "ERROR"})


def wiring_of(app: APIFlask) -> Wiring:
    wiring = app.extensions["maskservice"]
    if not isinstance(wiring, Wiring):
        raise TypeError("the application was not made by create_app")
    return wiring


def close_app(app: APIFlask) -> None:
    """Closes idle connections, to the database and to hooks."""
    hook_line = app.extensions["maskservice.hook_line"]
    if isinstance(hook_line, HttpsHookLine):
        hook_line.close()
    database = app.extensions["maskservice.database"]
    if isinstance(database, Database):
        database.dispose()


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Ports]:
    """The ports, inside an app context. Raises SettingsInvalid, KeyRingInvalid; the first unit of work may raise
    DatabaseNotMigrated, DatabaseUnavailable."""
    app = create_app(quiet(settings or Settings.load()))
    try:
        with app.app_context():
            yield wiring_of(app).ports
    finally:
        close_app(app)
