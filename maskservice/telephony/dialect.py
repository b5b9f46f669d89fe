"""What every PBX dialect can do: check a signature, read a call and an event, write an answer.

Answers for: the shape of a dialect and the words it hands over. Must not know: a dialect's format, web, storage,
services.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from maskservice.domain.call import Answer, InboundCall


class UnreadableBody(ValueError):
    """The body is not what the dialect is written in at all (for the native one: no JSON object). Says nothing of its
    content.
    """


class CallEventKind(StrEnum):
    """What a PBX reports of a call that was connected; contract.md, 'PBX webhook, native dialect'."""

    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One report. Whatever could not be read is None: a report is never refused for it, since the PBX would only send
    it again.

    ``virtual_number`` is E.164; ``at`` is aware UTC; ``duration_s`` is whole seconds, 0 to 86,400.
    """

    pbx_call_id: str
    virtual_number: str | None
    event: CallEventKind | None
    at: datetime | None
    duration_s: int | None


@dataclass(frozen=True, slots=True)
class Written:
    """An answer in the PBX's own words, ready to be sent with status 200."""

    body: bytes
    content_type: str


class Dialect(Protocol):
    """One way in which a PBX asks and is answered."""

    @property
    def name(self) -> str:
        """The word by which a PBX is registered to speak it."""
        ...

    def verify(self, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: datetime) -> str:
        """The webhook id of a request that carries a valid signature; equal ids are one request sent again.

        Raises SignatureInvalid for anything else, whatever the headers hold.
        """
        ...

    def read_call(self, body: bytes) -> InboundCall:
        """One leg of a call. Raises UnreadableBody, or InvalidContent with every wrong field; numbers it cannot read
        are None.
        """
        ...

    def read_event(self, body: bytes) -> CallEvent:
        """One report. Raises UnreadableBody, or InvalidContent where it names no call."""
        ...

    def write(self, call_id: str, answer: Answer) -> Written:
        """The answer to a leg of the PBX's call ``call_id``."""
        ...

    def write_neutral_hangup(self, body: bytes) -> Written:
        """The neutral sentence for a request with this body, which may be anything. Never raises: it is what is left
        when all else failed.
        """
        ...
