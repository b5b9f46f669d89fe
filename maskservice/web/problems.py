"""Every refusal as ``application/problem+json`` (RFC 9457): one table from error class to status and title.

Answers for: status, title, type and headers of each problem, and that nothing inside ever shows. Must not know: why.
``docs/problems.rst`` explains every code; a test walks the tree of errors and fails on one that is missing there.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import orjson
import structlog
from flask import Flask, Response, g, has_app_context
from werkzeug.exceptions import HTTPException

from maskservice.domain import errors
from maskservice.domain.errors import FieldError, InvalidContent, MaskServiceError, Unauthenticated, Unavailable
from maskservice.telephony import UnreadableBody

__all__ = [
    "BY_CLASS", "BY_CODE", "PROBLEM_JSON", "TYPE_PREFIX", "Kind", "WebRefusal", "content_of", "install", "kind_of",
    "where",
]  # fmt: skip

PROBLEM_JSON: Final = "application/problem+json"
# A name, not an address: it is the same wherever the service is hosted, and nothing is fetched to tell problems apart.
TYPE_PREFIX: Final = "urn:maskservice:problem:"

_log = structlog.get_logger("maskservice.web")


@dataclass(frozen=True, slots=True)
class Kind:
    status: int
    title: str


BY_CLASS: Final[Mapping[type[MaskServiceError], Kind]] = MappingProxyType(
    {
        MaskServiceError: Kind(500, "Internal error"),
        InvalidContent: Kind(422, "The content cannot be accepted"),
        errors.PhoneRefused: Kind(422, "The phone number cannot be bound"),
        errors.MaskedNumberUnreadable: Kind(422, "The masked number cannot be read"),
        errors.NotFound: Kind(404, "Not found"),
        errors.Conflict: Kind(409, "The state of things does not allow this"),
        errors.OrderAlreadyBound: Kind(409, "The order is bound to another phone"),
        errors.BindingNotLive: Kind(409, "The binding's status does not allow this step"),
        errors.BindingPurged: Kind(409, "The binding's details were purged"),
        errors.NameTaken: Kind(409, "The name is taken"),
        errors.PhoneEnrolled: Kind(409, "The phone is another courier's"),
        errors.PinTaken: Kind(409, "The PIN is taken"),
        errors.IdempotencyKeyReused: Kind(422, "The Idempotency-Key belongs to another request"),
        errors.IdempotencyInProgress: Kind(409, "The first request with this Idempotency-Key is still in progress"),
        Unavailable: Kind(503, "Not available now"),
        errors.PoolExhausted: Kind(503, "The pool is full"),
        errors.DatabaseUnavailable: Kind(503, "The database is not available"),
        errors.DatabaseNotMigrated: Kind(503, "The database is not migrated"),
        errors.KeyMissing: Kind(503, "A key is missing from the key ring"),
        errors.SealBroken: Kind(500, "A stored value is damaged"),
        errors.KeyRingInvalid: Kind(500, "The key ring cannot be used"),
        Unauthenticated: Kind(401, "Authentication is needed"),
        errors.SignatureInvalid: Kind(401, "The webhook's signature is not valid"),
        errors.ScopeMissing: Kind(403, "The API key lacks a scope"),
    }
)
"""The one table; ``code`` and ``detail`` come from the error itself."""

BY_CODE: Final[Mapping[str, tuple[Kind, str]]] = MappingProxyType(
    {
        "bad_request": (Kind(400, "Bad request"), "The request is not valid HTTP for this service."),
        "malformed_json": (
            Kind(400, "Malformed JSON"),
            "The body cannot be read as JSON in UTF-8. Check quotes, commas and braces.",
        ),
        "route_not_found": (
            Kind(404, "Not found"),
            "There is nothing under this address. See /openapi.json for what there is.",
        ),
        "method_not_allowed": (
            Kind(405, "Method not allowed"),
            "This address does not take this method; see the Allow header.",
        ),
        "not_acceptable": (
            Kind(406, "Not acceptable"),
            "This address answers in text/plain only; send 'Accept: text/plain'.",
        ),
        "too_many_rows": (
            Kind(413, "The batch has too many rows"),
            "A batch has at most 10,000 rows. Nothing of it was done; send it in parts.",
        ),
        "too_many_batches": (
            Kind(503, "Other batches are under way"),
            "As many batches as one process takes are under way. Send this one again.",
        ),
        "request_too_large": (Kind(413, "The request is too large"), "The body is too large. Send a smaller one."),
        "uri_too_long": (Kind(414, "The address is too long"), "The address is too long."),
        "unsupported_media_type": (
            Kind(415, "Unsupported media type"),
            "Send the body as 'Content-Type: application/json' in UTF-8.",
        ),
        "headers_too_large": (
            Kind(431, "The headers are too large"),
            "There are too many headers, or one is too long.",
        ),
        "idempotency_key_invalid": (
            Kind(422, "The Idempotency-Key cannot be accepted"),
            "An Idempotency-Key is 1 to 255 visible ASCII characters. A UUID is a good one.",
        ),
        "internal_error": (
            Kind(500, "Internal error"),
            "Something failed inside. Nothing was changed; quote the request_id when you report it.",
        ),
    }
)
"""Refusals that HTTP itself brings, before any use case is asked: code → kind and sentence."""

_CODE_OF_STATUS: Final = {
    kind.status: code
    for code, (kind, _) in BY_CODE.items()
    if code not in ("malformed_json", "idempotency_key_invalid", "too_many_rows", "too_many_batches")
}


class WebRefusal(Exception):
    """A request that no use case is asked about. ``code`` is one of :data:`BY_CODE`; ``detail`` stands in for its
    sentence."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def kind_of(error: MaskServiceError) -> Kind:
    """The entry of the error's class, or of the nearest class above it."""
    return next(BY_CLASS[each] for each in type(error).__mro__ if each in BY_CLASS)


def install(app: Flask) -> None:
    """Every exception leaves as a problem: ours by the table, HTTP's by its status, all else as ``internal_error``."""
    app.register_error_handler(MaskServiceError, _refused)
    app.register_error_handler(WebRefusal, _refused_by_web)
    app.register_error_handler(UnreadableBody, lambda _: _by_code("malformed_json"))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _refused(error: MaskServiceError) -> Response:
    kind = kind_of(error)
    if kind.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unforeseen(error, code=error.code, title=kind.title)
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
        _log.warning("unavailable", code=error.code)
    if isinstance(error, Unauthenticated):
        # RFC 9110 section 15.5.2: a 401 names the scheme that is asked for.
        scheme = "StandardWebhooks" if isinstance(error, errors.SignatureInvalid) else "Bearer"
        headers["WWW-Authenticate"] = f'{scheme} realm="maskservice"'
    found = error.errors if isinstance(error, InvalidContent) else ()
    return _problem(kind, code=error.code, detail=error.detail, found=found, headers=headers)


def _refused_by_web(error: WebRefusal) -> Response:
    headers = {"Retry-After": "1"} if BY_CODE[error.code][0].status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return _by_code(error.code, headers=headers, detail=error.detail)


def content_of(error: Exception) -> dict[str, Any]:
    """The problem of one row among others, as its own request would have got it. What is unforeseen is logged."""
    if isinstance(error, WebRefusal):
        kind, detail = BY_CODE[error.code]
        return _content(kind, code=error.code, detail=error.detail or detail)
    if isinstance(error, MaskServiceError) and (kind := kind_of(error)).status < HTTPStatus.INTERNAL_SERVER_ERROR:
        found = error.errors if isinstance(error, InvalidContent) else ()
        return _content(kind, code=error.code, detail=error.detail, found=found)
    if isinstance(error, Unavailable):
        return _content(kind_of(error), code=error.code, detail=error.detail)
    _log_unforeseen(error)
    kind, detail = BY_CODE["internal_error"]
    return _content(kind, code="internal_error", detail=detail)


def _http(error: HTTPException) -> Response:
    code = _CODE_OF_STATUS.get(error.code or 500, "bad_request" if (error.code or 500) < 500 else "internal_error")
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return _by_code(code, headers=kept)


def _unforeseen(error: Exception, *, code: str = "internal_error", title: str = "Internal error") -> Response:
    _log_unforeseen(error)
    return _problem(Kind(500, title), code=code, detail=BY_CODE["internal_error"][1])


def _log_unforeseen(error: Exception) -> None:
    # The exception's text may hold anything, so only its class and the places in our code are logged.
    _log.error("unforeseen", error=type(error).__name__, where=where(error))


def where(error: BaseException) -> list[str]:
    """The last places of the traceback as ``file:line``, innermost last. Never a value."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}" for frame in frames]


def _by_code(code: str, *, headers: Mapping[str, str] | None = None, detail: str = "") -> Response:
    kind, sentence = BY_CODE[code]
    return _problem(kind, code=code, detail=detail or sentence, headers=headers)


def _problem(
    kind: Kind, *, code: str, detail: str, found: tuple[FieldError, ...] = (), headers: Mapping[str, str] | None = None
) -> Response:
    content = _content(kind, code=code, detail=detail, found=found)
    if has_app_context() and "request_id" in g:
        content["request_id"] = g.request_id
    return Response(orjson.dumps(content), status=kind.status, headers=dict(headers or {}), content_type=PROBLEM_JSON)


def _content(kind: Kind, *, code: str, detail: str, found: tuple[FieldError, ...] = ()) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": kind.title,
        "status": kind.status,
        "detail": detail or kind.title,
        "code": code,
    }
    if found:
        content["errors"] = [{"pointer": each.pointer, "code": each.code, "detail": each.detail} for each in found]
    return content
