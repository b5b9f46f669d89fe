"""The floor of a request: one empty Flask JSON route, run under the shipped gunicorn configuration.

Answers for: what gunicorn and Flask cost before a service does anything. Must not know: the service.
"""

from __future__ import annotations

from flask import Flask

application = Flask(__name__)


@application.route("/", methods=["GET", "POST"])
def empty() -> dict[str, bool]:
    return {"ok": True}
