"""Orders as platforms export them: encodings, separators, column names, and what Excel does to numbers."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from maskservice.cli.orders_file import COLUMNS, read_orders
from maskservice.domain.phone import read_phone

SAMPLE = Path(__file__).parents[2] / "docs/samples/orders.csv"
TEXT = "訂單編號,收件人,收件人電話,收件地址\r\nTW-1,陳小美,0912-345-678,台北市大安區1號\r\n"
ROW = {
    "order_id": "TW-1",
    "recipient": {"name": "陳小美", "phone": "0912-345-678", "address": "台北市大安區1號"},
}


def written(folder: Path, raw: bytes) -> Path:
    path = folder / "orders.csv"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "big5", "cp950", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str, end: str) -> None:
    text = TEXT.replace(",", separator).replace("\r\n", end)
    found = read_orders(written(tmp_path, text.encode(encoding)))
    assert [order.row for order in found.orders] == [ROW]
    assert found.ignored == 0


def test_signs_of_windows_that_big5_proper_lacks(tmp_path: Path) -> None:
    found = read_orders(written(tmp_path, TEXT.replace("陳小美", "王恒碁").encode("cp950")))
    assert found.orders[0].row["recipient"]["name"] == "王恒碁"  # type: ignore[index]
    named = read_orders(written(tmp_path, TEXT.encode("big5")), encoding="big5hkscs")
    assert named.orders[0].row == ROW


@pytest.mark.parametrize(
    ("cell", "e164"),
    [
        ("'0912345678", "+886912345678"),
        ("912345678", "+886912345678"),
        ('"=""0912345678"""', "+886912345678"),
        ("０９１２－３４５－６７８", "+886912345678"),
        (" 0912 345 678 ", "+886912345678"),
        ("886912345678", "+886912345678"),
        ("'+886-912-345-678", "+886912345678"),
        ("223456789", None),
        ("9.12E+08", None),
    ],
)
def test_what_excel_does_to_numbers(tmp_path: Path, cell: str, e164: str | None) -> None:
    text = f"order_id,name,phone\n'00017,王,{cell}\n"
    (order,) = read_orders(written(tmp_path, text.encode())).orders
    assert order.order_id == "00017"
    reading = read_phone(order.row["recipient"]["phone"])  # type: ignore[index]
    if e164 is None:
        assert reading.number is None or "leading_zero_restored" in reading.warnings
    else:
        assert reading.number is not None
        assert reading.number.reveal() == e164


@pytest.mark.parametrize(
    "header",
    [
        "Order ID,Recipient Name,Recipient Phone,Shipping Address,Tracking Number,備註",
        "訂單號碼,收件人姓名,手機號碼,配送地址,託運單號,金額",
        "ORDER_ID , name,PHONE,address,waybill,x",
        "訂單編號*,收貨人,行動電話,收貨地址,物流單號,賣家",
    ],
)
def test_column_names(tmp_path: Path, header: str) -> None:
    found = read_orders(written(tmp_path, f"{header}\nTW-1,陳小美,0912-345-678,台北市大安區1號,H1,不讀\n".encode()))
    assert [order.row for order in found.orders] == [{**ROW, "waybill": "H1"}]
    assert found.ignored == 1


def test_no_name_means_two_columns() -> None:
    from maskservice.cli.orders_file import _plain

    names = [_plain(name) for each in COLUMNS.values() for name in each]
    assert len(names) == len(set(names))


def test_the_receiver_s_column_goes_before_a_bare_one(tmp_path: Path) -> None:
    text = "訂單編號,電話,收件人,收件人電話\nTW-1,0911111111,陳小美,0912345678\n"
    (order,) = read_orders(written(tmp_path, text.encode())).orders
    assert order.row["recipient"]["phone"] == "0912345678"  # type: ignore[index]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'order_id,name,phone,address\n1,王,0912345678,"一樓\n二樓"\n\n,,,\n2,李,0912345678\n3,"張'
    found = read_orders(written(tmp_path, text.encode()))
    assert [order.line for order in found.orders] == [2, 6, 7]
    assert "address" not in found.orders[1].row["recipient"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "missing"),
        ("訂單編號,備註\n1,0912345678\n".encode(), "name (收件人"),
        (b"order_id,name,phone\n1,\xff\xff,0912345678\n", "line 2"),
        (b"order_id,name,phone\n1," + b"x" * 200_000 + b",0912345678\n", "Line 2"),
    ],
)
def test_what_cannot_be_read_is_said_without_repeating_it(tmp_path: Path, raw: bytes, said: str) -> None:
    with pytest.raises(click.ClickException) as refusal:
        read_orders(written(tmp_path, raw))
    assert said in refusal.value.message
    assert "0912345678" not in refusal.value.message


def test_the_sample_of_the_docs() -> None:
    found = read_orders(SAMPLE)
    assert len(found.orders) == 6
    assert found.ignored == 0
