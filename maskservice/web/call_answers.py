"""What the API answers about calls: records, taps, links, dry runs, and (for the description only) what a PBX is
answered.

Answers for: the other party being shown by its last three digits at most. Must not know: routes, storage, how a PBX's
answer is written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, NotRequired, assert_never

from pydantic import Field
from typing_extensions import TypedDict

from maskservice.domain.call import Connect, Direction, Gather, Hangup, Outcome, Party, TraceStep
from maskservice.domain.causes import Cause, EndedBy
from maskservice.domain.ids import AttemptGroupId, BindingId
from maskservice.domain.prompts import Prompt, PromptId, say
from maskservice.services.call_records import DryRun
from maskservice.services.records import CallRecord
from maskservice.services.taps import Pass
from maskservice.web.answers import BindingIdText, Time, write_moment, write_moment_or_none

DirectionText = Annotated[
    str,
    Field(
        json_schema_extra={"enum": [str(each) for each in Direction]},
        description="to_recipient: a courier calls. to_courier: a call-back.",
    ),
]


class StepAnswer(TypedDict):
    step: Annotated[str, Field(description="What was looked at.", examples=["binding"])]
    found: Annotated[str, Field(description="What was found.", examples=["active"])]


class CallerAnswer(TypedDict):
    last3: Annotated[str, Field(pattern="^[0-9]{3}$", examples=["321"])]


class CallAnswer(TypedDict):
    id: Annotated[str, Field(pattern="^call_[0-9a-v]{37}$")]
    pbx_call_id: Annotated[str, Field(examples=["c-1"])]
    pbx_id: str
    binding_id: BindingIdText | None
    direction: DirectionText | None
    outcome: Annotated[str, Field(json_schema_extra={"enum": [str(each) for each in Outcome]})]
    caller: Annotated[CallerAnswer | None, Field(description="null for a withheld number.")]
    tries_used: Annotated[int, Field(description="Wrong extensions keyed in this call.")]
    virtual_number: Annotated[str, Field(description="What was dialled, E.164.", examples=["+886900000000"])]
    party: Annotated[
        str | None,
        Field(json_schema_extra={"enum": [*map(str, Party), None]}, description="Who was rung; null where nobody was."),
    ]
    group: Annotated[
        str | None,
        Field(
            pattern="^grp_[0-9a-v]{37}$",
            description="Calls of one caller to one binding that begin within 30 s of the one before share it: "
            "handsets redial by themselves. null for calls older than the field.",
        ),
    ]
    cause: Annotated[
        str | None,
        Field(json_schema_extra={"enum": [*map(str, Cause), None]}, description="Why it ended; null until it has."),
    ]
    ended_by: Annotated[
        str | None,
        Field(
            json_schema_extra={"enum": [*map(str, EndedBy), None]},
            description="Who ended it; null until it has ended, and after a talk, where no PBX says who hung up.",
        ),
    ]
    started_at: Time
    asked_at: Annotated[Time | None, Field(description="The first time that digits were asked for.")]
    keyed_at: Annotated[Time | None, Field(description="The first time that some came.")]
    connected_at: Time | None
    ringing_at: Time | None
    answered_at: Time | None
    ended_at: Time | None
    duration_s: Annotated[int | None, Field(description="As the PBX reported it.")]
    trace: Annotated[list[StepAnswer], Field(description="Why it was decided so, over the tenant's own facts.")]


class CallPage(TypedDict):
    data: list[CallAnswer]
    next_cursor: str | None


class PassAnswer(TypedDict):
    dial_uri: Annotated[str, Field(description="The virtual number alone.", examples=["tel:+886900000000"])]
    expires_at: Annotated[Time, Field(description="Until then the caller needs no extension.")]


class CallLinkAnswer(TypedDict):
    url: Annotated[str, Field(description="For the recipient only; holds no real number.")]
    expires_at: Annotated[Time, Field(description="The binding's end, which a delivery brings nearer.")]


class PromptAnswer(TypedDict):
    id: Annotated[str, Field(examples=["enter_extension"])]
    language: Annotated[str, Field(examples=["zh-TW"])]
    text: str


class GatherFacts(TypedDict):
    max_digits: Annotated[int, Field(ge=1)]
    finish_on_key: str
    timeout_s: int
    attempts_left: Annotated[int, Field(ge=1)]


class DryGather(GatherFacts):
    action: Literal["gather"]
    prompt: PromptAnswer


class DryConnect(TypedDict):
    action: Literal["connect"]
    binding_id: BindingIdText
    party: Annotated[
        str,
        Field(json_schema_extra={"enum": ["recipient", "courier", "care_line"]}, description="Who would be reached."),
    ]
    caller_id: Annotated[str, Field(description="What the party's phone would show: always the virtual number.")]


class DryHangup(TypedDict):
    action: Literal["hangup"]
    reason: str
    prompt: PromptAnswer


class DryRunAnswer(TypedDict):
    decision: DryGather | DryConnect | DryHangup
    direction: DirectionText | None
    trace: list[StepAnswer]


class ConnectFacts(TypedDict):
    to: Annotated[str, Field(description="The real number, E.164: the one way out, to an authenticated PBX only.")]
    caller_id: Annotated[str, Field(description="Show this, the virtual number.")]
    post_dial_digits: Annotated[str | None, Field(description="Key these after the answer.")]
    ring_timeout_s: int
    max_duration_s: int
    whisper: Annotated[PromptAnswer | None, Field(description="Say this to the called party alone, before the bridge.")]


class PbxGather(TypedDict):
    call_id: str
    action: Literal["gather"]
    prompt: PromptAnswer
    gather: GatherFacts


class PbxConnect(TypedDict):
    call_id: str
    action: Literal["connect"]
    connect: ConnectFacts


class PbxHangup(TypedDict):
    call_id: str
    action: Literal["hangup"]
    reason: str
    prompt: Annotated[NotRequired[PromptAnswer], Field(description="Not there after a talk: say nothing.")]


def call_answer(record: CallRecord) -> CallAnswer:
    number = record.id.virtual_number
    return {
        "id": str(record.id),
        "pbx_call_id": record.pbx_call_id,
        "pbx_id": record.pbx_id,
        "binding_id": None if record.binding is None else str(BindingId(number, record.binding)),
        "direction": record.direction,
        "outcome": record.outcome,
        "caller": None if record.caller_tail is None else {"last3": record.caller_tail},
        "tries_used": record.tries_used,
        "virtual_number": number,
        "party": record.party,
        "group": None if record.attempt_group is None else str(AttemptGroupId(number, record.attempt_group)),
        "cause": record.cause,
        "ended_by": record.ended_by,
        "started_at": write_moment(record.id.started_at),
        "asked_at": write_moment_or_none(record.asked_at),
        "keyed_at": write_moment_or_none(record.keyed_at),
        "connected_at": write_moment_or_none(record.connected_at),
        "ringing_at": write_moment_or_none(record.ringing_at),
        "answered_at": write_moment_or_none(record.answered_at),
        "ended_at": write_moment_or_none(record.ended_at),
        "duration_s": record.duration_s,
        "trace": [_step(each) for each in record.trace],
    }


def pass_answer(given: Pass) -> PassAnswer:
    return {"dial_uri": given.dial_uri, "expires_at": write_moment(given.expires_at)}


def call_link_answer(url: str, expires_at: datetime) -> CallLinkAnswer:
    return {"url": url, "expires_at": write_moment(expires_at)}


def dry_run_answer(run: DryRun) -> DryRunAnswer:
    return {"decision": _decision(run), "direction": run.ruling.direction, "trace": [_step(each) for each in run.trace]}


def _decision(run: DryRun) -> DryGather | DryConnect | DryHangup:
    decision = run.ruling.decision
    match decision:
        case Gather():
            return {
                "action": "gather",
                "prompt": _prompt(decision.prompt),
                "max_digits": decision.max_digits,
                "finish_on_key": decision.finish_on_key,
                "timeout_s": decision.timeout_s,
                "attempts_left": decision.attempts_left,
            }
        case Connect():
            number = decision.binding.virtual_number
            return {
                "action": "connect",
                "binding_id": str(decision.binding),
                "party": decision.party,
                "caller_id": number,
            }
        case Hangup():
            prompt = decision.prompt or say(PromptId.GOODBYE)  # a first leg never ends in silence
            return {"action": "hangup", "reason": decision.reason, "prompt": _prompt(prompt)}
    assert_never(decision)


def _prompt(prompt: Prompt) -> PromptAnswer:
    return {"id": prompt.id, "language": prompt.language, "text": prompt.text}


def _step(step: TraceStep) -> StepAnswer:
    return {"step": step.step, "found": step.found}
