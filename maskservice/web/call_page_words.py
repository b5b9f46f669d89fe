"""The words of the recipient's page, in Traditional Chinese and English.

Answers for: wording; the page for a link that leads nowhere says nothing of why. Must not know: anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """``language``: a tag of BCP 47. ``steps`` are said in order; ``{number}`` and ``{tail}`` are put in."""

    language: str
    service: str
    other: str
    other_language: str
    other_name: str
    contact: str
    shop: str
    recipient: str
    tail: str
    before: str
    private: str
    ready: str
    dial: str
    from_phone: str
    until: str
    nobody_yet: str
    again: str
    elsewhere: str
    steps: tuple[str, ...]
    gone: str
    gone_hint: str
    later: str
    later_hint: str


_ZH: Final = Words(
    language="zh-Hant-TW",
    service="物流隱碼",
    other="en",
    other_language="en",
    other_name="English",
    contact="聯絡物流士",
    shop="商店",
    recipient="收件人",
    tail="訂單末四碼",
    before="按下按鈕後，請在三分鐘內，用您留給商店的電話撥打畫面上的號碼，即可接通這筆訂單的物流士，不必輸入分機。",
    private="雙方都不會看到對方的電話號碼。",
    ready="可以撥打了",
    dial="撥打",
    from_phone="請在三分鐘內，用您留給商店的電話撥打。",
    until="在 {until} 之前撥打，不必輸入分機。",
    nobody_yet="還沒有物流士與您聯絡過時，會為您轉接商店客服；商店沒有客服專線時，請稍後再撥。",
    again="時間過了？再按一次",
    elsewhere="用別的電話撥打",
    steps=(
        "撥打 {number}。",
        "聽到語音後，按 * 和 #。",
        "依序輸入：分機（包裹標籤上 # 後面的號碼）、*、訂單末四碼 {tail}、#。",
    ),
    gone="這個連結目前無法使用",
    gone_hint="連結可能不完整，或已經失效。需要協助時，請聯絡您購物的商店。",
    later="現在無法處理",
    later_hint="請稍後再試一次。",
)
_EN: Final = Words(
    language="en",
    service="Number masking",
    other="zh",
    other_language="zh-Hant-TW",
    other_name="中文",
    contact="Contact the courier",
    shop="Shop",
    recipient="Recipient",
    tail="Order ending",
    before="Press the button. Within three minutes, call the number shown from the phone that you gave the shop: it "
    "reaches this order’s courier.",
    private="Neither of you sees the other’s number.",
    ready="You can call now",
    dial="Call",
    from_phone="Call within three minutes, from the phone that you gave the shop.",
    until="No extension is needed until {until}, Taipei time.",
    nobody_yet="If no courier has called you yet, the shop’s care line answers. Where the shop has none, please call "
    "again later.",
    again="Time is up? Press again",
    elsewhere="Calling from another phone",
    steps=(
        "Call {number}.",
        "When you hear the voice, press * and #.",
        "Key the extension (after the # on the parcel’s label), then *, then {tail}, the last four digits of the order "
        "number. Press # at the end.",
    ),
    gone="This link cannot be used now",
    gone_hint="It may be incomplete, or no longer valid. If you need help, please contact the shop where you ordered.",
    later="This cannot be done now",
    later_hint="Please try again in a moment.",
)

WORDS: Final[Mapping[str, Words]] = MappingProxyType({"zh": _ZH, "en": _EN})
"""By the word that ``?lang=`` takes."""
