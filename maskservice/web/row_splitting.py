"""From the bytes of a batch, piece by piece, to the bytes of its rows: lines of NDJSON, elements of a JSON array.

Answers for: bounded memory whatever is sent, and what is no batch at all. Must not know: HTTP, what a row holds.
A row that is larger than a row may be is dropped while it comes in and leaves None in its place.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

import orjson

from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.web.problems import WebRefusal

MOST_ROWS: Final = 10_000

_BLANK: Final = b" \t\r\n"
# A whole string, or one sign that matters. A lone quote: the string goes on in the next piece.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)
_INSIDE: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_NOT_AN_ARRAY: Final = "Send a JSON array of rows. Rows of a line each go as 'Content-Type: application/x-ndjson'."
_NOT_LINES: Final = "Send a row a line. A JSON array goes as 'Content-Type: application/json'."


class Rows(Protocol):
    def feed(self, piece: bytes) -> None:
        """Raises WebRefusal (malformed_json, too_many_rows), InvalidContent for another form than this."""
        ...

    def finish(self) -> list[bytes | None]:
        """Every row, None for one that was too large. Raises as :meth:`feed`; malformed_json where there is nothing."""
        ...


class _Row:
    """A row that comes in by parts."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0

    def grow(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._longest:
            self._parts.clear()
        else:
            self._parts.append(part)

    def take(self) -> bytes | None:
        """The row without blanks around it; ready for the next one."""
        whole = None if self._size > self._longest else b"".join(self._parts).strip(_BLANK)
        self._parts, self._size = [], 0
        return whole


class Lines:
    """NDJSON: a row a line. Blank lines are no rows. A line that is no JSON is one bad row among others."""

    def __init__(self, *, longest: int) -> None:
        self._rows: list[bytes | None] = []
        self._row = _Row(longest)

    def feed(self, piece: bytes) -> None:
        *lines, rest = piece.split(b"\n")
        for line in lines:
            self._row.grow(line)
            self._end()
        self._row.grow(rest)

    def finish(self) -> list[bytes | None]:
        self._end()
        if not self._rows:
            raise WebRefusal("malformed_json")
        return self._rows

    def _end(self) -> None:
        row = self._row.take()
        if row == b"":
            return
        if row is not None and not self._rows and row.startswith(b"["):
            raise InvalidContent((FieldError("", "wrong_type", _NOT_LINES),))
        _add(row, self._rows)


class Elements:
    """A JSON array. It is malformed as a whole or not at all, so every element is read once before any is acted on."""

    def __init__(self, *, longest: int) -> None:
        self._rows: list[bytes | None] = []
        self._row = _Row(longest)
        self._first = _Row(longest)
        self._depth = 0
        self._begun = self._ended = self._other = False
        self._in_string = self._escaped = False

    def feed(self, piece: bytes) -> None:
        at = 0
        if not self._begun and not self._other:
            at = len(piece) - len(piece.lstrip(_BLANK))
            if at == len(piece):
                return
            self._begun = piece.startswith(b"[", at)
            self._other = not self._begun
        if self._other:
            self._first.grow(piece)
            return
        self._scan(piece, at)

    def _scan(self, piece: bytes, at: int) -> None:
        start = at
        while True:
            if self._in_string:
                at = self._leave_string(piece, at)
            token = None if self._in_string else _TOKEN.search(piece, at)
            if token is None:
                break
            at, sign = token.end(), token.group()
            if sign in b"{[":
                self._depth += 1
                if self._depth == 1:
                    if self._ended:
                        raise WebRefusal("malformed_json")
                    start = at
            elif sign in b"}]":
                self._depth -= 1
                if self._depth == 0:
                    self._close(sign, piece[start : at - 1])
                    start = at
            elif sign == b"," and self._depth == 1:
                self._row.grow(piece[start : at - 1])
                self._end_element()
                start = at
            elif sign == b'"':
                self._in_string = True
        self._row.grow(piece[start:])
        if self._depth <= 0 and self._row.take() != b"":
            raise WebRefusal("malformed_json")  # something stands behind the array

    def _leave_string(self, piece: bytes, at: int) -> int:
        if self._escaped and at < len(piece):
            self._escaped, at = False, at + 1
        inside = _INSIDE.match(piece, at)
        at = at if inside is None else inside.end()
        if at < len(piece):
            self._in_string = piece[at] != ord('"')
            # What is neither the end nor part of the string is a backslash whose other half is still to come.
            self._escaped = self._in_string
            at += 1
        return at

    def _close(self, sign: bytes, last: bytes) -> None:
        self._row.grow(last)
        if sign != b"]" or self._ended:
            raise WebRefusal("malformed_json")
        self._ended = True
        row = self._row.take()
        if row != b"" or self._rows:
            self._check_and_add(row)

    def _end_element(self) -> None:
        self._check_and_add(self._row.take())

    def _check_and_add(self, row: bytes | None) -> None:
        if row is not None and not _is_json(row):
            raise WebRefusal("malformed_json")
        _add(row, self._rows)

    def finish(self) -> list[bytes | None]:
        if self._other:
            first = self._first.take() or b""
            # Told apart so that who sends the wrong form is told so: valid JSON, or a first line that is.
            if _is_json(first) or _is_json(first.split(b"\n")[0]):
                raise InvalidContent((FieldError("", "wrong_type", _NOT_AN_ARRAY),))
        if not self._ended or self._other:
            raise WebRefusal("malformed_json")
        return self._rows


def _add(row: bytes | None, rows: list[bytes | None]) -> None:
    if len(rows) == MOST_ROWS:
        raise WebRefusal("too_many_rows")
    rows.append(row)


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
