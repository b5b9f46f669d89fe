"""A roster as people keep it, in a spreadsheet: from the bytes of a file to rows.

Answers for: UTF-8, Big5 and UTF-16, the names of columns, and what Excel does to digits. Must not know: what is a phone
or a PIN (``phone``, ``roster``), where the file came from.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from maskservice.domain.errors import FieldError, InvalidContent

_NAME: Final = frozenset({"name", "姓名"})
_CARRIER: Final = frozenset({"carrier", "物流商"})
_PIN: Final = frozenset({"pin", "密碼"})
# phone, phones, phone2, 電話, 電話2, 手機 …
_PHONE: Final = re.compile(r"(?:phones?|電話|手機)[ _]?[0-9]{0,2}")
_BETWEEN_PHONES: Final = re.compile(r"[;；、\n]")
# Excel keeps digits as text behind an apostrophe, or as ="0912345678".
_AS_TEXT: Final = re.compile(r"='?\"?([^\"]*)\"?|'(.*)", re.DOTALL)
_DELIMITERS: Final = (",", "\t", ";")
_LONGEST_CELL: Final = 4096


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A row as it stands in the file; ``line`` counts from 1, the header's included. ``pin`` is None for an empty
    cell."""

    line: int
    name: str = field(repr=False)
    carrier: str = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)
    pin: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Columns:
    name: int
    carrier: int
    phones: tuple[int, ...]
    pin: int | None


def decode_roster(raw: bytes) -> str:
    """The text of a file: UTF-8 with or without a byte order mark, UTF-16 with one (Excel's "Unicode text"), else
    CP950, which is Big5 as Windows writes it. Raises InvalidContent ``encoding_unknown``."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: Sequence[str] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp950")
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    detail = "The file is neither UTF-8 nor Big5. Save it as 'CSV UTF-8'."
    raise InvalidContent((FieldError("", "encoding_unknown", detail),))


def read_roster(text: str) -> Sequence[RosterRow]:
    """The rows below the header; blank ones are passed over, columns of other names too. Raises InvalidContent
    ``column_missing`` or ``csv_unreadable``."""
    try:
        lines = list(_lines(text))
    except csv.Error:
        lines = None
    # Outside the except clause: the reader's error may hold what stood there.
    if lines is None:
        detail = "The file cannot be read as CSV. Check for quotation marks that are not closed."
        raise InvalidContent((FieldError("", "csv_unreadable", detail),))
    if not lines:
        raise _missing("name, carrier, phone")
    columns = _columns(lines[0][1])
    return [_row(line, cells, columns) for line, cells in lines[1:]]


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line where it begins."""
    text = text.lstrip("\ufeff")
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)  # the comma, where there is none at all
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield begin, [cell[:_LONGEST_CELL] for cell in cells]
        begin = reader.line_num + 1


def _columns(header: Sequence[str]) -> _Columns:
    titles = [unicodedata.normalize("NFKC", cell).strip().casefold() for cell in header]
    name = next((place for place, title in enumerate(titles) if title in _NAME), None)
    carrier = next((place for place, title in enumerate(titles) if title in _CARRIER), None)
    pin = next((place for place, title in enumerate(titles) if title in _PIN), None)
    phones = tuple(place for place, title in enumerate(titles) if _PHONE.fullmatch(title))
    missing = [
        title
        for title, there in (
            ("name 姓名", name is not None),
            ("carrier 物流商", carrier is not None),
            ("phone 電話", bool(phones) or pin is not None),
        )
        if not there
    ]
    if missing or name is None or carrier is None:
        raise _missing(", ".join(missing))
    return _Columns(name, carrier, phones, pin)


def _missing(titles: str) -> InvalidContent:
    detail = f"The first line names the columns; these are missing: {titles}."
    return InvalidContent((FieldError("", "column_missing", detail),))


def _row(line: int, cells: Sequence[str], columns: _Columns) -> RosterRow:
    def cell(place: int | None) -> str:
        return "" if place is None or place >= len(cells) else _as_typed(cells[place])

    written = (part for place in columns.phones for part in _BETWEEN_PHONES.split(cell(place)))
    phones = tuple(phone for phone in map(_as_typed, written) if phone)
    return RosterRow(line, cell(columns.name), cell(columns.carrier), phones, cell(columns.pin) or None)


def _as_typed(cell: str) -> str:
    cell = cell.strip()
    found = _AS_TEXT.fullmatch(cell)
    return cell if found is None else (found.group(1) or found.group(2) or "").strip()


__all__ = ["RosterRow", "decode_roster", "read_roster"]
