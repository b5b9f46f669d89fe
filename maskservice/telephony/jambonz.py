"""jambonz: JSON verbs, webhooks signed over time and body.

Answers for: jambonz' signature, requests and documents. Must not know: web, services, what an answer leads to.
Sources: @jambonz/node-client 0.4.11 (signature), @jambonz/verb-specifications 0.1.13 (verbs), jambonz-feature-server
(lib/session/call-info.js, lib/tasks/dial.js: fields and headers), pbx.md section 4.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from maskservice.domain.call import Answer, Bridge, Gather, Hangup, InboundCall
from maskservice.domain.errors import SignatureInvalid
from maskservice.domain.prompts import DEFAULT_LANGUAGE, Prompt
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
    required_call_id,
    seconds_of,
    virtual_number_of,
    whole_of,
)
from maskservice.telephony.matching import (
    MOST_SIGNATURES,
    derived_id,
    read_token,
    require_match,
    require_recent,
    required_header,
)
from maskservice.telephony.recordings import Recorded, parts_of, url_of
from maskservice.telephony.request import WebhookRequest
from maskservice.telephony.spoken import GOODBYE, in_words_of, spoken, written_json

SIGNATURE_HEADER: Final = "Jambonz-Signature"
POST_DIAL_HEADER: Final = "X-Post-Dial-Digits"

_LANGUAGES: Final = MappingProxyType({"en": "en-US"})
_ENDS: Final[Mapping[str, CallEventKind]] = MappingProxyType(
    {
        "completed": CallEventKind.COMPLETED,
        "busy": CallEventKind.BUSY,
        "no-answer": CallEventKind.NO_ANSWER,
        "failed": CallEventKind.FAILED,
    }
)
_STATES: Final = MappingProxyType(
    {
        **_ENDS,
        "ringing": CallEventKind.RINGING,
        "early-media": CallEventKind.RINGING,
        "in-progress": CallEventKind.ANSWERED,
    }
)


@dataclass(frozen=True, slots=True)
class JambonzDialect:
    """jambonz' dialect; stateless."""

    secret_form: SecretForm
    name: str = "jambonz"
    reads_problems: bool = False

    def read_secret(self, text: str) -> bytes:
        """As :func:`maskservice.telephony.matching.read_token`."""
        return read_token(text)

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The derived id of a request signed with any of ``secrets`` within five minutes of ``now``.

        The signature does not cover the URL. The leg, which stands there, only tells one request of a call from the
        next: whoever could change it could as well send the request unchanged. Raises SignatureInvalid.
        """
        timestamp, signatures = _read_header(required_header(request.header(SIGNATURE_HEADER), SIGNATURE_HEADER))
        require_recent(timestamp, now=now, name=f"time in {SIGNATURE_HEADER}")
        signed = f"{timestamp}.".encode("ascii") + request.body
        require_match(
            lambda secret: (hmac.digest(secret, signed, "sha256").hex().encode("ascii"),), secrets, signatures
        )
        try:
            said = request.json_object()
        except UnreadableBody:
            said = {}
        decisive = (digits_of(said.get(name)) for name in ("call_sid", "from", "to", "digits"))
        return derived_id(self.name, str(request.leg), *decisive)

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """A new call, what a ``gather`` heard, or what is next after a ``dial``. Raises UnreadableBody, InvalidContent
        where it names no call."""
        said = request.json_object()
        own = said.get("call_status")
        return InboundCall(
            pbx_call_id=required_call_id(said.get("call_sid"), pointer="/call_sid"),
            caller=caller_of(said.get("from")),
            dialled=dialled_of(said.get("to")),
            digits=digits_of(said.get("digits")),
            bridge_ended=end_of_bridge(
                _end(said.get("dial_call_status")),
                duration_s=seconds_of(said.get("duration")),
                cause=self._cause(said.get("dial_call_status"), said.get("dial_sip_status")),
                caller_gone=_end(own) is not None,
            ),
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """The outcome of a ``dial``, the progress of the leg it made, or the end of the caller's own.

        Raises UnreadableBody, InvalidContent where it names no call.
        """
        said = request.json_object()
        if "dial_call_status" in said:
            status, sip = said["dial_call_status"], said.get("dial_sip_status")
            call, x, kinds, side = "call_sid", "to", _ENDS, CallSide.CALLED
        else:
            status, sip = said.get("call_status"), said.get("sip_status")
            # The leg that a dial made: its caller is X, and the call it belongs to is its parent.
            call, x, kinds, side = (
                ("parent_call_sid", "from", _STATES, CallSide.CALLED)
                if said.get("parent_call_sid") is not None
                else ("call_sid", "to", _ENDS, CallSide.CALLER)
            )
        kind = kinds.get(status) if isinstance(status, str) else None
        return CallEvent(
            pbx_call_id=required_call_id(said.get(call), pointer=f"/{call}"),
            virtual_number=virtual_number_of(said.get(x)),
            event=kind,
            at=None,
            duration_s=seconds_of(said.get("duration")),
            side=side,
            cause=self._cause(status, sip) if kind in _ENDS.values() else Cause.UNKNOWN,
        )

    def _cause(self, status: object, sip: object) -> Cause:
        return most_telling(cause_of_word(self.name, status), cause_of_sip(whole_of(sip)))

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 - jambonz knows its call
        """Verbs; a connect is the one place where a real number leaves the service."""
        match answer:
            case Gather():
                return written_json([_gather(answer, links)])
            case Bridge():
                return written_json([_dial(answer, links)])
            case Hangup():
                said = [] if answer.prompt is None else _say(answer.prompt, links)
                return written_json([*said, {"verb": "hangup"}])

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - the same for all
        """Verbs: the neutral sentence, then the end."""
        return written_json([*_say(GOODBYE, Links("", "")), {"verb": "hangup"}])

    def write_whisper(self, prompt: Prompt | None, *, links: Links) -> Written:
        """What ``confirmHook`` fetches, played to the called party alone."""
        return written_json([] if prompt is None else _say(prompt, links))

    def acknowledge(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - what is next is asked at the calls'
        """204."""
        return NOTHING_TO_SAY

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:  # noqa: ARG002 - it is jambonz' own
        """What to enter in jambonz' portal."""
        links = Links.of(base_url, pbx_id)
        return (
            "jambonz portal, Applications, one application for all virtual numbers:\n"
            f"  Calling webhook:      {links.calls_url}, POST\n"
            f"  Call status webhook:  {links.events_url}, POST\n"
            "  Speech synthesis:     a voice that speaks zh-TW\n"
            "Phone Numbers: each virtual number, routed to the application.\n"
            "Signed with the account's webhook secret.\n"
            f"jambonz keys nothing after an answer. For recipients behind a switchboard the INVITE has a header "
            f"{POST_DIAL_HEADER}: let the trunk's gateway key its digits, or the switchboard's operator answers.\n"
        )


JAMBONZ: Final = JambonzDialect(
    SecretForm(ours=False, name="Webhook secret", found_at="jambonz portal, Account, Webhook secret")
)


def _read_header(header: bytes) -> tuple[str, tuple[bytes, ...]]:
    """``t=<seconds>,v1=<hex>``, several ``v1`` while a secret is rotated."""
    entries = [entry.strip().partition("=") for entry in header.decode("ascii").split(",")]
    times = [value for name, _, value in entries if name == "t"]
    signatures = tuple(value.encode("ascii") for name, _, value in entries if name == "v1")
    if len(times) != 1 or not 1 <= len(signatures) <= MOST_SIGNATURES:
        raise SignatureInvalid(f"The {SIGNATURE_HEADER} is not 't=<seconds>,v1=<hexadecimal>'.")
    return times[0], signatures


def _end(status: object) -> CallEventKind | None:
    return _ENDS.get(status) if isinstance(status, str) else None


def _say(prompt: Prompt, links: Links) -> list[dict[str, object]]:
    """One verb: a ``gather`` takes one, ``say`` or ``play``, so a prompt that needs both is spoken."""
    parts = parts_of(prompt, recordings=links.recordings, mixed=False)
    played = [
        url_of(each, recordings=links.recordings, language=prompt.language)
        for each in parts
        if isinstance(each, Recorded)
    ]
    if played:
        return [{"verb": "play", "url": played}]
    verb: dict[str, object] = {"verb": "say", "text": spoken(prompt.text)}
    if prompt.language != DEFAULT_LANGUAGE:
        # The application's own voice is one for the default language; a language without its voice is silence.
        language = in_words_of(_LANGUAGES, prompt.language)
        verb["synthesizer"] = {"vendor": "default", "language": language}
    return [verb]


def _gather(answer: Gather, links: Links) -> dict[str, object]:
    (verb,) = _say(answer.prompt, links)
    kind = str(verb.pop("verb"))
    return {
        "verb": "gather",
        "input": ["digits"],
        "numDigits": answer.max_digits,
        "timeout": answer.timeout_s,
        "finishOnKey": answer.finish_on_key,
        "dtmfBargein": True,
        "actionHook": links.next_leg_url,
        kind: verb,
    }


def _dial(answer: Bridge, links: Links) -> dict[str, object]:
    # jambonz copies the caller's P-Asserted-Identity and Privacy onto the new leg, which would show the recipient the
    # caller's number; what stands in `headers` replaces both (dial.js, _attemptCalls).
    headers = {"P-Asserted-Identity": f"<tel:{answer.caller_id}>", "Privacy": "none"}
    if answer.post_dial_digits:
        headers[POST_DIAL_HEADER] = answer.post_dial_digits
    return {
        "verb": "dial",
        "callerId": answer.caller_id,
        "answerOnBridge": True,
        "timeLimit": answer.max_duration_s,
        "timeout": answer.ring_timeout_s,
        "actionHook": links.next_leg_url,
        **({} if answer.whisper is None else {"confirmHook": links.whisper_url(answer.whisper)}),
        "anchorMedia": True,
        "headers": headers,
        "target": [{"type": "phone", "number": answer.to.reveal()}],
    }
