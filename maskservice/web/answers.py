"""What the API answers: the shapes, and how a view becomes one.

Answers for: the contract's field names, moments with Z, numbers masked. Must not know: routes, storage.
The shapes are typed dictionaries: the type checker holds the code to them, and the API description is made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from flask import Response
from pydantic import Field
from typing_extensions import TypedDict

from maskservice.services.binding_reads import Page
from maskservice.services.views import BindingView
from maskservice.web.queries import write_cursor
from maskservice.web.settings_answers import CallRulesAnswer, call_rules_answer

T = TypeVar("T")

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-24T08:00:00Z"])]
BindingIdText = Annotated[str, Field(pattern="^bnd_[0-9a-v]{37}$")]
StatusText = Annotated[str, Field(json_schema_extra={"enum": ["active", "delivered", "locked", "expired", "released"]})]


class MaskedRecipient(TypedDict):
    name: Annotated[str, Field(description="Masked.", examples=["陳O美"])]
    address: Annotated[str | None, Field(examples=["台北市大安區敦化南路1段111號"])]


class BindingAnswer(TypedDict):
    id: BindingIdText
    order_id: str
    status: StatusText
    masked_number: Annotated[str, Field(description="As it is printed.", examples=["0900-000000#5678"])]
    virtual_number: Annotated[str, Field(description="E.164.", examples=["+886900000000"])]
    extension: Annotated[str, Field(pattern="^[0-9]{4,9}$", examples=["5678"])]
    tel_uri: Annotated[
        str, Field(description="RFC 3966; telephones dial dial_uri better.", examples=["tel:+886900000000;ext=5678"])
    ]
    dial_uri: Annotated[str, Field(description="For tapping and scanning.", examples=["tel:+886900000000,,5678"])]
    recipient: Annotated[MaskedRecipient | None, Field(description="null after the purge.")]
    label: Annotated[str | None, Field(description="The recipient line; null after the purge.")]
    waybill: str | None
    metadata: dict[str, Any] | None
    created_at: Time
    expires_at: Annotated[Time, Field(description="The binding is dead from this moment on.")]
    delivered_at: Time | None
    reopened_from: BindingIdText | None
    call_rules: Annotated[
        CallRulesAnswer | None,
        Field(description="Who may call, where it differs from the tenant's settings; null: as the tenant has set."),
    ]
    rekeyed_at: Annotated[
        Time | None,
        Field(description="When its extension was replaced, because the number was scanned: print a new label."),
    ]
    warnings: Annotated[
        list[str],
        Field(
            description="leading_zero_restored, text_dropped, voip_number: how the phone was read, on creation only. "
            "number_in_address: a phone in it was hidden. number_in_order_id, number_in_waybill: one in a key is kept."
        ),
    ]


class BindingPage(TypedDict):
    data: list[BindingAnswer]
    next_cursor: str | None


class FieldErrorAnswer(TypedDict):
    pointer: Annotated[
        str, Field(description="JSON Pointer to the field; '' is the whole body.", examples=["/recipient/phone"])
    ]
    code: Annotated[str, Field(pattern="^[a-z0-9_]+$", examples=["mobile_with_extension"])]
    detail: str


class _ProblemAnswer(TypedDict, total=False):
    errors: Annotated[list[FieldErrorAnswer], Field(description="Every field error at once.")]
    request_id: Annotated[str, Field(description="Quote it when you report the problem.")]


class Problem(_ProblemAnswer):
    """RFC 9457. Every code is explained in docs/problems.rst."""

    type: Annotated[
        str, Field(pattern="^urn:maskservice:problem:[a-z_]+$", examples=["urn:maskservice:problem:invalid_content"])
    ]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What to do next. No rejected value is repeated.")]
    code: Annotated[str, Field(pattern="^[a-z_]+$", description="Stable.", examples=["invalid_content"])]


class _BatchRow(TypedDict, total=False):
    binding: BindingAnswer
    problem: Problem


class BatchRow(_BatchRow):
    """What became of one row: ``binding`` where it has one, else ``problem``."""

    index: Annotated[int, Field(ge=0, description="The row's place in the request, from 0.")]
    status: Annotated[
        int,
        Field(
            ge=200, le=599, description="201 bound, 200 the order's live binding, else what a single create would say."
        ),
    ]


class ResolvedRecipient(TypedDict):
    name: Annotated[str | None, Field(description="Masked.", examples=["陳O美"])]


class ResolutionAnswer(TypedDict):
    binding_id: BindingIdText
    order_id: str
    status: Annotated[str, Field(json_schema_extra={"enum": ["active", "delivered"]})]
    recipient: ResolvedRecipient
    dial_uri: Annotated[str, Field(examples=["tel:+886900000000,,5678"])]


class CheckAnswer(TypedDict):
    name: str
    ok: bool
    detail: Annotated[str, Field(description="What mends it; empty when all is well.")]


class HealthAnswer(TypedDict):
    status: Annotated[str, Field(json_schema_extra={"const": "ok"})]


class ReadyAnswer(TypedDict):
    status: Annotated[str, Field(json_schema_extra={"enum": ["ready", "not_ready"]})]
    checks: list[CheckAnswer]


def no_content() -> Response:
    """204, which has no content and so no type of one."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def write_moment(moment: datetime) -> str:
    """RFC 3339 in UTC with Z, milliseconds only where there are some."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    precision = "milliseconds" if utc.microsecond >= 1000 else "seconds"
    return utc.isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def write_moment_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else write_moment(moment)


def binding_answer(view: BindingView) -> BindingAnswer:
    number = view.masked_number
    return {
        "id": str(view.id),
        "order_id": view.order_id,
        "status": view.status,
        "masked_number": number.written,
        "virtual_number": number.virtual_number,
        "extension": number.extension,
        "tel_uri": number.tel_uri,
        "dial_uri": number.dial_uri,
        "recipient": None if view.recipient_name is None else {"name": view.recipient_name, "address": view.address},
        "label": view.label,
        "waybill": view.waybill,
        "metadata": view.metadata,
        "created_at": write_moment(view.created_at),
        "expires_at": write_moment(view.expires_at),
        "delivered_at": write_moment_or_none(view.delivered_at),
        "rekeyed_at": write_moment_or_none(view.rekeyed_at),
        "call_rules": call_rules_answer(view.call_rules),
        "reopened_from": None if view.reopened_from is None else str(view.reopened_from),
        "warnings": list(view.warnings),
    }


def page_answer(page: Page[T], write: Callable[[T], Any]) -> dict[str, Any]:
    """``{"data": [...], "next_cursor": …}``"""
    rows: Sequence[T] = page.rows
    return {
        "data": [write(each) for each in rows],
        "next_cursor": None if page.next is None else write_cursor(page.next),
    }


def resolution_answer(view: BindingView) -> ResolutionAnswer:
    return {
        "binding_id": str(view.id),
        "order_id": view.order_id,
        "status": view.status,
        "recipient": {"name": view.recipient_name},
        "dial_uri": view.masked_number.dial_uri,
    }
