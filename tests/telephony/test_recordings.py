"""Prompts in recorded pieces, and whispers in addresses."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.prompts import SENTENCES, MenuChoice, Prompt, PromptId, say, say_menu, say_whisper
from maskservice.telephony.recordings import Piece, Recorded, Said, names_of, parts_of, pieces_of, shop_of
from maskservice.telephony.whisper import read_whisper, whisper_query

LANGUAGES = ("zh-TW", "en")
each_language = pytest.mark.parametrize("language", LANGUAGES)


def told(pieces: tuple[Piece, ...]) -> list[str]:
    return [each.name if isinstance(each, Recorded) else f"<{each.text}>" for each in pieces]


@each_language
def test_a_menu_is_told_in_pieces_with_its_shops_in_speech(language: str) -> None:
    choices = [MenuChoice(1, "1234", "7-11，訂單"), MenuChoice(2, None, "A, B. from C"), MenuChoice(3, "0042")]
    assert told(pieces_of(say_menu(choices, language=language))) == [
        "choose_order", "<7-11，訂單>", "order", "digit-1", "digit-2", "digit-3", "digit-4", "press", "digit-1",
        "<A, B. from C>", "press", "digit-2",
        "order", "digit-0", "digit-0", "digit-4", "digit-2", "press", "digit-3",
    ]  # fmt: skip


@each_language
@pytest.mark.parametrize("prompt", sorted(SENTENCES["en"]))
def test_a_fixed_sentence_is_one_recording(prompt: PromptId, language: str) -> None:
    assert pieces_of(say(prompt, language=language)) == (Recorded(prompt),)


@each_language
def test_every_piece_is_on_the_list_of_what_is_recorded(language: str) -> None:
    names = names_of(language)
    assert set(names) >= set(PromptId) - {PromptId.FROM_TENANT}
    assert all(names.values())
    menu = say_menu([MenuChoice(key, f"{key}{key - 1}98") for key in range(1, 10)], language=language)
    for prompt in (
        menu,
        say_whisper("店", language=language),
        *(say(each, language=language) for each in SENTENCES[language]),
    ):
        assert {each.name for each in pieces_of(prompt) if isinstance(each, Recorded)} <= names.keys()


@pytest.mark.parametrize("prompt", [PromptId.CHOOSE_ORDER, PromptId.WHISPER, PromptId.FROM_TENANT])
@pytest.mark.parametrize("language", [*LANGUAGES, "fr"])
def test_words_that_are_not_known_are_spoken_whole(prompt: PromptId, language: str) -> None:
    other = Prompt(prompt, "Something else, press 1. ", language)
    assert pieces_of(other) == (Said(other.text),)


def test_without_recordings_all_is_spoken_and_where_nothing_can_be_mixed_too() -> None:
    several, whisper = say_menu([MenuChoice(1, "1234", "甲")]), say_whisper("甲")
    for prompt in (several, whisper):
        assert parts_of(prompt, recordings="") == (Said(prompt.text),)
        assert parts_of(prompt, recordings="https://x", mixed=False) == (Said(prompt.text),)
        assert len(parts_of(prompt, recordings="https://x")) > 1
    one = say_menu([MenuChoice(1, "1234")])
    assert parts_of(one, recordings="https://x", mixed=False) == pieces_of(one)


# Whispers

names = st.text(min_size=1, max_size=60).filter(str.isprintable)


@given(shop=names, language=st.sampled_from(LANGUAGES))
def test_a_whisper_comes_back_from_its_address(shop: str, language: str) -> None:
    whisper = say_whisper(shop, language=language)
    assert shop_of(whisper) == shop
    query = whisper_query(whisper)
    assert query.isascii()
    assert read_whisper(parse_qsl(query)) == whisper


def encoded(shop: str) -> str:
    return base64.urlsafe_b64encode(shop.encode("utf-8", "surrogatepass")).decode().rstrip("=")


GOOD = {"prompt": "whisper", "language": "zh-TW", "shop": encoded("甲")}


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "goodbye"},
        {"prompt": "choose_order"},
        {"prompt": ""},
        {"language": "fr"},
        {"language": "en\n"},
        {"language": ""},
        {"shop": ""},
        {"shop": "甲"},
        {"shop": "!!!!"},
        {"shop": "A"},
        {"shop": encoded("x" * 61)},
        {"shop": "A" * 5000},
        {"shop": encoded("a\nb")},
        {"shop": encoded("a\x00")},
        {"shop": encoded("\ud800")},
        {"shop": base64.urlsafe_b64encode(b"\xff\xfe").decode()},
    ],
)
def test_any_other_address_whispers_nothing(changes: dict[str, str]) -> None:
    assert read_whisper(tuple(GOOD.items())) is not None
    assert read_whisper(tuple((GOOD | changes).items())) is None
    assert read_whisper((*GOOD.items(), *changes.items())) is None


@given(said=st.dictionaries(st.sampled_from(["prompt", "language", "shop"]), st.text()))
def test_no_address_raises(said: dict[str, str]) -> None:
    read_whisper(tuple(said.items()))
