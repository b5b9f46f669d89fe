"""The recipient line, to the character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.label import one_line, recipient_line

SAMPLE = "收貨人 陳O美 0900-000000#5678 台北市大安區敦化南路1段111號"
ADDRESS = "台北市大安區敦化南路1段111號"


def line(address: str | None) -> str:
    return recipient_line(masked_name="陳O美", masked_number="0900-000000#5678", address=address)


def test_the_ministrys_sample() -> None:
    assert line(ADDRESS) == SAMPLE


@pytest.mark.parametrize("address", [None, "", "  ", "\n\t", "\u3000", "\u202e", "\x00"])
def test_without_an_address_nothing_trails(address: str | None) -> None:
    assert line(address) == "收貨人 陳O美 0900-000000#5678"


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (f" {ADDRESS}\n", ADDRESS),
        ("台北市\r\n大安區", "台北市 大安區"),
        ("台北市\u2028大安區\u2029敦化", "台北市 大安區 敦化"),
        ("台北市\u202e大安區\u202c", "台北市大安區"),
        ("台北市\u200b\ufeff\u2066大安區", "台北市大安區"),
        ("台北市\x00\x1b\x85大安區", "台北市 大安區"),
        ("台北市\ud800大安區", "台北市大安區"),
        ("5F,  No. 1", "5F, No. 1"),
        ("👨\u200d👩\u200d👧路", "👨\u200d👩\u200d👧路"),
    ],
)
def test_an_address_is_one_line(typed: str, printed: str) -> None:
    assert line(typed) == f"收貨人 陳O美 0900-000000#5678 {printed}"


@given(st.text(alphabet=st.characters()))
def test_any_address_gives_one_printable_line(address: str) -> None:
    text = line(address)
    assert text.splitlines() == [text]
    assert text == text.strip()
    assert text.encode()
    assert "  " not in text


@given(st.text(alphabet=st.characters(), max_size=40))
def test_one_line_twice_changes_nothing_more(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


@given(st.text())
def test_plain_text_is_read_as_any_other(text: str) -> None:
    assert one_line(text) == one_line(f"\u200b{text}")
