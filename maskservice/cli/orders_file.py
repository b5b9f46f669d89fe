"""Orders as Taiwanese platforms export them: a CSV in UTF-8 or Big5 that Excel has had its hands on.

Answers for: encoding, separators, the names of columns, what Excel does to numbers. Must not know: what becomes of an
order; no cell is ever repeated in a message.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "order_id": (
        "order_id", "訂單編號", "訂單號碼", "訂單號", "訂單序號", "訂單代號", "訂單id", "order", "order no",
        "order number",
    ),
    "name": (
        "name", "收件人", "收件人姓名", "收件人名稱", "收貨人", "收貨人姓名", "收件者", "收件者姓名", "收件姓名",
        "姓名",
        "recipient", "recipient name", "receiver", "receiver name", "ship to name", "shipping name",
    ),
    "phone": (
        "phone", "收件人電話", "收件人手機", "收件人手機號碼", "收件人聯絡電話", "收貨人電話", "收貨人手機",
        "收件者電話", "收件者手機", "收件電話", "收件手機", "手機", "手機號碼", "行動電話", "聯絡電話", "連絡電話",
        "電話", "電話號碼",
        "recipient phone", "receiver phone", "mobile", "mobile phone", "tel", "telephone", "shipping phone",
    ),
    "address": (
        "address", "地址", "收件地址", "收件人地址", "收貨地址", "收貨人地址", "收件者地址", "配送地址", "送貨地址",
        "寄送地址",
        "recipient address", "receiver address", "shipping address", "ship to address",
    ),
    "waybill": (
        "waybill", "託運單號", "托運單號", "配送單號", "運單號", "運單號碼", "貨運單號", "物流單號", "物流編號",
        "包裹號碼",
        "宅配單號", "waybill no", "tracking number", "tracking no", "tracking",
    ),
    "pool": ("pool", "號碼池"),
}  # fmt: skip
"""The columns that are read, each by the names it may have; spaces, underlines and case make no difference."""

REQUIRED: Final = ("order_id", "name", "phone")

_ENCODINGS: Final = ("utf-8-sig", "cp950")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
# Excel keeps a number a text by writing ="0912345678", and people by writing '0912345678.
_FORMULA: Final = re.compile(r'="(.*)"', re.DOTALL)
_SPARE: Final = re.compile(r"[\s_\-　:：*＊()（）]+")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order of the file. ``line``: where it begins, from 1. ``row``: as POST /v1/bindings takes it."""

    line: int
    order_id: str
    row: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrdersFile:
    """``ignored``: how many columns are not read."""

    encoding: str
    ignored: int
    orders: Sequence[OrderLine] = field(repr=False)


def read_orders(path: Path, *, encoding: str | None = None) -> OrdersFile:
    """Reads the whole file. ``encoding``: found out where it is None.

    Raises click.ClickException naming the lines and columns that have to be mended, OSError.
    """
    text, found = _decoded(path.read_bytes(), encoding)
    rows = _rows(text)
    _, header = next(rows, (0, []))
    columns = _columns(header)
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        wanted = "; ".join(f"{name} ({', '.join(COLUMNS[name][1:4])} …)" for name in missing)
        raise click.ClickException(
            f"The first line must name the columns, and these are missing: {wanted}. See docs/batch.rst for a sample."
        )
    orders = [_order(line, cells, columns) for line, cells in rows if any(cell.strip() for cell in cells)]
    return OrdersFile(found, sum(1 for cell in header if cell.strip()) - len(columns), orders)


def _decoded(raw: bytes, encoding: str | None) -> tuple[str, str]:
    tried = (encoding,) if encoding else ("utf-16",) if raw.startswith(_UTF16) else _ENCODINGS
    for name in tried:
        try:
            return raw.decode(name), name
        except UnicodeDecodeError as undecodable:
            where = raw.count(b"\n", 0, undecodable.start) + 1
    raise click.ClickException(
        f"The file cannot be read as {' or '.join(tried)}: line {where} holds a sign that does not belong there. "
        "Save it as 'CSV UTF-8', or name its encoding with --encoding."
    )


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it begins on; a cell may hold line breaks."""
    head = text.partition("\n")[0]
    separator = max((",", "\t", ";"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        raise click.ClickException(f"Line {line} cannot be read as CSV: check its quotation marks.") from None


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Where each known column stands. The first that has one of its names, in the order of the names."""
    plain = [_plain(cell) for cell in header]
    found = {}
    for column, names in COLUMNS.items():
        place = next((plain.index(name) for name in map(_plain, names) if name in plain), None)
        if place is not None:
            found[column] = place
    return found


def _plain(name: str) -> str:
    return _SPARE.sub("", name).lower()


def _order(line: int, cells: Sequence[str], columns: Mapping[str, int]) -> OrderLine:
    found = {name: _cell(cells[place]) if place < len(cells) else "" for name, place in columns.items()}
    recipient: dict[str, object] = {"name": found["name"], "phone": found["phone"]}
    if found.get("address"):
        recipient["address"] = found["address"]
    row: dict[str, object] = {"order_id": found["order_id"], "recipient": recipient}
    row |= {name: found[name] for name in ("waybill", "pool") if found.get(name)}
    return OrderLine(line, found["order_id"], row)


def _cell(text: str) -> str:
    text = text.strip()
    formula = _FORMULA.fullmatch(text)
    return (formula.group(1) if formula else text.removeprefix("'")).strip()
