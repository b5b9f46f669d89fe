"""The native dialect: JSON, signed as in Standard Webhooks; contract.md 'PBX webhook, native dialect'.

Answers for: this one format, both ways, and an audible answer to any bytes at all. Must not know: web, services, what
an answer leads to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, from_json

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, InboundCall
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.outcome import NOT_REACHED, Outcome
from maskservice.domain.phone import read_caller
from maskservice.domain.prompts import Prompt, PromptId, say
from maskservice.telephony import signature
from maskservice.telephony.causes import cause_of_q850, cause_of_word, most_telling
from maskservice.telephony.dialect import (
    NOTHING_TO_SAY,
    CallEvent,
    CallEventKind,
    Links,
    SecretForm,
    UnreadableBody,
    Written,
)
from maskservice.telephony.fields import LONGEST_DURATION_S, dialled_of, is_call_id
from maskservice.telephony.request import WebhookRequest

CONTENT_TYPE = "application/json"

_DETAILS = {
    "missing": "This field is required.",
    "string_type": "Send a string.",
    "call_id_form": "A call id is 1 to 128 visible characters.",
    "model_type": "Send an object.",
    "outcome_form": "Send one of no_answer, busy, failed, completed, canceled.",
    "whole_form": "Send a whole number that is not negative, or null.",
}


def _call_id(text: str) -> str:
    if not is_call_id(text):
        raise PydanticCustomError("call_id_form", "A call id is 1 to 128 visible characters.")
    return text


# Numbers are not read as texts: 0042 sent as a number has lost its zeros before it came here. PBXs send more fields
# than are asked for. The input is hidden since a refusal may be printed, and it holds real numbers.
_CONFIG = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)
_BRIDGE_ENDS = frozenset({*NOT_REACHED, Outcome.COMPLETED, Outcome.CANCELED})


class _Body(BaseModel):
    model_config = _CONFIG

    call_id: Annotated[str, AfterValidator(_call_id)]


def _outcome(text: str) -> Outcome:
    if text not in _BRIDGE_ENDS:
        raise PydanticCustomError("outcome_form", "An outcome is a word of the contract.")
    return Outcome(text)


def _whole(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise PydanticCustomError("whole_form", "A whole number that is not negative.")
    return value


class BridgeEndBody(BaseModel):
    """How the bridge ended that the last answer ordered."""

    model_config = _CONFIG

    outcome: Annotated[str, AfterValidator(_outcome)]
    duration_s: Annotated[object, AfterValidator(_whole)] = None
    cause: Annotated[object, AfterValidator(_whole)] = None


class CallBody(_Body):
    """The request of a leg."""

    caller: str | None = Field(alias="from", repr=False)
    to: str = Field(repr=False)
    digits: str | None = Field(default=None, repr=False)
    bridge_ended: BridgeEndBody | None = None


class EventBody(_Body):
    """A report. Only the call id can make it invalid: everything else is read for what it is worth."""

    to: object = Field(default=None, repr=False)
    event: object = Field(default=None, repr=False)
    at: object = Field(default=None, repr=False)
    duration_s: object = Field(default=None, repr=False)


_BodyT = TypeVar("_BodyT", bound=_Body)


@dataclass(frozen=True, slots=True)
class NativeDialect:
    """The dialect of the contract; stateless."""

    secret_form: SecretForm
    name: str = "native"
    reads_problems: bool = True

    def read_secret(self, text: str) -> bytes:
        """As :func:`maskservice.telephony.signature.parse_secret`."""
        return signature.parse_secret(text)

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """As :func:`maskservice.telephony.signature.verify`."""
        return signature.verify(headers=request.headers, body=request.body, secrets=secrets, now=now)

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """One leg. Raises UnreadableBody for what is no JSON object, InvalidContent with every wrong field by its
        JSON Pointer.

        A caller or a called number that cannot be read is no error: the call is answered like one from or to nobody
        known.
        """
        read = _read(CallBody, request.body)
        return InboundCall(
            pbx_call_id=read.call_id,
            caller=read_caller(read.caller),
            dialled=dialled_of(read.to),
            digits=read.digits,
            bridge_ended=None if read.bridge_ended is None else _bridge_end(read.bridge_ended),
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """One report. Raises UnreadableBody for what is no JSON object, InvalidContent where the call id is missing
        or malformed.
        """
        read = _read(EventBody, request.body)
        dialled, kind = dialled_of(read.to), _kind(read.event)
        return CallEvent(
            pbx_call_id=read.call_id,
            virtual_number=None if dialled is None else dialled.virtual_number,
            event=kind,
            at=_moment(read.at),
            duration_s=_seconds(read.duration_s),
            cause=cause_of_word(self.name, kind),
        )

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 - the PBX knows its way
        """The three shapes of the contract. ``connect`` is the one place where a real number leaves the service."""
        return Written(_json({"call_id": call_id, **_shape(answer)}), CONTENT_TYPE)

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:
        """:func:`neutral_hangup` with its content type."""
        return Written(neutral_hangup(request.body), CONTENT_TYPE)

    def acknowledge(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - the same for all
        """Nothing: 204."""
        return NOTHING_TO_SAY

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:
        """What the PBX has to know. Holds the secret, which is shown this once."""
        links = Links.of(base_url, pbx_id)
        return (
            f"Calls:   POST {links.calls_url}\n"
            f"Events:  POST {links.events_url}\n"
            f"Secret:  {secret}\n"
            "Signed as in Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature.\n"
        )


NATIVE = NativeDialect(
    SecretForm(ours=True, name="Webhook secret", found_at="shown once, when the PBX is created or its secret rotated")
)


def neutral_hangup(body: bytes) -> bytes:
    """The neutral sentence for a request with this body, whatever it is: the call id where it can be read, else ''.
    Never raises.
    """
    call_id = ""
    try:
        read = from_json(body)
    except ValueError:
        read = None
    if isinstance(read, dict) and is_call_id(read.get("call_id")):
        call_id = read["call_id"]
    return _json({"call_id": call_id, **_shape(Hangup(say(PromptId.GOODBYE)))})


def _read(model: type[_BodyT], body: bytes) -> _BodyT:
    try:
        return model.model_validate_json(body)
    except ValidationError as refusal:
        found = refusal.errors(include_url=False, include_context=False, include_input=False)
    # Outside the except clause, so that the refusal, which holds the numbers, does not hang on what is raised.
    if any(not error["loc"] for error in found):
        raise UnreadableBody("The body is no JSON object.")
    raise InvalidContent(tuple(_field_error(error["type"], error["loc"]) for error in found))


def _field_error(kind: str, place: Sequence[int | str]) -> FieldError:
    wrong_type = {"string_type": "wrong_type", "model_type": "wrong_type"}
    code = {"missing": "required", **wrong_type}.get(kind, "invalid")
    return FieldError("".join(f"/{part}" for part in place), code, _DETAILS.get(kind, "This field cannot be accepted."))


def _bridge_end(said: BridgeEndBody) -> BridgeEnd:
    """A Q.850 cause that is none of a failure says less than the outcome: 16 stands for a ring time-out as well."""
    outcome = Outcome(said.outcome)
    number = said.cause if isinstance(said.cause, int) else None
    cause = most_telling(cause_of_q850(number), cause_of_word("native", outcome))
    return BridgeEnd(outcome, _seconds(said.duration_s), cause)


def _kind(value: object) -> CallEventKind | None:
    try:
        return CallEventKind(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(value: object) -> datetime | None:
    """An RFC 3339 moment in UTC, None for everything else; a time without a zone cannot be placed."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= LONGEST_DURATION_S else None


def _shape(answer: Answer) -> dict[str, object]:
    match answer:
        case Gather():
            gather = {
                "max_digits": answer.max_digits,
                "finish_on_key": answer.finish_on_key,
                "timeout_s": answer.timeout_s,
                "attempts_left": answer.attempts_left,
            }
            return {"action": "gather", "prompt": _prompt(answer.prompt), "gather": gather}
        case Bridge():
            connect = {
                "to": answer.to.reveal(),
                "caller_id": answer.caller_id,
                "post_dial_digits": answer.post_dial_digits,
                "ring_timeout_s": answer.ring_timeout_s,
                "max_duration_s": answer.max_duration_s,
                "whisper": None if answer.whisper is None else _prompt(answer.whisper),
            }
            return {"action": "connect", "connect": connect}
        case Hangup():
            said = {} if answer.prompt is None else {"prompt": _prompt(answer.prompt)}
            return {"action": "hangup", "reason": answer.reason, **said}


def _prompt(prompt: Prompt) -> dict[str, str]:
    return {"id": prompt.id, "language": prompt.language, "text": prompt.text}


def _json(content: dict[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
