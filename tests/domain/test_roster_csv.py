"""What people's spreadsheets hold."""

from __future__ import annotations

import pytest

from maskservice.domain.errors import InvalidContent
from maskservice.domain.phone import read_phone
from maskservice.domain.roster_csv import RosterRow, decode_roster, read_roster

TEXT = "姓名,物流商,電話,密碼\r\n王大明,黑貓宅急便,0987-654-321,\r\n"
ROW = RosterRow(2, "王大明", "黑貓宅急便", ("0987-654-321",), None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950", "big5", "utf-16"])
def test_every_usual_encoding(encoding: str) -> None:
    assert read_roster(decode_roster(TEXT.encode(encoding))) == [ROW]


def test_what_is_none_of_them() -> None:
    with pytest.raises(InvalidContent) as refusal:
        decode_roster(b"\xff\xff\x80")
    assert refusal.value.errors[0].code == "encoding_unknown"


@pytest.mark.parametrize(
    "header",
    ["name,carrier,phone,pin", "Name , CARRIER,Phones,PIN", "姓名,物流商,電話,密碼", "\ufeff姓名,物流商,手機,ＰＩＮ"],
)
def test_columns_by_either_name(header: str) -> None:
    assert read_roster(f"{header}\n王大明,黑貓宅急便,0987-654-321,\n") == [ROW]


def test_columns_in_any_order_and_others_beside_them() -> None:
    text = "編號,電話2,密碼,備註,carrier,姓名,phone\n7,0955000111,5082,x,黑貓宅急便,王大明,0987-654-321\n"
    assert read_roster(text) == [RosterRow(2, "王大明", "黑貓宅急便", ("0955000111", "0987-654-321"), "5082")]


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters(delimiter: str) -> None:
    assert read_roster(TEXT.replace(",", delimiter)) == [ROW]


@pytest.mark.parametrize(
    ("cell", "phones"),
    [
        ("0987654321;0955000111", ("0987654321", "0955000111")),
        ('"0987654321；0955000111、0233334444"', ("0987654321", "0955000111", "0233334444")),
        ('"0987654321\n0955000111"', ("0987654321", "0955000111")),
        ("'0987654321; '0955000111", ("0987654321", "0955000111")),
        ('"=""0987654321"""', ("0987654321",)),
        ('"=0987654321"', ("0987654321",)),
        ("; ;", ()),
        ("'", ()),
    ],
)
def test_phones_in_a_cell(cell: str, phones: tuple[str, ...]) -> None:
    (row,) = read_roster(f"name,carrier,phone\na,b,{cell}\n")
    assert row.phones == phones


@pytest.mark.parametrize("cell", ["'0912345678", "912345678", "886912345678", '"=""0912345678"""', "0912-345-678"])
def test_what_excel_does_to_a_number_is_undone(cell: str) -> None:
    (row,) = read_roster(f"name,carrier,phone\na,b,{cell}\n")
    number = read_phone(row.phones[0]).number
    assert number is not None
    assert number.reveal() == "+886912345678"


def test_lines_are_those_of_the_file() -> None:
    text = 'name,carrier,phone\n\na,b,1\n  \n,,\n"c\nd",e,2\nf,g,3\n'
    assert [(row.line, row.name) for row in read_roster(text)] == [(3, "a"), (6, "c\nd"), (8, "f")]


def test_short_rows_lack_what_they_lack() -> None:
    assert read_roster("name,carrier,phone,pin\na\n") == [RosterRow(2, "a", "", (), None)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "column_missing"),
        ("\n\n", "column_missing"),
        ("name,phone\na,1\n", "column_missing"),
        ("name,carrier\na,b\n", "column_missing"),
        ("0987654321,王大明\n", "column_missing"),
        ('name,carrier,phone\n"a,b,1\n', "csv_unreadable"),
        ('name,carrier,phone\n"a"x,b,1\n', "csv_unreadable"),
    ],
)
def test_what_is_no_roster(text: str, code: str) -> None:
    with pytest.raises(InvalidContent) as refusal:
        read_roster(text)
    (error,) = refusal.value.errors
    assert error.code == code
    assert "0987654321" not in error.detail
    assert refusal.value.__context__ is None


def test_a_pin_alone_is_enough_of_a_column() -> None:
    assert read_roster("name,carrier,pin\na,b,5082\n") == [RosterRow(2, "a", "b", (), "5082")]


def test_a_row_tells_nothing_in_its_repr() -> None:
    assert repr(RosterRow(2, "王大明", "黑貓", ("0987654321",), "5082")) == "RosterRow(line=2)"
