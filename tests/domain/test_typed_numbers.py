"""Phone numbers in an address: every writing is hidden, and nothing else is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.label import recipient_line
from maskservice.domain.typed_numbers import HIDDEN, hide_numbers, spellings_of

ADDRESS = "台北市中山區中山北路二段48巷7弄3號5樓之2"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("1號 0912345678", "1號 •••"),
        ("1號0912-345-678晚上到", "1號•••晚上到"),
        ("1號(電話０９１２－３４５－６７８)", "1號(電話•••)"),
        ("1號 +886 912 345 678", "1號 •••"),
        ("1號（電話：+886 (0)912-345-678）", "1號（電話：•••）"),
        ("1號 02-2345-6789#100", "1號 •••#100"),
        ("1號 (02)23456789", "1號 •••"),
        ("1號 (0912) 345-678", "1號 •••"),
        ("1號 912345678", "1號 •••"),
        ("1號 912-345-678", "1號 •••"),
        ("1號 8860912345678", "1號 •••"),
        ("1號 002886912345678", "1號 •••"),
        ("1號 0912\u200b345678", "1號 •••"),
        ("1號 0912\u2060345\u200d678", "1號 •••"),
        ("1號 0912\ufe0f345\u034f678", "1號 •••"),
        ("1號 0912\t345\t678", "1號 •••"),
        ("1號 0912\n345678", "1號 •••"),
        ("1號 0912\u2009345\u2009678", "1號 •••"),
        ("1號 0912\xa0345\xa0678", "1號 •••"),
        ("1號 0912\u3000\u3000345\u3000\u3000678", "1號 •••"),
        ("1號 0912          345678", "1號 •••"),
        ("1號0912/345/678", "1號•••"),
        ("1號0912,345,678", "1號•••"),
        ("1號0912，345，678", "1號•••"),
        ("1號0912、345、678", "1號•••"),
        ("1號 0912~345~678", "1號 •••"),
        ("1號 0912|345|678", "1號 •••"),
        ("1號 0912:345:678", "1號 •••"),
        ('1號 0912"345"678', "1號 •••"),
        ("1號 0912_345_678", "1號 •••"),
        ("1號 0912−345−678", "1號 •••"),
        ("1號 0912﹣345﹣678", "1號 •••"),
        ("1號 0912ー345ー678", "1號 •••"),
        ("1號 0912 – 345 – 678", "1號 •••"),
        ("1號 0912...345...678", "1號 •••"),
        ("1號 09 12 34 56 78", "1號 •••"),
        ("1號 0 9 1 2 3 4 5 6 7 8", "1號 •••"),
        ("1號 09一二 345678", "1號 •••"),
        ("1號 零九一二三四五六七八", "1號 •••"),
        ("1號 〇玖壹貳參肆伍陸柒捌", "1號 •••"),
        ("1號 ⓪⑨①②③④⑤⑥⑦⑧", "1號 •••"),
        ("1號 ⓞ⑨①②③④⑤⑥⑦⑧", "1號 •••"),
        ("1號 ⓿❾❶❷❸❹❺❻❼❽", "1號 •••"),
        ("1號 ₀₉₁₂₃₄₅₆₇₈", "1號 •••"),
        ("1號 ⁰⁹¹²³⁴⁵⁶⁷⁸", "1號 •••"),
        ("1號 𝟎𝟗𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", "1號 •••"),
        ("1號 ٠٩١٢٣٤٥٦٧٨", "1號 •••"),
        ("1號 ०९१२३४५६७८", "1號 •••"),
        ("1號 0️⃣9️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣ 到", "1號 ••• 到"),
        ("1號 O912345678", "1號 •••"),
        ("1號 ○九一二三四五六七八", "1號 •••"),
        ("1號 02 2345 6789", "1號 •••"),
        ("1號 04-22345678", "1號 •••"),
        ("1號 04-7654321", "1號 •••"),
        ("1號 049-2345678", "1號 •••"),
        ("1號 037-654321", "1號 •••"),
        ("1號 089-345678", "1號 •••"),
        ("1號 070-1234-5678", "1號 •••"),
        ("1號 +1 650 253 0000", "1號 •••"),
        ("1號 +1 650 253 0000 5號", "1號 ••• 5號"),
        ("1號 ＋852 9123 4567", "1號 •••"),
        ("1號 001 650 253 0000", "1號 •••"),
        ("1號 0081 90 1234 5678", "1號 •••"),
        ("1號 +99 1234 56789", "1號 •••"),
        ("0912 345 678 5號", "••• 5號"),
        ("0912345678/0922345678", "•••/•••"),
        ("0912-345-678 5樓 02-2345-6789", "••• 5樓 •••"),
        ("10603-0912-345-678", "10603-•••"),
        ("1060912345678", "106•••"),
        ("106 0912345678", "106 •••"),
        ("郵政 0912-345678 號信箱", "郵政 ••• 號信箱"),
        ("郵政5-12號信箱 0912345678", "郵政5-12號信箱 •••"),
        ("TEL0912-345-678", "TEL•••"),
        ("A12-0912-345-678", "A12-•••"),
        ("5樓之20912345678", "5樓之2•••"),
        ("5樓之20912-345-678", "5樓之2•••"),
    ],
)
def test_a_phone_is_hidden_and_nothing_around_it(typed: str, shown: str) -> None:
    assert hide_numbers(typed) == shown
    assert hide_numbers(shown) == shown


@pytest.mark.parametrize(
    "kept",
    [
        "106033台北市大安區敦化南路一段111號12樓之3",
        "106-02台北市大安區",
        "台北市大安區10656-0028 號",
        "高雄市 80 288 100-12號",
        "新竹縣302-0200-12345號",
        "台中市西區409-10 02-2345號之3",
        "7-ELEVEN 店號 991234567",
        "桃園市 中正路 02 之 12-34-5678 號",
        "郵政 03-1234567 號信箱",
        "郵政 03-4234567 號信箱",
        "桃園郵政90912-345678號信箱",
        "台北郵政第 118-02 號信箱",
        "P.O. Box 03-4234567",
        "B1-0912-3456-78",
        "嘉義縣 608 02 123 45 6",
        "中山北路2段10-20-30-40號",
        "台北市 104-908-23-4567 號",
        "100 0212-34567-8",
        "900001 123號",
        "屏東市900 001 123號",
        "No. 5, 2345, 6789",
        "1段 2巷 3弄 4號 5樓",
        "1號 2345-6789",
        "",
    ],
)
def test_what_is_no_phone_stays(kept: str) -> None:
    assert hide_numbers(kept) == kept


def _real_looking() -> list[str]:
    """Two hundred addresses as shops receive them, by their parts: no two rows have the same ones."""
    places = (
        *("100台北市中正區", "10617臺北市大安區", "220057新北市板橋區", "33044桃園市桃園區", "300新竹市東區"),
        *("302-69新竹縣竹北市", "36047苗栗縣苗栗市", "407台中市西屯區", "500彰化縣彰化市", "540南投縣南投市"),
        *("640雲林縣斗六市", "600嘉義市西區", "70101台南市東區", "802高雄市苓雅區", "900012屏東縣屏東市"),
        *("95043台東縣台東市", "970花蓮縣花蓮市", "260宜蘭縣宜蘭市", "880澎湖縣馬公市", "893金門縣金城鎮"),
    )
    streets = (
        *("中山路一段", "民生東路五段", "忠孝東路4段", "自由路２段", "博愛街", "建國北路三段"),
        *("和平里12鄰中正路", "大學路"),
    )
    numbers = (
        *("1號", "12-3號", "100巷5弄20號", "99號7樓之12", "250號B1", "3之5號2F-1", "45巷 6號 10樓"),
        *("８８號１２樓之６", "1001號", "7-11號3樓 308室"),
    )
    rows = [
        f"{places[at % 20]}{' ' * (at % 3 == 0)}{streets[at * 3 % 8]}{numbers[(at // 20 + at) % 10]}"
        for at in range(180)
    ]
    return rows + [
        f"{city}郵政{first}-{second}號信箱"
        for city, first, second in zip(
            ("台北", "板橋", "桃園", "新竹", "台中", "嘉義", "台南", "高雄", "花蓮", "台東") * 2,
            (1, 12, 118, 5, 33, 90, 700, 8, 95, 10) * 2,
            (2, 345, 6, 78, 901, 23, 4, 56, 789, 1234) * 2,
            strict=True,
        )
    ]


def test_two_hundred_addresses_stay() -> None:
    rows = _real_looking()
    assert len(rows) == 200
    assert [row for row in rows if hide_numbers(row) != row] == []


SEPARATORS = (
    *("", "", "\t", "\n", "\xa0", "\u2009", "\u3000", "\u200b", "\u2060", "\ufeff", "\u200d"),
    *"- /,，、~|:\"'.·•_−﹣－–—ー()（）*^=<;「…",
)
DIGITS = (
    *("0123456789", "０１２３４５６７８９", "⓪①②③④⑤⑥⑦⑧⑨", "零一二三四五六七八九"),
    *("₀₁₂₃₄₅₆₇₈₉", "٠١٢٣٤٥٦٧٨٩", "⓿❶❷❸❹❺❻❼❽❾"),
)
PHONES = ("0912345678", "+886912345678", "886987654321", "0223456789", "037654321", "+16502530000", "+81312345678")
HEADS = (f"{ADDRESS} ", f"106033{ADDRESS}室", "P3 ", "", f"{ADDRESS}（請先打 ", "12號B1，")
TAILS = ("", " 5號", "（白天）", "請按鈴", " 週一至五 9-18")


def digits_in(text: str) -> str:
    found = (unicodedata.normalize("NFKC", each) for each in text)
    han = {sign: str(value) for value, sign in enumerate("零一二三四五六七八九")}
    signs = (han.get(each, each) for part in found for each in part)
    return "".join(str(unicodedata.digit(each)) for each in signs if each.isdigit())


@given(
    phone=st.sampled_from(PHONES),
    between=st.lists(st.lists(st.sampled_from(SEPARATORS), max_size=3).map("".join), min_size=12, max_size=12),
    scripts=st.lists(st.sampled_from(DIGITS), min_size=13, max_size=13),
    head=st.sampled_from(HEADS),
    tail=st.sampled_from(TAILS),
)
def test_no_separator_and_no_script_brings_a_number_to_the_label(
    phone: str, between: list[str], scripts: list[str], head: str, tail: str
) -> None:
    signs = [digit if digit == "+" else script[int(digit)] for digit, script in zip(phone, scripts, strict=False)]
    written = "".join(sign + gap for sign, gap in zip(signs, [*between, ""], strict=False))
    typed = f"{head}{written}{tail}"
    line = recipient_line(masked_name="陳O美", masked_number="", address=hide_numbers(typed))
    assert phone[-8:] not in digits_in(line)
    assert HIDDEN in line
    for part in (head, tail):
        assert digits_in(line).count(digits_in(part)) >= (1 if digits_in(part) else 0)


@given(st.text(max_size=60))
def test_any_text_keeps_its_letters(text: str) -> None:
    """Only digits and what stands between them goes; a second look finds nothing more."""
    shown = hide_numbers(text)
    assert hide_numbers(shown) == shown
    assert [each for each in shown if each.isalpha()] == [each for each in text if each.isalpha()] or HIDDEN in shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("路1號 2345-6789 陳", "路1號 ••• 陳"),
        ("路1號 2345轉6789", "路1號 •••轉•••"),
        ("0912台北345號678巷", "0912台北345號678巷"),
        ("路1號 02 2345 6789", "路1號 •••"),
        ("路1號 23456", "路1號 23456"),
    ],
)
def test_the_recipient_s_own_digits_are_hidden_whatever_stands_between(typed: str, shown: str) -> None:
    assert hide_numbers(typed, also=spellings_of("+886223456789")) == shown


@pytest.mark.parametrize("between", ["號", " 再 ", "x", "------------", "abc"])
def test_the_recipient_s_own_mobile_too(between: str) -> None:
    own = spellings_of("+886912345678")
    for typed in (f"0912{between}345{between}678", f"+886 912{between}345678", between.join("912345678")):
        assert set(digits_in(hide_numbers(f"路1號 {typed}", also=own))) <= {"1"}


def test_how_a_number_is_spelled() -> None:
    assert spellings_of("+886912345678") == ("886912345678", "0912345678", "912345678")
    assert spellings_of("+886223456789") == ("886223456789", "0223456789", "223456789", "23456789")
    assert spellings_of("+88637654321") == ("88637654321", "037654321", "37654321")  # 654321 alone may be anything
    assert spellings_of("+16502530000") == ("16502530000", "6502530000")
    assert hide_numbers("1234567 路", also=("123456",)) == "1234567 路"
