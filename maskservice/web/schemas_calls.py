"""The bodies of the resolution, tap and dry-run routes.

Answers for: their fields. Must not know: what they lead to.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from maskservice.web.schemas import BindingKey, Body, Waybill

MaskedText = Annotated[
    str, Field(min_length=1, max_length=128, description="In any usual writing.", examples=["0900-000000#5678"])
]


class ResolveBody(Body):
    """Give exactly one of the two."""

    masked_number: MaskedText | None = None
    waybill: Waybill | None = None


class TapBody(Body):
    """Give exactly one of ``binding_id``, ``masked_number`` and ``waybill``."""

    binding_id: Annotated[BindingKey, Field(description="The binding to be called.")] | None = None
    masked_number: MaskedText | None = None
    waybill: Waybill | None = None
    caller: Annotated[
        str,
        Field(
            max_length=64,
            repr=False,
            description="The phone that is going to call, in any usual writing; never kept.",
            examples=["0987-654-321"],
            json_schema_extra={"minLength": 1},
        ),
    ]


class DryRunBody(Body):
    """A call as a PBX would report its first leg."""

    caller: Annotated[
        str | None,
        Field(
            alias="from",
            max_length=256,
            repr=False,
            description="null for a withheld number.",
            examples=["+886987654321"],
        ),
    ] = None
    to: Annotated[
        str, Field(min_length=1, max_length=256, description="May carry the extension.", examples=["+886900000000"])
    ]
    digits: Annotated[str, Field(max_length=64, description="What was keyed.", examples=["5678"])] | None = None


class CallLinkBody(Body):
    """Nothing to say."""
