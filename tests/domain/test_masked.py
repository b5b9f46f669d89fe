"""Masked numbers: the one written form, every usual writing read back, and what a PBX says was dialled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.masked import Dialled, MaskedNumber, read_dialled, read_masked, read_virtual, write_virtual

X = "+886900000000"
SAMPLE = MaskedNumber(X, "5678")

WRITTEN = [
    ("+886900000000", "0900-000000"),
    ("+886223456789", "02-23456789"),
    ("+88624128077", "02-4128077"),
    ("+88634567890", "03-4567890"),
    ("+88637123456", "037-123456"),
    ("+886423456789", "04-23456789"),
    ("+886492345678", "049-2345678"),
    ("+88672123456", "07-2123456"),
    ("+88682312345", "082-312345"),
    ("+88682662345", "0826-62345"),
    ("+88683622345", "0836-22345"),
    ("+88689312345", "089-312345"),
    ("+8867012345678", "070-12345678"),
    ("+88687123456", "08-7123456"),
    ("+85291234567", "+85291234567"),
]


@pytest.mark.parametrize(("e164", "written"), WRITTEN)
def test_a_virtual_number_is_written_and_read_back(e164: str, written: str) -> None:
    assert write_virtual(e164) == written
    assert read_virtual(written) == e164
    assert read_virtual(e164) == e164
    masked = MaskedNumber(e164, "0123")
    assert masked.written == f"{written}#0123"
    for text in (masked.written, masked.tel_uri, masked.dial_uri):
        assert read_masked(text) == masked
        assert read_dialled(text) == Dialled(e164, "0123")
    assert read_dialled(e164.removeprefix("+")) == Dialled(e164, None)


def test_toll_free_is_written_as_taiwan_writes_it() -> None:
    assert write_virtual("+886800009868") == "0800-009868"


def test_links() -> None:
    assert SAMPLE.written == "0900-000000#5678"
    assert SAMPLE.tel_uri == "tel:+886900000000;ext=5678"
    assert SAMPLE.dial_uri == "tel:+886900000000,,5678"


@pytest.mark.parametrize(
    ("virtual_number", "extension"),
    [(X, "123"), (X, "1234567890"), (X, "12a4"), (X, "１２３４"), ("0900000000", "5678"), ("+12345", "5678"), (X, "")],
)
def test_a_masked_number_has_one_shape(virtual_number: str, extension: str) -> None:
    with pytest.raises(MaskedNumberUnreadable):
        MaskedNumber(virtual_number, extension)


@pytest.mark.parametrize(
    "text",
    [
        "0900-000000#5678",
        "0900-000000＃5678",
        "０９００－００００００＃５６７８",
        "0900-000000﹟5678",
        "0900-000000 # 5678",
        "0900000000,5678",
        "0900000000,5678#",
        "0900000000，5678",
        "0900000000,,5678",
        "0900000000;5678",
        "0900000000；5678",
        "0900000000;ext=5678",
        "0900000000 轉 5678",
        "0900000000转5678",
        "0900-000-000 分機5678",
        "0900-000-000 分機：5678",
        "0900-000-000 請轉分機 5678",
        "0900-000-000 內線 5678",
        "0900-000-000(分機 5678)",
        "0900-000-000 ext 5678",
        "0900-000-000 EXT. 5678",
        "0900-000-000 extension 5678",
        "0900-000-000x5678",
        "0900000000*5678",
        "0900000000＊5678",
        "0900000000p5678",
        "0900000000pp5678",
        "0900000000w5678",
        "0900-000000-5678",
        "0900-000000 5678",
        "09000000005678",
        "8869000000005678",
        "+8869000000005678",
        "+886900000000#5678",
        "+886 900 000 000 #5678",
        "+886 (0)900-000000#5678",
        "886900000000#5678",
        "00886900000000#5678",
        "tel:+886900000000;ext=5678",
        "TEL:+886900000000,,5678",
        "tel:0900-000-000;phone-context=+886;ext=5678",
        "tel:0900000000;ext=5678;phone-context=+886",
        "tel:900000000;phone-context=+886;ext=5678",
        "sip:0900000000%235678@127.0.0.1:5060",
        "0900000000%235678",
        "陳O美 0900-000000#5678",
        "0900-000000#5678 (收)",
        "\u202a0900-000000#5678\u202c",
        " 0900-000000#5678\r\n",
        "0900-000000#56 78",
    ],
)
def test_every_usual_writing_is_read(text: str) -> None:
    assert read_masked(text) == SAMPLE
    assert read_dialled(text) == Dialled(X, "5678")


@pytest.mark.parametrize("extension", ["0000", "12345", "123456", "1234567", "12345678", "123456789"])
@pytest.mark.parametrize("mark", ["#", "*", ",", ",,", ";ext=", "轉", " ext ", "-"])
def test_extensions_of_four_to_nine_digits(extension: str, mark: str) -> None:
    assert read_masked(f"0900-000000{mark}{extension}") == MaskedNumber(X, extension)
    assert read_masked(f"02-23456789{mark}{extension}") == MaskedNumber("+886223456789", extension)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5678",
        "#5678",
        "0900-000000",
        "0900-000000#",
        "0900-000000#567",
        "0900-000000#1234567890",
        "0900-000000#5678#1234",
        "0900-000000-5678#1234",
        "0900-000000#5678 0900-000001",
        "0900-000000#+5678",
        "0900-000000 王 5678",
        "0900-000000/5678",
        "0912***678#5678",
        "900000000#5678",
        "0800-009-868#5678",
        "0204-123456#5678",
        "12345678#5678",
        "00000000005678",
        "陳O美",
        "sip:anonymous@anonymous.invalid",
        "0900-000000#5678" + "美" * 80,
        "x" * 5000,
    ],
)
def test_what_is_no_masked_number(text: str) -> None:
    with pytest.raises(MaskedNumberUnreadable) as caught:
        read_masked(text)
    assert "5678" not in caught.value.detail.replace("0900-000000#5678", "")
    assert caught.value.code == "masked_number_unreadable"


@pytest.mark.parametrize(
    ("text", "virtual_number", "extension"),
    [
        ("0900000000", X, None),
        ("+886900000000", X, None),
        ("886900000000", X, None),
        ("0900-000000", X, None),
        ("0900000000#", X, None),
        ("sip:0900000000@127.0.0.1", X, None),
        ("sip:+886900000000@203.0.113.9:5060;user=phone", X, None),
        ("<sip:0900000000@pbx.example;transport=udp>", X, None),
        ('"0911111111" <sips:0900000000@pbx.example>;tag=12345', X, None),
        ("sip:0900000000*5678@127.0.0.1:5070", X, "5678"),
        ("sip:0900000000%235678@127.0.0.1", X, "5678"),
        ("sip:0900000000;ext=5678@127.0.0.1", X, "5678"),
        ("sip:0900000000;postd=pp5678@127.0.0.1", X, "5678"),
        ("sip:0900000000@127.0.0.1;ext=5678", X, "5678"),
        ("sip:0900000000@127.0.0.1;user=phone;postd=pp5678", X, "5678"),
        ("tel:+886900000000", X, None),
        ("tel:+886900000000;ext=5678", X, "5678"),
        ("09000000005678", X, "5678"),
        # What was keyed is told as it was: the call's rules judge it.
        ("0900000000*5", X, "5"),
        ("0900000000#12345678901234567890", X, "12345678901234567890"),
        ("85291234567", "+85291234567", None),
        ("+85291234567*5678", "+85291234567", "5678"),
        ("0223456789*5678", "+886223456789", "5678"),
    ],
)
def test_what_a_pbx_says_was_dialled(text: str, virtual_number: str, extension: str | None) -> None:
    assert read_dialled(text) == Dialled(virtual_number, extension)


def test_a_code_may_follow_the_extension_behind_a_star() -> None:
    for text in ("0900000000#5678*1234", "0900000000*5678*1234", "sip:0900000000*5678*1234@127.0.0.1"):
        assert read_dialled(text) == Dialled(X, "5678", "1234")
    for text in ("0900000000#5678#1234", "0900000000*5678*12*34"):
        with pytest.raises(MaskedNumberUnreadable):
            read_dialled(text)
    with pytest.raises(MaskedNumberUnreadable):
        read_masked("0900-000000#5678*1234")


@pytest.mark.parametrize(
    "text",
    ["", "anonymous", "s", "5678", "sip:5678@127.0.0.1", "0900000000#123456789012345678901", "sip:@", "%", "%23"],
)
def test_a_dialled_text_without_a_virtual_number(text: str) -> None:
    with pytest.raises(MaskedNumberUnreadable):
        read_dialled(text)


@pytest.mark.parametrize(
    "text", ["0900 000 000", "+886 900-000-000", "tel:0900-000-000", "００８８６９００００００００", "手機：0900000000"]
)
def test_an_x_number_is_imported_in_every_width_and_prefix(text: str) -> None:
    assert read_virtual(text) == X


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0900-000000#5678",
        "0900-000000-5678",
        "09000000005678",
        "0900000000,",
        "900000000",
        "85291234567",
        "0800009868",
        "110",
        "0900000000 0900000001",
        "0900000000 spare",
        "# comment",
        "+886",
        "9" * 400,
    ],
)
def test_what_is_not_imported(text: str) -> None:
    with pytest.raises(MaskedNumberUnreadable) as caught:
        read_virtual(text)
    assert "0001" not in caught.value.detail


MARKS = st.sampled_from(
    ["#", "＃", "﹟", "*", ",", ",,", "，", ";", ";ext=", "轉", "分機", "內線", " ext. ", "x", "p", "w"]
)


@given(st.integers(0, 899_999_99), st.integers(4, 9), st.integers(0), MARKS, st.sampled_from(["", " ", "\u3000"]))
def test_any_mobile_masked_number_in_any_writing(line: int, length: int, extension: int, mark: str, space: str) -> None:
    national = f"09{line:08}"
    keyed = f"{extension % 10**length:0{length}}"
    expected = MaskedNumber(f"+886{national[1:]}", keyed)
    assert read_masked(f"{national}{space}{mark}{space}{keyed}") == expected
    assert read_masked(expected.written) == expected


@given(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789+#*;=@%:分機轉sipteltelext ")), max_size=80)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_masked, read_dialled, read_virtual):
        try:
            result = read(text)
        except MaskedNumberUnreadable:
            continue
        assert result
