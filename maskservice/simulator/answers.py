"""What the service may answer, checked against the published contract as an integrator reads it.

Answers for: reading an answer strictly. Must not know: how the service makes it; the shapes are written down here a
second time on purpose.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from maskservice.simulator.wire import SimulatorError

_E164 = r"^\+[1-9][0-9]{6,14}$"


class _Shape(BaseModel):
    # extra="ignore": the contract says that more fields are welcome.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


class Prompt(_Shape):
    """What is said to the caller."""

    id: str
    language: str
    text: str = Field(min_length=1)


class GatherTerms(_Shape):
    """How digits are taken: at most ``max_digits``, earlier on ``finish_on_key`` or after ``timeout_s`` seconds of
    silence.
    """

    max_digits: int = Field(ge=1, le=32)
    finish_on_key: str = Field(max_length=1)
    timeout_s: int = Field(ge=1)
    attempts_left: int = Field(ge=1)


class ConnectTerms(_Shape):
    """Whom to ring (E.164, a real number), showing what, for how long (seconds)."""

    to: str = Field(pattern=_E164, repr=False)
    caller_id: str = Field(pattern=_E164)
    post_dial_digits: str | None = Field(pattern=r"^[0-9*#]+$", repr=False)
    ring_timeout_s: int = Field(ge=1)
    max_duration_s: int = Field(ge=1)


class Gather(_Shape):
    """Say the prompt, take digits, ask again."""

    call_id: str
    action: Literal["gather"]
    prompt: Prompt
    gather: GatherTerms


class Connect(_Shape):
    """Ring somebody."""

    call_id: str
    action: Literal["connect"]
    connect: ConnectTerms


class Hangup(_Shape):
    """Say the prompt and end the call."""

    call_id: str
    action: Literal["hangup"]
    reason: str
    prompt: Prompt


Answer = Gather | Connect | Hangup
_READER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="action")])


def read_answer(body: bytes, call_id: str) -> Answer:
    """The answer to a leg of ``call_id``. Raises SimulatorError naming the fields that break the contract, never
    their values.
    """
    try:
        answer = _READER.validate_json(body)
    except ValidationError as refusal:
        found = refusal.errors(include_url=False, include_context=False, include_input=False)
    else:
        if answer.call_id != call_id:
            raise SimulatorError(
                "The service's answer breaks the contract: it is for another call_id than was asked about."
            )
        return answer
    # The first part of a place is the action itself, by which the shape was chosen.
    faults = [f"/{'/'.join(str(part) for part in error['loc'][1:])} ({error['type']})" for error in found]
    raise SimulatorError(f"The service's answer breaks the contract at {', '.join(faults)}.")
