"""What every PBX dialect can do: check a signature, read a call and a report, write an answer, say how it is set up.

Answers for: the shape of a dialect and the words it hands over. Must not know: a dialect's format, web, storage,
services.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from urllib.parse import urlencode

from maskservice.domain.call import Answer, BridgeEnd, InboundCall
from maskservice.domain.outcome import NOT_REACHED, Outcome
from maskservice.domain.prompts import Prompt
from maskservice.telephony.causes import Cause
from maskservice.telephony.request import LAST_LEG, LEG_PARAMETER, UnreadableBody, WebhookRequest
from maskservice.telephony.whisper import whisper_query

__all__ = [
    "NOTHING_TO_SAY",
    "CallEvent",
    "CallEventKind",
    "CallSide",
    "Dialect",
    "Links",
    "SecretForm",
    "UnreadableBody",
    "Whispering",
    "Written",
    "end_of_bridge",
]


class CallEventKind(StrEnum):
    """What a PBX reports of a call that was connected; contract.md, 'PBX webhook, native dialect'."""

    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELED = "canceled"


class CallSide(StrEnum):
    """Whose side of a call a report is about: the one who dialled X, or the one he is connected to."""

    CALLER = "caller"
    CALLED = "called"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One report. Whatever could not be read is None: a report is never refused for it, since the PBX would only send
    it again.

    ``virtual_number`` is E.164; ``at`` is aware UTC; ``duration_s`` is whole seconds, 0 to 86,400. Of the caller's side
    only the end is reported: that he is ringing or was answered says nothing of the connection. His end may come before
    the called side's, so it is final only for a call that was not connected.
    """

    pbx_call_id: str
    virtual_number: str | None
    event: CallEventKind | None
    at: datetime | None
    duration_s: int | None
    side: CallSide = CallSide.CALLED
    cause: Cause = Cause.UNKNOWN


@dataclass(frozen=True, slots=True)
class Written:
    """An answer in the PBX's own words, ready to be sent. Its repr shows no body: a connect holds a real number."""

    body: bytes
    content_type: str
    status: int = 200

    def __repr__(self) -> str:
        return f"Written({self.status}, {self.content_type}, {len(self.body)} bytes)"


NOTHING_TO_SAY = Written(b"", "text/plain; charset=utf-8", 204)
"""The answer to a report that asks for none."""


@dataclass(frozen=True, slots=True)
class Links:
    """The absolute public addresses at which one PBX asks (``calls_url``) and reports (``events_url``), and which leg
    of its call is being answered (1 to 99). ``recordings``: where it finds the recorded prompts, empty where the
    prompts are spoken.
    """

    calls_url: str
    events_url: str
    leg: int = 1
    recordings: str = ""

    @classmethod
    def of(cls, base_url: str, pbx_id: str, *, leg: int = 1, recordings: str = "") -> Links:
        """``base_url`` is the service's public address, as ``https://mask.example.com``."""
        place = f"{base_url.rstrip('/')}/v1/pbx/{pbx_id}"
        return cls(f"{place}/calls", f"{place}/events", leg, recordings)

    @property
    def next_leg_url(self) -> str:
        """Where the next leg is asked for. Its number makes a leg that keys the same digits again another request,
        while a repeated request stays the same one.
        """
        return f"{self.calls_url}?{self._next_leg}"

    @property
    def next_event_url(self) -> str:
        """Where the end of a bridge is reported and what is next is asked for, by a PBX that does both in one."""
        return f"{self.events_url}?{self._next_leg}"

    def whisper_url(self, prompt: Prompt) -> str:
        """Where what is whispered to the called party is fetched."""
        return f"{self.calls_url.removesuffix('/calls')}/whisper?{whisper_query(prompt)}"

    @property
    def _next_leg(self) -> str:
        return urlencode({LEG_PARAMETER: min(self.leg + 1, LAST_LEG)})


@dataclass(frozen=True, slots=True)
class SecretForm:
    """What secret a dialect signs with. ``ours``: the service makes it and shows it once; otherwise the provider does,
    and the operator pastes it in. ``name`` and ``found_at`` are the provider's own words for it and its place.
    """

    ours: bool
    name: str
    found_at: str


class Dialect(Protocol):
    """One way in which a PBX asks and is answered."""

    @property
    def name(self) -> str:
        """The word by which a PBX is registered to speak it."""
        ...

    @property
    def secret_form(self) -> SecretForm:
        """Whose the secret is, and what it is called."""
        ...

    @property
    def reads_problems(self) -> bool:
        """Whether a PBX of this dialect can do with problem+json. To any other a signed request that cannot be read is
        answered by ``write_neutral_hangup``: there is somebody on the line.
        """
        ...

    def read_secret(self, text: str) -> bytes:
        """The key for ``verify`` out of the secret's text form. Raises ValueError, which never repeats the text."""
        ...

    def verify(self, request: WebhookRequest, *, secrets: Sequence[bytes], now: datetime) -> str:
        """The webhook id of a request that carries a valid signature; equal ids are one request sent again.

        Raises SignatureInvalid for anything else, whatever the request holds.
        """
        ...

    def read_call(self, request: WebhookRequest) -> InboundCall:
        """One leg of a call. Raises UnreadableBody, or InvalidContent with every wrong field; numbers it cannot read
        are None.
        """
        ...

    def read_event(self, request: WebhookRequest) -> CallEvent:
        """One report. Raises UnreadableBody, or InvalidContent where it names no call."""
        ...

    def write(self, call_id: str, answer: Answer, *, links: Links) -> Written:
        """The answer to a leg of the PBX's call ``call_id``."""
        ...

    def write_neutral_hangup(self, request: WebhookRequest) -> Written:
        """The neutral sentence for this request, which may be anything. Never raises: it is what is left when all else
        failed.
        """
        ...

    def acknowledge(self, request: WebhookRequest) -> Written:
        """The answer to a report: mostly nothing, and a document where the PBX waits for one with the caller still on
        the line. Where ``read_call`` reads the end of a bridge in such a report, what is next is decided instead, and
        this is what is left when that fails. Never raises.
        """
        ...

    def setup(self, *, pbx_id: str, base_url: str, secret: str) -> str:
        """What to enter on the PBX's side. Holds ``secret`` only where it is ours to give."""
        ...


@runtime_checkable
class Whispering(Protocol):
    """A dialect whose PBX fetches what the called party hears before the bridge."""

    def write_whisper(self, prompt: Prompt | None, *, links: Links) -> Written:
        """The document; None says nothing, and the two are bridged."""
        ...


def end_of_bridge(
    kind: CallEventKind | None, *, duration_s: int | None, cause: Cause, caller_gone: bool = False
) -> BridgeEnd | None:
    """How a bridge ended, None for a word that is not known or is no end. ``caller_gone``: the caller's own leg is
    over, so a bridge without a talk was cancelled by him, whatever the PBX calls it: nobody is left to be served.
    """
    outcome = None if kind is None else Outcome(kind)
    if caller_gone and outcome in NOT_REACHED:
        return BridgeEnd(Outcome.CANCELED, duration_s, Cause.CALLER_CANCELED)
    return None if outcome is None else BridgeEnd(outcome, duration_s, cause)
