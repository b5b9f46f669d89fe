"""TwiML, the XML that Twilio, SignalWire (cXML) and Telnyx (TeXML) speak, and the forms they send.

Answers for: what the three have in common. Must not know: how each of them signs (``twilio.py``, ``signalwire.py``,
``telnyx.py``), web, services, what an answer leads to.
Sources: https://www.twilio.com/docs/voice/twiml, developers.telnyx.com (TeXML callbacks), pbx.md section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import Element

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, InboundCall
from maskservice.domain.prompts import Prompt
from maskservice.telephony.causes import Cause, cause_of_sip, cause_of_word, most_telling
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
    moment_of,
    required_call_id,
    seconds_of,
    virtual_number_of,
    whole_of,
)
from maskservice.telephony.matching import derived_id, read_token
from maskservice.telephony.recordings import Said, parts_of, url_of
from maskservice.telephony.request import Fields, WebhookRequest, single
from maskservice.telephony.spoken import GOODBYE, add, in_words_of, spoken, written_xml

PAUSE: Final = "w"  # half a second: https://www.twilio.com/docs/voice/twiml/number
PAUSES_BEFORE_DIGITS: Final = 4  # a switchboard takes about two seconds from its answer to hearing keys

_LANGUAGES: Final = MappingProxyType({"en": "en-US"})
_ENDS: Final[Mapping[str, CallEventKind]] = MappingProxyType(
    {
        "completed": CallEventKind.COMPLETED,
        "busy": CallEventKind.BUSY,
        "no-answer": CallEventKind.NO_ANSWER,
        "failed": CallEventKind.FAILED,
        "canceled": CallEventKind.CANCELED,
    }
)
# `answered` is here the outcome of a <Dial> that connected and is over.
_DIAL_ENDS: Final[Mapping[str, CallEventKind]] = MappingProxyType({**_ENDS, "answered": CallEventKind.COMPLETED})
_STATES: Final[Mapping[str, CallEventKind]] = MappingProxyType(
    {
        **_ENDS,
        "ringing": CallEventKind.RINGING,
        "in-progress": CallEventKind.ANSWERED,
        "answered": CallEventKind.ANSWERED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwimlDialect:
    """All of a dialect of the family but its signature and its set-up; stateless. ``interruptible``: it knows
    ``bargeIn``.
    """

    name: str
    secret_form: SecretForm
    interruptible: bool = False
    reads_problems: bool = False

    def read_secret(self, text: str) -> bytes:
        """As :func:`maskservice.telephony.matching.read_token`."""
        return read_token(text)

    def webhook_id(self, request: WebhookRequest) -> str:
        """The id of a request that carries none: all that decides its answer, and the leg it is of.

        Equal for a request that is sent again, to a fallback URL with more fields too; another for the next leg, though
        it keys the same digits. A replay is thereby answered as before and counts for nothing.
        """
        try:
            fields = request.form()
        except UnreadableBody:
            fields = ()
        said = (single(fields, each) for each in ("CallSid", "From", "To", "Digits"))
        return derived_id(self.name, str(request.leg), *said)

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """One leg, or what is next after a ``<Dial>``. Raises UnreadableBody for what is no form, InvalidContent where
        it names no call."""
        fields = request.form()
        return InboundCall(
            pbx_call_id=required_call_id(single(fields, "CallSid"), pointer="/CallSid"),
            caller=caller_of(single(fields, "From")),
            dialled=dialled_of(single(fields, "To")),
            digits=digits_of(single(fields, "Digits")),
            bridge_ended=self._bridge_ended(fields),
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """The outcome of a ``<Dial>``, the progress of the leg it made, or the end of the caller's own.

        Raises UnreadableBody for what is no form, InvalidContent where it names no call.
        """
        fields = request.form()
        if single(fields, "DialCallStatus") is not None:
            status = single(fields, "DialCallStatus")
            call, x, kinds, side = "CallSid", "To", _DIAL_ENDS, CallSide.CALLED
        elif single(fields, "ParentCallSid") is not None:
            # The leg that <Dial> made: its caller is X, and the call it belongs to is its parent.
            status = single(fields, "CallStatus")
            call, x, kinds, side = "ParentCallSid", "From", _STATES, CallSide.CALLED
        else:
            status = single(fields, "CallStatus")
            call, x, kinds, side = "CallSid", "To", _ENDS, CallSide.CALLER
        kind = kinds.get(status or "")
        duration = single(fields, "DialCallDuration" if kinds is _DIAL_ENDS else "CallDuration")
        return CallEvent(
            pbx_call_id=required_call_id(single(fields, call), pointer=f"/{call}"),
            virtual_number=virtual_number_of(single(fields, x)),
            event=kind,
            at=moment_of(single(fields, "Timestamp")),
            duration_s=seconds_of(duration),
            side=side,
            cause=self._cause(fields, status) if kind in _ENDS.values() else Cause.UNKNOWN,
        )

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 - it knows its call
        """The document for an answer; a connect is the one place where a real number leaves the service."""
        root = Element("Response")
        match answer:
            case Gather():
                self._ask(root, answer, links)
            case Bridge():
                _dial(root, answer, links)
            case Hangup():
                if answer.prompt is not None:
                    _say(root, answer.prompt, links)
                add(root, "Hangup")
        return written_xml(root)

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - the same for all
        """The neutral sentence, then the end."""
        return self.write("", Hangup(GOODBYE), links=Links("", ""))

    def write_whisper(self, prompt: Prompt | None, *, links: Links) -> Written:
        """What ``<Number url>`` fetches, played to the called party alone."""
        root = Element("Response")
        if prompt is not None:
            _say(root, prompt, links)
        return written_xml(root)

    def acknowledge(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - what is next is asked at the calls'
        """204."""
        return NOTHING_TO_SAY

    def _ask(self, root: Element, answer: Gather, links: Links) -> None:
        gather = add(
            root,
            "Gather",
            input="dtmf",
            action=links.next_leg_url,
            method="POST",
            timeout=answer.timeout_s,
            finishOnKey=answer.finish_on_key,
            numDigits=answer.max_digits,
            actionOnEmptyResult="true",
            bargeIn="true" if self.interruptible else None,
        )
        _say(gather, answer.prompt, links)
        # Where actionOnEmptyResult is not known, keying nothing falls through to here: the try counts all the same.
        add(root, "Redirect", links.next_leg_url, method="POST")

    def _bridge_ended(self, fields: Fields) -> BridgeEnd | None:
        status = single(fields, "DialCallStatus")
        return end_of_bridge(
            _DIAL_ENDS.get(status or ""),
            duration_s=seconds_of(single(fields, "DialCallDuration")),
            cause=self._cause(fields, status),
            caller_gone=single(fields, "CallStatus") in _ENDS,
        )

    def _cause(self, fields: Fields, status: str | None) -> Cause:
        # The word comes first: a ring time-out is `no-answer`, and its SIP status the 487 of our own CANCEL.
        sip = whole_of(single(fields, "SipResponseCode"))
        return most_telling(cause_of_word(self.name, status), cause_of_sip(sip))


def _dial(root: Element, answer: Bridge, links: Links) -> None:
    dial = add(
        root,
        "Dial",
        action=links.next_leg_url,
        method="POST",
        answerOnBridge="true",
        callerId=answer.caller_id,
        timeLimit=answer.max_duration_s,
        timeout=answer.ring_timeout_s,
    )
    digits = answer.post_dial_digits
    add(
        dial,
        "Number",
        answer.to.reveal(),
        sendDigits=PAUSE * PAUSES_BEFORE_DIGITS + digits if digits else None,
        url=None if answer.whisper is None else links.whisper_url(answer.whisper),
        method=None if answer.whisper is None else "POST",
        statusCallback=links.events_url,
        statusCallbackEvent="ringing answered completed",
        statusCallbackMethod="POST",
    )


def _say(parent: Element, prompt: Prompt, links: Links) -> None:
    for part in parts_of(prompt, recordings=links.recordings):
        if isinstance(part, Said):
            add(parent, "Say", spoken(part.text), language=in_words_of(_LANGUAGES, prompt.language))
        else:
            add(parent, "Play", url_of(part, recordings=links.recordings, language=prompt.language))
