"""One line a request, its id, and the headers that every answer carries.

Answers for: what is said of a request: route template, status, time, tenant; never a raw path, a query or a body.
Must not know: what a route does.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

import structlog
from flask import Flask, Response, g, request

from maskservice.logs import looks_like_a_number
from maskservice.web.metrics import metrics

REQUEST_ID_HEADER: Final = "X-Request-Id"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = structlog.get_logger("maskservice.web")


def install(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get(REQUEST_ID_HEADER, "")
    # It stands in every line and answer: what may be a phone number is replaced like any odd one.
    usable = _REQUEST_ID.fullmatch(given) and not looks_like_a_number(given)
    g.request_id = given if usable else secrets.token_hex(12)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    _add_headers(response)
    if "started" not in g:
        return response
    response.headers[REQUEST_ID_HEADER] = g.request_id
    seconds = time.perf_counter() - g.started
    # The template, never the path: an id or whatever else somebody writes into an address stays out of logs and labels.
    route = request.url_rule.rule if request.url_rule is not None else "(none)"
    method = request.method if request.method in _METHODS else "(other)"
    metrics().saw_request(route=route, method=method, status=response.status_code, seconds=seconds)
    _log.info("request", method=method, route=route, status=response.status_code, duration_ms=round(seconds * 1000, 1))
    return response


def _add_headers(response: Response) -> None:
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    if request.path.startswith("/v1/"):
        headers["Cache-Control"] = "no-store"
