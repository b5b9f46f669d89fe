"""Asterisk by ``func_curl``: a form with a bearer secret in, one flat JSON object out; docs/pbx/asterisk.rst.

Answers for: this one format, both ways, and that nothing in an answer can be more to a dialplan than a number, a word
or a list of sound files. Must not know: web, services, what an answer leads to, FastAGI (a room of its own).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, InboundCall
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.prompts import PromptId, say
from maskservice.telephony.asterisk_sounds import playlist
from maskservice.telephony.causes import Cause, cause_of_q850, cause_of_word, most_telling
from maskservice.telephony.dialect import (
    NOTHING_TO_SAY,
    CallEvent,
    CallEventKind,
    Links,
    SecretForm,
    UnreadableBody,
    Written,
    end_of_bridge,
)
from maskservice.telephony.fields import caller_of, dialled_of, seconds_of, virtual_number_of, whole_of
from maskservice.telephony.matching import require_aware, required_header
from maskservice.telephony.request import LAST_LEG, WebhookRequest, single
from maskservice.telephony.shared_secret import require_bearer
from maskservice.telephony.signature import parse_secret

CONTENT_TYPE: Final = "application/json"

# ${UNIQUEID}: the system's name, seconds since 1970, a number. Nothing that could end a JSON text or a log field.
CALL_ID: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,120}")
ANSWERED: Final = "ANSWERED"
_LEG: Final = re.compile(r"[1-9][0-9]?")

_CALL_ID_DETAIL: Final = "Send call_id as ${UNIQUEID}: 1 to 120 letters, digits and _ . : @ -"
_LEG_DETAIL: Final = f"Send leg as the number of this request within the call, from 1 to {LAST_LEG}."
_TO_DETAIL: Final = "Send to as what was dialled, ${EXTEN}."

_SECRET_FORM: Final = SecretForm(ours=True, name="MASK_SECRET", found_at="the [globals] of extensions.conf")
_KINDS: Final[Mapping[str, CallEventKind]] = MappingProxyType(
    {
        "ANSWER": CallEventKind.COMPLETED,
        # The dialplan's own word for the moment of the answer: DIALSTATUS is known only at the end.
        ANSWERED: CallEventKind.ANSWERED,
        "BUSY": CallEventKind.BUSY,
        "NOANSWER": CallEventKind.NO_ANSWER,
        "CANCEL": CallEventKind.CANCELED,
        # Dial() was never reached: the caller hung up while being asked, or was refused.
        "": CallEventKind.CANCELED,
        "CHANUNAVAIL": CallEventKind.FAILED,
        "CONGESTION": CallEventKind.FAILED,
        "DONTCALL": CallEventKind.FAILED,
        "TORTURE": CallEventKind.FAILED,
        "INVALIDARGS": CallEventKind.FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class AsteriskDialect:
    """Stateless. A dialplan cannot compute an HMAC without running a program, so the secret itself is sent: over TLS,
    loopback or a VPN only.
    """

    name: str = "asterisk"
    secret_form: SecretForm = _SECRET_FORM
    reads_problems: bool = False

    def read_secret(self, text: str) -> bytes:
        """The key in ``whsec_<base64>``. Raises ValueError, which never repeats the text."""
        return parse_secret(text)

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The webhook id, ``<call_id>:<leg>``, of a request with the text of one of ``secrets`` as its bearer.

        A dialplan has no id of its own for a request, and one that repeats a request repeats its leg. A bearer has no
        time, so ``now`` is only looked at for being aware. Raises SignatureInvalid for everything else.
        """
        require_aware(now)
        header = required_header(request.header("Authorization"), "Authorization")
        require_bearer(header, secrets)
        try:
            form = request.form()
        except UnreadableBody:
            return ""  # read_call and read_event refuse it with the reason
        return f"{single(form, 'call_id') or ''}:{single(form, 'leg') or 'end'}"

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """One leg, or what is next after a ``Dial()``: that has ``dialstatus``, ``cause`` and ``answered_s``. Raises
        UnreadableBody for what is no form, InvalidContent with every field that is missing, came twice or has another
        form.

        A caller or a called number that cannot be read is no error: the call is answered like one from or to nobody.
        """
        form = request.form()
        call_id, leg, dialled = (single(form, name) for name in ("call_id", "leg", "to"))
        errors = _call_id_errors(call_id)
        if leg is None or not _LEG.fullmatch(leg):
            errors.append(FieldError("/leg", "required" if leg is None else "invalid", _LEG_DETAIL))
        if dialled is None:
            errors.append(FieldError("/to", "required", _TO_DETAIL))
        if errors or call_id is None:
            raise InvalidContent(tuple(errors))
        return InboundCall(
            pbx_call_id=call_id,
            caller=caller_of(single(form, "from")),
            dialled=dialled_of(dialled),
            digits=single(form, "digits") or None,
            bridge_ended=bridge_end_of(
                dialstatus=single(form, "dialstatus"),
                cause=single(form, "cause"),
                answered_s=single(form, "answered_s"),
            ),
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """A report: the end, from the ``h`` extension, or the answer, from the called channel. Raises UnreadableBody,
        InvalidContent without a call id.
        """
        form = request.form()
        call_id = single(form, "call_id")
        errors = _call_id_errors(call_id)
        if errors or call_id is None:
            raise InvalidContent(tuple(errors))
        fields = {name: single(form, name) for name in ("to", "dialstatus", "cause", "duration_s")}
        return event_of(call_id, **fields)

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 -- it knows the way
        """One flat JSON object, since ``JSON_DECODE`` of Asterisk 16 reads no deeper. ``connect`` is the one place
        where a real number leaves.
        """
        return _written(call_id, _shape(answer))

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:
        """The neutral sentence for any request at all. Never raises."""
        try:
            call_id = single(request.form(), "call_id") or ""
        except UnreadableBody:
            call_id = ""
        return _written(call_id if CALL_ID.fullmatch(call_id) else "", _shape(Hangup(say(PromptId.GOODBYE))))

    def acknowledge(self, request: WebhookRequest) -> Written:  # noqa: ARG002 -- the line is free by then
        """204."""
        return NOTHING_TO_SAY

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:
        """The [globals] of docs/pbx/asterisk/extensions.conf."""
        lines = (
            "; in [globals] of extensions.conf (owner root, group asterisk, mode 0640)",
            f"MASK_URL={base_url.rstrip('/')}/v1/pbx/{pbx_id}",
            f"MASK_PBX={pbx_id}",
            f"MASK_SECRET={secret}",
        )
        return "\n".join(lines) + "\n"


ASTERISK: Final = AsteriskDialect()


def event_of(
    call_id: str, *, to: str | None, dialstatus: str | None, cause: str | None, duration_s: str | None
) -> CallEvent:
    """The event of ``DIALSTATUS``, ``HANGUPCAUSE`` (Q.850) and ``ANSWEREDTIME`` (whole seconds).

    ``dialstatus`` is '' where nothing was dialled, None where it was not sent. What cannot be read is None. A phone
    that a person declined (CHANUNAVAIL with cause 21) counts as busy.
    """
    word = None if dialstatus is None else dialstatus.upper()
    kind = None if word is None else _KINDS.get(word)
    if kind is CallEventKind.ANSWERED:
        return CallEvent(call_id, virtual_number_of(to), kind, None, None)
    by_number, by_word = cause_of_q850(whole_of(cause)), cause_of_word("asterisk", word)
    if kind is CallEventKind.FAILED:
        # Here the word says least: CHANUNAVAIL is a wrong number as well as a phone that is off.
        why = most_telling(by_number, by_word)
        kind = CallEventKind.BUSY if why in (Cause.BUSY, Cause.REJECTED) else kind
    else:
        # A call that rang out and one that was answered both end with 16.
        why = by_word if word else Cause.CALLER_CANCELED
    return CallEvent(
        pbx_call_id=call_id,
        virtual_number=virtual_number_of(to),
        event=kind,
        at=None,
        duration_s=seconds_of(duration_s),
        cause=why if kind is not None else Cause.UNKNOWN,
    )


def bridge_end_of(*, dialstatus: str | None, cause: str | None, answered_s: str | None) -> BridgeEnd | None:
    """How a ``Dial()`` ended, by the same three variables as :func:`event_of`; None where there was none, or where its
    word is not known."""
    if not dialstatus:
        return None
    event = event_of("", to=None, dialstatus=dialstatus, cause=cause, duration_s=answered_s)
    known = event.event is not CallEventKind.ANSWERED
    return end_of_bridge(event.event, duration_s=event.duration_s, cause=event.cause) if known else None


def whisper_file(answer: Bridge) -> str:
    """What the called party hears before the bridge, '' for nothing."""
    return "" if answer.whisper is None else playlist(answer.whisper)


def _call_id_errors(call_id: str | None) -> list[FieldError]:
    if call_id is not None and CALL_ID.fullmatch(call_id):
        return []
    return [FieldError("/call_id", "required" if call_id is None else "invalid", _CALL_ID_DETAIL)]


def _shape(answer: Answer) -> dict[str, str]:
    """Texts only: a dialplan has no other type."""
    match answer:
        case Gather():
            return {
                "action": "gather",
                "prompt": answer.prompt.id,
                "play": playlist(answer.prompt),
                "language": answer.prompt.language,
                "max_digits": str(answer.max_digits),
                "timeout_s": str(answer.timeout_s),
                "attempts_left": str(answer.attempts_left),
            }
        case Bridge():
            return {
                "action": "connect",
                "to": answer.to.reveal(),
                "caller_id": answer.caller_id,
                "post_dial_digits": answer.post_dial_digits or "",
                "ring_timeout_s": str(answer.ring_timeout_s),
                "max_duration_s": str(answer.max_duration_s),
                "whisper": whisper_file(answer),
                "language": "" if answer.whisper is None else answer.whisper.language,
            }
        case Hangup():
            return {
                "action": "hangup",
                "prompt": "" if answer.prompt is None else answer.prompt.id,
                "play": "" if answer.prompt is None else playlist(answer.prompt),
                "language": "" if answer.prompt is None else answer.prompt.language,
            }


def _written(call_id: str, shape: Mapping[str, str]) -> Written:
    return Written(json.dumps({"call_id": call_id, **shape}, separators=(",", ":")).encode("ascii"), CONTENT_TYPE)
