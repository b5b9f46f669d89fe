"""Opening a database for tests, as the composition root does it, with the smallest app there can be.

Answers for: an app, its Database and an app context. Must not know: pytest, which database it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from maskservice.storage.db import Database


def make(url: str, **options: Any) -> tuple[Flask, Database]:
    """An app with its database; whoever asks disposes of it."""
    app = Flask(__name__)
    database = Database(url, **options)
    database.init_app(app)
    return app, database


@contextmanager
def opened(url: str, **options: Any) -> Iterator[Database]:
    """A database inside an app context of its own; closed afterwards."""
    app, database = make(url, **options)
    try:
        with app.app_context():
            yield database
    finally:
        database.dispose()
