"""What is whispered to the called party, carried in the address that a provider fetches it from.

Answers for: writing it there and reading it back within bounds. Must not know: a provider's document, who calls.
The words of the service and a shop's name: no number, nothing of an order. Nothing is kept between the two requests.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import urlencode

from maskservice.domain.prompts import SENTENCES, Prompt, PromptId, say_whisper
from maskservice.telephony.recordings import shop_of
from maskservice.telephony.request import Fields, single

PROMPT, LANGUAGE, SHOP = "prompt", "language", "shop"
LONGEST_SHOP: Final = 60  # characters: the longest name of a tenant
_LONGEST_ENCODED: Final = 400


def whisper_query(prompt: Prompt) -> str:
    """The shop's name goes as base64url: providers do not agree on how a signed address is percent-encoded."""
    shop = (shop_of(prompt) or "")[:LONGEST_SHOP]
    encoded = base64.urlsafe_b64encode(shop.encode("utf-8", "replace")).rstrip(b"=").decode("ascii")
    return urlencode({PROMPT: prompt.id, LANGUAGE: prompt.language, SHOP: encoded})


def read_whisper(fields: Fields) -> Prompt | None:
    """The prompt in an address of :func:`whisper_query`; None for every other."""
    language = single(fields, LANGUAGE)
    shop = _shop(single(fields, SHOP) or "")
    if single(fields, PROMPT) != PromptId.WHISPER or language is None or language not in SENTENCES or shop is None:
        return None
    return say_whisper(shop, language=language)


def _shop(encoded: str) -> str | None:
    if not encoded.isascii() or len(encoded) > _LONGEST_ENCODED:
        return None
    try:
        shop = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return shop if 1 <= len(shop) <= LONGEST_SHOP and shop.isprintable() else None
