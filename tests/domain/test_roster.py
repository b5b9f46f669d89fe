"""Names, carriers and PINs of couriers, as tables of values."""

from __future__ import annotations

import pytest

from maskservice.domain.roster import (
    carrier_fault,
    is_trivial,
    made_pin,
    name_fault,
    phones_fault,
    pin_fault,
    plain_text,
    read_pin,
)


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("5082", None),
        ("50821673", None),
        ("1357", None),
        ("1212", None),
        ("123", "pin_invalid"),
        ("508216734", "pin_invalid"),
        ("", "pin_invalid"),
        ("50a2", "pin_invalid"),
        ("50 82", "pin_invalid"),
        ("٥٠٨٢", "pin_invalid"),
        ("5082\n", "pin_invalid"),
        ("0000", "pin_trivial"),
        ("77777777", "pin_trivial"),
        ("1234", "pin_trivial"),
        ("123456", "pin_trivial"),
        ("0123", "pin_trivial"),
        ("7890", "pin_trivial"),
        ("9876", "pin_trivial"),
        ("3210", "pin_trivial"),
        ("2109", "pin_trivial"),
    ],
)
def test_pins(pin: str, code: str | None) -> None:
    fault = pin_fault(pin)
    assert (None if fault is None else fault.code) == code
    assert fault is None or (fault.pointer == "/pin" and (not pin.strip() or pin.strip() not in fault.detail.split()))


@pytest.mark.parametrize("text", ["5082", " 5082 ", "５０８２", "'5082"])
def test_a_pin_is_read_in_any_width(text: str) -> None:
    assert read_pin(text) == "5082"


def test_made_pins_have_six_digits() -> None:
    assert [made_pin(drawn) for drawn in (0, 7, 999_999)] == ["000000", "000007", "999999"]
    with pytest.raises(ValueError, match="below"):
        made_pin(1_000_000)
    # So few of them are trivial that a draw is as good as uniform.
    assert sum(is_trivial(made_pin(drawn)) for drawn in range(1_000_000)) == 30


@pytest.mark.parametrize(
    ("carrier", "code"),
    [
        ("黑貓宅急便", None),
        ("7-11", None),
        ("OK超商", None),
        ("168 專車", None),
        ("x" * 40, None),
        ("x" * 41, "too_long"),
        ("", "blank"),
        (" \u200b", "blank"),
        ("黑\n貓", "control_character"),
        ("黑\ud800", "control_character"),
        ("0912345678", "number_in_carrier"),
        ("912345678", "number_in_carrier"),
        ("黑貓 0912-345-678", "number_in_carrier"),
        ("０９１２３４５６７８", "number_in_carrier"),
        ("零九一二三四五六七八", "number_in_carrier"),
    ],
)
def test_carriers(carrier: str, code: str | None) -> None:
    fault = carrier_fault(carrier)
    assert (None if fault is None else fault.code) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("王大明", None),
        ("替班", None),
        ("x" * 101, "too_long"),
        ("　", "blank"),
        ("王\x00", "control_character"),
        ("王\u2028", "control_character"),
    ],
)
def test_names(name: str, code: str | None) -> None:
    fault = name_fault(name)
    assert (None if fault is None else fault.code) == code


def test_ten_phones_at_the_most() -> None:
    assert phones_fault(10) is None
    fault = phones_fault(11)
    assert fault is not None
    assert (fault.pointer, fault.code) == ("/phones", "too_long")


def test_one_writing_of_a_text() -> None:
    assert plain_text("  Mu\u0308ller \t GmbH ") == "Müller GmbH"
