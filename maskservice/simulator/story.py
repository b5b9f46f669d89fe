"""What happened in a simulated call: what was said and keyed, which phone rang, what each phone showed, how it ended.

Answers for: these facts and their JSON form. Must not know: HTTP, sentences for people (``narration.py``).
Which phone rang is known here only because a PBX has to ring it: no other part of the product can tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from maskservice.domain.phone import PhoneNumber


class Role(StrEnum):
    """Who somebody is in the scene that is played; the contract does not tell a PBX."""

    COURIER = "courier"
    RECIPIENT = "recipient"
    CARE_LINE = "care_line"


class Pickup(StrEnum):
    """What the called phone does."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELED = "canceled"


class Ending(StrEnum):
    """How the call ended. ``refused``: the service itself ended it."""

    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELED = "canceled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Heard:
    """A prompt the caller heard. ``attempts_left``, ``max_digits``, ``timeout_s`` are None where nothing was asked."""

    prompt_id: str
    language: str
    text: str
    attempts_left: int | None = None
    max_digits: int | None = None
    timeout_s: int | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """What the caller keyed, '' for nothing, and what the PBX made of it (None: the time ran out in silence)."""

    keys: str
    sent: str | None


@dataclass(frozen=True, slots=True)
class CallStory:
    """One call from beginning to end. Durations are in whole seconds.

    ``caller`` is None when the number was withheld or cannot be read; ``dialled`` is what the caller's phone shows;
    ``virtual_number`` (E.164) is None where the dialled text holds none. ``called``, ``called_shows`` (the caller id,
    E.164) and ``post_dial_digits`` are None unless the service connected the call.
    """

    call_id: str
    caller: PhoneNumber | None
    caller_is: Role
    dialled: str
    virtual_number: str | None
    steps: tuple[Heard | Pressed, ...]
    ending: Ending
    reason: str | None = None
    called: PhoneNumber | None = None
    called_is: Role | None = None
    called_shows: str | None = None
    post_dial_digits: str | None = field(default=None, repr=False)
    rang_s: int | None = None
    talked_s: int | None = None
    cut_off: bool = False

    @property
    def connected(self) -> bool:
        """Whether the service said whom to ring, whatever came of it."""
        return self.called is not None

    @property
    def neither_saw_the_other(self) -> bool:
        """The product's promise, looked at from outside: no phone showed the other party's real number."""
        if self.called is None:
            return True
        shown_to_called = self.caller is not None and self.caller.reveal() == self.called_shows
        return not shown_to_called and self.called.reveal() != self.virtual_number

    def as_dict(self, *, reveal: bool = False) -> dict[str, object]:
        """For ``--json``. Real numbers are masked to their last three digits unless ``reveal``, which is for tests."""
        called: dict[str, object] | None = None
        if self.called is not None:
            digits = self.post_dial_digits
            called = {
                "role": self.called_is,
                "number": shown(self.called, reveal=reveal),
                "phone_shows": self.called_shows,
                "post_dial_digits": digits if reveal or digits is None else "•" * len(digits),
            }
        return {
            "call_id": self.call_id,
            "caller": {
                "role": self.caller_is,
                "number": None if self.caller is None else shown(self.caller, reveal=reveal),
                "phone_shows": self.dialled,
            },
            "called": called,
            "steps": [_step(step) for step in self.steps],
            "ending": self.ending,
            "reason": self.reason,
            "rang_s": self.rang_s,
            "talked_s": self.talked_s,
            "cut_off": self.cut_off,
            "neither_saw_the_other": self.neither_saw_the_other,
        }


def shown(number: PhoneNumber, *, reveal: bool = False) -> str:
    """The last three digits, ``•••678``; E.164 with ``reveal``."""
    return number.reveal() if reveal else f"•••{number.last3}"


def _step(step: Heard | Pressed) -> dict[str, object]:
    if isinstance(step, Pressed):
        return {"pressed": step.keys, "sent": step.sent}
    return {
        "heard": step.prompt_id,
        "language": step.language,
        "text": step.text,
        "attempts_left": step.attempts_left,
        "max_digits": step.max_digits,
        "timeout_s": step.timeout_s,
    }
