"""What a caller hears."""

from __future__ import annotations

import pytest

from maskservice.domain.prompts import SENTENCES, MenuChoice, PromptId, order_tail, say, say_menu, say_whisper


@pytest.mark.parametrize(
    ("order_id", "tail"),
    [
        ("TW-20231109-001", "9001"),
        ("1234", "1234"),
        ("A-12-34-56", "3456"),
        ("123", None),
        ("訂單", None),
        ("１２３４", None),
        ("", None),
    ],
)
def test_the_tail_is_the_last_four_digits(order_id: str, tail: str | None) -> None:
    assert order_tail(order_id) == tail


def test_every_language_says_every_fixed_sentence() -> None:
    fixed = set(PromptId) - {PromptId.CHOOSE_ORDER, PromptId.WHISPER, PromptId.FROM_TENANT}
    assert {language: set(sentences) for language, sentences in SENTENCES.items()} == {"zh-TW": fixed, "en": fixed}


def test_a_sentence_carries_its_language() -> None:
    assert say(PromptId.GOODBYE).language == "zh-TW"
    assert say(PromptId.GOODBYE, language="en").text.startswith("The number")


def test_a_whisper_names_the_shop_in_each_language() -> None:
    assert say_whisper("示範商店").text == "示範商店的物流士來電，關於您的包裹。"
    assert say_whisper("Demo", language="en").text == "A courier of Demo about your parcel."


def test_an_english_menu() -> None:
    prompt = say_menu([MenuChoice(1, "1234"), MenuChoice(2, None, "Shop B")], language="en")
    assert (
        prompt.text == "For the order ending 1234, press 1. For the order number 2 in the list from Shop B, press 2. "
    )
