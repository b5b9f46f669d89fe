"""A call told to a person, line by line, in English and Traditional Chinese.

Answers for: the sentences. Must not know: a terminal or its colours (print it with ``markup=False``), how the call
was played.
"""

from __future__ import annotations

from maskservice.domain.masked import write_virtual
from maskservice.domain.phone import PhoneNumber
from maskservice.simulator.story import CallStory, Ending, Heard, Pressed, Role, shown

_ROLES = {
    Role.COURIER: ("courier", "物流士"),
    Role.RECIPIENT: ("recipient", "收件人"),
    Role.CARE_LINE: ("care line", "客服專線"),
}
# What a prompt asks, for readers of one language only; a prompt that is not listed speaks for itself.
_GLOSSES = {
    "enter_extension": "asks for the extension",
    "try_again": "asks once more, not saying why",
    "choose_order": "offers the orders to choose from",
    "goodbye": "the neutral sentence",
}


def narrate(story: CallStory, *, reveal: bool = False) -> str:
    """The call as plain text, one happening a line. Called numbers show their last three digits unless ``reveal``,
    which is for tests.

    A courier's own number is shown whole, since whoever plays him has just typed it; a recipient's never is.
    """
    lines = [_opening(story, reveal=reveal)]
    for step in story.steps:
        lines.append(_heard(step) if isinstance(step, Heard) else _pressed(step))
    lines += _ending(story, reveal=reveal)
    return "\n".join(lines)


def _opening(story: CallStory, *, reveal: bool) -> str:
    role, role_zh = _ROLES[story.caller_is]
    if story.caller is None:
        return f"📞 {role} {role_zh} with a withheld number 未顯示號碼 dials 撥打 {story.dialled}"
    whole = reveal or story.caller_is is Role.COURIER
    number = _domestic(story.caller) if whole else shown(story.caller)
    return f"📞 {role} {role_zh} {number} dials 撥打 {story.dialled}"


def _heard(step: Heard) -> str:
    left, right = ("“", "”") if step.language.startswith("en") else ("「", "」")
    notes = []
    if step.prompt_id in _GLOSSES:
        notes.append(_GLOSSES[step.prompt_id])
    if step.attempts_left is not None:
        tries = "1 try" if step.attempts_left == 1 else f"{step.attempts_left} tries"
        notes.append(f"{tries} left 剩 {step.attempts_left} 次")
    return f"🔊 {left}{step.text.strip()}{right}" + (f"  ({', '.join(notes)})" if notes else "")


def _pressed(step: Pressed) -> str:
    if step.sent is None:
        return "⌨  nothing keyed, the time runs out 未按鍵，逾時"
    taken = "" if step.keys.rstrip("#") == step.sent else f"  (the PBX took 交換機收到 {step.sent or '–'})"
    return f"⌨  {step.keys}{taken}"


def _ending(story: CallStory, *, reveal: bool) -> list[str]:
    if story.called is None or story.called_shows is None:
        return [f"🚫 the service ends the call ({story.reason}) 服務結束通話"]
    role, role_zh = _ROLES[story.called_is or Role.RECIPIENT]
    number = _domestic(story.called) if reveal else shown(story.called)
    caller_id = write_virtual(story.called_shows)
    if story.ending is Ending.FAILED:
        return [f"📵 {role} {role_zh} ({number}) cannot be reached 無法接通"]
    if story.ending is Ending.BUSY:
        return [f"📵 {role} {role_zh} ({number}) is busy 忙線中"]
    lines = [f"🔔 {role}'s phone ({number}) rings, showing {caller_id} {role_zh}手機響起，來電顯示 {caller_id}"]
    if story.ending is Ending.NO_ANSWER:
        lines.append(f"📵 no answer after {story.rang_s} s: a missed call from {caller_id} 無人接聽，留下未接來電")
    elif story.ending is Ending.CANCELED:
        lines.append(f"📵 the caller hangs up while it rings: a missed call from {caller_id} 響鈴中掛斷，留下未接來電")
    else:
        lines += _talk(story, reveal=reveal)
    return [*lines, *_what_they_see(story, caller_id)]


def _talk(story: CallStory, *, reveal: bool) -> list[str]:
    lines = []
    if story.post_dial_digits is not None:
        digits = story.post_dial_digits if reveal else "•" * len(story.post_dial_digits)
        lines.append(f"🔢 the PBX keys the office extension {digits} after the answer 接通後代撥分機 {digits}")
    cut = ", cut off at the longest a call may last 達通話時間上限" if story.cut_off else ""
    return [*lines, f"✅ answered, talked {story.talked_s} s 已接通，通話 {story.talked_s} 秒{cut}"]


def _what_they_see(story: CallStory, caller_id: str) -> list[str]:
    caller, caller_zh = _ROLES[story.caller_is]
    called, called_zh = _ROLES[story.called_is or Role.RECIPIENT]
    if story.neither_saw_the_other:
        sign, verdict, verdict_zh = "🔒", "neither saw the other's number", "雙方都看不到對方的真實號碼"
    else:
        sign, verdict, verdict_zh = "🚨", "A REAL NUMBER WAS SHOWN to the other side", "真實號碼外洩！"
    return [
        f"{sign} {caller}'s phone shows {story.dialled} · {called}'s phone shows {caller_id} · {verdict}",
        f"   {caller_zh}手機顯示 {story.dialled} · {called_zh}手機顯示 {caller_id} · {verdict_zh}",
    ]


def _domestic(number: PhoneNumber) -> str:
    """As people in Taiwan write it: 0987-654-321; a landline like a virtual number, a number from abroad in E.164."""
    whole = number.reveal()
    if whole.startswith("+8869") and len(whole) == 13:
        return f"0{whole[4:7]}-{whole[7:10]}-{whole[10:]}"
    return write_virtual(whole) if whole.startswith("+886") else whole
