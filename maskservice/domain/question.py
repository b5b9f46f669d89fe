"""What a leg of a call asks: an extension, a call-back, a menu key, or nothing.

Answers for: reading digits and the dialled string in the light of the legs before. Must not know: what is live, the
decision.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from maskservice.domain.call import Connect, InboundCall, Thread
from maskservice.domain.ids import BindingId
from maskservice.domain.outcome import NOT_REACHED, Outcome

LONGEST_KEYED = 32
_STAR_UNTIL_LEG = 3


@dataclass(frozen=True, slots=True)
class Keyed:
    """An extension was keyed or dialled; ``extension`` is None where what was keyed cannot be one. ``code``: what was
    keyed after a star, a courier's PIN or the end of an order number. ``asked``: the code was asked for, so it is not
    asked for again."""

    extension: str | None
    code: str | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Bare:
    """The number alone was dialled: a call-back, or a courier about to be asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A key was pressed in the menu; ``binding`` is None where the key offers nothing."""

    binding: BindingId | None


@dataclass(frozen=True, slots=True)
class Star:
    """A star alone: the caller wants to key a code with the extension."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Asked, and nothing was keyed."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """The party that the call was connected to did not talk: ``outcome`` says why."""

    connected: Connect
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Over:
    """The call was answered for good before; a further leg gets nothing more. ``talked``: there was a talk, so that
    nothing has to be said."""

    talked: bool = False


Question = Keyed | Bare | Choice | Star | Silence | Unreached | Over


def question_of(call: InboundCall, thread: Thread) -> Question:
    """What this leg asks. Digits win over an extension in the dialled string, which counts on the first leg only."""
    ended = call.bridge_ended
    if thread.ended or (ended is not None and not thread.legs):
        # The end of a bridge that nobody remembers is no new call: nobody is connected by it.
        if thread.connected is None or ended is None:
            return Over()
        return Unreached(thread.connected, ended.outcome) if ended.outcome in NOT_REACHED else Over(talked=True)
    keyed = _digits(call.digits)
    if thread.menu and keyed != "":
        place = int(keyed) if keyed is not None and len(keyed) == 1 and keyed != "*" else 0
        return Choice(thread.menu[place - 1] if 1 <= place <= len(thread.menu) else None)
    if thread.pending is not None:
        code = None if keyed == "" else (keyed or "").replace("*", "")
        return Keyed(thread.pending, code, asked=True)
    if keyed == "*":
        return Star() if thread.legs < _STAR_UNTIL_LEG else Silence()
    if keyed != "":
        return _keyed(keyed)
    if thread.legs:
        return Silence()
    if call.dialled is not None and call.dialled.extension is not None:
        dialled, code = call.dialled.extension, call.dialled.code
        return _keyed(_digits(dialled if code is None else f"{dialled}*{code}"))
    return Bare()


def _keyed(text: str | None) -> Keyed:
    """``5678``, or ``5678*1234`` with a code. A star after the extension and nothing more is a slip of the finger."""
    extension, _, code = (text or "").strip("*").partition("*")
    return Keyed(None if "*" in code or extension == "" else extension, code or None)


def _digits(text: str | None) -> str | None:
    """The plain digits of what was keyed, stars between and before them kept; '' for nothing, None for what no
    extension can be. Full width and a closing # are read."""
    if text is None or len(text) > LONGEST_KEYED:
        return "" if text is None else None
    plain = unicodedata.normalize("NFKC", text).strip().strip("#")
    if len(plain) > LONGEST_KEYED:  # one sign may stand for several
        return None
    digits = plain.replace("*", "")
    if digits == "":
        return "*" if plain else ""
    return plain if digits.isascii() and digits.isdigit() else None
