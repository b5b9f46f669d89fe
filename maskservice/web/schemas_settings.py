"""What a tenant may set itself, as bodies: fields, ranges, and words.

Answers for: their shape. Must not know: what a setting does to a call.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from maskservice.domain.call_policy import CALLS_RANGE, RING_RANGE_S, TALK_RANGE_S, Access, Directions, QuietHours
from maskservice.domain.errors import InvalidContent
from maskservice.web.schemas import Body, refuse


def _hours(text: str) -> str:
    try:
        QuietHours.parse(text)
    except InvalidContent:
        raise refuse("invalid_hours") from None
    return text


# A JSON text is a member of an enumeration here; strict would take none.
AccessWord = Annotated[
    Access,
    Field(
        strict=False,
        description="Who reaches a recipient: anyone with the extension, couriers on the roster, those assigned.",
        examples=["enrolled"],
    ),
]
DirectionsWord = Annotated[
    Directions, Field(strict=False, description="Which way calls may go.", examples=["to_recipient"])
]
RingSeconds = Annotated[
    int, Field(ge=RING_RANGE_S[0], le=RING_RANGE_S[1], description="How long the other side rings.", examples=[30])
]
TalkSeconds = Annotated[
    int, Field(ge=TALK_RANGE_S[0], le=TALK_RANGE_S[1], description="When a talk is ended.", examples=[1800])
]
CallsPerDay = Annotated[
    int,
    Field(
        ge=CALLS_RANGE[0],
        le=CALLS_RANGE[1],
        description="Connects to the recipient of one binding in one day of Asia/Taipei; null for any number.",
        examples=[20],
    ),
]
Hours = Annotated[
    str,
    Field(
        max_length=11,
        description="Daily hours without calls in Asia/Taipei, over midnight too; null for the pool's.",
        examples=["21:00-08:00"],
        json_schema_extra={"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"},
    ),
    AfterValidator(_hours),
]
QuietExempt = Annotated[bool, Field(description="No quiet hours hold, neither the pool's nor the tenant's own.")]
Whisper = Annotated[bool, Field(description="The recipient hears before the bridge who calls.")]


class CallSettingsBody(Body):
    """What is not named stays. null takes ``calls_per_day`` or ``quiet`` away."""

    # A default factory says "may be left out" without making null a value: `model_fields_set` tells what was named.
    access: AccessWord = Field(default_factory=lambda: Access.OPEN)
    directions: DirectionsWord = Field(default_factory=lambda: Directions.BOTH)
    ring_timeout_s: RingSeconds = Field(default_factory=int)
    max_duration_s: TalkSeconds = Field(default_factory=int)
    calls_per_day: CallsPerDay | None = None
    quiet: Hours | None = None
    quiet_exempt: QuietExempt = Field(default_factory=bool)
    whisper: Whisper = Field(default_factory=bool)


class CallRulesBody(Body):
    """What one binding has against its tenant; null, or a field that is left out, leaves the tenant's."""

    access: AccessWord | None = None
    directions: DirectionsWord | None = None
