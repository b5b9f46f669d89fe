"""What the roster routes answer: couriers by masked name and last three digits, assignments, rules for callers.

Answers for: the field names. Must not know: routes, storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from maskservice.domain.ids import BindingId
from maskservice.services.caller_rules import RuleView
from maskservice.services.roster_import import RowOutcome
from maskservice.services.roster_views import CourierView
from maskservice.web.answers import BindingIdText, Problem, Time, write_moment
from maskservice.web.problems import content_of

CourierIdText = Annotated[str, Field(pattern="^cou_[0-9a-v]{26}$")]
VerdictText = Annotated[str | None, Field(json_schema_extra={"enum": ["block", "allow", None]})]


class ShownPhone(TypedDict):
    last3: Annotated[str, Field(pattern="^[0-9]{3}$", examples=["321"])]


class CourierAnswer(TypedDict):
    id: CourierIdText
    name: Annotated[str, Field(description="Masked.", examples=["王O明"])]
    carrier: str
    phones: list[ShownPhone]
    has_pin: bool
    created_at: Time


class CourierWithPinAnswer(CourierAnswer):
    pin: Annotated[
        str | None,
        Field(description="The PIN that this request made or set, shown this once; null where it did neither."),
    ]


class CourierPage(TypedDict):
    data: list[CourierAnswer]
    next_cursor: str | None


class _RowAnswer(TypedDict):
    index: Annotated[int, Field(ge=0, description="The row, from 0; a CSV's header is none.")]
    status: Annotated[int, Field(description="201 added, 200 known already, 409 or 422 refused.", examples=[201])]


class ImportedRowAnswer(_RowAnswer, total=False):
    courier: CourierWithPinAnswer
    problem: Problem


class AssignedAnswer(TypedDict):
    binding_id: BindingIdText
    couriers: list[CourierIdText]


class CallerRuleAnswer(TypedDict):
    id: Annotated[str, Field(pattern="^rule_[0-9a-v]{26}$")]
    phone: ShownPhone
    binding_id: Annotated[BindingIdText | None, Field(description="null: for all of the tenant's bindings.")]
    to_recipient: VerdictText
    to_courier: VerdictText
    created_at: Time


class CallerRulePage(TypedDict):
    data: list[CallerRuleAnswer]
    next_cursor: str | None


def courier_answer(view: CourierView) -> CourierAnswer:
    return {
        "id": view.id,
        "name": view.name,
        "carrier": view.carrier,
        "phones": [{"last3": last3} for last3 in view.phones],
        "has_pin": view.has_pin,
        "created_at": write_moment(view.created_at),
    }


def courier_with_pin_answer(view: CourierView) -> CourierWithPinAnswer:
    return {**courier_answer(view), "pin": view.pin}


def row_answer(index: int, outcome: RowOutcome) -> dict[str, Any]:
    if outcome.refusal is not None:
        problem = content_of(outcome.refusal)
        return {"index": index, "status": problem["status"], "problem": problem}
    if outcome.courier is None:
        raise ValueError("a row has a courier or a refusal")
    status = 201 if outcome.created else 200
    return {"index": index, "status": status, "courier": courier_with_pin_answer(outcome.courier)}


def assigned_answer(binding_id: BindingId, courier_ids: Sequence[str]) -> AssignedAnswer:
    return {"binding_id": str(binding_id), "couriers": list(courier_ids)}


def caller_rule_answer(view: RuleView) -> CallerRuleAnswer:
    return {
        "id": view.id,
        "phone": {"last3": view.last3},
        "binding_id": None if view.binding_id is None else str(view.binding_id),
        "to_recipient": view.to_recipient,
        "to_courier": view.to_courier,
        "created_at": write_moment(view.created_at),
    }
