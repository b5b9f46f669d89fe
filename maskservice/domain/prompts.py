"""The sentences a caller hears, by id, in Traditional Chinese and English.

Answers for: wording, and that one neutral sentence serves every refusal. Must not know: why a prompt is played, how
a PBX speaks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class PromptId(StrEnum):
    ENTER_EXTENSION = "enter_extension"
    TRY_AGAIN = "try_again"
    ENTER_CODE = "enter_code"
    ENTER_WITH_CODE = "enter_with_code"
    CHOOSE_ORDER = "choose_order"
    WHISPER = "whisper"
    GOODBYE = "goodbye"
    FROM_TENANT = "from_tenant"


DEFAULT_LANGUAGE = "zh-TW"
# TRY_AGAIN says nothing of why: wrong, expired, locked and blocked sound alike. GOODBYE is the one neutral sentence.
SENTENCES: Mapping[str, Mapping[PromptId, str]] = MappingProxyType(
    {
        "zh-TW": MappingProxyType(
            {
                PromptId.ENTER_EXTENSION: "您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。",
                PromptId.TRY_AGAIN: "無法接通這個分機，請重新輸入分機號碼，輸入後請按井字鍵。",
                PromptId.ENTER_CODE: "請輸入物流士密碼，收件人請輸入訂單編號末四碼，沒有請直接按井字鍵。",
                PromptId.ENTER_WITH_CODE: (
                    "請輸入分機號碼，按米字鍵，再輸入物流士密碼；收件人請改輸入訂單編號末四碼，最後按井字鍵。"
                ),
                PromptId.GOODBYE: "您撥的號碼目前無法接通，謝謝您的來電。",
            }
        ),
        "en": MappingProxyType(
            {
                PromptId.ENTER_EXTENSION: "Hello. Please key the extension on the label, then press the hash key.",
                PromptId.TRY_AGAIN: "That extension cannot be reached. Please key it again, then press the hash key.",
                PromptId.ENTER_CODE: (
                    "Please key your courier PIN, or as the recipient the last four digits of the order number, or "
                    "nothing, then press the hash key."
                ),
                PromptId.ENTER_WITH_CODE: (
                    "Please key the extension, a star, and your courier PIN, or as the recipient the last four digits "
                    "of the order number, then press the hash key."
                ),
                PromptId.GOODBYE: "The number you have dialled cannot be reached now. Thank you for calling.",
            }
        ),
    }
)

# A menu and a whisper name orders and shops, so they are recorded in pieces; order and digits stand for a tail.
PIECES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "zh-TW": MappingProxyType(
            {
                PromptId.CHOOSE_ORDER: "您有多筆訂單。",
                PromptId.WHISPER: "物流士來電，關於您的包裹。",
                "order": "訂單尾號",
                "press": "請按",
                **{f"digit-{place}": digit for place, digit in enumerate("零一二三四五六七八九")},
            }
        ),
        "en": MappingProxyType(
            {
                PromptId.CHOOSE_ORDER: "You have several orders.",
                PromptId.WHISPER: "A courier is calling about your parcel.",
                "order": "Order ending",
                "press": "press",
                **{
                    f"digit-{place}": digit
                    for place, digit in enumerate(
                        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
                    )
                },
            }
        ),
    }
)


@dataclass(frozen=True, slots=True)
class MenuChoice:
    """One line of the recipient's menu. ``tail`` is None where the order has no four digits; ``shop`` only where
    several tenants stand in it."""

    key: int
    tail: str | None
    shop: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sentence to be spoken: its id for a recorded file, its text for the PBX's own speech."""

    id: PromptId
    text: str
    language: str = DEFAULT_LANGUAGE


def say(prompt: PromptId, *, language: str = DEFAULT_LANGUAGE) -> Prompt:
    """A fixed sentence. Raises KeyError for CHOOSE_ORDER, WHISPER and FROM_TENANT, whose words depend on the orders
    (:func:`say_menu`), on the shop (:func:`say_whisper`) and on what a tenant's hook said."""
    return Prompt(prompt, SENTENCES[language][prompt], language)


def say_whisper(shop: str, *, language: str = DEFAULT_LANGUAGE) -> Prompt:
    """What a recipient hears before the bridge, so that an unknown number is no riddle."""
    text = f"A courier of {shop} about your parcel." if language == "en" else f"{shop}的物流士來電，關於您的包裹。"
    return Prompt(PromptId.WHISPER, text, language)


def say_menu(choices: Sequence[MenuChoice], *, language: str = DEFAULT_LANGUAGE) -> Prompt:
    """The recipient's menu: one key a live order, told by the tail of its order id and, where needed, the shop."""
    return Prompt(PromptId.CHOOSE_ORDER, "".join(_line(choice, language) for choice in choices), language)


def _line(choice: MenuChoice, language: str) -> str:
    if language == "en":
        shop = f" from {choice.shop}" if choice.shop else ""
        order = f"order ending {choice.tail}" if choice.tail else f"order number {choice.key} in the list"
        return f"For the {order}{shop}, press {choice.key}. "
    shop = f"{choice.shop}，" if choice.shop else ""
    order = f"訂單尾號{choice.tail}" if choice.tail else f"第{choice.key}筆訂單"
    return f"{shop}{order}，請按{choice.key}。"


def order_tail(order_id: str) -> str | None:
    """The last four digits in an order id, or None where it has fewer than four."""
    digits = [character for character in order_id if character in "0123456789"]
    return "".join(digits[-4:]) if len(digits) >= 4 else None
