"""Names as a label may show them: enough to ask for the recipient, too little to know who it is.

Answers for: the rules of shared/data/names.csv, by grapheme clusters. Must not know: labels, tenants, a list of
surnames (none is needed: 歐陽小明 shows its first and last character whether 歐 or 歐陽 is the surname). When in
doubt it hides.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

import regex

from maskservice.domain.label import one_line

__all__ = ["mask_name"]

# A name that ends so is a company's and no personal data.
_COMPANY: Final = ("公司", "企業社", "商行", "行號", "工作室", "診所", "醫院", "藥局", "學校", "大學", "商店", "銀行")
_ADDRESS_FORMS: Final = ("先生", "小姐", "女士", "太太", "夫人", "老師", "醫師", "同學", "代收", "親收", "親啟")
# One character is a form of address only behind two others: 陳收 and 陳君 are people.
_SHORT_FORMS: Final = ("收", "啟", "君")
_BRACKET_NOTES: Final = frozenset(
    {*_ADDRESS_FORMS, *_SHORT_FORMS, "本人", "轉交", "管理室", "管理員", "警衛室", "櫃台"}
)
_ENDINGS: Final = (*_COMPANY, *_ADDRESS_FORMS, *_SHORT_FORMS)
# Each such ideograph is a letter and a cluster by itself, whatever stands beside it.
_PLAIN_NAME: Final = regex.compile(r"[\u4e00-\u9fff]{2,4}")
_DOTS: Final = frozenset("·‧・･•∙⋅.．")

_CLUSTER: Final = regex.compile(r"\X")
_CJK: Final = regex.compile(r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}\p{Bopomofo}]")
_LETTER: Final = regex.compile(r"\p{L}")
_OPEN: Final = regex.compile(r"[\p{Ps}<＜]")
# Where a token with no CJK letter is cut: O'Brien and Jean-Pierre are one word each, "Smith,John" is two.
_PLAIN_PARTS: Final = regex.compile(r"[\p{Ps}\p{Pe},，;；、/／|｜&＆<>＜＞]+|[^\p{Ps}\p{Pe},，;；、/／|｜&＆<>＜＞]+")
# A token with CJK letters is cut at all punctuation, so that nothing hides behind a company's name: 陳小美-日光工作室.
_CJK_PARTS: Final = regex.compile(r"[\p{P}|｜+＋~～<>＜＞=＝]|[^\p{P}|｜+＋~～<>＜＞=＝]+")
_SEPARATOR: Final = regex.compile(r"[\p{P}|｜+＋~～<>＜＞=＝]+")
_DIGIT: Final = regex.compile(r"\p{Nd}")
_PHONE_LIKE_DIGITS: Final = 6
# Marks can be stacked without end; a cluster of more code points than any real letter or emoji is not shown.
_LONGEST_CLUSTER: Final = 8


@dataclass(slots=True)
class _Masking:
    """The two signs, and whether anything was hidden or is known to be no personal name."""

    mask: str
    latin_mask: str
    settled: bool = False

    def hide(self, count: int, *, latin: bool = False) -> str:
        self.settled = self.settled or count > 0
        return (self.latin_mask if latin else self.mask) * count


def mask_name(name: str, *, mask: str = "O", latin_mask: str = "*") -> str:
    """``name`` with its personal part hidden: one ``mask`` (``latin_mask`` in alphabetic words) a grapheme cluster.

    Two characters keep the first, three and more the first and the last, alphabetic words their first letter, every
    part of a dotted name its first character, a single character nothing. Companies and forms of address stay.
    Digits standing alone and emoji are hidden. The result is one line in NFC and never empty; ``mask`` and
    ``latin_mask`` are one visible sign each.
    """
    if _PLAIN_NAME.fullmatch(name) and not name.endswith(_ENDINGS):  # most names; as below, in a tenth of the time
        return name[0] + mask * max(len(name) - 2, 1) + (name[-1] if len(name) > 2 else "")
    line = one_line(unicodedata.normalize("NFC", one_line(name)))
    masking = _Masking(mask, latin_mask)
    masked = " ".join(_mask_token(token, masking) for token in _tokens(line))
    if masking.settled:
        return masked
    # Nothing was hidden and nothing is known to be harmless (J K, a lone dot): hide all of it.
    sign = latin_mask if _LETTER.search(line) else mask
    return " ".join(sign * len(_clusters(token)) for token in line.split(" ") if token) or mask


def _tokens(line: str) -> list[str]:
    """The words between spaces. Spaces inside a Chinese name are typing and go, but not between company and person."""
    tokens: list[str] = []
    words = line.split(" ")
    # Looked for anywhere, spaces aside: joined, 陳小美 日光工作室(收) would pass for one company's name.
    apart = any(company in "".join(words) for company in _COMPANY)
    previous_cjk = False
    for word in words:
        cjk = _CJK.search(word) is not None
        if cjk and previous_cjk and not apart:
            tokens[-1] += word
        else:
            tokens.append(word)
        previous_cjk = cjk
    return tokens


def _mask_token(token: str, masking: _Masking) -> str:
    if not _CJK.search(token):
        return "".join(_mask_plain(part, masking) for part in _PLAIN_PARTS.findall(token))
    parts = _CJK_PARTS.findall(token)
    shown = []
    for index, part in enumerate(parts):
        before = parts[index - 1] if index else ""
        behind = parts[index + 1] if index + 1 < len(parts) else ""
        if _is_separator(part):
            shown.append(part)
        elif part in _BRACKET_NOTES and _OPEN.fullmatch(before):
            masking.settled = True
            shown.append(part)
        elif _CJK.search(part):
            shown.append(_mask_cjk(part, masking, dotted=bool({before, behind} & _DOTS)))
        else:
            shown.append(_mask_plain(part, masking))
    return "".join(shown)


def _mask_cjk(part: str, masking: _Masking, *, dotted: bool) -> str:
    """A run that holds CJK letters: a company, or a person's name with the forms of address behind it."""
    name, forms = _without_forms(part)
    if _is_company(name):
        masking.settled = True
        digits = len(_DIGIT.findall(name))
        # A phone number written into a company's name must not reach a label.
        return (_DIGIT.sub(masking.mask, name) if digits >= _PHONE_LIKE_DIGITS else name) + forms
    clusters = _clusters(name)
    if forms and len(clusters) <= 1 and not dotted:
        # 陳小姐: nothing but a surname and a form of address.
        masking.settled = True
        return _shown(name, masking) + forms
    if len(clusters) <= 1:
        return masking.hide(len(clusters)) + forms
    first = _shown(clusters[0], masking)
    if dotted or len(clusters) == 2:
        return first + masking.hide(len(clusters) - 1) + forms
    return first + masking.hide(len(clusters) - 2) + _shown(clusters[-1], masking) + forms


def _mask_plain(part: str, masking: _Masking) -> str:
    """A word of an alphabet keeps its first letter; digits, emoji and other signs keep nothing."""
    clusters = _clusters(part)
    if _LETTER.match(clusters[0]):
        return _shown(clusters[0], masking, latin=True) + masking.hide(len(clusters) - 1, latin=True)
    if _is_separator(part):
        return part
    return masking.hide(len(clusters), latin=_LETTER.search(part) is not None)


def _shown(cluster: str, masking: _Masking, *, latin: bool = False) -> str:
    """A cluster that may be seen, if it is a letter of believable size; digits and emoji beside a name are hidden."""
    if len(cluster) <= _LONGEST_CLUSTER and (not cluster or _LETTER.match(cluster) or _CJK.match(cluster)):
        return cluster
    return masking.hide(1, latin=latin)


def _without_forms(part: str) -> tuple[str, str]:
    """(name, forms of address behind it): 陳小美 + 小姐收."""
    name = part
    while True:
        for form in (*_ADDRESS_FORMS, *_SHORT_FORMS):
            left = name.removesuffix(form)
            if left != name and (len(form) > 1 or len(_clusters(left)) > 1):
                name = left
                break
        else:
            return name, part[len(name) :]


def _is_company(name: str) -> bool:
    return name.endswith(_COMPANY)


def _is_separator(part: str) -> bool:
    return _SEPARATOR.fullmatch(part) is not None


def _clusters(text: str) -> list[str]:
    clusters: list[str] = _CLUSTER.findall(text)
    return clusters
