"""A batch's bytes become rows, however they are cut into pieces; what is no batch is refused."""

from __future__ import annotations

import json
import random
import tracemalloc

import pytest

from maskservice.domain.errors import InvalidContent
from maskservice.web.problems import WebRefusal
from maskservice.web.row_splitting import MOST_ROWS, Elements, Lines, Rows

LONGEST = 200

TRICKY = [
    {"a": 'quote " bracket ] } comma , backslash \\'},
    {"nested": [[1, {"x": ["]"]}], "[", "\\\\"]},
    [],
    "a,b]",
    1.5e3,
    None,
    {"漢字": "收貨人\u2028"},
    "\\",
    '\\"',
    {},
]


def split(rows: Rows, body: bytes, size: int) -> list[bytes | None]:
    for start in range(0, len(body), size):
        rows.feed(body[start : start + size])
    return rows.finish()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_an_array_in_any_pieces(size: int, separators: tuple[str, str]) -> None:
    for indent in (None, 2):
        body = json.dumps(TRICKY, separators=separators, indent=indent).encode()
        rows = split(Elements(longest=LONGEST), b" \n" + body + b"\r\n", size)
        assert [json.loads(row or b"") for row in rows] == TRICKY
        body = json.dumps(TRICKY, ensure_ascii=False).encode()
        assert [json.loads(row or b"") for row in split(Elements(longest=LONGEST), body, size)] == TRICKY


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_lines_in_any_pieces(size: int) -> None:
    body = "\r\n\n".join(json.dumps(row, ensure_ascii=False) for row in TRICKY).encode()
    assert [json.loads(row or b"") for row in split(Lines(longest=LONGEST), b"\n" + body, size)] == TRICKY
    assert split(Lines(longest=LONGEST), b'{"a":1}\n{"b":\xff\n{', size) == [b'{"a":1}', b'{"b":\xff', b"{"]


@pytest.mark.parametrize("size", [1, 5, 64, 10_000])
def test_a_row_that_is_too_large_leaves_its_place(size: int) -> None:
    large = json.dumps({"a": 'x"]},\\' * 100}).encode()
    for longest, expected in ((LONGEST, None), (len(large), large)):
        assert split(Elements(longest=longest), b"[1," + large + b",2]", size) == [b"1", expected, b"2"]
        assert split(Elements(longest=longest), b"[" + large + b"]", size) == [expected]
        assert split(Lines(longest=longest), b"1\n" + large + b"\n2", size) == [b"1", expected, b"2"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"  ", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1]]", b"[1] 2", b"[1][2]", b"[1}", b'["a', b'["\\"]',
        b"[{]}]", b"[1 2]", b'[{"a":}]', b'["\xff"]', b"[1],", b"nonsense", b"[[]", b"]", b"[1]x", b'[1]"', b"[\x00]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 10_000])
def test_what_is_no_array_is_malformed_as_a_whole(body: bytes, size: int) -> None:
    with pytest.raises(WebRefusal, match="malformed_json"):
        split(Elements(longest=LONGEST), body, size)


def test_the_splitter_agrees_with_the_parser_on_damaged_arrays() -> None:
    """Random damage: what splits is what the parser takes, and into the same rows."""
    import orjson

    source = random.Random(20231109)
    body = json.dumps(TRICKY).encode()
    taken = 0
    for _ in range(5000):
        damaged = bytearray(body)
        for _ in range(source.randrange(1, 3)):
            at = source.randrange(len(damaged))
            damaged[at : at + source.randrange(2)] = bytes([source.choice(b'"[]{},\\: a1')])
        try:
            expected = orjson.loads(bytes(damaged))
        except orjson.JSONDecodeError:
            expected = None
        try:
            rows = split(Elements(longest=10_000), bytes(damaged), source.choice([1, 5, 1000]))
        except (WebRefusal, InvalidContent):
            assert not isinstance(expected, list), damaged
        else:
            assert [orjson.loads(row or b"") for row in rows] == expected, damaged
            taken += 1
    assert 100 < taken < 4900


@pytest.mark.parametrize("body", [b'{"order_id":"1"}\n{"order_id":"2"}', b"{}", b'"text"'])
def test_another_form_in_an_array_s_place_is_told_so(body: bytes) -> None:
    with pytest.raises(InvalidContent) as refusal:
        split(Elements(longest=LONGEST), body, 1)
    assert "x-ndjson" in refusal.value.errors[0].detail


@pytest.mark.parametrize("body", [b'[{"order_id":"1"}]', b"\n [\n{},\n{}]"])
def test_an_array_in_place_of_lines_is_told_so(body: bytes) -> None:
    with pytest.raises(InvalidContent) as refusal:
        split(Lines(longest=LONGEST), body, 4)
    assert "array" in refusal.value.errors[0].detail


def test_one_row_too_many() -> None:
    assert len(split(Lines(longest=LONGEST), b"{}\n" * MOST_ROWS, 999)) == MOST_ROWS
    assert len(split(Elements(longest=LONGEST), b"[" + b"{}," * (MOST_ROWS - 1) + b"{}]", 999)) == MOST_ROWS
    for rows, body in (
        (Lines(longest=LONGEST), b"{}\n" * (MOST_ROWS + 1)),
        (Elements(longest=LONGEST), b"[" + b"{}," * MOST_ROWS + b"{}]"),
    ):
        with pytest.raises(WebRefusal, match="too_many_rows"):
            split(rows, body, 999)


@pytest.mark.parametrize("form", ["array", "lines"])
def test_a_row_of_ten_megabytes_takes_no_memory(form: str) -> None:
    rows: Rows = Elements(longest=65_536) if form == "array" else Lines(longest=65_536)
    tracemalloc.start()
    rows.feed(b'[{"a":"' if form == "array" else b'{"a":"')
    for _ in range(160):
        rows.feed(b"x" * 65_536)
    rows.feed(b'"}]' if form == "array" else b'"}')
    assert rows.finish() == [None]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
