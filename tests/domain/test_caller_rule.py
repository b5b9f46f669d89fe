"""For which phones a rule can be made."""

from __future__ import annotations

import pytest

from maskservice.domain.call import Direction
from maskservice.domain.caller_rule import DIRECTIONS, RuleDirection, ruled_phone
from maskservice.domain.errors import PhoneRefused
from maskservice.domain.phone import read_phone


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0955-000-111", "+886955000111"),
        ("02-2345-6789#12", "+886223456789"),
        ("+852 9123 4567", "+85291234567"),
        ("0800-000-123", "+886800000123"),
        ("0204-123456", "+886204123456"),
    ],
)
def test_whoever_calls_can_be_ruled(text: str, number: str) -> None:
    assert ruled_phone(read_phone(text), is_own=False).reveal() == number


@pytest.mark.parametrize(
    ("text", "code"),
    [("12", "invalid_number"), ("0912-***-678", "already_masked"), ("", "no_digits"), ("110", "short_code")],
)
def test_what_is_no_caller(text: str, code: str) -> None:
    with pytest.raises(PhoneRefused) as refusal:
        ruled_phone(read_phone(text), is_own=False)
    assert refusal.value.code == code


def test_our_own_numbers_call_nobody() -> None:
    with pytest.raises(PhoneRefused) as refusal:
        ruled_phone(read_phone("0900-000000"), is_own=True)
    assert refusal.value.code == "own_masked_number"


def test_both_is_every_direction() -> None:
    assert DIRECTIONS[RuleDirection.BOTH] == frozenset(Direction)
