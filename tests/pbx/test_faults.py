"""What fails around Asterisk: the service down, slow or hostile, a wrong secret, nonsense from the caller.

In each case the call ends audibly (the PBX answers, plays, hangs up) and nobody's phone rings.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.pbx.lab import Lab
from tests.pbx.scripted_service import Answer, ScriptedService
from tests.pbx.service import NATIONAL_X, X

CALLEE = "+886912345678"
CONNECT = {
    "call_id": "x",
    "action": "connect",
    "to": CALLEE,
    "caller_id": "+886900000000",
    "post_dial_digits": "",
    "ring_timeout_s": "30",
    "max_duration_s": "1800",
}


@contextmanager
def dialplan_global(lab: Lab, name: str, value: str, *, usual: str) -> Iterator[None]:
    lab.asterisk.set_global(name, value)
    try:
        yield
    finally:
        lab.asterisk.set_global(name, usual)


def refused(lab: Lab, *, by: str = "http") -> None:
    """A live extension is dialled; its phone stays silent, the caller hears the sentence."""
    order = lab.order()
    caller = lab.courier(by=by).dials(f"{NATIONAL_X}*{order.extension}").is_answered().is_hung_up()
    lab.play_refused(caller, silent=lab.recipient(order))
    lab.until_quiet()


def test_the_service_is_down(lab: Lab) -> None:
    order = lab.order()
    lab.service.stop()
    try:
        caller = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().is_hung_up()
        lab.play_refused(caller, silent=lab.recipient(order))
    finally:
        lab.service.start()
    caller = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
    lab.play(caller, lab.recipient(order).is_called().answers().is_hung_up())


def test_the_fastagi_entrance_is_down(lab: Lab) -> None:
    usual = f"agi://127.0.0.1:{lab.service.agi_port}"
    with dialplan_global(lab, "MASK_AGI", "agi://127.0.0.1:9", usual=usual):
        refused(lab, by="agi")


def test_the_service_takes_one_second(lab: Lab) -> None:
    order = lab.order()
    lab.service.slow(1.0)
    try:
        caller = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
        lab.play(caller, lab.recipient(order).is_called().answers().is_hung_up())
    finally:
        lab.service.slow(None)


def test_the_service_takes_longer_than_a_pbx_waits(lab: Lab) -> None:
    """Three seconds, and three for the one retry."""
    lab.service.slow(8.0)
    try:
        refused(lab)
    finally:
        lab.service.slow(None)


@pytest.mark.parametrize("by", ["http", "agi"])
def test_a_wrong_secret(lab: Lab, by: str) -> None:
    with dialplan_global(lab, "MASK_SECRET", "whsec_" + "QUJD" * 11, usual=lab.service.secret):
        refused(lab, by=by)


@pytest.mark.parametrize(
    "user",
    [
        "0900000000%26PJSIP%2Fleaky%2Fsip%3A1%40127.0.0.4",
        "0900000000%2C1%2CSystem%28id%29",
        "0900000000%24%7BSHELL%28id%29%7D",
        "0900000000*%24%7BGLOBAL%28MASK_SECRET%29%7D",
        "0900000000%22%5D%3F1%3A2%5B%22",
        "0" * 79,
    ],
    ids=["another channel", "another application", "a function", "the secret", "an expression", "79 digits"],
)
def test_what_the_caller_dials_is_never_executed(lab: Lab, user: str) -> None:
    silent = lab.stranger()
    caller = lab.courier().dials(user).is_answered().waits(300).hangs_up()
    heard = lab.play_refused(caller, silent=silent)
    assert lab.service.secret.encode() not in b"".join(heard.received)


@contextmanager
def answering(lab: Lab, *answers: Answer) -> Iterator[ScriptedService]:
    with (
        ScriptedService(answers) as service,
        dialplan_global(lab, "MASK_URL", service.url, usual=lab.service.url),
    ):
        yield service
        lab.until_quiet()


def test_who_the_caller_says_he_is_is_never_executed(lab: Lab) -> None:
    with answering(lab, {"action": "hangup"}) as service:
        caller = lab.courier(number="0987$%7BMASK_SECRET%7D&digits=1234").dials(NATIONAL_X).is_answered().is_hung_up()
        lab.play_refused(caller, silent=lab.stranger())
    assert service.asked
    for body in service.asked:
        assert lab.service.secret.encode() not in body
        assert b"digits=1234" not in body


def no_answers(canary: Path) -> list[Answer]:
    """Whatever is not a whole connect, and what would run, ring or play something else if it were more than text."""
    shell = f"${{SHELL(touch {canary})}}"
    return [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"null",
        b"[]",
        b'{"action":',
        {},
        {"action": ["connect"]},
        {"action": "System"},
        {"action": 'x" = "x" | "connect'},
        {"action": shell},
        {"action": "hangup", "play": f"../../../etc/passwd&|System(touch {canary})"},
        {"action": "gather", "play": f"beep,1)System(touch {canary})", "max_digits": shell, "timeout_s": "1"},
        {**CONNECT, "to": ""},
        {**CONNECT, "to": None},
        {**CONNECT, "to": "sip:1@127.0.0.4"},
        {**CONNECT, "to": {"number": CALLEE}},
        {**CONNECT, "to": f"{CALLEE}@127.0.0.5:5060"},
        {**CONNECT, "to": f"{CALLEE}&Local/s@mask-neutral"},
        {**CONNECT, "to": f"{CALLEE}{shell}"},
        {**CONNECT, "caller_id": ""},
        {**CONNECT, "caller_id": "Boss <+886911111111>"},
        {**CONNECT, "caller_id": f"{X}>)U(mask-neutral)"},
        {**CONNECT, "post_dial_digits": f"1)U(mask-neutral^{shell}"},
        {**CONNECT, "whisper": f"mask/whisper)G(mask-neutral^s^1{shell}"},
        {**CONNECT, "whisper": "../../../etc/passwd"},
        {**CONNECT, "ring_timeout_s": None},
        {**CONNECT, "ring_timeout_s": f"20{shell}"},
        {**CONNECT, "max_duration_s": "forever"},
        {**CONNECT, "max_duration_s": "1800)G(mask-neutral^s^1"},
    ]


def test_an_answer_that_is_not_whole_dials_nothing_and_runs_nothing(lab: Lab) -> None:
    with tempfile.TemporaryDirectory(prefix="maskservice-canary-") as folder:
        place = Path(folder)
        place.chmod(0o777)
        answers = no_answers(place / "canary")
        with answering(lab, *answers) as service:
            caller = lab.courier().dials(NATIONAL_X).is_answered().waits(150).hangs_up()
            lab.play_refused(caller, silent=lab.stranger(), count=len(answers))
        calls = {parse_qs(body.decode())["call_id"][0] for body in service.asked}
        assert len(calls) == len(answers)
        assert list(place.iterdir()) == []


def test_ringing_and_talking_end_when_the_service_says(lab: Lab) -> None:
    """The limits of the answer are Asterisk's to keep: one second of ringing, one of talking."""
    order = lab.order()
    with answering(lab, {**CONNECT, "to": order.recipient, "ring_timeout_s": "1"}) as service:
        caller = lab.courier().dials(NATIONAL_X).is_refused(603)
        lab.play(caller, lab.recipient(order).is_called().rings().sees_it_given_up())
    assert b"dialstatus=NOANSWER" in service.told[0]
    with answering(lab, {**CONNECT, "to": order.recipient, "max_duration_s": "1"}) as service:
        caller = lab.courier().dials(NATIONAL_X).is_answered().is_hung_up()
        lab.play(caller, lab.recipient(order).is_called().rings().answers().is_hung_up())
    assert b"dialstatus=ANSWERED" in service.told[0]
    assert b"dialstatus=ANSWER&" in service.told[-1]
