"""Calls as lines: CSV for people with spreadsheets, NDJSON for programs.

Answers for: columns, and that no cell is taken for a formula. Must not know: routes, where calls come from, where lines
go.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import orjson

from maskservice.domain.masked import write_virtual
from maskservice.services.records import CallRecord
from maskservice.web.call_answers import CallAnswer, call_answer

CSV: Final = "text/csv; charset=utf-8; header=present"
NDJSON: Final = "application/x-ndjson"
COLUMNS: Final = (
    "id", "group", "virtual_number", "binding_id", "direction", "party", "outcome", "cause", "ended_by",
    "caller_last3", "tries_used", "started_at", "asked_at", "keyed_at", "connected_at", "ringing_at", "answered_at",
    "ended_at", "duration_s", "pbx_id", "pbx_call_id", "trace",
)  # fmt: skip
"""The first line of a CSV. New columns come at the end."""

_BOM: Final = "\ufeff"
# What Excel, LibreOffice or Sheets may read a formula from: OWASP, "CSV Injection"; the full-width ones by NFKC.
_FORMULA: Final = frozenset("=+-@|%＝＋－＠")


def csv_lines(pages: Iterable[Sequence[CallRecord]], *, bom: bool = False) -> Iterator[bytes]:
    """RFC 4180 with a header, a piece a page. Every cell is quoted, so that a program that splits at semicolons splits
    none either. ``virtual_number`` is written as on a label, since a cell may not begin with ``+``."""
    text = io.StringIO(newline="")
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    if bom:
        text.write(_BOM)
    table.writerow(COLUMNS)
    for page in pages:
        table.writerows(_cells(call_answer(record)) for record in page)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def ndjson_lines(pages: Iterable[Sequence[CallRecord]]) -> Iterator[bytes]:
    """What the API answers of each call, a line each; a piece a page."""
    for page in pages:
        yield b"".join(orjson.dumps(call_answer(record), option=orjson.OPT_APPEND_NEWLINE) for record in page)


def _cells(call: CallAnswer) -> Iterator[str]:
    flat = {
        **call,
        "virtual_number": write_virtual(call["virtual_number"]),
        "caller_last3": None if call["caller"] is None else call["caller"]["last3"],
        "trace": " ".join(f"{step['step']}:{step['found']}" for step in call["trace"]),
    }
    return (_plain(flat[name]) for name in COLUMNS)


def _plain(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip()[:1] in _FORMULA or (text and text[0] in "\t\r\n") else text
