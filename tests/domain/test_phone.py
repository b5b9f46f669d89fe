"""Reading, judging and hiding phone numbers: the shared table, forms around it, properties of the reading."""

from __future__ import annotations

import copy
import csv
import dataclasses
import json
import pickle
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maskservice.domain.errors import PhoneRefused
from maskservice.domain.phone import (
    REFUSALS,
    WARNINGS,
    PhoneKind,
    PhoneNumber,
    PhoneReading,
    judge_phone,
    read_caller,
    read_phone,
)
from maskservice.domain.phone_plan import country_of
from maskservice.domain.phone_text import Token, TokenKind

TABLE = Path(__file__).with_name("phones_tw.csv")
SHARED = Path(__file__).parents[3] / "shared" / "data" / "phones_tw.csv"
OWN = "+886900000000"


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def decide(text: str, *, countries: frozenset[str] = frozenset()) -> tuple[str, str, str, str]:
    """(decision, code or kind, E.164, extension), as in a row of the table, where the pool holds ``OWN``."""
    reading = read_phone(text)
    is_own = reading.base is not None and reading.base.reveal() == OWN
    try:
        number = judge_phone(reading, is_own=is_own, allowed_countries=countries)
    except PhoneRefused as refused:
        return "refuse", refused.code, "", ""
    return "accept", str(number.kind), number.reveal(), number.extension or ""


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder is not beside this clone")
def test_the_copy_is_the_shared_table() -> None:
    assert TABLE.read_bytes() == SHARED.read_bytes()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["input"])
def test_the_table(row: dict[str, str]) -> None:
    assert decide(row["input"]) == (row["decision"], row["code"], row["e164"], row["extension"])


def test_every_code_of_the_table_has_its_sentence() -> None:
    assert {row["code"] for row in rows() if row["decision"] == "refuse"} == set(REFUSALS)


MOBILE = ("accept", "mobile", "+886912345678", "")
TAIPEI = ("accept", "landline", "+886223456789", "")
TAIPEI_100 = ("accept", "landline", "+886223456789", "100")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Prefixes.
        ("002886912345678", MOBILE),
        ("019886912345678", MOBILE),
        ("+886-(0)912-345-678", MOBILE),
        ("++886912345678", MOBILE),
        ("tel:+886-912-345-678", MOBILE),
        ("tel:912345678;phone-context=+886", MOBILE),
        ("tel:0912345678;phone-context=example.com", MOBILE),
        ("tel:+886223456789;ext=100", TAIPEI_100),
        ("+886 (02) 2345-6789", TAIPEI),
        # Signs of other widths and scripts.
        ("０９１２-３４５-６７８", MOBILE),
        ("𝟎𝟗𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", MOBILE),
        ("0\ufe0f\u20e39\ufe0f\u20e312345678", MOBILE),
        ("\ufeff0912\u200b345\u2060678", MOBILE),
        ("0912\u00a0345\u3000678", MOBILE),
        ("0912−345⁃678", MOBILE),
        ("0912•345‧678", MOBILE),
        ("0912\r\n345\t678", MOBILE),
        ("[0912] 345 678", MOBILE),
        ("“0912345678”", MOBILE),
        ("02/2345-6789", TAIPEI),
        ("912,345,678", MOBILE),
        ("12/34/5678", ("refuse", "invalid_number", "", "")),
        # Words beside the number.
        ("0912345678 王小姐", MOBILE),
        ("0912345678晚上再打", MOBILE),
        ("0912345678二樓", MOBILE),
        ("Phone: 0912345678 (home)", MOBILE),
        ("T0912345678", MOBILE),
        ("TEL0912345678", MOBILE),
        ("℡0912345678", MOBILE),
        ("📱0912345678", MOBILE),
        ("①0912345678", MOBILE),
        ("3樓王小姐 0912345678", MOBILE),
        ("王小姐912345678", MOBILE),
        ("手機912345678", MOBILE),
        ("xxx 0912345678", MOBILE),
        ("0912345678#", MOBILE),
        ("김0912345678", MOBILE),
        ("Hà 0912345678", MOBILE),
        ("02-2345-6789 分機", TAIPEI),
        # Extensions.
        ("02-2345-6789 轉分機100", TAIPEI_100),
        ("02-2345-6789 請轉 100", TAIPEI_100),
        ("02-2345-6789 內線：100", TAIPEI_100),
        ("02-2345-6789 内线100", TAIPEI_100),
        ("02-2345-6789 分機號碼 100 號", TAIPEI_100),
        ("02-2345-6789(分機100)", TAIPEI_100),
        ("02-2345-6789（＃１００）", TAIPEI_100),
        ("02-2345-6789 分機#100", TAIPEI_100),
        ("02-2345-6789,100", TAIPEI_100),
        ("02-2345-6789,,100", TAIPEI_100),
        ("02-2345-6789;100", TAIPEI_100),
        ("02-2345-6789;ext=100", TAIPEI_100),
        ("02-2345-6789 x 100", TAIPEI_100),
        ("02-2345-6789×100", TAIPEI_100),
        ("02-2345-6789 extension 100", TAIPEI_100),
        ("02-2345-6789p100", TAIPEI_100),
        ("02-2345-6789ww100", TAIPEI_100),
        ("02-2345-6789 王先生 分機100", TAIPEI_100),
        ("02-2345-6789 王先生,100", ("refuse", "unclear_extension", "", "")),
        ("02-2345-6789#1", ("accept", "landline", "+886223456789", "1")),
        ("070-1234-5678#100", ("accept", "voip", "+8867012345678", "100")),
        ("049-2345678", ("accept", "landline", "+886492345678", "")),
        ("089-312345", ("accept", "landline", "+88689312345", "")),
        # Refused, each for its reason.
        ("02-2345-6789#100或101", ("refuse", "multiple_numbers", "", "")),
        ("02-2345-6789#100#101", ("refuse", "unclear_extension", "", "")),
        ("02-2345-6789#100 200", ("refuse", "unclear_extension", "", "")),
        ("02-2345-6789 請按 100", ("refuse", "unclear_extension", "", "")),
        ("0912345678晚上6點再打", ("refuse", "unclear_extension", "", "")),
        ("0912345678#123456789", ("refuse", "mobile_with_extension", "", "")),
        ("02-2345-6789/90", ("refuse", "multiple_numbers", "", "")),
        ("02-2345-6789 2345-6790", ("refuse", "multiple_numbers", "", "")),
        ("02-2345-6789,2345-6790", ("refuse", "multiple_numbers", "", "")),
        ("0912345678;0987654321", ("refuse", "multiple_numbers", "", "")),
        ("0912345678 轉 0987654321", ("refuse", "multiple_numbers", "", "")),
        ("02-2345-6789#037123456", ("refuse", "multiple_numbers", "", "")),
        ("0912345678 or 0987654321", ("refuse", "multiple_numbers", "", "")),
        ("0912345678\n0987654321", ("refuse", "multiple_numbers", "", "")),
        ("0912345678 +886987654321", ("refuse", "multiple_numbers", "", "")),
        ("①0912345678②0987654321", ("refuse", "multiple_numbers", "", "")),
        ("王0912345678陳0987654321", ("refuse", "multiple_numbers", "", "")),
        ("2345-6789 或 0912345678", ("refuse", "multiple_numbers", "", "")),
        ("0800-009-868/0912345678", ("refuse", "multiple_numbers", "", "")),
        ("0912345678~5678", ("refuse", "number_range", "", "")),
        ("0912345678～5678", ("refuse", "number_range", "", "")),
        ("02-2345-6789至6799", ("refuse", "number_range", "", "")),
        ("0939 公司 0912345678", ("refuse", "invalid_number", "", "")),
        ("1#0912345678", ("refuse", "invalid_number", "", "")),
        ("886+912345678", ("refuse", "invalid_number", "", "")),
        ("O0912345678", ("refuse", "letter_in_number", "", "")),
        ("О912345678", ("refuse", "letter_in_number", "", "")),  # Cyrillic
        ("O 912345678", ("refuse", "letter_in_number", "", "")),
        ("零912345678", ("refuse", "letter_in_number", "", "")),
        ("零-912345678", ("refuse", "letter_in_number", "", "")),
        ("○912345678", ("refuse", "letter_in_number", "", "")),
        ("A912345678", ("refuse", "letter_in_number", "", "")),
        ("abc912345678", ("refuse", "letter_in_number", "", "")),
        ("٠912345678", ("refuse", "letter_in_number", "", "")),
        ("09l2345678", ("refuse", "letter_in_number", "", "")),
        ("091234567B", ("refuse", "letter_in_number", "", "")),
        ("0912345678O", ("refuse", "letter_in_number", "", "")),
        ("04-2345-6789九", ("refuse", "letter_in_number", "", "")),
        ("0912abc678", ("refuse", "letter_in_number", "", "")),
        ("0912***678", ("refuse", "already_masked", "", "")),
        ("0912○○○678", ("refuse", "already_masked", "", "")),
        ("0912-OOO-678", ("refuse", "already_masked", "", "")),
        ("0912•••678", ("refuse", "already_masked", "", "")),
        ("0912...678", ("refuse", "already_masked", "", "")),
        ("0912###678", ("refuse", "already_masked", "", "")),
        ("0912345***", ("refuse", "already_masked", "", "")),
        ("***678", ("refuse", "already_masked", "", "")),
        ("•••678", ("refuse", "already_masked", "", "")),
        ("8.86912E+11", ("refuse", "spreadsheet_float", "", "")),
        ("9.12346e+08", ("refuse", "spreadsheet_float", "", "")),
        ("0912345678.0", ("refuse", "spreadsheet_float", "", "")),
        ("000-000-0000", ("refuse", "placeholder", "", "")),
        ("0123456789", ("refuse", "placeholder", "", "")),
        ("9876543210", ("refuse", "placeholder", "", "")),
        ("1111111111", ("refuse", "placeholder", "", "")),
        ("119", ("refuse", "short_code", "", "")),
        ("1999#5", ("refuse", "short_code", "", "")),
        ("市話 2345-6789 分機 100", ("refuse", "missing_area_code", "", "")),
        ("2345678", ("refuse", "missing_area_code", "", "")),
        ("8861-2345", ("refuse", "missing_area_code", "", "")),
        ("990123456", ("refuse", "personal_number", "", "")),
        ("02-2345-678", ("refuse", "wrong_length", "", "")),
        ("02-4279-348", ("refuse", "wrong_length", "", "")),  # phonenumbers takes it for whole
        ("02-2404-567", ("refuse", "wrong_length", "", "")),
        ("+886 912 345 67", ("refuse", "wrong_length", "", "")),
        ("09123456789", ("refuse", "wrong_length", "", "")),
        ("09123456780987654321", ("refuse", "wrong_length", "", "")),
        ("091234567890123456789012", ("refuse", "wrong_length", "", "")),
        ("0212345678", ("refuse", "invalid_number", "", "")),
        ("223456789", ("refuse", "invalid_number", "", "")),
        ("+886", ("refuse", "invalid_number", "", "")),
        ("+999 1234 5678", ("refuse", "invalid_number", "", "")),
        ("+" + "1" * 16, ("refuse", "invalid_number", "", "")),
        ("00999123456", ("refuse", "invalid_number", "", "")),
        ("٠٩١٢٣٤٥٦٧٨", ("refuse", "no_digits", "", "")),
        ("", ("refuse", "no_digits", "", "")),
        ("-", ("refuse", "no_digits", "", "")),
        ("美" * 500, ("refuse", "no_digits", "", "")),
        ("5" * 500, ("refuse", "invalid_number", "", "")),
        ("0912345678" + "美" * 60, ("refuse", "invalid_number", "", "")),
        # One of the service's own, in forms that are refused anyhow.
        ("0900-000000-5678", ("refuse", "own_masked_number", "", "")),
        ("09000000005678", ("refuse", "own_masked_number", "", "")),
        ("8869000000005678", ("refuse", "own_masked_number", "", "")),
        ("0900-000000*5678", ("refuse", "own_masked_number", "", "")),
        ("陳O美 0900-000000#5678", ("refuse", "own_masked_number", "", "")),
        ("0900-000000#123456789", ("refuse", "own_masked_number", "", "")),
        ("0900-000000 / 0912345678", ("refuse", "own_masked_number", "", "")),
        ("O0900000000", ("refuse", "own_masked_number", "", "")),
        ("900000000", ("refuse", "own_masked_number", "", "")),
    ],
)
def test_around_the_table(text: str, expected: tuple[str, str, str, str]) -> None:
    assert decide(text) == expected


@pytest.mark.parametrize(
    ("text", "e164", "extension"),
    [
        ("+852 9123 4567", "+85291234567", ""),
        ("0085291234567", "+85291234567", ""),
        ("002852-9123-4567", "+85291234567", ""),
        ("tel:91234567;phone-context=+852", "+85291234567", ""),
        ("tel:+85291234567", "+85291234567", ""),
        ("手機: (+852) 9123 4567", "+85291234567", ""),
        ("+852 2345 6789 #100", "+85223456789", "100"),
    ],
)
def test_a_foreign_number_of_an_allowed_country(text: str, e164: str, extension: str) -> None:
    assert decide(text, countries=frozenset({"HK"})) == ("accept", "international", e164, extension)
    assert decide(text, countries=frozenset({"US"})) == ("refuse", "international", "", "")
    assert decide(text) == ("refuse", "international", "", "")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("+1 800 234 5678", "toll_free"),
        ("+1 900 234 5678", "premium_rate"),
        ("+852 9123 4567 #12", "mobile_with_extension"),
        ("+852 9123 4567 5678", "unclear_extension"),
        ("+852 9123 456", "invalid_number"),
        # Of a row of groups only three beginnings are looked up: the time is bounded.
        ("+852 9123 4567 1 2 3 4", "invalid_number"),
    ],
)
def test_an_allowed_country_opens_no_costly_or_unclear_number(text: str, code: str) -> None:
    assert decide(text, countries=frozenset({"HK", "US"})) == ("refuse", code, "", "")


def test_own_foreign_number_comes_before_its_country() -> None:
    with pytest.raises(PhoneRefused) as caught:
        judge_phone(read_phone("+85291234567"), is_own=True, allowed_countries=frozenset())
    assert caught.value.code == "own_masked_number"


def test_a_refusal_tells_what_to_do_and_never_the_value() -> None:
    for row in rows():
        if row["decision"] == "refuse":
            with pytest.raises(PhoneRefused) as caught:
                judge_phone(
                    read_phone(row["input"]), is_own=row["code"] == "own_masked_number", allowed_countries=frozenset()
                )
            assert caught.value.detail == REFUSALS[row["code"]]
            assert row["input"] not in caught.value.detail
            assert caught.value.__context__ is None


def test_an_empty_reading_is_refused() -> None:
    with pytest.raises(PhoneRefused) as caught:
        judge_phone(PhoneReading(), is_own=False, allowed_countries=frozenset())
    assert caught.value.code == "invalid_number"


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("0912345678", ()),
        ("手機:0912345678", ()),
        ("TEL:02-23456789", ()),
        ("02-2345-6789#100", ()),
        ("王小姐0912345678", ("text_dropped",)),
        ("02-2345-6789 ext. 100 王先生", ("text_dropped",)),
        ("912345678", ("leading_zero_restored",)),
        ("王小姐 912345678", ("leading_zero_restored", "text_dropped")),
        ("070-1234-5678", ("voip_number",)),
        ("0800-009-868 客服", ()),
    ],
)
def test_warnings(text: str, warnings: tuple[str, ...]) -> None:
    assert read_phone(text).warnings == warnings
    assert set(warnings) <= set(WARNINGS)


def test_the_base_is_there_beside_a_refusal() -> None:
    for text in ("0912345678#12", "0912345678-5678", "0912345678/0987654321", "0912345678~79", "09123456785678"):
        reading = read_phone(text)
        assert reading.number is None
        assert reading.base == PhoneNumber.from_e164("+886912345678")
    assert read_phone("0800-009-868").base == PhoneNumber.from_e164("+886800009868")
    assert read_phone("110").base is None
    extended = read_phone("02-2345-6789#100")
    assert extended.number == PhoneNumber.from_e164("+886223456789", extension="100")
    assert extended.base == PhoneNumber.from_e164("+886223456789")


# --- properties ---

NATIONAL = st.one_of(
    st.from_regex(r"09[0-8][0-9]{7}", fullmatch=True),
    st.from_regex(r"02[2367][0-9]{7}", fullmatch=True),
    st.from_regex(r"04[23][0-9]{7}", fullmatch=True),
).filter(lambda digits: read_phone(digits).number is not None)
SEPARATOR = st.sampled_from(["", " ", "-", ".", "·", "\u3000", "–", "_", "\u200b", "－"])
FULL_WIDTH = str.maketrans("0123456789+#", "０１２３４５６７８９＋＃")


@given(NATIONAL, st.lists(SEPARATOR, min_size=9, max_size=9))
def test_separators_change_nothing(digits: str, separators: list[str]) -> None:
    # Cut where people cut: never so that the beginning is a whole number of its own.
    spaced = "".join(digit + separator for digit, separator in zip(digits, [*separators, ""], strict=True))
    assert read_phone(spaced).number == read_phone(digits).number


@given(
    NATIONAL,
    st.sampled_from(["+886", "886", "00886", "+886 0", "+886(0)", "002886", "8860", "tel:+886-"]),
    st.booleans(),
)
def test_prefixes_and_width_change_nothing(digits: str, prefix: str, wide: bool) -> None:
    text = prefix + digits[1:]
    assert read_phone(text.translate(FULL_WIDTH) if wide else text).number == read_phone(digits).number


@given(
    st.from_regex(r"02[2367][0-9]{7}", fullmatch=True).filter(lambda digits: read_phone(digits).number is not None),
    st.from_regex(r"[1-9][0-9]{0,5}", fullmatch=True),
    st.sampled_from(["#", "＃", "﹟", "分機", " 轉 ", "內線", " ext. ", "x", ",", ",,", ";ext=", "p", "w", "轉分機"]),
    st.sampled_from(["", " 王先生", "(代表號)"]),
)
def test_every_mark_gives_the_same_extension(digits: str, extension: str, mark: str, word: str) -> None:
    number = read_phone(f"{digits}{mark}{extension}{word}").number
    assert number == PhoneNumber.from_e164(f"+886{digits[1:]}", extension=extension)


@given(NATIONAL, NATIONAL, st.sampled_from(["/", "、", "或", " ", "  ", "\n", ";", ",", " & ", "和", " or ", "|"]))
def test_two_numbers_are_never_read_as_one(first: str, second: str, between: str) -> None:
    reading = read_phone(f"{first}{between}{second}")
    assert (reading.number, reading.refusal) == (None, "multiple_numbers")


PIECES = st.sampled_from(
    [
        "0912345678",
        "02-2345-6789",
        "+886",
        "+852",
        "00",
        "分機",
        "轉",
        "#",
        "x",
        "ext",
        "~",
        "/",
        "O",
        "王",
        "*",
        ".0",
        "E+",
        ";",
        "(",
        ")",
    ]
)


@given(
    st.one_of(
        st.text(alphabet=st.characters(), max_size=90),
        st.lists(st.one_of(PIECES, st.characters()), max_size=12).map("".join),
    )
)
@example("\ud800" * 70)
@example("ﷺ" * 64)
@example("tel:;phone-context=+")
@example("+(((((((((((((((((((((((((((((((((((((((((((((((((((")
def test_any_text_is_read_or_refused(text: str) -> None:
    reading = read_phone(text)
    assert (reading.number is None) != (reading.refusal is None)
    assert reading.refusal is None or reading.refusal in REFUSALS
    if reading.number is not None:
        assert reading.base is not None
        assert reading.number.reveal() == reading.base.reveal()
        # What was accepted is read again as itself.
        assert read_phone(reading.number.reveal()).number == reading.base
    assert read_caller(text) is None or isinstance(read_caller(text), PhoneNumber)


@pytest.mark.parametrize(
    "text",
    [
        "0" * 10_000_000,
        "1 " * 32,
        "+1" + " 1" * 31,
        "-" * 1_000_000 + "1",
        "轉" * 64,
        "0912345678,0912345678;" * 3,
        "ﷺ" * 250,
    ],
)
def test_reading_takes_bounded_time(text: str) -> None:
    started = time.perf_counter()
    read_phone(text)
    # Milliseconds at worst; the margin is for a busy machine.
    assert time.perf_counter() - started < 0.5


# --- callers ---


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("+886987654321", "+886987654321"),
        ("886987654321", "+886987654321"),
        ("0987654321", "+886987654321"),
        ("+8860987654321", "+886987654321"),
        ("987654321", "+886987654321"),
        ("0900000000", "+886900000000"),
        ("0223456789", "+886223456789"),
        ("07012345678", "+8867012345678"),
        ("0800009868", "+886800009868"),
        ("+85291234567", "+85291234567"),
        ("85291234567", "+85291234567"),
        ("0085291234567", "+85291234567"),
        ("+1 (415) 555-2671", "+14155552671"),
        # In no plan, and still the caller whom the PBX names: counted and blocked by it.
        ("+15555550100", "+15555550100"),
        ("sip:+886987654321@203.0.113.9;user=phone", "+886987654321"),
        ("sip:0987654321@pbx.example:5060", "+886987654321"),
        ('"王 0911111111" <sip:0987654321@pbx.example>;tag=1234567', "+886987654321"),
        ("SIPS:%2B886987654321@pbx.example", "+886987654321"),
        ("tel:+886987654321", "+886987654321"),
        ("tel:+886-987-654-321;verstat=TN-Validation-Passed", "+886987654321"),
    ],
)
def test_a_caller(text: str, e164: str) -> None:
    assert read_caller(text) == PhoneNumber.from_e164(e164)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "anonymous",
        "Anonymous",
        "unknown",
        "restricted",
        "private",
        "unavailable",
        "s",
        "asterisk",
        "110",
        "1001",
        "0",
        "+",
        "+0",
        "+0123456789",
        "+12345",
        "sip:anonymous@anonymous.invalid",
        "sip:1001@pbx.example",
        "sip:alice12345678@pbx.example",
        "sip:",
        "tel:",
        "0987654321 0912345678",
        "0987654321#5",
        "王0987654321",
        "9" * 40,
        "x" * 5000,
        "\ud800",
        "%",
        "+1234567890123456",
    ],
)
def test_no_caller(text: str | None) -> None:
    assert read_caller(text) is None


# --- the secret form ---

SECRET = PhoneNumber.from_e164("+886912345678", extension="4321")


def spills(text: str) -> bool:
    return "912345678" in text or "12345" in text or "4321" in text


def test_a_number_shows_its_last_three_digits_however_it_is_printed() -> None:
    assert str(SECRET) == repr(SECRET) == f"{SECRET}" == format(SECRET) == "%s" % SECRET == "PhoneNumber(•••678)"  # noqa: UP031
    assert f"{SECRET:>25}" == "PhoneNumber(•••678)".rjust(25)
    assert f"{SECRET!r} {[SECRET]} { {'a': SECRET} }".count("•••678") == 3
    assert SECRET.last3 == "678"
    assert SECRET.reveal() == "+886912345678"
    assert (SECRET.kind, SECRET.extension) == (PhoneKind.MOBILE, "4321")


def test_a_number_does_not_leave_by_the_side_doors() -> None:
    public = [
        getattr(SECRET, name)
        for name in dir(SECRET)
        if not name.startswith("_") and name not in ("reveal", "from_e164")
    ]
    assert not any("912345678" in str(value) for value in public)
    with pytest.raises(TypeError):
        vars(SECRET)
    with pytest.raises(TypeError):
        json.dumps({"phone": SECRET})
    assert not spills(json.dumps({"phone": SECRET}, default=str))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(SECRET, protocol)
    for door in (SECRET.__reduce__, SECRET.__getstate__):
        with pytest.raises(TypeError) as caught:
            door()
        assert not spills(str(caught.value))
    assert not spills(repr(ValueError("refused", SECRET)))
    assert not spills(str(ValueError(SECRET)))


def test_a_number_in_a_dataclass_stays_a_number() -> None:
    reading = read_phone("02-2345-6789#4321")
    assert "23456789" not in f"{reading} {dataclasses.asdict(reading)} {dataclasses.astuple(reading)}"
    assert dataclasses.asdict(reading)["number"] == reading.number
    assert dataclasses.replace(reading) == reading
    assert not dataclasses.is_dataclass(SECRET)


def test_a_copy_is_the_number_itself() -> None:
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy([SECRET])[0] is SECRET


def test_a_number_cannot_be_changed() -> None:
    for name in ("extension", "_PhoneNumber__e164", "other"):
        with pytest.raises(AttributeError):
            setattr(SECRET, name, "1")
    with pytest.raises(AttributeError):
        del SECRET._PhoneNumber__e164  # type: ignore[attr-defined]
    assert SECRET.reveal() == "+886912345678"


def test_equality_is_by_number_and_extension() -> None:
    same = PhoneNumber.from_e164("+886912345678", extension="4321")
    assert same == SECRET
    assert hash(same) == hash(SECRET)
    assert len({same, SECRET, PhoneNumber.from_e164("+886912345678")}) == 2
    assert PhoneNumber.from_e164("+886912345679", extension="4321") != SECRET
    assert SECRET != "+886912345678"
    assert "+886912345678" not in {SECRET}


@pytest.mark.parametrize(
    ("e164", "kind"),
    [
        ("+886912345678", PhoneKind.MOBILE),
        ("+886400010123", PhoneKind.MOBILE),
        ("+886223456789", PhoneKind.LANDLINE),
        ("+88677012345", PhoneKind.LANDLINE),
        ("+8867012345678", PhoneKind.VOIP),
        ("+85291234567", PhoneKind.INTERNATIONAL),
        ("+123456", PhoneKind.INTERNATIONAL),
    ],
)
def test_a_stored_number(e164: str, kind: PhoneKind) -> None:
    number = PhoneNumber.from_e164(e164)
    assert (number.reveal(), number.kind, number.extension) == (e164, kind, None)


@pytest.mark.parametrize(
    ("e164", "extension"),
    [
        ("886912345678", None),
        ("+88691234567a", None),
        ("+12345", None),
        ("+1234567890123456", None),
        ("", None),
        ("+８８６９１２３４５６７８", None),
        ("+886912345678\n", None),
        ("+886223456789", ""),
        ("+886223456789", "123456789"),
        ("+886223456789", "1a"),
        ("+886223456789", "１"),
    ],
)
def test_a_stored_number_of_another_shape_is_refused_without_showing_it(e164: str, extension: str | None) -> None:
    with pytest.raises(PhoneRefused) as caught:
        PhoneNumber.from_e164(e164, extension=extension)
    assert not spills(f"{caught.value!r} {caught.value.args}")


def test_no_country_for_a_text_that_is_no_number() -> None:
    assert country_of("+") is None
    assert country_of("+85291234567") == "HK"


def test_what_holds_digits_inside_the_rules_does_not_print_them() -> None:
    token = Token(TokenKind.NUMBER, "0912345678", 0, 10, ("0912345678",))
    assert "0912" not in f"{token!r} {token}"


@pytest.mark.parametrize("form", ["{}{}{}", "{}-{}-{}", "{} {} {}", "{}-{}{}"])
def test_a_plain_mobile_number_is_read_as_any_other(form: str) -> None:
    """What stands before it takes the long way; every block of the plan that phonenumbers gives to mobiles, and the
    personal numbers behind them."""
    for block in range(9000, 9999, 3):
        for rest in ("000000", "123456", f"{block * 7919 % 1_000_000:06d}"):
            digits = f"0{block}{rest}"[:10]
            text = form.format(digits[:4], digits[4:7], digits[7:])
            assert decide(text) == decide(f"\u200b{text}"), text
