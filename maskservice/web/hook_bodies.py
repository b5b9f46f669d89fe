"""The bodies of the hook routes, in and out.

Answers for: their fields. Must not know: what is allowed in an address, how a hook is asked.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from maskservice.domain.errors import InvalidContent
from maskservice.domain.hooks import LONGEST_URL, FailurePolicy, HookFailure, HookKind, HookVerdict
from maskservice.services.hooks import HookView, Trial, faults_of
from maskservice.web.answers import Time, write_moment
from maskservice.web.bodies import read_object
from maskservice.web.schemas import Body, check

KindText = Annotated[str, Field(json_schema_extra={"enum": [str(each) for each in HookKind]})]
PolicyText = Annotated[
    str,
    Field(json_schema_extra={"enum": [str(each) for each in FailurePolicy]}, description="Of `before_connect` only."),
]


_POLICIES: Final = tuple(str(each) for each in FailurePolicy)


class HookBody(Body):
    """``on_failure`` is required for ``before_connect`` and refused for ``out_of_session``."""

    url: Annotated[
        str,
        Field(
            max_length=LONGEST_URL,
            description="https only, without user or fragment; kept sealed.",
            examples=["https://hooks.example.com/before-connect"],
            json_schema_extra={"minLength": 9, "pattern": "^https://"},
        ),
    ]
    on_failure: (
        Annotated[
            FailurePolicy,
            Field(strict=False, description="What a hook that gives no answer within its second means for the call."),
        ]
        | None
    ) = None
    new_secret: Annotated[bool, Field(description="Replace the secret of a hook that has one.")] = False


class HookAnswer(TypedDict):
    kind: KindText
    url: str
    on_failure: PolicyText | None
    changed_at: Time


class HookSetAnswer(HookAnswer):
    secret: Annotated[
        str | None,
        Field(description="`whsec_…`, told this once: when it is made. null where the hook keeps its own."),
    ]


class HookList(TypedDict):
    data: list[HookAnswer]


class HookTrialAnswer(TypedDict):
    verdict: Annotated[str, Field(json_schema_extra={"enum": [str(each) for each in HookVerdict]})]
    failure: Annotated[
        Annotated[str, Field(json_schema_extra={"enum": [str(each) for each in HookFailure]})] | None,
        Field(description="Why the verdict is `failed`."),
    ]
    status: Annotated[int | None, Field(description="The HTTP status; null where there was no complete answer.")]
    duration_ms: int


def read_hook(kind: HookKind) -> HookBody:
    """Raises InvalidContent with every field error, those of the rules among them, and what reading a body raises."""
    content = read_object()
    body, errors = check(HookBody, content)
    url, policy = content.get("url"), content.get("on_failure")
    told = {error.pointer for error in errors}
    faults = faults_of(
        kind, url if isinstance(url, str) else "", FailurePolicy(policy) if policy in _POLICIES else None
    )
    errors += tuple(fault for fault in faults if fault.pointer not in told)
    if body is None or errors:
        raise InvalidContent(errors)
    return body


def hook_answer(hook: HookView) -> HookAnswer:
    return {
        "kind": hook.kind,
        "url": hook.url,
        "on_failure": hook.on_failure,
        "changed_at": write_moment(hook.changed_at),
    }


def hook_set_answer(hook: HookView) -> HookSetAnswer:
    return {**hook_answer(hook), "secret": hook.secret}


def trial_answer(trial: Trial) -> HookTrialAnswer:
    return {
        "verdict": trial.reading.verdict,
        "failure": trial.reading.failure,
        "status": trial.reply.status,
        "duration_ms": round(trial.reply.seconds * 1000),
    }
