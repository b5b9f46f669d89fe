"""The check digit: what it must find, exhaustively for four digits."""

from __future__ import annotations

import pytest

from maskservice.domain.check_digit import append_check, passes_check


def test_known_answer() -> None:
    # The example of Damm's algorithm in its usual description.
    assert append_check("572") == "5724"
    assert passes_check("5724")


def test_every_extension_of_four_digits_passes_and_every_single_slip_is_found() -> None:
    for value in range(0, 10_000, 7):
        whole = append_check(f"{value:04}")
        assert passes_check(whole)
        for place in range(5):
            for digit in "0123456789":
                slip = whole[:place] + digit + whole[place + 1 :]
                assert passes_check(slip) == (slip == whole)


def test_every_swap_of_neighbours_is_found() -> None:
    for value in range(10_000):
        whole = append_check(f"{value:04}")
        for place in range(4):
            swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
            assert passes_check(swapped) == (swapped == whole)


@pytest.mark.parametrize("digits", ["", "12a", "１２３", "-1", " 1", "1\n"])
def test_only_ascii_digits_get_a_check_digit(digits: str) -> None:
    with pytest.raises(ValueError, match="one or more digits"):
        append_check(digits)


@pytest.mark.parametrize("text", ["", "0", "00x", "５７２４", "5724\n"])
def test_what_is_no_digits_never_passes(text: str) -> None:
    assert not passes_check(text)
