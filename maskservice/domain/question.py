"""What a leg of a call asks: an extension, a call-back, a menu key, or nothing.

Answers for: reading digits and the dialled string in the light of the legs before. Must not know: what is live, the
decision.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from maskservice.domain.call import InboundCall, Thread
from maskservice.domain.ids import BindingId

LONGEST_KEYED = 32


@dataclass(frozen=True, slots=True)
class Keyed:
    """An extension was keyed or dialled; ``extension`` is None where what was keyed cannot be one."""

    extension: str | None


@dataclass(frozen=True, slots=True)
class Bare:
    """The number alone was dialled: a call-back, or a courier about to be asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A key was pressed in the menu; ``binding`` is None where the key offers nothing."""

    binding: BindingId | None


@dataclass(frozen=True, slots=True)
class Silence:
    """Asked, and nothing was keyed."""


@dataclass(frozen=True, slots=True)
class Over:
    """The call was answered for good before; a further leg gets nothing more."""


Question = Keyed | Bare | Choice | Silence | Over


def question_of(call: InboundCall, thread: Thread) -> Question:
    """What this leg asks. Digits win over an extension in the dialled string, which counts on the first leg only."""
    if thread.ended:
        return Over()
    keyed = _digits(call.digits)
    if thread.menu and keyed != "":
        place = int(keyed) if keyed is not None and len(keyed) == 1 else 0
        return Choice(thread.menu[place - 1] if 1 <= place <= len(thread.menu) else None)
    if keyed != "":
        return Keyed(keyed)
    if thread.legs:
        return Silence()
    if call.dialled is not None and call.dialled.extension is not None:
        return Keyed(_digits(call.dialled.extension))
    return Bare()


def _digits(text: str | None) -> str | None:
    """The plain digits of what was keyed, '' for nothing, None for what no extension can be. Full width and a
    closing # are read."""
    if text is None or len(text) > LONGEST_KEYED:
        return "" if text is None else None
    plain = unicodedata.normalize("NFKC", text).strip().strip("#*")
    return plain if plain == "" or (plain.isascii() and plain.isdigit()) else None
