from __future__ import annotations

from datetime import UTC, datetime

import pytest

from maskservice.domain.phone import PhoneNumber
from maskservice.telephony.fields import caller_of, dialled_of, moment_of, seconds_of, virtual_number_of, whole_of
from maskservice.telephony.spoken import spoken

AT = datetime(2026, 11, 24, 6, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["+886987654321", "886987654321", "0987654321", "sip:+886987654321@carrier.example", " +886987654321 "]
)
def test_a_caller_is_read_in_any_writing(text: str) -> None:
    assert caller_of(text) == PhoneNumber.from_e164("+886987654321")


@pytest.mark.parametrize("word", ["266696687", "7378742833", "2562533", "8656696", "86282452253"])
def test_words_keyed_as_digits_are_no_numbers(word: str) -> None:
    """ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE on a telephone's keys."""
    assert caller_of(word) is caller_of(f"+{word}") is None
    assert caller_of(f"+{word}1") is not None


@pytest.mark.parametrize("value", [None, 886987654321, ["+886987654321"], "x" * 100_000, ""])
def test_what_is_no_text_names_nobody(value: object) -> None:
    assert caller_of(value) is None
    assert dialled_of(value) is None
    assert virtual_number_of(value) is None


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-24T06:00:07Z", AT),
        ("2026-11-24T14:00:07+08:00", AT),
        ("Tue, 24 Nov 2026 06:00:07 +0000", AT),
        ("Tue, 24 Nov 2026 14:00:07 +0800", AT),
        ("2026-11-24T06:00:07", None),
        ("Tue, 24 Nov 2026 06:00:07 -0000", None),
        ("", None),
        ("now", None),
        (1795500007, None),
        (None, None),
        ("9" * 100, None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_moments(value: object, moment: datetime | None) -> None:
    assert moment_of(value) == moment


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("51", 51),
        (51, 51),
        (51.9, 51),
        ("51.9", 51),
        ("0", 0),
        (86_400, 86_400),
        (86_401, None),
        ("86401", None),
        (-1, None),
        ("-1", None),
        ("", None),
        (".5", None),
        ("5.", 5),
        ("1e3", None),
        ("５", None),
        (True, None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        ("1_0", None),
        ("9" * 5000, None),
        ([51], None),
    ],
)
def test_seconds(value: object, seconds: int | None) -> None:
    assert seconds_of(value) == seconds


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ("486", 486),
        (486, 486),
        ("0486", 486),
        ("48600", None),
        (-1, None),
        (True, None),
        ("", None),
        ("²", None),
        (4.0, None),
    ],
)
def test_status_codes(value: object, whole: int | None) -> None:
    assert whole_of(value) == whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("您好，請按1。", "您好，請按1。"),
        ("a<b>c", "a b c"),
        ("a\x00b\x1bc\ud800d\ufffe", "a b c d "),
        ("a&b\"c'", "a&b\"c'"),
        ("😀\t\n", "😀\t\n"),
    ],
)
def test_what_is_spoken_holds_no_markup_and_no_control_character(text: str, said: str) -> None:
    assert spoken(text) == said
