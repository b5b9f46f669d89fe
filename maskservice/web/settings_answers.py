"""What the settings routes answer.

Answers for: the shape, and how settings become it. Must not know: routes, storage.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from maskservice.domain.call_policy import BindingRules, TenantCalls

AccessText = Annotated[str, Field(json_schema_extra={"enum": ["open", "enrolled", "assigned"]})]
DirectionsText = Annotated[str, Field(json_schema_extra={"enum": ["both", "to_recipient", "to_courier"]})]


class CallSettingsAnswer(TypedDict):
    access: AccessText
    directions: DirectionsText
    ring_timeout_s: int
    max_duration_s: int
    calls_per_day: Annotated[int | None, Field(description="null: any number.")]
    quiet: Annotated[str | None, Field(description="null: the pool's.", examples=["21:00-08:00"])]
    quiet_exempt: Annotated[bool, Field(description="No quiet hours hold.")]
    whisper: bool


class CallRulesAnswer(TypedDict):
    access: Annotated[AccessText | None, Field(description="null: the tenant's.")]
    directions: Annotated[DirectionsText | None, Field(description="null: the tenant's.")]


def call_settings_answer(calls: TenantCalls) -> CallSettingsAnswer:
    return {
        "access": calls.access,
        "directions": calls.directions,
        "ring_timeout_s": calls.ring_timeout_s,
        "max_duration_s": calls.max_duration_s,
        "calls_per_day": calls.calls_per_day,
        "quiet": None if calls.quiet is None else str(calls.quiet),
        "quiet_exempt": calls.quiet_exempt,
        "whisper": calls.whisper,
    }


def call_rules_answer(rules: BindingRules | None) -> CallRulesAnswer | None:
    return None if rules is None else {"access": rules.access, "directions": rules.directions}
