"""By what calls are narrowed, in a list and in an export.

Answers for: the parameters' form, and their meaning as a ``CallFilter``. Must not know: routes, use cases.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from maskservice.domain.call import Direction, Outcome
from maskservice.domain.causes import Cause
from maskservice.domain.errors import NotFound
from maskservice.domain.ids import AttemptGroupId
from maskservice.services.call_filter import CallFilter
from maskservice.web.queries import PageQuery
from maskservice.web.schemas import BindingKey, Body, Moment, refuse

GROUP_PATTERN: Final = "^grp_[0-9a-v]{37}$"

W = TypeVar("W", bound=StrEnum)


def _word_of(words: type[W]) -> Callable[[object], W]:
    def read(value: object) -> W:
        try:
            return words(str(value))
        except ValueError:
            raise refuse("unknown_value") from None

    return read


def _listed(words: type[StrEnum]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": [str(each) for each in words]})


def _read_group(value: object) -> AttemptGroupId:
    try:
        return AttemptGroupId.parse(str(value))
    except NotFound:
        raise refuse("id_invalid") from None


GroupKey = Annotated[
    AttemptGroupId, BeforeValidator(_read_group), WithJsonSchema({"type": "string", "pattern": GROUP_PATTERN})
]
DirectionWord = Annotated[Direction, BeforeValidator(_word_of(Direction)), _listed(Direction)]
OutcomeWord = Annotated[Outcome, BeforeValidator(_word_of(Outcome)), _listed(Outcome)]
CauseWord = Annotated[Cause, BeforeValidator(_word_of(Cause)), _listed(Cause)]


class CallFilterQuery(Body):
    """All that is named must hold."""

    binding_id: Annotated[BindingKey, Field(description="Calls that met this binding.")] | None = None
    direction: Annotated[DirectionWord, Field(description="Who called whom.")] | None = None
    outcome: Annotated[OutcomeWord, Field(description="How far the call came.")] | None = None
    cause: Annotated[CauseWord, Field(description="Why it ended.")] | None = None
    since: Annotated[Moment, Field(description="Calls that began then or later.")] | None = None
    until: Annotated[Moment, Field(description="Calls that began before then.")] | None = None
    group: Annotated[GroupKey, Field(description="Calls that are redials of one attempt.")] | None = None

    @property
    def which(self) -> CallFilter:
        return CallFilter(
            binding=self.binding_id,
            direction=self.direction,
            outcome=self.outcome,
            cause=self.cause,
            since=self.since,
            until=self.until,
            group=self.group,
        )


class CallsQuery(CallFilterQuery, PageQuery):
    """A page of them."""


class CallExportQuery(CallFilterQuery):
    """All of them."""

    format: Annotated[Literal["csv", "ndjson"], Field(description="A table, or one JSON object a line.")] = "csv"
    bom: Annotated[
        Literal["0", "1"], Field(description="1: begin a CSV with a byte order mark, by which Excel knows UTF-8.")
    ] = "0"
