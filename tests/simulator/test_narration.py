from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from maskservice.domain.phone import PhoneNumber
from maskservice.simulator import CallStory, Ending, Heard, Pressed, Role, narrate

X = "+886900000000"
COURIER, RECIPIENT = PhoneNumber.from_e164("+886987654321"), PhoneNumber.from_e164("+886912345678")
ASKED = Heard("enter_extension", "zh-TW", "您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。", 3, 4, 8)
GOODBYE = Heard("goodbye", "zh-TW", "您撥的號碼目前無法接通，謝謝您的來電。")

TO_RECIPIENT = CallStory(
    call_id="c-1",
    caller=COURIER,
    caller_is=Role.COURIER,
    dialled="0900-000000",
    virtual_number=X,
    steps=(ASKED, Pressed("5678#", "5678")),
    ending=Ending.COMPLETED,
    called=RECIPIENT,
    called_is=Role.RECIPIENT,
    called_shows=X,
    rang_s=6,
    talked_s=42,
)
CALL_BACK = replace(
    TO_RECIPIENT,
    caller=RECIPIENT,
    caller_is=Role.RECIPIENT,
    called=COURIER,
    called_is=Role.COURIER,
    steps=(Heard("choose_order", "zh-TW", "訂單尾號0001，請按1。", 3, 1, 8), Pressed("1", "1")),
)
REFUSED = replace(
    TO_RECIPIENT, called=None, called_is=None, called_shows=None, talked_s=None, rang_s=None,
    ending=Ending.REFUSED, reason="unavailable", steps=(ASKED, Pressed("", None), GOODBYE),
)  # fmt: skip


def test_a_call_to_the_recipient() -> None:
    assert narrate(TO_RECIPIENT).splitlines() == [
        "📞 courier 物流士 0987-654-321 dials 撥打 0900-000000",
        "🔊 「您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。」  (asks for the extension, 3 tries left 剩 3 次)",
        "⌨  5678#",
        "🔔 recipient's phone (•••678) rings, showing 0900-000000 收件人手機響起，來電顯示 0900-000000",
        "✅ answered, talked 42 s 已接通，通話 42 秒",
        "🔒 courier's phone shows 0900-000000 · recipient's phone shows 0900-000000 · neither saw the other's number",
        "   物流士手機顯示 0900-000000 · 收件人手機顯示 0900-000000 · 雙方都看不到對方的真實號碼",
    ]


def test_a_call_back() -> None:
    lines = narrate(CALL_BACK).splitlines()
    assert lines[0] == "📞 recipient 收件人 •••678 dials 撥打 0900-000000"
    assert lines[2:4] == [
        "⌨  1",
        "🔔 courier's phone (•••321) rings, showing 0900-000000 物流士手機響起，來電顯示 0900-000000",
    ]


def test_a_refused_call() -> None:
    assert narrate(REFUSED).splitlines()[2:] == [
        "⌨  nothing keyed, the time runs out 未按鍵，逾時",
        "🔊 「您撥的號碼目前無法接通，謝謝您的來電。」  (the neutral sentence)",
        "🚫 the service ends the call (unavailable) 服務結束通話",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ending": Ending.BUSY}, "📵 recipient 收件人 (•••678) is busy 忙線中"),
        ({"ending": Ending.FAILED}, "📵 recipient 收件人 (•••678) cannot be reached 無法接通"),
        (
            {"ending": Ending.NO_ANSWER, "rang_s": 30},
            "📵 no answer after 30 s: a missed call from 0900-000000 無人接聽，留下未接來電",
        ),
        (
            {"ending": Ending.CANCELED},
            "📵 the caller hangs up while it rings: a missed call from 0900-000000 響鈴中掛斷，留下未接來電",
        ),
        ({"caller": None}, "📞 courier 物流士 with a withheld number 未顯示號碼 dials 撥打 0900-000000"),
        ({"post_dial_digits": "123"}, "🔢 the PBX keys the office extension ••• after the answer 接通後代撥分機 •••"),
        (
            {"cut_off": True},
            "✅ answered, talked 42 s 已接通，通話 42 秒, cut off at the longest a call may last 達通話時間上限",
        ),
        (
            {"called_is": Role.CARE_LINE},
            "🔔 care line's phone (•••678) rings, showing 0900-000000 客服專線手機響起，來電顯示 0900-000000",
        ),
        ({"steps": (Pressed("56789#", "5678"),)}, "⌨  56789#  (the PBX took 交換機收到 5678)"),
        ({"steps": (Pressed("#", ""),)}, "⌨  #"),
        ({"steps": (Heard("news", "en", "One try is left. ", 1),)}, "🔊 “One try is left.”  (1 try left 剩 1 次)"),
        ({"caller": PhoneNumber.from_e164("+886223456789")}, "📞 courier 物流士 02-23456789 dials 撥打 0900-000000"),
        ({"caller": PhoneNumber.from_e164("+85291234567")}, "📞 courier 物流士 +85291234567 dials 撥打 0900-000000"),
    ],
)
def test_other_happenings(changes: dict[str, Any], line: str) -> None:
    assert line in narrate(replace(TO_RECIPIENT, **changes)).splitlines()


def test_a_leak_is_cried_out() -> None:
    for leaking in (
        replace(TO_RECIPIENT, called_shows="+886987654321"),
        replace(TO_RECIPIENT, virtual_number="+886912345678"),
    ):
        text = narrate(leaking)
        assert "🚨" in text
        assert "真實號碼外洩" in text
        assert "🔒" not in text


@pytest.mark.parametrize(
    "story", [TO_RECIPIENT, CALL_BACK, replace(CALL_BACK, post_dial_digits="4321", ending=Ending.BUSY)]
)
def test_a_recipients_number_is_never_whole(story: CallStory) -> None:
    for text in (narrate(story), json.dumps(story.as_dict()), repr(story), str(story)):
        plain = "".join(character for character in text if character.isdigit())
        assert "912345678" not in plain
        assert "4321" not in text or story.post_dial_digits is None
    assert "0912-345-678" in narrate(story, reveal=True)


def test_the_json_form() -> None:
    told = json.loads(json.dumps(replace(TO_RECIPIENT, post_dial_digits="123").as_dict()))
    assert told["caller"] == {"role": "courier", "number": "•••321", "phone_shows": "0900-000000"}
    assert told["called"] == {"role": "recipient", "number": "•••678", "phone_shows": X, "post_dial_digits": "•••"}
    assert told["steps"][1] == {"pressed": "5678#", "sent": "5678"}
    assert told["steps"][0]["heard"] == "enter_extension"
    assert (told["ending"], told["talked_s"], told["neither_saw_the_other"]) == ("completed", 42, True)


def test_the_json_form_revealed_for_tests() -> None:
    told = replace(TO_RECIPIENT, post_dial_digits="123").as_dict(reveal=True)
    assert told["called"] == {
        "role": "recipient",
        "number": "+886912345678",
        "phone_shows": X,
        "post_dial_digits": "123",
    }


def test_the_json_form_of_a_refused_call() -> None:
    assert (REFUSED.as_dict()["called"], REFUSED.as_dict()["reason"]) == (None, "unavailable")
