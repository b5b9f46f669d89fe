"""Query parameters: the same rules as for bodies, and cursors.

Answers for: unknown, repeated and unreadable parameters being refused, all at once. Must not know: routes, use cases.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from flask import request
from pydantic import BeforeValidator, Field, WithJsonSchema

from maskservice.domain.binding import Status
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.web.schemas import FIELD_CODES, Body, OrderId, Waybill, check, pointer, refuse

LONGEST_PAGE: Final = 200
USUAL_PAGE: Final = 50

_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{22}")

Q = TypeVar("Q", bound=Body)


def write_cursor(key: UUID) -> str:
    return base64.urlsafe_b64encode(key.bytes).decode("ascii").rstrip("=")


def _read_cursor(value: object) -> UUID:
    text = str(value)
    if not _CURSOR.fullmatch(text):
        raise refuse("cursor_invalid")
    try:
        key = UUID(bytes=base64.urlsafe_b64decode(text + "=="))
    except (binascii.Error, ValueError):
        raise refuse("cursor_invalid") from None
    if write_cursor(key) != text:
        raise refuse("cursor_invalid")
    return key


def _read_limit(value: object) -> int:
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= LONGEST_PAGE:
        raise refuse("out_of_range")
    return int(text)


def _read_status(value: object) -> Status:
    try:
        return Status(str(value))
    except ValueError:
        raise refuse("unknown_value") from None


Limit = Annotated[
    int,
    BeforeValidator(_read_limit),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": USUAL_PAGE}),
    Field(description="Rows in a page."),
]
Cursor = Annotated[
    UUID,
    BeforeValidator(_read_cursor),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}),
    Field(description="The next_cursor of the page before."),
]


class PageQuery(Body):
    limit: Limit = USUAL_PAGE
    cursor: Cursor | None = None


class BindingsQuery(PageQuery):
    order_id: OrderId | None = None
    waybill: Waybill | None = None
    status: (
        Annotated[
            Status,
            BeforeValidator(_read_status),
            WithJsonSchema({"type": "string", "enum": [str(each) for each in Status]}),
            Field(description="The true status now."),
        ]
        | None
    ) = None


class FormatQuery(Body):
    """``text`` is the one format there is so far."""

    format: Annotated[Literal["text"], Field(description="The label's format.")] = "text"


class OrderLabelQuery(FormatQuery):
    order_id: OrderId


def read_query(model: type[Q]) -> Q:
    """The checked query. Raises InvalidContent with every error; a parameter stands as a JSON Pointer, ``/limit``."""
    given: dict[str, Any] = request.args.to_dict()
    repeated = tuple(
        FieldError(pointer((name,)), "repeated", FIELD_CODES["repeated"])
        for name in model.model_fields
        if len(request.args.getlist(name)) > 1
    )
    query, errors = check(model, given)
    if query is None or repeated:
        raise InvalidContent(errors + repeated)
    return query
