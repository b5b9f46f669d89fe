"""Documents as providers speak them: XML built of escaped parts, JSON, and text made fit for speech.

Answers for: no prompt ever becoming markup. Must not know: a dialect's words, why something is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from maskservice.domain.prompts import PromptId, say
from maskservice.telephony.dialect import Written

XML: Final = "text/xml; charset=utf-8"
JSON: Final = "application/json"
GOODBYE: Final = say(PromptId.GOODBYE)

# What XML 1.0 cannot hold, escaped or not, would make the document unreadable and the call silent. Angle brackets are
# never spoken, but several providers' speech reads a text that has them as SSML.
_UNSPEAKABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[<>]")


def spoken(text: str) -> str:
    """The text as it may be handed to a provider's speech: no control character, no lone surrogate, no markup."""
    return _UNSPEAKABLE.sub(" ", text)


def add(parent: Element, tag: str, text: str | None = None, **attributes: object) -> Element:
    """A new child; an attribute that is None is left out. Text and values are escaped when they are written."""
    child = SubElement(parent, tag, {name: str(value) for name, value in attributes.items() if value is not None})
    child.text = text
    return child


def written_xml(root: Element) -> Written:
    """The document with its declaration."""
    return Written(b'<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, encoding="unicode").encode(), XML)


def written_json(content: object) -> Written:
    """The document."""
    return Written(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), JSON)


def in_words_of(languages: Mapping[str, str], language: str) -> str:
    """The provider's name for a language; our own where it has none of its own."""
    return languages.get(language, language)
