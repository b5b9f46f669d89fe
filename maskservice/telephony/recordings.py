"""A prompt in pieces: recordings by name, and what only speech can say.

Answers for: which files are recorded, telling a menu in recorded words and digits, the address of a file. Must not
know: how a PBX plays one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from maskservice.domain.prompts import PIECES, SENTENCES, Prompt, PromptId

ORDER, PRESS, DIGIT = "order", "press", "digit-"

# The lines of domain/prompts.py's menu and its whisper, in each language; a test holds the two together.
_LINES: Final = {
    "zh-TW": re.compile(r"(?:(?P<shop>[^。]+?)，)?(?:訂單尾號(?P<tail>[0-9]{4})|第[0-9]+筆訂單)，請按(?P<key>[1-9])。"),
    "en": re.compile(
        r"For the order (?:ending (?P<tail>[0-9]{4})|number [0-9]+ in the list)(?: from (?P<shop>.+?))?, "
        r"press (?P<key>[1-9])\. "
    ),
}
_WHISPERS: Final = {
    "zh-TW": re.compile(r"(?P<shop>.+)的物流士來電，關於您的包裹。"),
    "en": re.compile(r"A courier of (?P<shop>.+) about your parcel\."),
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """Words that no recording holds: a shop's name, or a whole prompt."""

    text: str


Piece = Recorded | Said


def pieces_of(prompt: Prompt) -> tuple[Piece, ...]:
    """The prompt in recordings, with shops' names in speech; all of it in speech where its words are not known here."""
    if prompt.id is PromptId.CHOOSE_ORDER:
        pieces = tuple(_menu(prompt))
    elif prompt.id is PromptId.WHISPER:
        shop = shop_of(prompt)
        pieces = () if shop is None else (Said(shop), Recorded(prompt.id))
    elif prompt.id is PromptId.FROM_TENANT:
        pieces = ()  # a tenant's hook made it up a moment ago
    else:
        pieces = (Recorded(prompt.id),)
    return pieces or (Said(prompt.text),)


def parts_of(prompt: Prompt, *, recordings: str, mixed: bool = True) -> tuple[Piece, ...]:
    """What a PBX plays and says: pieces where it has ``recordings`` (their address), else the text. ``mixed``: it can
    do both within one prompt; otherwise a prompt that needs both is spoken."""
    pieces = pieces_of(prompt) if recordings else (Said(prompt.text),)
    spoken = any(isinstance(each, Said) for each in pieces)
    return pieces if mixed or not spoken else (Said(prompt.text),)


def url_of(recording: Recorded, *, recordings: str, language: str) -> str:
    """``https://sounds.example/zh-TW/goodbye.wav``"""
    return f"{recordings}/{path_of(recording.name, language=language)}"


def path_of(name: str, *, language: str) -> str:
    """Where a recording lies below the folder of all."""
    return f"{language}/{name}.wav"


def names_of(language: str) -> dict[str, str]:
    """Every recording of a language and the words to be recorded. Raises KeyError."""
    sentences = {str(name): text for name, text in SENTENCES[language].items()}
    return sentences | {str(name): text for name, text in PIECES[language].items()}


def shop_of(prompt: Prompt) -> str | None:
    """The shop that a whisper names; None where its words are not known here."""
    form = _WHISPERS.get(prompt.language)
    found = None if form is None else form.fullmatch(prompt.text)
    return None if found is None else found["shop"]


def _menu(prompt: Prompt) -> Iterator[Piece]:
    form = _LINES.get(prompt.language)
    lines = [] if form is None else list(form.finditer(prompt.text))
    if "".join(line[0] for line in lines) != prompt.text or not lines:
        return
    yield Recorded(prompt.id)
    for line in lines:
        if line["shop"]:
            yield Said(line["shop"])
        if line["tail"]:
            yield Recorded(ORDER)
            yield from (Recorded(f"{DIGIT}{digit}") for digit in line["tail"])
        yield Recorded(PRESS)
        yield Recorded(f"{DIGIT}{line['key']}")
