"""From the bytes of a request to a checked body: content type, size, JSON, shape, in this order.

Answers for: 413, 415, 400 and 422 being told apart, and all field errors at once. Must not know: routes, use cases.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import orjson
from flask import request
from pydantic import BaseModel
from werkzeug.exceptions import RequestEntityTooLarge

from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.services.idempotency import IdempotentRequest
from maskservice.web.problems import WebRefusal
from maskservice.web.schemas import FIELD_CODES, check
from maskservice.web.wiring import wiring

JSON: Final = "application/json"
_IDEMPOTENCY_KEY: Final = re.compile(r"[!-~]{1,255}")

M = TypeVar("M", bound=BaseModel)


def read_bytes() -> bytes:
    """The body as it came. Raises RequestEntityTooLarge, also for a chunked one that said no length beforehand.

    werkzeug cuts a chunked body off at MAX_CONTENT_LENGTH without a word: that lies one byte above our limit, so that a
    body that was cut off is seen to be too large.
    """
    body = request.get_data()
    if len(body) > wiring().max_body_bytes:
        raise RequestEntityTooLarge
    return body


def says_utf8() -> bool:
    """Whether the content type names UTF-8, or no charset at all."""
    return request.mimetype_params.get("charset", "utf-8").lower() in ("utf-8", "utf8")


def read_object(*, optional: bool = False) -> dict[str, Any]:
    """The JSON object of the body; ``optional``: no body at all is an empty object.

    Raises WebRefusal (malformed_json, unsupported_media_type), RequestEntityTooLarge, InvalidContent for no object.
    """
    if optional and not read_bytes():
        return {}
    if request.mimetype != JSON or not says_utf8():
        raise WebRefusal("unsupported_media_type")
    try:
        content = orjson.loads(read_bytes())
    except orjson.JSONDecodeError:
        content = WebRefusal("malformed_json")
    # Outside the except clause: the decoder's error holds the body.
    if isinstance(content, WebRefusal):
        raise content
    if not isinstance(content, dict):
        raise InvalidContent((FieldError("", "wrong_type", "Send a JSON object."),))
    return content


def read_body(model: type[M], *, optional: bool = False) -> M:
    """The checked body. Raises what :func:`read_object` raises, and InvalidContent with every field error."""
    content = read_object(optional=optional)
    body, errors = check(model, content)
    errors += exclusive_errors(content)
    if body is None or errors:
        raise InvalidContent(errors)
    return body


def exclusive_errors(content: dict[str, Any]) -> tuple[FieldError, ...]:
    """Told here as well as in the domain, so that it stands beside all other field errors."""
    if content.get("expires_in") is not None and content.get("expires_at") is not None:
        return (FieldError("/expires_at", "exclusive", FIELD_CODES["exclusive"]),)
    return ()


def idempotent_request(route: str, content: dict[str, Any]) -> IdempotentRequest | None:
    """What the Idempotency-Key header binds this request to. ``content``: the body, written in one canonical form.

    Raises WebRefusal idempotency_key_invalid.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise WebRefusal("idempotency_key_invalid")
    return IdempotentRequest(key, route, orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
