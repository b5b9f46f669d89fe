"""Masking names: the table of shared/data/names.csv, cases around it, and what must hold for any text."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

from maskservice.domain.names import _ADDRESS_FORMS, _COMPANY, _SHORT_FORMS, mask_name

TABLE = Path(__file__).with_name("names.csv")
SHARED = Path(__file__).parents[3] / "shared" / "data" / "names.csv"


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder is not beside this clone")
def test_the_copy_is_the_shared_table() -> None:
    assert TABLE.read_bytes() == SHARED.read_bytes()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["name"])
def test_the_table(row: dict[str, str]) -> None:
    assert mask_name(row["name"]) == row["masked"]


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        # Forms of address: what could be a given name is not taken for one.
        ("陳收", "陳O"),
        ("陳君", "陳O"),
        ("王明收", "王O收"),
        ("陳小美 小姐 收", "陳O美小姐收"),
        ("陳小美（收）", "陳O美（收）"),
        ("王大明(管理室)", "王O明(管理室)"),
        ("王大明 (收)", "王O明(收)"),
        ("歐陽小姐", "歐O小姐"),
        ("小姐", "小姐"),
        ("😀小姐", "O小姐"),
        ("正·福先生", "O·O先生"),
        # A company stays; a person beside it does not.
        ("大同股份有限公司 王小明", "大同股份有限公司 王O明"),
        ("陳小美 日光工作室", "陳O美 日光工作室"),
        ("陳小美 日光工作室收", "陳O美 日光工作室收"),
        ("陳小美 日光工作室。", "陳O美 日光工作室。"),
        ("陳小美 日光工 作室", "陳O美 日O工 作O"),
        ("陳小美-日光工作室", "陳O美-日光工作室"),
        ("陳小美/日光工作室(收)", "陳O美/日光工作室(收)"),
        ("日光工作室（陳小美）", "日光工作室（陳O美）"),
        ("陳小美\n日光工作室", "陳O美 日光工作室"),
        ("85度C商店", "85度C商店"),
        ("0912345678公司", "OOOOOOOOOO公司"),
        # Several people, several scripts.
        ("陳小美、王大明", "陳O美、王O明"),
        ("陳小美(陳小明)", "陳O美(陳O明)"),
        ("A小美", "AO美"),
        ("John王小明", "JOOOOO明"),
        ("王小明 John", "王O明 J***"),
        ("王(John)", "O(J***)"),
        ("김민수", "김O수"),
        ("\u1100\u1175\u11b7민수", "김O수"),
        ("ジョン・スミス", "ジOO・スOO"),
        ("ﾊﾞﾊﾞ", "ﾊﾞO"),
        ("ㄔㄣ", "ㄔO"),
        ("〇小美", "〇O美"),
        ("Иван Петров", "И*** П*****"),
        ("Smith, John", "S****, J***"),
        ("Smith,John", "S****,J***"),
        ("J. Smith", "J* S****"),
        ("Jean-Pierre", "J**********"),
        ("3john", "*****"),
        ("Ａnn", "Ａ**"),
        # One cluster, few clusters, nothing to keep.
        ("", "O"),
        ("\u202e", "O"),
        ("J", "*"),
        ("J K", "* *"),
        ("...", "OOO"),
        ("-", "O"),
        ("王·明", "O·O"),
        ("😀", "O"),
        ("👨\u200d👩\u200d👧", "O"),
        ("👨\u200d👩\u200d👧小明", "OO明"),
        ("陳\u0301小美", "陳\u0301O美"),
        ("陳" + "\u0301" * 50 + "小美", "OO美"),
        ("e\u0301a", "é*"),
        ("\ud800", "O"),
        # A phone in the name field never stays.
        ("0912345678", "OOOOOOOOOO"),
        ("0912-345-678小姐", "OOOO-OOO-OOO小姐"),
        ("陳小美5", "陳OOO"),
        # Already masked: left alone.
        ("陳O美", "陳O美"),
        # Signs that do not show.
        ("陳\u200b小\u202e美", "陳O美"),
        ("陳小\x00\n美", "陳O美"),
    ],
)
def test_around_the_table(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_the_masks_are_settings() -> None:
    assert mask_name("陳小美", mask="○") == "陳○美"
    assert mask_name("John 王小明", mask="○", latin_mask="x") == "Jxxx 王○明"


@pytest.mark.parametrize("length", range(2, 30))
def test_the_length_stays(length: int) -> None:
    name = "陳" * length
    masked = mask_name(name)
    assert len(masked) == length
    assert masked.count("陳") == (1 if length == 2 else 2)


HAN = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=15)
LATIN = st.text(alphabet="abcdefghijklmnopqrstuvwxyzéüñ", min_size=2, max_size=12)
# Companies and forms of address have rules of their own.
KEPT_WHOLE = (*_COMPANY, *_ADDRESS_FORMS, *_SHORT_FORMS)


@given(HAN)
def test_a_chinese_name_keeps_its_ends_and_hides_the_rest(name: str) -> None:
    assume(not any(word in name for word in KEPT_WHOLE))
    masked = mask_name(name)
    hidden = 1 if len(name) <= 3 else len(name) - 2
    assert masked.count("O") == hidden
    assert len(masked) == len(name)


@given(st.lists(LATIN, min_size=1, max_size=4))
def test_an_alphabetic_name_keeps_first_letters_only(words: list[str]) -> None:
    masked = mask_name(" ".join(words))
    assert masked == " ".join(word[0] + "*" * (len(word) - 1) for word in words)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text(name: str) -> None:
    masked = mask_name(name)
    assert masked
    assert masked.splitlines() == [masked]
    assert masked.encode()
    assert masked == mask_name(name)
    assert len(regex.findall(r"\X", masked)) <= max(1, 3 * len(name))
    # A bare run of letters of two clusters or more never comes out whole.
    if regex.fullmatch(r"\p{L}{2,}", name) and not any(word in name for word in KEPT_WHOLE):
        assert "O" in masked or "*" in masked
        assert masked.count("O") + masked.count("*") >= (len(regex.findall(r"\X", masked)) - 1) // 2


def test_a_long_name_is_quick_and_whole() -> None:
    masked = mask_name("陳" * 5000)
    assert masked == "陳" + "O" * 4998 + "陳"


@given(st.text(alphabet="陳小美歐陽先生姐公司收啟君店行號本人轉交代親大學銀", min_size=1, max_size=6))
def test_a_plain_name_is_masked_as_any_other(name: str) -> None:
    assert mask_name(name) == mask_name(f"{name}\u200b")
