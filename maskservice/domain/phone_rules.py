"""The decision on a phone field: which number stands in a free text, what comes with it, and why it cannot be bound.

Answers for: the order of the rules and the code of each refusal (shared/data/phones_tw.csv, taiwan.md section 2).
Must not know: tenants, pools, the secret form of a number (``phone.PhoneNumber``). What it returns holds real
numbers and is shown nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from maskservice.domain.phone_plan import (
    LONGEST_DIGITS,
    SHORTEST_DIGITS,
    PhoneKind,
    Subscriber,
    incomplete_code,
    read_subscriber,
)
from maskservice.domain.phone_text import LABELS, Token, TokenKind, is_han_digit, is_lookalike, normalise, tokenise

__all__ = ["Decision", "decide", "first_number"]

LEADING_ZERO_RESTORED: Final = "leading_zero_restored"
TEXT_DROPPED: Final = "text_dropped"
VOIP_NUMBER: Final = "voip_number"

_LONGEST_EXTENSION: Final = 8
_FOREIGN_ATTEMPTS: Final = 3
_MOST_GROUPS: Final = 16

_FLOAT: Final = re.compile(r"'?\+?[0-9]{6,}\.0{1,2}|'?\+?[0-9]+(?:[.,][0-9]+)*e[+-]?[0-9]+")
# Signs that stand for hidden digits: two of a letter or star, three of what is otherwise a separator.
_HIDDEN: Final = r"(?:[x*○〇●◯?o□■█]{2,}|[#._\-]{3,})"
_MASKED: Final = re.compile(rf"[0-9][ \-.()]*{_HIDDEN}(?![a-z])|(?<![a-z]){_HIDDEN}[ \-.()]*[0-9]")
# Nine orders of ten: a mobile number and nothing else. The numbering plan gives 090 to 098 to mobiles as a whole.
_PLAIN_MOBILE: Final = re.compile(r"0(9[0-8][0-9])[- ]?([0-9]{3})[- ]?([0-9]{3})")
_SIGNS_ONLY: Final = re.compile(r"[0-9 +\-.()'/,]+")


@dataclass(frozen=True, slots=True, repr=False)
class Decision:
    """What ``decide`` found; without a repr of its own, it holds real digits."""

    subscriber: Subscriber | None = None
    extension: str | None = None
    refusal: str | None = None
    warnings: tuple[str, ...] = ()


def decide(text: str) -> Decision:
    """Read a phone field. Any text is answered, in time linear in its first few hundred characters."""
    plain = _PLAIN_MOBILE.fullmatch(text)
    if plain is not None:  # what the rest of this module would find in twenty times the time
        return Decision(Subscriber(f"+886{''.join(plain.groups())}", PhoneKind.MOBILE, takes_extension=False))
    line = normalise(text)
    if line is None:
        return Decision(refusal="invalid_number" if re.search(r"[0-9]", text[:256]) else "no_digits")
    tokens = tokenise(line)
    numbers = [token for token in tokens if token.kind is TokenKind.NUMBER]
    if not numbers:
        return Decision(refusal="no_digits")
    if _FLOAT.fullmatch(line):
        return Decision(refusal="spreadsheet_float")
    for index, token in enumerate(tokens):
        if token.kind is TokenKind.NUMBER and (found := first_number(token)):
            return _decide_around(tokens, index, found[0], found[1])
    if _SIGNS_ONLY.fullmatch(line) and re.search(r"[/,]", line):
        # 02/2345-6789 and the 912,345,678 of a spreadsheet: no piece is a number, all of them together may be one.
        joined = decide(re.sub(r"[/,]", "-", line))
        if joined.subscriber:
            return joined
    return _decide_without(line, tokens, numbers)


def first_number(token: Token, *, bare_foreign: bool = False) -> tuple[Subscriber, tuple[str, ...]] | None:
    """The number that all groups of ``token`` make, or the longest run of first groups that is one; and the rest."""
    groups = token.groups
    # Looking a foreign number up is dear (30 µs): of an absurd row of groups only a few beginnings are tried.
    attempts = _FOREIGN_ATTEMPTS if token.plus or token.digits.startswith("00") or bare_foreign else _MOST_GROUPS
    for count in range(len(groups), 0, -1):
        digits = "".join(groups[:count])
        if len(digits) > LONGEST_DIGITS:
            continue
        attempts -= 1
        if len(digits) < SHORTEST_DIGITS or attempts < 0:
            return None
        if found := read_subscriber(digits, plus=token.plus, bare_foreign=bare_foreign):
            return found, groups[count:]
    return None


def _decide_around(tokens: Sequence[Token], index: int, found: Subscriber, rest: tuple[str, ...]) -> Decision:
    before, after = tokens[:index], tokens[index + 1 :]
    code = _code_before(before, found) or _code_behind(tokens[index], after, found)
    dropped = any(_is_text(token) for token in before)
    extension = None
    if code is None and rest:
        code = _code_of_more_digits(tokens[index], rest)
    if code is None:
        extension, code, more_dropped = _read_tail(after, found)
        dropped = dropped or more_dropped
    if code not in ("multiple_numbers", "number_range", "letter_in_number"):
        code = found.refusal or code
    if code is None and extension is not None and not found.takes_extension:
        code = "mobile_with_extension"
    if code is not None:
        return Decision(found, refusal=code)
    warnings = (
        (LEADING_ZERO_RESTORED, found.bare),
        (TEXT_DROPPED, dropped),
        (VOIP_NUMBER, found.kind is PhoneKind.VOIP),
    )
    return Decision(found, extension, warnings=tuple(name for name, holds in warnings if holds))


def _code_before(before: Sequence[Token], found: Subscriber) -> str | None:
    """What stands before the number may be part of it, or another number."""
    for place, token in enumerate(before):
        if token.kind is TokenKind.NUMBER:
            if len(token.digits) >= 7:
                return "multiple_numbers"
            # A floor or a list number is let go of when words part it from the phone; any other digits may belong
            # to it.
            if len(token.digits) > 3 or token.plus or not any(_is_text(later) for later in before[place + 1 :]):
                return "invalid_number"
    if not before:
        return None
    last = before[-1].text
    if is_lookalike(last) or is_han_digit(last):
        return "letter_in_number"
    if found.bare:
        words = [token.text for token in before if token.kind is not TokenKind.GAP]
        # The zero that would be put back may be there already, written as a letter: O912…, О-912…, 零912…
        if words and (is_lookalike(words[-1]) or is_han_digit(words[-1])):
            return "letter_in_number"
        if last.isalpha() and last.isascii() and last not in LABELS:
            return "letter_in_number"
    return None


def _code_behind(number: Token, after: Sequence[Token], found: Subscriber) -> str | None:
    """A sign glued to the end may be the number's last digit. A mobile's length is fixed: 0912345678二樓 is clear."""
    if not after or after[0].kind is not TokenKind.WORD or after[0].start != number.end:
        return None
    word = after[0].text
    if is_lookalike(word) or (is_han_digit(word) and found.kind is not PhoneKind.MOBILE):
        return "letter_in_number"
    return None


def _code_of_more_digits(number: Token, rest: tuple[str, ...]) -> str:
    """Digits behind a whole number with only a space or a dash between: a second number, or nobody knows what."""
    more = Token(TokenKind.NUMBER, "", number.end, number.end, rest)
    return "multiple_numbers" if _looks_like_a_number(more) else "unclear_extension"


def _looks_like_a_number(token: Token) -> bool:
    return len(token.digits) >= 7 or first_number(token) is not None


def _read_tail(after: Sequence[Token], found: Subscriber) -> tuple[str | None, str | None, bool]:
    """(extension, code, text dropped) of what follows the number."""
    extension = None
    dropped = False
    link: list[Token] = []
    for token in after:
        if token.kind is TokenKind.GAP:
            continue
        if token.kind is not TokenKind.NUMBER:
            dropped = dropped or _is_text(token)
            link.append(token)
            continue
        code = _code_of_link(link, token)
        if code is None and (extension is not None or len(token.groups) > 1 or len(token.digits) > _LONGEST_EXTENSION):
            code = "mobile_with_extension" if not found.takes_extension else "unclear_extension"
        if code is not None:
            return None, code, dropped
        extension = token.digits
        link = []
    return extension, None, dropped


def _code_of_link(link: Sequence[Token], token: Token) -> str | None:
    """None when the signs between the number and ``token`` say that it is the extension."""
    kinds = {sign.kind for sign in link}
    if TokenKind.RANGE in kinds and len(kinds) == 1:
        return "number_range"
    spoken = bool(link) and link[-1].kind is TokenKind.MARKER and link[-1].text not in ",;"
    if kinds == {TokenKind.MARKER} or (spoken and kinds == {TokenKind.WORD, TokenKind.MARKER}):
        # One comma or semicolon also parts the members of a list.
        listed = len(link) == 1 and link[0].text in ",;" and len(token.digits) >= 7
        whole = first_number(token) is not None
        return "multiple_numbers" if listed or whole else None
    if TokenKind.ALTERNATIVE in kinds and len(kinds) == 1:
        return "multiple_numbers"
    return "multiple_numbers" if _looks_like_a_number(token) else "unclear_extension"


def _decide_without(line: str, tokens: Sequence[Token], numbers: Sequence[Token]) -> Decision:
    """No whole number stands in the text: say what the digits are instead."""
    if _MASKED.search(line):
        return Decision(refusal="already_masked")
    principal = max(numbers, key=lambda token: len(token.digits))
    for place, token in enumerate(tokens):
        if token.kind is not TokenKind.WORD or token.text in LABELS:
            continue
        digit_before = place > 0 and tokens[place - 1].kind is TokenKind.NUMBER
        digit_behind = place + 1 < len(tokens) and tokens[place + 1].kind is TokenKind.NUMBER
        short = len(token.text) <= 2 and token.text.isalpha() and not is_han(token.text)
        if (digit_before and digit_behind and token.text.isalpha()) or ((digit_before or digit_behind) and short):
            return Decision(refusal="letter_in_number")
    code = incomplete_code(principal.digits, plus=principal.plus)
    # A mobile with its extension run together: too long for a number, and yet it is known whose it is.
    glued = re.match(r"(09[0-8][0-9]{7}|(?:00)?8869[0-8][0-9]{7})[0-9]{4,9}", principal.digits)
    whose = read_subscriber(glued.group(1), plus=principal.plus) if glued else None
    return Decision(whose, refusal=code)


def _is_text(token: Token) -> bool:
    """Something was said there that is neither a sign between numbers nor a mere "phone:"."""
    return token.kind is TokenKind.WORD and token.text not in LABELS and not token.text.isspace()


def is_han(text: str) -> bool:
    """True when the first character is a CJK ideograph of the common planes."""
    return "\u2e80" <= text[0] <= "\U0003ffff"
