"""Plivo: Plivo XML, signature V3.

Answers for: Plivo's signature, forms and documents. Must not know: web, services, what an answer leads to.
Sources: plivo 4.63 (utils/signature_v3.py, xml/), https://www.plivo.com/docs/voice/xml/dial, pbx.md section 4. The
names of the inbound and DialBLeg fields are from memory.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element

from maskservice.domain.call import Answer, Bridge, Gather, Hangup, InboundCall
from maskservice.domain.errors import SignatureInvalid
from maskservice.domain.prompts import Prompt
from maskservice.telephony.causes import Cause, cause_of_word, most_telling
from maskservice.telephony.dialect import (
    NOTHING_TO_SAY,
    CallEvent,
    CallEventKind,
    CallSide,
    Links,
    SecretForm,
    UnreadableBody,
    Written,
    end_of_bridge,
)
from maskservice.telephony.fields import (
    caller_of,
    dialled_of,
    digits_of,
    required_call_id,
    seconds_of,
    virtual_number_of,
)
from maskservice.telephony.matching import (
    MOST_SIGNATURES,
    derived_id,
    read_token,
    require_aware,
    require_match,
    required_header,
)
from maskservice.telephony.recordings import Said, parts_of, url_of
from maskservice.telephony.request import MOST_FIELDS, Fields, WebhookRequest, single
from maskservice.telephony.spoken import GOODBYE, add, in_words_of, spoken, written_xml

SIGNATURE_HEADER: Final = "X-Plivo-Signature-V3"
NONCE_HEADER: Final = "X-Plivo-Signature-V3-Nonce"
PAUSE: Final = "w"  # half a second: https://www.plivo.com/docs/voice/xml/routing
PAUSES_BEFORE_DIGITS: Final = 4

_NONCE: Final = re.compile(r"[!-~]{1,128}")
_LANGUAGES: Final = MappingProxyType({"en": "en-US"})
_ENDS: Final[Mapping[str, CallEventKind]] = MappingProxyType(
    {
        "completed": CallEventKind.COMPLETED,
        "busy": CallEventKind.BUSY,
        "failed": CallEventKind.FAILED,
        "timeout": CallEventKind.NO_ANSWER,
        "no-answer": CallEventKind.NO_ANSWER,
        "cancel": CallEventKind.CANCELED,
    }
)
# How the called leg ended, by the cause that its hang-up is reported with.
_ENDS_BY_CAUSE: Final[Mapping[Cause, CallEventKind]] = MappingProxyType(
    {
        Cause.NORMAL_CLEARING: CallEventKind.COMPLETED,
        Cause.MAX_DURATION: CallEventKind.COMPLETED,
        Cause.BUSY: CallEventKind.BUSY,
        Cause.NO_ANSWER: CallEventKind.NO_ANSWER,
        Cause.UNREACHABLE: CallEventKind.NO_ANSWER,
        Cause.CALLER_CANCELED: CallEventKind.CANCELED,
    }
)


@dataclass(frozen=True, slots=True)
class PlivoDialect:
    """Plivo's dialect; stateless. Numbers are E.164 without ``+``."""

    secret_form: SecretForm
    name: str = "plivo"
    reads_problems: bool = False

    def read_secret(self, text: str) -> bytes:
        """As :func:`maskservice.telephony.matching.read_token`."""
        return read_token(text)

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The derived id of a request signed with any of ``secrets``. The nonce is signed but proves no time: the id is
        what makes a replay harmless. Raises SignatureInvalid.
        """
        require_aware(now)
        given = required_header(request.header(SIGNATURE_HEADER), SIGNATURE_HEADER).split(b",")
        nonce = required_header(request.header(NONCE_HEADER), NONCE_HEADER).decode("ascii")
        if len(given) > MOST_SIGNATURES or not _NONCE.fullmatch(nonce):
            raise SignatureInvalid(f"The {SIGNATURE_HEADER} or its nonce cannot be read.")
        signed = _signed_text(request, nonce)
        require_match(lambda secret: (base64.b64encode(hmac.digest(secret, signed, "sha256")),), secrets, given)
        said = (single(_form(request), each) for each in ("CallUUID", "From", "To", "Digits"))
        return derived_id(self.name, str(request.leg), *said)

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """One leg, or what is next after a ``<Dial>``. Raises UnreadableBody for what is no form, InvalidContent where
        it names no call."""
        fields = request.form()
        ended = None
        if single(fields, "DialStatus") is not None:
            kind, cause, duration, _ = _what_became(fields)
            gone = single(fields, "CallStatus") in _ENDS
            seconds = seconds_of(single(fields, duration))
            ended = end_of_bridge(kind, duration_s=seconds, cause=cause, caller_gone=gone)
        return InboundCall(
            pbx_call_id=required_call_id(single(fields, "CallUUID"), pointer="/CallUUID"),
            caller=caller_of(single(fields, "From")),
            dialled=dialled_of(single(fields, "To")),
            digits=digits_of(single(fields, "Digits")),
            bridge_ended=ended,
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """The progress of the leg that a ``<Dial>`` made, its outcome, or the end of the caller's own leg.

        Raises UnreadableBody for what is no form, InvalidContent where it names no call.
        """
        fields = request.form()
        call_id = single(fields, "DialALegUUID") or single(fields, "CallUUID")
        kind, cause, duration, side = _what_became(fields)
        x = virtual_number_of(single(fields, "DialBLegFrom")) or virtual_number_of(single(fields, "To"))
        return CallEvent(
            pbx_call_id=required_call_id(call_id, pointer="/CallUUID"),
            virtual_number=x,
            event=kind,
            at=None,
            duration_s=seconds_of(single(fields, duration)),
            side=side,
            cause=cause,
        )

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 - Plivo knows its call
        """Plivo XML; a connect is the one place where a real number leaves the service."""
        root = Element("Response")
        match answer:
            case Gather():
                _ask(root, answer, links)
            case Bridge():
                _dial(root, answer, links)
            case Hangup():
                if answer.prompt is not None:
                    _speak(root, answer.prompt, links)
                add(root, "Hangup")
        return written_xml(root)

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - the same for all
        """Plivo XML: the neutral sentence, then the end."""
        return self.write("", Hangup(GOODBYE), links=Links("", ""))

    def write_whisper(self, prompt: Prompt | None, *, links: Links) -> Written:
        """What ``confirmSound`` fetches, played to the called party alone."""
        root = Element("Response")
        if prompt is not None:
            _speak(root, prompt, links)
        return written_xml(root)

    def acknowledge(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - what is next is asked at the calls'
        """204."""
        return NOTHING_TO_SAY

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:  # noqa: ARG002 - it is Plivo's own
        """What to enter in Plivo's console."""
        links = Links.of(base_url, pbx_id)
        return (
            "Plivo Console, Voice, Applications, XML, one application for all virtual numbers:\n"
            f"  Primary Answer URL:   {links.calls_url}, POST\n"
            f"  Fallback Answer URL:  {links.calls_url}, POST\n"
            f"  Hangup URL:           {links.events_url}, POST\n"
            "Assign each virtual number to the application.\n"
            "Never GET: it would write callers' numbers into URLs, and so into logs.\n"
            "Signed with the account's Auth Token; a subaccount has its own.\n"
        )


PLIVO: Final = PlivoDialect(SecretForm(ours=False, name="Auth Token", found_at="Plivo Console, Overview, Account"))


def _form(request: WebhookRequest) -> Fields:
    try:
        return request.form()
    except UnreadableBody:
        return ()


def _signed_text(request: WebhookRequest, nonce: str) -> bytes:
    """The URL with its query sorted and decoded, ``.``, the sorted form without any mark between, ``.``, the nonce."""
    if request.body and not request.is_form:
        raise SignatureInvalid("The body is no form.")
    try:
        parts = urlsplit(request.url)
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        fields = request.form() if request.body else ()
    except ValueError:
        query = None
    if query is None:
        raise SignatureInvalid("The URL or the form cannot be read.")
    written = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if query or fields:
        written += "?" + "&".join(f"{name}={value}" for name, value in sorted(query))
    if query and fields:
        written += "."
    written += "".join(f"{name}{value}" for name, value in sorted(fields))
    return f"{written}.{nonce}".encode("utf-8", "surrogatepass")


def _what_became(fields: Fields) -> tuple[CallEventKind | None, Cause, str, CallSide]:
    """What happened, why, the field with the duration, and on whose side."""
    if (status := single(fields, "DialStatus")) is not None:
        cause = most_telling(*_causes(single(fields, "DialHangupCause"), status))
        return _ENDS.get(status), cause, "DialBLegDuration", CallSide.CALLED
    if (action := single(fields, "DialAction")) is not None:
        if action != "hangup":
            kinds = {"ring": CallEventKind.RINGING, "answer": CallEventKind.ANSWERED}
            return kinds.get(action), Cause.UNKNOWN, "DialBLegDuration", CallSide.CALLED
        cause = most_telling(*_causes(single(fields, "DialBLegHangupCause")))
        return _ENDS_BY_CAUSE.get(cause, CallEventKind.FAILED), cause, "DialBLegDuration", CallSide.CALLED
    status = single(fields, "CallStatus")
    kind = _ENDS.get(status or "")
    cause = most_telling(*_causes(single(fields, "HangupCause"), status)) if kind else Cause.UNKNOWN
    return kind, cause, "Duration", CallSide.CALLER


def _causes(*words: str | None) -> Iterable[Cause]:
    return (cause_of_word("plivo", word) for word in words)


def _ask(root: Element, answer: Gather, links: Links) -> None:
    asked = add(
        root,
        "GetDigits",
        action=links.next_leg_url,
        method="POST",
        timeout=answer.timeout_s,
        digitTimeout=answer.timeout_s,
        finishOnKey=answer.finish_on_key,
        numDigits=answer.max_digits,
        retries=1,
        redirect="true",
    )
    _speak(asked, answer.prompt, links)
    # Keying nothing falls through to here: the try counts all the same.
    add(root, "Redirect", links.next_leg_url, method="POST")


def _dial(root: Element, answer: Bridge, links: Links) -> None:
    dial = add(
        root,
        "Dial",
        action=links.next_leg_url,
        method="POST",
        callerId=answer.caller_id.removeprefix("+"),
        timeLimit=answer.max_duration_s,
        timeout=answer.ring_timeout_s,
        # Without a confirmKey: nobody has to press anything to be connected.
        confirmSound=None if answer.whisper is None else links.whisper_url(answer.whisper),
        callbackUrl=links.events_url,
        callbackMethod="POST",
    )
    digits = answer.post_dial_digits
    add(
        dial,
        "Number",
        answer.to.reveal().removeprefix("+"),
        sendDigits=PAUSE * PAUSES_BEFORE_DIGITS + digits if digits else None,
    )


def _speak(parent: Element, prompt: Prompt, links: Links) -> None:
    for part in parts_of(prompt, recordings=links.recordings):
        if isinstance(part, Said):
            add(parent, "Speak", spoken(part.text), language=in_words_of(_LANGUAGES, prompt.language))
        else:
            add(parent, "Play", url_of(part, recordings=links.recordings, language=prompt.language))
