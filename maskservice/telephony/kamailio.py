"""Kamailio by ``http_client`` and ``jansson``: a form with a bearer secret in, one flat JSON object out;
docs/pbx/kamailio.rst.

Answers for: this one format, both ways, and that what a proxy cannot do (ask, speak, key digits) is one and the same
refusal. Must not know: web, services, what an answer leads to, the routing script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from maskservice.domain.call import Answer, Bridge, BridgeEnd, InboundCall
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.telephony.causes import Cause, cause_of_sip
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
from maskservice.telephony.request import Fields, WebhookRequest, single
from maskservice.telephony.shared_secret import require_bearer
from maskservice.telephony.signature import parse_secret

CONTENT_TYPE: Final = "application/json"
CALL_ID: Final = re.compile(r"[0-9a-f]{64}")
_LEG: Final = re.compile(r"[1-9][0-9]?")

_CALL_ID_DETAIL: Final = "Send call_id as the script does: 64 hexadecimal digits, the SHA-256 of what names the INVITE."
_LEG_DETAIL: Final = "Send leg as the number of this question within the call, from 2; leave it out in the first."
_TO_DETAIL: Final = "Send to as the request's URI, $ru."
_SECRET_FORM: Final = SecretForm(ours=True, name="MASK_SECRET", found_at="mask-local.cfg, beside kamailio.cfg")

_ENDS: Final[Mapping[str, tuple[CallEventKind, Cause]]] = MappingProxyType(
    {
        "answered": (CallEventKind.ANSWERED, Cause.UNKNOWN),
        "ended": (CallEventKind.COMPLETED, Cause.NORMAL_CLEARING),
        "expired": (CallEventKind.COMPLETED, Cause.MAX_DURATION),
        "no_answer": (CallEventKind.NO_ANSWER, Cause.NO_ANSWER),
        "canceled": (CallEventKind.CANCELED, Cause.CALLER_CANCELED),
        # Nobody was rung: the answer was no connect, or one that the script could not use.
        "refused": (CallEventKind.CANCELED, Cause.NOT_ALLOWED),
    }
)
_REFUSED_BY_PHONE: Final[Mapping[int, CallEventKind]] = MappingProxyType(
    # A person who declines (603, 607, 608) is busy, as with every other dialect; 480 is a phone that nobody picked up.
    {
        408: CallEventKind.NO_ANSWER,
        480: CallEventKind.NO_ANSWER,
        **dict.fromkeys((486, 600, 603, 607, 608), CallEventKind.BUSY),
    }
)


@dataclass(frozen=True, slots=True)
class KamailioDialect:
    """Stateless. A routing script has no HMAC, so the secret itself is sent: over TLS, loopback or a VPN only."""

    name: str = "kamailio"
    secret_form: SecretForm = _SECRET_FORM
    reads_problems: bool = False

    def read_secret(self, text: str) -> bytes:
        """The key in ``whsec_<base64>``. Raises ValueError, which never repeats the text."""
        return parse_secret(text)

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The webhook id of a request with the text of one of ``secrets`` as its bearer: the call's for its first
        question, ``<call_id>:<leg>`` for what is next where a phone did not answer.

        A bearer has no time, so ``now`` is only looked at for being aware. Raises SignatureInvalid for everything else.
        """
        require_aware(now)
        require_bearer(required_header(request.header("Authorization"), "Authorization"), secrets)
        try:
            form = request.form()
        except UnreadableBody:
            return ""  # read_call and read_event refuse it with the reason
        call_id, leg = single(form, "call_id") or "", single(form, "leg")
        # It is kept as a receipt before it is read, so what is none is not kept.
        if not CALL_ID.fullmatch(call_id):
            return ""
        return f"{call_id}:{leg}" if leg is not None and _LEG.fullmatch(leg) else call_id

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """The call, or what is next where nobody was reached: that has ``leg`` and the report's ``event``. Raises
        UnreadableBody for what is no form, InvalidContent with every field that is missing, came twice or has another
        form.

        A caller or a called number that cannot be read is no error: the call is answered like one from or to nobody.
        """
        form = request.form()
        call_id, dialled = single(form, "call_id"), single(form, "to")
        errors = _call_id_errors(call_id)
        if dialled is None:
            errors.append(FieldError("/to", "required", _TO_DETAIL))
        leg = single(form, "leg")
        if leg is not None and not _LEG.fullmatch(leg):
            errors.append(FieldError("/leg", "invalid", _LEG_DETAIL))
        if errors or call_id is None:
            raise InvalidContent(tuple(errors))
        return InboundCall(
            pbx_call_id=call_id,
            caller=caller_of(single(form, "from")),
            dialled=dialled_of(dialled),
            digits=None,
            bridge_ended=_bridge_end(form),
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """One report. Raises UnreadableBody, InvalidContent without a call id.

        ``event`` is answered, ended, expired, no_answer, canceled, refused, or failed, which ``status`` (the final SIP
        status of the called phone) says more of.
        """
        form = request.form()
        call_id = single(form, "call_id")
        errors = _call_id_errors(call_id)
        if errors or call_id is None:
            raise InvalidContent(tuple(errors))
        kind, cause = _end(form)
        return CallEvent(
            pbx_call_id=call_id,
            virtual_number=virtual_number_of(single(form, "to")),
            event=kind,
            at=None,
            duration_s=seconds_of(single(form, "duration_s")),
            cause=cause,
        )

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 -- it knows the way
        """One flat JSON object. ``connect`` is the one place where a real number leaves; all else is one refusal.

        A number behind a switchboard is refused too: a proxy has no media to key its extension with.
        """
        if isinstance(answer, Bridge) and answer.post_dial_digits is None:
            return _written(
                {
                    "call_id": call_id,
                    "action": "connect",
                    "to": answer.to.reveal(),
                    "caller_id": answer.caller_id,
                    "ring_timeout_s": str(answer.ring_timeout_s),
                    "max_duration_s": str(answer.max_duration_s),
                }
            )
        return _written({"call_id": call_id, "action": "hangup"})

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:
        """The refusal for any request at all. Never raises."""
        try:
            call_id = single(request.form(), "call_id") or ""
        except UnreadableBody:
            call_id = ""
        return _written({"call_id": call_id if CALL_ID.fullmatch(call_id) else "", "action": "hangup"})

    def acknowledge(self, request: WebhookRequest) -> Written:  # noqa: ARG002 -- nobody waits for it
        """204."""
        return NOTHING_TO_SAY

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:
        """The first lines of docs/pbx/kamailio/mask-local.cfg."""
        lines = (
            "# in mask-local.cfg, beside kamailio.cfg (owner root, group kamailio, mode 0640)",
            f'#!define MASK_URL "{base_url.rstrip("/")}/v1/pbx/{pbx_id}"',
            f'#!define MASK_SECRET "{secret}"',
        )
        return "\n".join(lines) + "\n"


KAMAILIO: Final = KamailioDialect()


def _call_id_errors(call_id: str | None) -> list[FieldError]:
    if call_id is not None and CALL_ID.fullmatch(call_id):
        return []
    return [FieldError("/call_id", "required" if call_id is None else "invalid", _CALL_ID_DETAIL)]


def _end(form: Fields) -> tuple[CallEventKind | None, Cause]:
    word, status = single(form, "event"), whole_of(single(form, "status"))
    if word != "failed":
        return _ENDS.get(word or "", (None, Cause.UNKNOWN))
    kind = CallEventKind.FAILED if status is None else _REFUSED_BY_PHONE.get(status, CallEventKind.FAILED)
    return kind, cause_of_sip(status)


def _bridge_end(form: Fields) -> BridgeEnd | None:
    """None in a first question, and where the word is no end."""
    kind, cause = _end(form)
    known = single(form, "leg") is not None and kind is not CallEventKind.ANSWERED
    return end_of_bridge(kind, duration_s=None, cause=cause) if known else None


def _written(shape: Mapping[str, str]) -> Written:
    return Written(json.dumps(shape, separators=(",", ":")).encode("ascii"), CONTENT_TYPE)
