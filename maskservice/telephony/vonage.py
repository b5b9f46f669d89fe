"""Vonage Voice API: NCCO documents, webhooks signed by a JSON Web Token.

Answers for: Vonage's signature, requests and documents. Must not know: how a token is checked (``jwt.py``), web,
services, what an answer leads to.
Sources: https://developer.vonage.com/en/voice/voice-api/webhook-reference and .../ncco-reference, pbx.md section 4;
https://developer.vonage.com/en/getting-started/concepts/webhooks (signed webhooks, ``payload_hash``). The payload of
``input`` and the later event fields (``sip_code``, ``detail``) are from memory.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from maskservice.domain.call import Answer, Bridge, Gather, Hangup, InboundCall
from maskservice.domain.errors import SignatureInvalid
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
from maskservice.telephony.jwt import read_hs256
from maskservice.telephony.matching import read_token, required_header
from maskservice.telephony.recordings import Said, parts_of, url_of
from maskservice.telephony.request import WebhookRequest
from maskservice.telephony.spoken import GOODBYE, in_words_of, spoken, written_json

ISSUER: Final = "Vonage"
LONGEST_INPUT_S: Final = 10
LONGEST_CONNECT_S: Final = 7200
MOST_DIGITS: Final = 20
PAUSE: Final = "p"  # half a second: NCCO reference, connect, phone, dtmfAnswer
PAUSES_BEFORE_DIGITS: Final = 4

_BEARER: Final = re.compile(r"Bearer ([!-~]+)", re.IGNORECASE)
_WEBHOOK_ID: Final = re.compile(r"[A-Za-z0-9_.:;@/+=~|*-]{1,128}")
# https://developer.vonage.com/en/voice/voice-api/guides/text-to-speech, and @vonage/voice's TTSLanguages.
_LANGUAGES: Final = MappingProxyType({"zh-TW": "cmn-TW", "en": "en-US"})
_ENDS: Final[Mapping[str, CallEventKind]] = MappingProxyType(
    {
        "completed": CallEventKind.COMPLETED,
        "busy": CallEventKind.BUSY,
        "cancelled": CallEventKind.CANCELED,
        "unanswered": CallEventKind.NO_ANSWER,
        "timeout": CallEventKind.NO_ANSWER,
        "rejected": CallEventKind.BUSY,
        "failed": CallEventKind.FAILED,
    }
)
_NOT_REACHED: Final = frozenset({CallEventKind.BUSY, CallEventKind.NO_ANSWER, CallEventKind.FAILED})
_STATES: Final = MappingProxyType({**_ENDS, "ringing": CallEventKind.RINGING, "answered": CallEventKind.ANSWERED})


@dataclass(frozen=True, slots=True)
class VonageDialect:
    """Vonage's dialect; stateless. Numbers are E.164 without ``+``; a call is known by its conversation, which both of
    its legs name.
    """

    secret_form: SecretForm
    name: str = "vonage"
    reads_problems: bool = False

    def read_secret(self, text: str) -> bytes:
        """As :func:`maskservice.telephony.matching.read_token`."""
        return read_token(text)

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The token's ``jti``. The token has to be signed with any of ``secrets``, issued by Vonage within five minutes
        of ``now``, and to hold the hash of what was sent: without it, it would do for any other request as well.

        Raises SignatureInvalid.
        """
        bearer = _BEARER.fullmatch(required_header(request.header("Authorization"), "Authorization").decode("ascii"))
        if bearer is None:
            raise SignatureInvalid("The Authorization header is not 'Bearer' and a token.")
        claims = read_hs256(bearer.group(1), secrets=secrets, now=now)
        if claims.get("iss") != ISSUER:
            raise SignatureInvalid("The token was not issued by Vonage.")
        webhook_id = claims.get("jti")
        if not isinstance(webhook_id, str) or not _WEBHOOK_ID.fullmatch(webhook_id):
            raise SignatureInvalid("The token has no id.")
        claimed = claims.get("payload_hash")
        payload = _payload(request)
        if (
            payload is None
            or not isinstance(claimed, str)
            or not claimed.isascii()
            or not hmac.compare_digest(claimed.lower(), hashlib.sha256(payload).hexdigest())
        ):
            raise SignatureInvalid("The token is not that of what was sent: its payload_hash is another.")
        return webhook_id

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """The answer webhook (GET or POST), what an ``input`` heard, or the synchronous event of a ``connect`` that
        failed, which asks what is next. That one is of the leg to the called party: its caller is X, and it does not
        say who called X. Raises UnreadableBody, InvalidContent where it names no call.
        """
        said = _said(request)
        if said.get("direction") == "outbound":
            kind, cause = self._end(said)
            duration_s = seconds_of(said.get("duration"))
            return InboundCall(
                pbx_call_id=_call_id(said),
                caller=None,
                dialled=dialled_of(said.get("from")),
                bridge_ended=end_of_bridge(kind, duration_s=duration_s, cause=cause),
            )
        return InboundCall(
            pbx_call_id=_call_id(said),
            caller=caller_of(said.get("from")),
            dialled=dialled_of(said.get("to")),
            digits=_digits(said.get("dtmf")),
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """The progress of the leg that a ``connect`` made, or the end of the caller's own.

        Raises UnreadableBody, InvalidContent where it names no call.
        """
        said = _said(request)
        called = said.get("direction") == "outbound"
        status = said.get("status")
        kind = (_STATES if called else _ENDS).get(status) if isinstance(status, str) else None
        return CallEvent(
            pbx_call_id=_call_id(said),
            virtual_number=virtual_number_of(said.get("from" if called else "to")),
            event=kind,
            at=moment_of(said.get("timestamp")),
            duration_s=seconds_of(said.get("duration")),
            side=CallSide.CALLED if called else CallSide.CALLER,
            cause=self._end(said)[1],
        )

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 - Vonage knows its call
        """An NCCO; a connect is the one place where a real number leaves the service. Vonage bounds some values: ten
        seconds to key, twenty digits, two hours of talk.
        """
        match answer:
            case Gather():
                return written_json(_ask(answer, links))
            case Bridge():
                return written_json(_connect(answer, links))
            case Hangup():
                # The call ends where its NCCO does.
                return written_json([] if answer.prompt is None else _say(answer.prompt, links))

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - the same for all
        """An NCCO: the neutral sentence, after which the call ends."""
        return written_json(_say(GOODBYE, Links("", "")))

    def write_whisper(self, prompt: Prompt | None, *, links: Links) -> Written:
        """What ``onAnswer`` fetches, played to the called party alone."""
        return written_json([] if prompt is None else _say(prompt, links))

    def acknowledge(self, request: WebhookRequest) -> Written:
        """The neutral sentence after a ``connect`` that failed, since Vonage waits for an NCCO with the caller still
        there. Nothing where he is gone, and after a talk, with which his NCCO ends.
        """
        try:
            said = _said(request)
        except UnreadableBody:
            return NOTHING_TO_SAY
        failed = said.get("direction") == "outbound" and self._end(said)[0] in _NOT_REACHED
        return self.write_neutral_hangup(request) if failed else NOTHING_TO_SAY

    def _end(self, said: Mapping[str, object]) -> tuple[CallEventKind | None, Cause]:
        """How a leg ended and why; None for what is no end."""
        status = said.get("status")
        kind = _ENDS.get(status) if isinstance(status, str) else None
        told = (cause_of_word(self.name, status), cause_of_sip(whole_of(said.get("sip_code"))))
        return kind, Cause.UNKNOWN if kind is None else most_telling(*told)

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:  # noqa: ARG002 - it is Vonage's own
        """What to enter in Vonage's dashboard."""
        links = Links.of(base_url, pbx_id)
        return (
            "Vonage API Dashboard, Applications, one application for all virtual numbers, Capabilities, Voice:\n"
            "  Use signed webhooks:  on\n"
            f"  Answer URL:           {links.calls_url}, HTTP POST\n"
            f"  Fallback URL:         {links.calls_url}, HTTP POST\n"
            f"  Event URL:            {links.events_url}, HTTP POST\n"
            "Link each virtual number to the application.\n"
            "The Answer URL is HTTP GET at first. Set POST: GET would write callers' numbers into URLs, and so into "
            "logs.\n"
            "Signed with the account's signature secret (Settings, API settings).\n"
        )


VONAGE: Final = VonageDialect(
    SecretForm(ours=False, name="Signature secret", found_at="Vonage API Dashboard, Settings, API settings")
)


def _payload(request: WebhookRequest) -> bytes | None:
    """What ``payload_hash`` is the hash of: the body of a POST, the query of a GET as compact JSON in its own order."""
    if request.method.upper() == "POST":
        return request.body
    said = dict(request.query)
    if len(said) != len(request.query):
        return None
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _said(request: WebhookRequest) -> Mapping[str, object]:
    # The query of a POST is not signed: nothing is read from it.
    return request.json_object() if request.method.upper() == "POST" else dict(request.query)


def _call_id(said: Mapping[str, object]) -> str:
    conversation = said.get("conversation_uuid")
    return required_call_id(said.get("uuid") if conversation is None else conversation, pointer="/conversation_uuid")


def _digits(dtmf: object) -> str | None:
    """Of ``{"digits", "timed_out"}``, or the digits alone as older applications get them."""
    return digits_of(dtmf.get("digits")) if isinstance(dtmf, dict) else digits_of(dtmf)


def _say(prompt: Prompt, links: Links, **more: object) -> list[dict[str, object]]:
    """By talk or by recordings, not by both: what a key interrupts has to be of one kind up to the ``input``."""
    parts = parts_of(prompt, recordings=links.recordings, mixed=False)
    language = in_words_of(_LANGUAGES, prompt.language)
    return [
        {"action": "talk", "text": spoken(part.text), "language": language, **more}
        if isinstance(part, Said)
        else {
            "action": "stream",
            "streamUrl": [url_of(part, recordings=links.recordings, language=prompt.language)],
            **more,
        }
        for part in parts
    ]


def _ask(answer: Gather, links: Links) -> list[dict[str, object]]:
    keys = {
        "maxDigits": min(answer.max_digits, MOST_DIGITS),
        "timeOut": min(answer.timeout_s, LONGEST_INPUT_S),
        "submitOnHash": answer.finish_on_key == "#",
    }
    heard: dict[str, object] = {
        "action": "input",
        "type": ["dtmf"],
        "dtmf": keys,
        "eventUrl": [links.next_leg_url],
        "eventMethod": "POST",
    }
    return [*_say(answer.prompt, links, bargeIn=True), heard]


def _connect(answer: Bridge, links: Links) -> list[dict[str, object]]:
    endpoint: dict[str, object] = {"type": "phone", "number": answer.to.reveal().removeprefix("+")}
    if answer.post_dial_digits:
        endpoint["dtmfAnswer"] = PAUSE * PAUSES_BEFORE_DIGITS + answer.post_dial_digits
    if answer.whisper is not None:
        endpoint["onAnswer"] = {"url": links.whisper_url(answer.whisper)}
    connect: dict[str, object] = {
        "action": "connect",
        "from": answer.caller_id.removeprefix("+"),
        "timeout": answer.ring_timeout_s,
        "limit": min(answer.max_duration_s, LONGEST_CONNECT_S),
        "eventType": "synchronous",
        "eventUrl": [links.next_event_url],
        "eventMethod": "POST",
        "endpoint": [endpoint],
    }
    return [connect]
