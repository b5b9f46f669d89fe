"""The FastAGI entrance against a scripted Asterisk: the right conversation, and a defined end for every wrong one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from maskservice.agi import AgiServer, Entrance, Limits
from maskservice.agi.wire import quoted
from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, InboundCall, Outcome
from maskservice.domain.causes import Cause
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import PromptId, say, say_whisper
from maskservice.telephony.dialect import CallEvent, CallEventKind

GATHER = Gather(say(PromptId.ENTER_EXTENSION), max_digits=4, attempts_left=3)
CONNECT = Bridge(PhoneNumber("+886912345678"), "+886900000000", post_dial_digits="12")
HANGUP = Hangup(say(PromptId.GOODBYE))
FINE = b"200 result=0\n"
SPOKEN = ["ANSWER", 'SET VARIABLE CHANNEL(language) "zh_TW"']


@dataclass
class Behind:
    """What lies behind the entrance: scripted answers, and what was asked."""

    answers: list[Answer | Exception | float]
    asked: list[tuple[str, str, InboundCall]] = field(default_factory=list)
    told: list[tuple[str, CallEvent]] = field(default_factory=list)

    def route(self, pbx_id: str, webhook_id: str, call: InboundCall) -> Answer:
        self.asked.append((pbx_id, webhook_id, call))
        answer = self.answers.pop(0)
        if isinstance(answer, float):
            time.sleep(answer)
            return HANGUP
        if isinstance(answer, Exception):
            raise answer
        return answer

    def entrance(self, *, recorded: bool = True) -> Entrance:
        return Entrance(
            admit=lambda pbx_id, secret: (pbx_id, secret) == ("pbx_1", "whsec_right"),
            route=self.route,
            report=lambda pbx_id, event: self.told.append((pbx_id, event)),
            recorded=recorded,
        )


def opening(script: str = "call?pbx=pbx_1", *, arguments: tuple[str, ...] | None = None, **changes: str) -> bytes:
    arguments = arguments or ("whsec_right", "0987654321", "0900000000")
    variables = {"agi_network": "yes", "agi_network_script": script, "agi_uniqueid": "t-1.2"} | changes
    variables |= {f"agi_arg_{place}": text for place, text in enumerate(arguments, start=1)}
    return "".join(f"{name}: {value}\n" for name, value in variables.items()).encode() + b"\n"


Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[list[str]]]


def saying(first: bytes, *replies: bytes) -> Play:
    """An Asterisk that sends ``first``, then a reply to each command; the commands it got. It hears until the end."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[str]:
        commands = []
        writer.write(first)
        pending = list(replies)
        while line := await reader.readline():
            commands.append(line.decode().rstrip("\n"))
            writer.write(pending.pop(0) if pending else FINE)
        return commands

    return play


def meet(behind: Behind, play: Play, *, recorded: bool = True, limits: Limits | None = None) -> list[str]:
    """One connection, from start to end, within five seconds."""

    async def main() -> list[str]:
        server = AgiServer(behind.entrance(recorded=recorded), limits=limits)
        port = await server.start("127.0.0.1", 0)
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    return await play(reader, writer)
                finally:
                    writer.close()
        finally:
            await server.stop(grace_s=1)

    return asyncio.run(main())


def test_asked_keyed_connected() -> None:
    behind = Behind([GATHER, CONNECT])
    commands = meet(behind, saying(opening(), FINE, FINE, b"200 result=5678\n"))
    assert commands == [
        "ANSWER",
        'SET VARIABLE CHANNEL(language) "zh_TW"',
        'GET DATA "mask/enter_extension" 8000 4',
        'SET VARIABLE MASK_CALLEE "+886912345678"',
        'SET VARIABLE MASK_X "+886900000000"',
        'SET VARIABLE MASK_POST "12"',
        'SET VARIABLE MASK_RING "30"',
        'SET VARIABLE MASK_LIMIT "1800"',
        'SET VARIABLE MASK_WHISPER ""',
        'SET VARIABLE MASK_LEG "2"',
        'SET VARIABLE MASK_ACTION "connect"',
    ]
    assert [(pbx, webhook, call.digits) for pbx, webhook, call in behind.asked] == [
        ("pbx_1", "t-1.2:1", None),
        ("pbx_1", "t-1.2:2", "5678"),
    ]
    assert behind.asked[0][2].caller == PhoneNumber("+886987654321")


def test_the_extension_in_the_dialled_string_connects_without_answering() -> None:
    behind = Behind([CONNECT])
    commands = meet(behind, saying(opening(arguments=("whsec_right", "", "0900000000#5678"))))
    assert "ANSWER" not in commands
    call = behind.asked[0][2]
    assert call.caller is None
    assert call.dialled is not None
    assert call.dialled.extension == "5678"


@pytest.mark.parametrize("silence", [b"200 result= (timeout)\n", b"200 result=\n"])
def test_nothing_keyed_is_the_next_leg_without_digits(silence: bytes) -> None:
    behind = Behind([GATHER, HANGUP])
    commands = meet(behind, saying(opening(), FINE, FINE, silence))
    assert commands[3:] == ['STREAM FILE "mask/goodbye" ""', 'SET VARIABLE MASK_ACTION "hangup"']
    assert behind.asked[1][2].digits is None


def test_without_recordings_a_beep_stands_for_each() -> None:
    commands = meet(Behind([GATHER, HANGUP]), saying(opening(), FINE, b"200 result=12 (timeout)\n"), recorded=False)
    assert commands[1] == 'GET DATA "beep" 8000 4'
    assert commands[2] == 'STREAM FILE "beep" ""'


@pytest.mark.parametrize("failure", [RuntimeError("+886912345678"), 3.0])
def test_a_decision_that_fails_or_takes_long_is_the_neutral_sentence(failure: Exception | float) -> None:
    with capture_logs() as lines:
        commands = meet(Behind([failure]), saying(opening()), limits=Limits(decision_s=0.2))
    assert commands == [*SPOKEN, 'STREAM FILE "mask/goodbye" ""', 'SET VARIABLE MASK_ACTION "hangup"']
    assert "912345678" not in repr(lines)


def test_a_service_that_goes_on_asking_is_cut_off() -> None:
    behind = Behind([GATHER] * 20)
    commands = meet(behind, saying(opening()))
    assert len(behind.asked) == 12
    assert commands[-1] == 'SET VARIABLE MASK_ACTION "hangup"'


AFTER = ("whsec_right", "0987654321", "0900000000", "3", "NOANSWER", "19", "")


def test_after_a_bridge_the_care_line_is_rung() -> None:
    behind = Behind([CONNECT])
    commands = meet(behind, saying(opening(arguments=AFTER)))
    assert "ANSWER" not in commands
    assert commands[-2:] == ['SET VARIABLE MASK_LEG "4"', 'SET VARIABLE MASK_ACTION "connect"']
    ((_, webhook, call),) = behind.asked
    assert (webhook, call.bridge_ended) == ("t-1.2:4", BridgeEnd(Outcome.NO_ANSWER, None, Cause.NO_ANSWER))


@pytest.mark.parametrize(
    ("answer", "action"), [(HANGUP, "neutral"), (Hangup(None), "hangup"), (RuntimeError("x"), "neutral")]
)
def test_after_a_bridge_the_dialplan_knows_whether_its_caller_hears_anything(
    answer: Answer | Exception, action: str
) -> None:
    commands = meet(Behind([answer]), saying(opening(arguments=AFTER)))
    assert commands[-1] == f'SET VARIABLE MASK_ACTION "{action}"'
    assert not any(each.startswith(("ANSWER", "STREAM")) for each in commands)


@pytest.mark.parametrize("leg", ["", "0", "-1", "x", "100", "３"])
def test_without_a_leg_before_it_there_was_no_bridge(leg: str) -> None:
    behind = Behind([CONNECT])
    meet(behind, saying(opening(arguments=(*AFTER[:3], leg, *AFTER[4:]))))
    ((_, webhook, call),) = behind.asked
    assert (webhook, call.bridge_ended) == ("t-1.2:1", None)


def test_a_whisper_and_the_language_are_the_answer_s() -> None:
    whispered = replace(CONNECT, whisper=say_whisper("Demo", language="en"))
    commands = meet(Behind([whispered]), saying(opening()))
    assert 'SET VARIABLE MASK_WHISPER "mask/whisper"' in commands
    assert 'SET VARIABLE MASK_LANGUAGE "en"' in commands
    english = Gather(say(PromptId.ENTER_EXTENSION, language="en"), max_digits=13, attempts_left=3)
    behind = Behind([english, CONNECT])
    commands = meet(behind, saying(opening(), FINE, FINE, b"200 result=5678*1234\n"))
    assert commands[1:3] == ['SET VARIABLE CHANNEL(language) "en"', 'GET DATA "mask/enter_extension" 8000 13']
    assert behind.asked[1][2].digits == "5678*1234"


def test_a_report_is_passed_on() -> None:
    behind = Behind([])
    arguments = ("whsec_right", "0987654321", "0900000000*5678", "ANSWER", "16", "42")
    assert meet(behind, saying(opening("status?pbx=pbx_1", arguments=arguments))) == []
    ((pbx_id, event),) = behind.told
    assert (pbx_id, event.pbx_call_id, event.event) == ("pbx_1", "t-1.2", CallEventKind.COMPLETED)
    assert (event.virtual_number, event.duration_s) == ("+886900000000", 42)


@pytest.mark.parametrize(
    "reply",
    [
        b"200 result=-1\n",
        b"HANGUP\n200 result=0\n",
        b"HANGUP\n",
        b"511 result=-1 Command Not Permitted on a dead channel or intercept routine\n",
    ],
)
def test_a_hang_up_in_the_middle_ends_it(reply: bytes) -> None:
    behind = Behind([GATHER, CONNECT])
    with capture_logs() as lines:
        commands = meet(behind, saying(opening(), FINE, FINE, reply))
    assert [each.split()[0] for each in commands] == ["ANSWER", "SET", "GET"]
    assert len(behind.asked) == 1
    assert [line["event"] for line in lines] == ["agi_caller_gone"]


@pytest.mark.parametrize(
    "reply",
    [
        b"what\n",
        b"\n",
        b"200\n",
        b"200 result=xyz\n",
        b"510 Invalid or unknown command\n",
        b"520-Invalid command syntax.  Proper usage follows:\nUsage: GET DATA <file>\n520 End of proper usage.\n",
        b"200 result=" + b"5" * 5000 + b"\n",
        b"\xff\xfe\x00\n",
    ],
)
def test_garbage_in_place_of_a_reply_ends_it(reply: bytes) -> None:
    behind = Behind([GATHER, CONNECT])
    with capture_logs() as lines:
        commands = meet(behind, saying(opening(), FINE, FINE, reply))
    assert [each.split()[0] for each in commands] == ["ANSWER", "SET", "GET"]
    assert len(behind.asked) == 1
    assert [line["event"] for line in lines] == ["agi_broken"]


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\n",
        b"agi_x" * 5000,
        b"agi_a: 1\n" * 200,
        b"\xff" * 3000 + b"\n",
        opening("other?pbx=pbx_1"),
        opening("call"),
        opening("call?pbx=pbx_2"),
        opening("call?pbx=../x"),
        opening("call?" + "&".join(f"a{each}=1" for each in range(50))),
        opening(arguments=("whsec_wrong", "0987654321", "0900000000")),
        opening(agi_uniqueid=""),
        opening(agi_uniqueid='x" "y'),
    ],
)
def test_an_opening_that_is_none_gets_no_command(first: bytes) -> None:
    behind = Behind([CONNECT])
    with capture_logs() as lines:
        commands = meet(behind, saying(first))
    assert (commands, behind.asked) == ([], [])
    assert [line["event"] for line in lines] == ["agi_broken"]
    assert "0987654321" not in repr(lines)
    assert "whsec" not in repr(lines)


def test_a_connection_that_is_dropped_leaves_nothing() -> None:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[str]:
        writer.write(opening()[:40])
        await writer.drain()
        return []

    with capture_logs() as lines:
        assert meet(Behind([]), play) == []
    assert [line["event"] for line in lines] == ["agi_broken"]


def test_silence_is_ended_by_the_session_s_limit() -> None:
    async def play(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> list[str]:
        return [(await reader.read()).decode()]

    with capture_logs() as lines:
        assert meet(Behind([]), play, limits=Limits(session_s=0.3)) == [""]
    assert [line["event"] for line in lines] == ["agi_broken"]


def test_more_sessions_than_allowed_are_closed_at_once() -> None:
    assert meet(Behind([CONNECT]), saying(b""), limits=Limits(sessions=0)) == []


def test_an_argument_stays_one() -> None:
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
    for text in ("a\nb", "a\rb", "a\x00b", "a\u2028b"):
        with pytest.raises(ValueError, match="control character"):
            quoted(text)
