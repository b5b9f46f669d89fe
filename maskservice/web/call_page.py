"""The page behind a recipient's link: one button, and the number to be dialled after it.

Answers for: looking at it changing nothing, every link that leads nowhere showing one and the same page, and a person
never being shown a problem document. Must not know: what a token is, who may call whom.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from apiflask import APIBlueprint
from flask import Response, make_response, render_template, request

from maskservice.domain.masked import write_virtual
from maskservice.services.call_links import LinkedOrder, LinkedPass, open_call_link, use_call_link
from maskservice.web.call_page_words import WORDS, Words
from maskservice.web.problems import where
from maskservice.web.wiring import ports

bp = APIBlueprint("call_page", __name__, url_prefix="/c", enable_openapi=False)

POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    # The address is the key: it stands in no index, no referrer (request_log.py) and no cache.
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}
_TAIPEI: Final = ZoneInfo("Asia/Taipei")

_log = structlog.get_logger("maskservice.web")


@bp.get("/<token>")
def show(token: str) -> Response:
    try:
        return _page(open_call_link(token, ports=ports()))
    except Exception as error:
        return _later(error)


@bp.post("/<token>")
def call(token: str) -> Response:
    try:
        return _page(use_call_link(token, ports=ports()))
    except Exception as error:
        return _later(error)


def _page(found: LinkedOrder | LinkedPass | None) -> Response:
    match found:
        case None:
            return _render("gone", HTTPStatus.NOT_FOUND)
        case LinkedOrder():
            return _render("order", HTTPStatus.OK, order=found)
        case LinkedPass(order, given):
            until = given.expires_at.astimezone(_TAIPEI).strftime("%H:%M:%S")
            number = write_virtual(given.virtual_number)
            return _render("ready", HTTPStatus.OK, order=order, given=given, number=number, until=until)


def _later(error: Exception) -> Response:
    # As on the way of a call: the exception's text may hold anything, so only its class and places are logged.
    _log.error("call_page_failed", error=type(error).__name__, where=where(error))
    response = _render("later", HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = "5"
    return response


def _render(state: str, status: HTTPStatus, **facts: Any) -> Response:
    words = _words()
    response = make_response(render_template("call_page.html", state=state, words=words, **facts), status)
    response.headers.update(_HEADERS)
    response.headers["Content-Language"] = words.language
    return response


def _words() -> Words:
    """The language that was asked for by the page's own link, else by the browser; Chinese where it wants neither."""
    asked = request.args.get("lang", "")
    return WORDS[asked if asked in WORDS else request.accept_languages.best_match(WORDS, default="zh") or "zh"]
