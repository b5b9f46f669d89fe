"""The shapes that all bodies and queries share: texts with their limits, moments, and how a wrong field is told.

Answers for: every field error at once, each with a JSON Pointer and a stable code, none with the rejected value.
Must not know: routes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from maskservice.domain.errors import FieldError, NotFound
from maskservice.domain.ids import BindingId
from maskservice.domain.label import one_line

LONGEST_METADATA_BYTES: Final = 2048
LONGEST_LIFE_S: Final = 10 * 365 * 86_400
MOST_ERRORS: Final = 100

FIELD_CODES: Final[Mapping[str, str]] = {
    "blank": "Send a text with at least one visible character.",
    "control_character": "Send a text without control characters, line breaks and unpaired surrogates.",
    "cursor_invalid": "Send the next_cursor of an earlier answer as it is.",
    "exclusive": "Send exactly one of these fields.",
    "id_invalid": "Send an id as the service gave it.",
    "invalid": "This field cannot be accepted.",
    "invalid_hours": "Write daily hours as 21:00-08:00; start and end differ.",
    "not_a_moment": "Send a moment in RFC 3339 with its offset, such as 2026-11-24T08:00:00Z.",
    "not_visible": "Send 1 to 64 visible characters without spaces.",
    "out_of_range": "The value is outside of its range.",
    "repeated": "Send this parameter once.",
    "required": "This field is required.",
    "too_large": "Send an object of at most 2,048 bytes as JSON.",
    "too_long": "The value is too long.",
    "too_short": "The value is too short.",
    "unknown_field": "There is no such field here.",
    "unknown_value": "Send one of the values that the API description lists.",
    "wrong_type": "The value has the wrong JSON type.",
}
"""Every field code that the web itself gives, with its sentence; the domain has its own beside them."""

_CODE_OF_TYPE: Final = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "too_long": "too_long",  # a list
    "string_too_short": "too_short",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "enum": "unknown_value",
    "literal_error": "unknown_value",
}
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """A JSON object: unknown fields are refused, nothing is converted, and no value stands in an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def refuse(code: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{code}", {"code": code})


def _without_controls(text: str) -> str:
    # Cc control, Cs surrogate, Zl and Zp the line separators; format signs stay, emoji are joined with them.
    if not text.isprintable() and any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in text):
        raise refuse("control_character")
    return text


def _not_blank(text: str) -> str:
    if not one_line(text):
        raise refuse("blank")
    return text


def _visible(text: str) -> str:
    if not text.isprintable() or " " in text:  # all other white space counts as not printable
        raise refuse("not_visible")
    return text


def read_moment(value: object) -> datetime:
    """An RFC 3339 moment as aware UTC. A time without an offset is refused: nobody can tell when it was."""
    if not isinstance(value, str):
        raise refuse("wrong_type")
    if not _MOMENT.fullmatch(value):
        raise refuse("not_a_moment")
    try:
        return datetime.fromisoformat(value.upper().replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise refuse("not_a_moment") from None


def _read_binding_id(value: object) -> BindingId:
    if not isinstance(value, str):
        raise refuse("wrong_type")
    try:
        return BindingId.parse(value)
    except NotFound:
        raise refuse("id_invalid") from None


def _small(value: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(orjson.dumps(value))
    except TypeError:  # nested deeper than can be written again
        raise refuse("too_large") from None
    if size > LONGEST_METADATA_BYTES:
        raise refuse("too_large")
    return value


OrderId = Annotated[
    str,
    Field(min_length=1, max_length=200, description="The platform's own order id.", examples=["TW-20231109-001"]),
    AfterValidator(_without_controls),
    AfterValidator(_not_blank),
]
Waybill = Annotated[
    str,
    Field(min_length=1, max_length=64, description="The carrier's waybill, without spaces.", examples=["H123"]),
    AfterValidator(_visible),
]
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="The recipient's full name; kept sealed, shown masked.",
        examples=["陳小美"],
    ),
    AfterValidator(_not_blank),
]
Phone = Annotated[
    str,
    Field(
        max_length=64,
        repr=False,
        description="The recipient's phone in any usual writing; kept sealed, never shown.",
        examples=["0912-345-678"],
        json_schema_extra={"minLength": 1},
    ),
]
Address = Annotated[
    str, Field(max_length=300, description="Printed in full on the label.", examples=["台北市大安區敦化南路1段111號"])
]
PoolName = Annotated[
    str,
    Field(min_length=1, max_length=60, description="A pool that the tenant may use.", examples=["default"]),
    AfterValidator(_without_controls),
]
Metadata = Annotated[
    dict[str, Any],
    Field(description="Any JSON object of at most 2,048 bytes; kept sealed.", examples=[{"shift": "上午"}]),
    AfterValidator(_small),
]
Seconds = Annotated[
    int,
    Field(
        ge=60,
        le=LONGEST_LIFE_S,
        description="Life in seconds from now, at most the tenant's longest.",
        examples=[5184000],
    ),
]
Moment = Annotated[
    datetime,
    BeforeValidator(read_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-12-24T08:00:00Z"]}),
]
BindingKey = Annotated[
    BindingId,
    BeforeValidator(_read_binding_id),
    WithJsonSchema({"type": "string", "pattern": "^bnd_[0-9a-v]{37}$"}),
]


def check(model: type[M], content: object) -> tuple[M | None, tuple[FieldError, ...]]:
    """The body, or every field error."""
    try:
        return model.model_validate(content), ()
    except ValidationError as refusal:
        found = refusal.errors(include_url=False, include_input=False)
    # Outside the except clause: the refusal holds the values and must not hang on what is raised later.
    told = {
        (error.pointer, error.code): error
        for error in (field_error(each["type"], each["loc"], each.get("ctx")) for each in found)
    }
    return None, tuple(told.values())[:MOST_ERRORS]


def field_error(kind: str, place: Sequence[int | str], context: Mapping[str, Any] | None = None) -> FieldError:
    """``kind`` is pydantic's error type, ``place`` its location."""
    code = str((context or {}).get("code", "invalid")) if kind == "refused" else _CODE_OF_TYPE.get(kind, "")
    if not code:
        code = "wrong_type" if kind.endswith("_type") else "invalid"
    if code == "unknown_field" and not _PLAIN_NAME.fullmatch(str(place[-1])):
        # Where somebody's number was sent as a field's name, the name is a value: only its place is told.
        place = place[:-1]
    return FieldError(pointer(place), code, FIELD_CODES[code])


def pointer(place: Sequence[int | str]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
