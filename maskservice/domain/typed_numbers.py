"""Phone numbers that people type into an address field: found in any writing, and replaced by ``•••``.

Answers for: which digits of a free text belong to a phone, and that house numbers, postal codes and post office boxes
stay. Must not know: labels, whose text it is. It errs on the side of hiding: a parcel finds its way without a phone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

import phonenumbers

from maskservice.domain.masked import write_virtual
from maskservice.domain.phone_plan import PhoneKind, kind_of_e164
from maskservice.domain.typed_signs import MAYBE_ZERO, is_unseen, is_zero, most_digits, read_sign, signs

__all__ = ["HIDDEN", "hide_numbers", "spellings_of"]

HIDDEN: Final = "•••"

_WIDEST_GAP: Final = 8
"""Separators between two digits of one number; a run of white space counts once, as it is printed."""
_LONGEST_E164, _SHORTEST_FOREIGN = 15, 8
_SHORTEST_WANTED: Final = 7

# Taiwan's numbering plan without the trunk 0 (taiwan.md, section 1): mobile; Taipei and Taichung with eight digits;
# Nantou; VoIP; every other area, whose codes of two to four digits all make eight.
_NSN: Final = r"(?:9\d{8}|2[2-8]\d{7}|4[23]\d{7}|49\d{7}|70\d{8}|[3-8][2-9]\d{6})"
_MOBILE: Final = re.compile(r"09\d{8}")
_TAIWANESE: Final = re.compile(rf"0{_NSN}|(?:(?:00[25679]?|019)?8860?){_NSN}")
_ZERO_EATEN: Final = re.compile(r"9\d{8}")
_DIALLED_ABROAD: Final = re.compile(r"00[1-9]?")

# How a mobile number is written, in digits a group. Another grouping is a phone too, but not where a number of another
# kind may be meant.
_USUAL: Final = frozenset(
    {(10,), (4, 6), (7, 3), (4, 3, 3), (4, 2, 2, 2), (4, 2, 4), (2, 2, 2, 2, 2), (2, 8), (2, 4, 4)}
)
_USUAL_BARE: Final = frozenset({(9,), (3, 3, 3), (3, 6), (3, 2, 2, 2), (1,) * 9, (1, 2, 2, 2, 2)})

_BOX_BEFORE: Final = re.compile(r"(?:郵[政局]\W*第?|\bP\.?\s?O\.?\s?Box)\W*$", re.IGNORECASE)
_BOX_BEHIND: Final = re.compile(r"\W*(?:附\d+)?號?\W*(?:郵政)?信箱")
_OTHER_NUMBER_BEFORE: Final = re.compile(r"(?:店|門市|單|編|序)號?\W*$|統編\W*$")
_HOUSE_BEHIND: Final = re.compile(r"\W?[號号巷弄樓楼段鄰室之]")

_OPENING: Final = {"(": ")", "（": "）"}


@dataclass(frozen=True, slots=True)
class _Digit:
    """One digit and the place in the text of the sign that it came from; ``gap``: separators stand before it."""

    value: str = field(repr=False)
    place: int
    gap: bool
    plus: int | None
    """The place of a ``+`` right before it."""


_Run = list[_Digit]
"""Digits with nothing but separators between them."""


def hide_numbers(text: str, *, also: Collection[str] = ()) -> str:
    """``text`` with every phone number in it replaced by ``•••``; what does not belong to a number stays to the sign.

    Taiwanese numbers in national and international form, foreign ones with ``+`` or 00. Digits may be full width,
    circled, raised, of another script or Chinese; between them may stand invisible signs, white space, punctuation and
    symbols. ``also``: digits (seven at least) that are hidden whatever stands between them, words too.
    """
    # Most addresses have no more digits than a house number: nothing of them can be a phone.
    if sum(map(most_digits, text)) < _SHORTEST_WANTED:
        return text
    runs = _runs(text)
    spans = [span for run in runs for span in _numbers(run, text)]
    every = [digit for run in runs for digit in run]
    values = "".join(digit.value for digit in every)
    for wanted in also:
        start = values.find(wanted) if len(wanted) >= _SHORTEST_WANTED else -1
        while start >= 0:
            spans += _pieces(every[start : start + len(wanted)], runs, text)
            start = values.find(wanted, start + len(wanted))
    return _without(text, spans)


def spellings_of(e164: str) -> tuple[str, ...]:
    """The digits by which people write this number, for ``also``: with the country, national, and a landline's own
    without its area code, where those are seven at least."""
    digits = e164.removeprefix("+")
    if not e164.startswith("+886"):
        try:
            national = str(phonenumbers.parse(e164).national_number)
        except phonenumbers.NumberParseException:
            return (digits,)
        return tuple(each for each in (digits, national) if len(each) >= _SHORTEST_WANTED)
    found = [digits, f"0{digits[3:]}", digits[3:]]
    if kind_of_e164(e164) is PhoneKind.LANDLINE:
        local = write_virtual(e164).partition("-")[2]
        found += [local] if len(local) >= _SHORTEST_WANTED else []
    return tuple(found)


def _runs(text: str) -> list[_Run]:
    """Every digit of the text, parted where a letter or too many separators stand between two."""
    every = list(signs(text))
    runs: list[_Run] = [[]]
    gap, blank, plus = 0, False, None
    for at, (sign, place) in enumerate(every):
        value, separates = read_sign(sign)
        if value == MAYBE_ZERO:
            around = (every[at - 1][0] if at else "", every[at + 1][0] if at + 1 < len(every) else "")
            value = "0" if is_zero(around) else None
        if value is not None:
            for each in value:
                runs[-1].append(_Digit(each, place, bool(gap), plus))
                gap, blank, plus = 0, False, None
        elif separates:
            gap += not (blank and sign.isspace())
            blank = sign.isspace()
            if sign == "+":
                plus = place
            if gap <= _WIDEST_GAP:
                continue
            runs.append([])
        else:
            gap, blank, plus = 0, False, None
            runs.append([])
    return [run for run in runs if run]


def _numbers(run: _Run, text: str) -> Iterator[tuple[int, int]]:
    """Where numbers stand in the run, from the first place to the one behind the last. The shortest that is whole."""
    if len(run) < _SHORTEST_FOREIGN:  # a Taiwanese one has nine digits at least
        return
    values = "".join(digit.value for digit in run)
    at = 0
    while at < len(run):
        length = _length(run, values, at, text)
        if length:
            yield _span(run[at : at + length], text)
        at += length or 1


def _length(run: _Run, values: str, at: int, text: str) -> int:
    """How many digits from ``at`` on are a phone; 0: it is none."""
    first = run[at]
    starts = at == 0 or first.gap or first.plus is not None
    found = _TAIWANESE.match(values, at)
    if found is not None:
        groups = _groups(run[at : found.end()])
        whole = starts or len(groups) == 1 or groups in _USUAL
        if (
            whole
            and not _is_box(run, at, text, mobile=values.startswith("09", at))
            and not _is_unit(run, at, groups, text)
        ):
            return found.end() - at
    if not starts:
        return 0
    if first.plus is not None:
        return _foreign(run, at, at) or _all_but_short(run, at)
    abroad = _DIALLED_ABROAD.match(values, at)
    if abroad is not None:
        length = _foreign(run, at, at + 2) or _foreign(run, at, at + 3)
        if length:
            return length
    return 9 if _ZERO_EATEN.match(values, at) and _is_bare_mobile(run[at:], at, run, text) else 0


def _groups(digits: _Run) -> tuple[int, ...]:
    sizes = [1]
    for digit in digits[1:]:
        if digit.gap:
            sizes.append(1)
        else:
            sizes[-1] += 1
    return tuple(sizes)


def _foreign(run: _Run, at: int, begin: int) -> int:
    """The longest valid number in E.164 from ``begin`` on that ends with a group, counted from ``at``."""
    for end in range(min(len(run), begin + _LONGEST_E164), begin + _SHORTEST_FOREIGN - 1, -1):
        if end == len(run) or run[end].gap:
            digits = "".join(digit.value for digit in run[begin:end])
            try:
                if phonenumbers.is_valid_number(phonenumbers.parse("+" + digits)):
                    return end - at
            except phonenumbers.NumberParseException:
                return 0
    return 0


def _all_but_short(run: _Run, at: int) -> int:
    """A ``+`` before eight digits and more is meant as a number, valid or not."""
    size = min(len(run) - at, _LONGEST_E164)
    return size if size >= _SHORTEST_FOREIGN else 0


def _is_box(run: _Run, at: int, text: str, *, mobile: bool) -> bool:
    """Whether these are digits of a post office box (郵政 NN-NNN 號信箱); a mobile number at their head is not."""
    if at == 0 and mobile:
        return False
    before, behind = text[: run[0].place], text[run[-1].place + 1 :]
    return bool(_BOX_BEFORE.search(before) or _BOX_BEHIND.match(behind))


def _is_unit(run: _Run, at: int, groups: tuple[int, ...], text: str) -> bool:
    """Whether this is a place in a building, B1-0912-3456-78: led by a letter, and grouped as no phone is."""
    if at not in (1, 2, 3) or groups in _USUAL:
        return False
    joined = text[run[at - 1].place + 1 : run[at].place] == "-"
    return joined and text[: run[0].place][-1:].isascii() and text[: run[0].place][-1:].isalpha()


def _is_bare_mobile(rest: _Run, at: int, run: _Run, text: str) -> bool:
    """A mobile number whose 0 was eaten: only in the usual groups, and where no other kind of number is meant."""
    if len(rest) > 9 and not rest[9].gap:
        return False
    before, behind = text[: rest[0].place], text[rest[8].place + 1 :]
    return (
        _groups(rest[:9]) in _USUAL_BARE
        and _OTHER_NUMBER_BEFORE.search(before) is None
        and _HOUSE_BEHIND.match(behind) is None
        and not _is_box(run, at, text, mobile=True)
    )


def _span(digits: _Run, text: str) -> tuple[int, int]:
    """From the number's first sign, its ``+`` or opening bracket included, to behind its last and what rides on it."""
    start, end = digits[0].place, digits[-1].place + 1
    if digits[0].plus is not None:
        start = digits[0].plus
    while start > 0 and (closing := _OPENING.get(text[start - 1])) and closing in text[start:end]:
        start -= 1
    while end < len(text) and is_unseen(text[end]):
        end += 1
    return start, end


def _pieces(digits: _Run, runs: list[_Run], text: str) -> Iterator[tuple[int, int]]:
    """The span of each stretch with nothing but separators between its digits: words in between stay."""
    wanted = {id(digit) for digit in digits}
    for run in runs:
        mine = [digit for digit in run if id(digit) in wanted]
        if mine:
            yield _span(mine, text)


def _without(text: str, spans: Collection[tuple[int, int]]) -> str:
    parts, done = [], 0
    for start, end in sorted(spans):
        if end <= done:
            continue
        if start >= done:
            parts += [text[done:start], HIDDEN]
        done = end
    return "".join(parts) + text[done:]
