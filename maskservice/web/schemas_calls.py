"""The bodies of the resolution and dry-run routes.

Answers for: their fields. Must not know: what they lead to.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from maskservice.web.schemas import Body, Waybill


class ResolveBody(Body):
    """Give exactly one of the two."""

    masked_number: (
        Annotated[
            str, Field(min_length=1, max_length=128, description="In any usual writing.", examples=["0900-000000#5678"])
        ]
        | None
    ) = None
    waybill: Waybill | None = None


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
