"""The bodies and queries of the roster, assignment and caller rule routes.

Answers for: their fields. Must not know: what they lead to; what a name, carrier or PIN may be is the domain's.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from maskservice.domain.roster import LONGEST_CARRIER, LONGEST_NAME, MOST_ASSIGNED, MOST_PHONES
from maskservice.web.queries import PageQuery
from maskservice.web.schemas import BindingKey, Body

CourierName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_NAME,
        repr=False,
        description="The courier's name; kept sealed, shown masked.",
        examples=["王大明"],
    ),
]
Carrier = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_CARRIER,
        description="The carrier's name, kept in clear; no phone number.",
        examples=["黑貓宅急便"],
    ),
]
_Phone = Annotated[
    str,
    Field(
        max_length=64,
        description="In any usual writing; kept sealed, shown by its last three digits.",
        examples=["0987-654-321"],
        json_schema_extra={"minLength": 1},
    ),
]
Phones = Annotated[
    list[_Phone],
    Field(max_length=MOST_PHONES, repr=False, description="The phones that the courier calls from."),
]
Pin = Annotated[
    str | None,
    Field(
        max_length=32,
        repr=False,
        description="4 to 8 digits, not all equal and not consecutive; or `auto` to have one made. null for none.",
        examples=["auto"],
        json_schema_extra={"pattern": "^(auto|[0-9]{4,8})$"},
    ),
]
CourierId = Annotated[str, Field(max_length=40, json_schema_extra={"pattern": "^cou_[0-9a-v]{26}$"})]


class CreateCourierBody(Body):
    """Also a row of an import."""

    name: CourierName
    carrier: Carrier
    phones: Phones = Field(default_factory=list)
    pin: Pin = None


class ChangeCourierBody(Body):
    """What is not named stays. ``phones`` are all of the courier's from now on; ``pin`` null takes the PIN away."""

    # A default factory says "may be left out" without making null a value: `model_fields_set` tells what was named.
    name: CourierName = Field(default_factory=str)
    carrier: Carrier = Field(default_factory=str)
    phones: Phones = Field(default_factory=list)
    pin: Pin = None


class AssignBody(Body):
    couriers: Annotated[
        list[CourierId],
        Field(max_length=MOST_ASSIGNED, description="All couriers of the binding from now on; none takes all back."),
    ]


class CallerRuleBody(Body):
    phone: Annotated[
        str,
        Field(
            max_length=64,
            repr=False,
            description="The caller's number, of any country and kind; kept as a mark only.",
            examples=["0955-000-111"],
            json_schema_extra={"minLength": 1},
        ),
    ]
    verdict: Annotated[Literal["block", "allow"], Field(examples=["block"])]
    direction: Annotated[
        Literal["to_recipient", "to_courier", "both"],
        Field(description="For calls to the recipient, for call-backs, or for both."),
    ] = "both"
    binding_id: Annotated[BindingKey, Field(description="For this binding only; null for all.")] | None = None


class CouriersQuery(PageQuery):
    carrier: Annotated[str, Field(min_length=1, max_length=LONGEST_CARRIER)] | None = None


class CallerRulesQuery(PageQuery):
    binding_id: Annotated[BindingKey, Field(description="The rules of this binding; else all.")] | None = None


MOST_ROWS: Final = 10_000
