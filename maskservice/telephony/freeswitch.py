"""FreeSWITCH by mod_httapi: a form with HTTP basic in, an XML document of work out; docs/pbx/freeswitch.rst.

Answers for: mod_httapi's requests and documents, and that nothing in a document can be more to a dialplan than a number
of digits or a recording's name. Must not know: web, services, what an answer leads to.
Source: signalwire/freeswitch cc93a68, src/mod/applications/mod_httapi/mod_httapi.c and src/switch_ivr_async.c. Never
run here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, InboundCall
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.prompts import DEFAULT_LANGUAGE, Prompt
from maskservice.telephony.asterisk_sounds import FOLDER, playlist
from maskservice.telephony.dialect import (
    NOTHING_TO_SAY,
    CallEvent,
    Links,
    SecretForm,
    UnreadableBody,
    Written,
    end_of_bridge,
)
from maskservice.telephony.fields import caller_of, dialled_of, required_call_id, virtual_number_of
from maskservice.telephony.freeswitch_ends import end_of
from maskservice.telephony.freeswitch_setup import configuration
from maskservice.telephony.freeswitch_words import (
    CALL_ID,
    CALLED,
    CALLER,
    CALLER_HIDDEN,
    CONNECT_CONTEXT,
    CONNECT_EXTENSION,
    DIGITS,
    EXITING,
    LONGEST_POST_DIAL,
    VARIABLES,
    WHISPERED,
    X_PARAM,
)
from maskservice.telephony.matching import derived_id, require_aware, required_header
from maskservice.telephony.request import MOST_FIELDS, Fields, WebhookRequest, single
from maskservice.telephony.shared_secret import require_basic
from maskservice.telephony.signature import parse_secret
from maskservice.telephony.spoken import GOODBYE, add, written_xml

DOCUMENT_TYPE: Final = "xml/freeswitch-httapi"

# A hung-up channel plays nothing, and mod_httapi goes on to no further work then: see _ask.
GATE: Final = "silence_stream://20"
# mod_httapi reads no document that, with the NUL it appends, fills its buffer of whole kibibytes exactly.
BUFFER: Final = 1024

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_POST_DIAL: Final = re.compile(rf"[0-9*#]{{0,{LONGEST_POST_DIAL}}}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{2})?")
_IS_OVER: Final = "The call is over: this is a report, for the address of events."
_SECRET_FORM: Final = SecretForm(ours=True, name="gateway-credentials", found_at="httapi.conf.xml, profile mask")


@dataclass(frozen=True, slots=True)
class FreeswitchDialect:
    """Stateless. mod_httapi signs nothing: the secret itself is sent, so over TLS, loopback or a VPN only."""

    name: str = "freeswitch"
    secret_form: SecretForm = _SECRET_FORM
    reads_problems: bool = False

    def read_secret(self, text: str) -> bytes:
        """The key in ``whsec_<base64>``. Raises ValueError, which never repeats the text."""
        return parse_secret(text)

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The webhook id, of call and leg, of a request with the text of one of ``secrets`` as its password.

        A request has no id of its own and no time, so ``now`` is only looked at for being aware. Raises
        SignatureInvalid for everything else.
        """
        require_aware(now)
        require_basic(required_header(request.header("Authorization"), "Authorization"), secrets)
        fields = _readable(request)
        return derived_id(self.name, str(request.leg), single(fields, CALL_ID), "end" if _is_over(fields) else None)

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """One leg, or what is next after a bridge, whose end the channel's variables tell. Raises UnreadableBody for
        what is no form, InvalidContent where it names no call or is the report of one that is over: mod_httapi sends
        that to whichever address it would have asked at next.

        A number that its caller had withheld counts as none, though the carrier tells it.
        """
        fields = _fields(request)
        call_id = required_call_id(single(fields, CALL_ID), pointer=f"/{CALL_ID}")
        if _is_over(fields):
            raise InvalidContent((FieldError(f"/{EXITING}", "invalid", _IS_OVER),))
        withheld = single(fields, CALLER_HIDDEN) == "true"
        return InboundCall(
            pbx_call_id=call_id,
            caller=None if withheld else caller_of(single(fields, CALLER)),
            dialled=dialled_of(_dialled(fields)),
            digits=_keyed(single(fields, DIGITS)),
            bridge_ended=_bridge_end(fields),
        )

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """What became of the bridge, with the caller still there or with his end (``exiting``).

        Raises UnreadableBody for what is no form, InvalidContent where it names no call.
        """
        fields = _fields(request)
        call_id = required_call_id(single(fields, CALL_ID), pointer=f"/{CALL_ID}")
        end = end_of(fields, over=_is_over(fields))
        return CallEvent(
            pbx_call_id=call_id,
            virtual_number=virtual_number_of(_dialled(fields)),
            event=end.kind,
            at=end.at,
            duration_s=end.talk_s,
            side=end.side,
            cause=end.cause,
        )

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:  # noqa: ARG002 - it knows its call
        """A document; a connect is the one place where a real number leaves the service. Raises ValueError, which
        repeats nothing, where a number is not one of digits alone.
        """
        match answer:
            case Gather():
                return _written(_ask(answer, links))
            case Bridge():
                return _written(_connect(answer, links))
            case Hangup():
                return _written(_say_and_end(answer.prompt, links.events_url))

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:  # noqa: ARG002 - the same for all
        """The neutral sentence, then the end. Never raises."""
        return _written(_say_and_end(GOODBYE, None))

    def acknowledge(self, request: WebhookRequest) -> Written:
        """Nothing once the caller is gone. He is still there after a bridge: what is next is decided then, and the
        neutral sentence is what is left when that fails.
        """
        fields = _readable(request)
        if single(fields, CALL_ID) is None or _is_over(fields):
            return NOTHING_TO_SAY
        return self.write_neutral_hangup(request)

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:
        """The profile of mod_httapi and the dialplan, to be pasted; both hold what the documents rely on."""
        return configuration(Links.of(base_url, pbx_id), pbx_id=pbx_id, secret=secret)


FREESWITCH: Final = FreeswitchDialect()


def _fields(request: WebhookRequest) -> Fields:
    """mod_httapi's default method is GET, with the same fields in the query."""
    if request.method != "GET":
        return request.form()
    if len(request.query) > MOST_FIELDS:
        raise UnreadableBody("The query has more than 200 fields.")
    return request.query


def _readable(request: WebhookRequest) -> Fields:
    try:
        return _fields(request)
    except UnreadableBody:
        return ()  # read_call and read_event refuse it with the reason


def _is_over(fields: Fields) -> bool:
    return any(name == EXITING for name, _ in fields)


def _dialled(fields: Fields) -> str | None:
    """After the transfer to the connect context the called number is that extension's name, so X comes back by a
    parameter of ours.
    """
    return single(fields, X_PARAM) or single(fields, CALLED)


def _bridge_end(fields: Fields) -> BridgeEnd | None:
    """None before the first connect, which alone sets the parameter: a channel may come with variables of its own."""
    if single(fields, X_PARAM) is None:
        return None
    end = end_of(fields, over=False)
    return end_of_bridge(end.kind, duration_s=end.talk_s, cause=end.cause)


def _keyed(value: str | None) -> str | None:
    """Without the finishing key, which the binding takes in: also one that was left over from the leg before."""
    return None if value is None else value.strip("#")


def _document() -> Element:
    return Element("document", type=DOCUMENT_TYPE)


def _written(root: Element) -> Written:
    written = written_xml(root)
    if (len(written.body) + 1) % BUFFER:
        return written
    return Written(written.body + b"\n", written.content_type)


def _ask(answer: Gather, links: Links) -> Element:
    """Until the keys are taken the address is that of events, so that the end of a caller who hangs up while he is
    asked is reported there; the gate keeps it so, since a prompt that is cut by a hang-up may count as played.
    """
    root = _document()
    work = add(root, "work")
    # <answer/> ends mod_httapi's work (parse_answer returns false), the application does not.
    add(work, "execute", application="answer", action=links.events_url)
    asked = add(work, "playback", name=DIGITS, file=_sounds(answer.prompt))
    asked.set("digit-timeout", str(answer.timeout_s * 1000))
    # One wait for all keys, from the end of the prompt: whoever begins late still needs a second for each.
    asked.set("input-timeout", str((answer.timeout_s + answer.max_digits) * 1000))
    # '=' takes the first match at once; without it, and not being the only binding, it is taken when keying pauses.
    end, keys = re.escape(answer.finish_on_key), "[0-9*]"
    add(asked, "bind", f"=~^{end}*{keys}{{{answer.max_digits}}}$")
    add(asked, "bind", f"=~^{end}*{keys}{{1,{answer.max_digits}}}{end}$")
    add(asked, "bind", f"~^{end}*{keys}{{1,{answer.max_digits}}}$")
    add(work, "playback", file=GATE)
    add(work, "continue", action=links.next_leg_url)
    return root


def _connect(answer: Bridge, links: Links) -> Element:
    """The numbers go into channel variables and never into an extension or a dial string, which the dialplan makes of
    them once it has read them as digits. No permission to set them, no call.

    The address after the bridge is that of events, which decides what is next where the caller is still there: his end
    is posted to the same one.
    """
    root = _document()
    add(add(root, "params"), X_PARAM, _number(answer.caller_id))
    variables = add(root, "variables")
    for name, value in _variables_of(answer).items():
        add(variables, name, value)
    add(add(root, "work"), "dial", CONNECT_EXTENSION, context=CONNECT_CONTEXT, action=links.next_event_url)
    return root


def _variables_of(answer: Bridge) -> Mapping[str, str | None]:
    """Each of VARIABLES; one without a value is unset, so that none is left over from an earlier bridge."""
    post_dial = answer.post_dial_digits or ""
    if not _POST_DIAL.fullmatch(post_dial):
        raise ValueError("digits to be keyed after the answer are not digits")
    values = (
        _number(answer.to.reveal()),
        _number(answer.caller_id),
        post_dial or None,
        str(int(answer.ring_timeout_s)),
        str(int(answer.max_duration_s)),
        _whispered(answer.whisper),
    )
    return dict(zip(VARIABLES, values, strict=True))


def _whispered(prompt: Prompt | None) -> str | None:
    """``zh-TW/whisper``: one of WHISPERED. What is recorded in no language is not said: a whisper is a courtesy."""
    place = None if prompt is None else f"{prompt.language}/{prompt.id}"
    return place if place in WHISPERED else None


def _number(number: str) -> str:
    if not _E164.fullmatch(number):
        raise ValueError("a number to be dialled or shown is not E.164")
    return number


def _say_and_end(prompt: Prompt | None, events_url: str | None) -> Element:
    """Without a prompt, which is after a talk, nothing is answered either: a caller who gave up pays for nothing."""
    root = _document()
    work = add(root, "work")
    if prompt is not None:
        add(work, "execute", application="answer", action=events_url)
        add(work, "playback", file=_sounds(prompt))
    add(work, "hangup", cause="NORMAL_CLEARING")
    return root


def _sounds(prompt: Prompt) -> str:
    """``file_string://mask/zh-TW/goodbye.wav``, below ``sound_prefix``; several are joined by ``!``."""
    language = prompt.language if _LANGUAGE.fullmatch(prompt.language) else DEFAULT_LANGUAGE
    names = (name.removeprefix(f"{FOLDER}/") for name in playlist(prompt).split("&"))
    return "file_string://" + "!".join(f"{FOLDER}/{language}/{name}.wav" for name in names)
