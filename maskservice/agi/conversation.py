"""One call over AGI: ask what to do, do it, ask again; and one report when the line is free.

Answers for: the order of steps, and the neutral sentence when a decision fails. Must not know: sockets, how a call is
decided. The variables that it sets are what docs/pbx/asterisk/extensions.conf dials by.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import structlog

from maskservice.agi.wire import AgiBroken, AgiWire, Environment, quoted
from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, InboundCall
from maskservice.domain.prompts import Prompt, PromptId, say
from maskservice.telephony.asterisk import CALL_ID, bridge_end_of, event_of, whisper_file
from maskservice.telephony.asterisk_sounds import BEEP, playlist
from maskservice.telephony.dialect import CallEvent
from maskservice.telephony.fields import caller_of, dialled_of

CALL, STATUS = "call", "status"
MOST_LEGS: Final = 12
# The folders of sound files; Asterisk looks for zh_TW in zh as well.
_LANGUAGES: Final = MappingProxyType({"zh-TW": "zh_TW", "en": "en"})
COMMAND_TIMEOUT_S: Final = 10.0
# Nine orders told digit by digit take about 40 s.
LONGEST_PROMPT_S: Final = 60.0

_PBX_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_log = structlog.get_logger("maskservice.agi")
_T = TypeVar("_T")


class Run(Protocol):
    """Calls a blocking function elsewhere and waits for it within a limit. Raises TimeoutError, and what it raises."""

    def __call__(self, function: Callable[[], _T], /) -> Awaitable[_T]: ...


@dataclass(frozen=True, slots=True)
class Entrance:
    """What is behind this door. All three are called in a thread and may block.

    ``admit(pbx_id, secret)``: whether this is a PBX of ours with one of its secrets (``whsec_…``), since AGI has no
    signature. ``route(pbx_id, webhook_id, call)``: the answer to a leg; equal webhook ids are one request.
    ``report(pbx_id, event)``: what became of a call. ``recorded``: the prompts lie on the PBX as sound files; otherwise
    a beep stands for each.
    """

    admit: Callable[[str, str], bool]
    route: Callable[[str, str, InboundCall], Answer]
    report: Callable[[str, CallEvent], None]
    recorded: bool = False


async def converse(wire: AgiWire, entrance: Entrance, run: Run) -> None:
    """Serves one connection.

    Raises AgiBroken, CallerGone; both end the connection, and the dialplan goes on by itself.
    """
    environment = await wire.environment()
    pbx_id = environment.query.get("pbx", "")
    call_id = environment.variables.get("agi_uniqueid", "")
    if not _PBX_ID.fullmatch(pbx_id) or not CALL_ID.fullmatch(call_id):
        raise AgiBroken("the environment names no PBX or no call")
    if environment.script not in (CALL, STATUS):
        raise AgiBroken("there is no script of this name")
    if not await run(lambda: entrance.admit(pbx_id, environment.argument(1))):
        raise AgiBroken("the PBX or its secret is not known")
    if environment.script == STATUS:
        event = event_of(
            call_id,
            to=environment.argument(3),
            dialstatus=environment.argument(4),
            cause=environment.argument(5),
            duration_s=environment.argument(6),
        )
        await run(lambda: entrance.report(pbx_id, event))
        return
    await _Call(wire, entrance, run, pbx_id=pbx_id, call_id=call_id, environment=environment).lead()


class _Call:
    def __init__(
        self,
        wire: AgiWire,
        entrance: Entrance,
        run: Run,
        *,
        pbx_id: str,
        call_id: str,
        environment: Environment,
    ) -> None:
        self._wire, self._entrance, self._run = wire, entrance, run
        self._pbx_id, self._call_id = pbx_id, call_id
        self._caller = caller_of(environment.argument(2))
        self._dialled = dialled_of(environment.argument(3))
        self._answered, self._spoken = False, ""
        self._legs = _legs_before(environment.argument(4))
        # The dialplan comes again when a bridge has ended that left its caller behind.
        self._bridge_ended = (
            bridge_end_of(
                dialstatus=environment.argument(5),
                cause=environment.argument(6),
                answered_s=environment.argument(7),
            )
            if self._legs
            else None
        )

    async def lead(self) -> None:
        """Leg after leg until there is a last word; a service that goes on asking is broken and is cut off."""
        digits: str | None = None
        ended = self._bridge_ended
        while self._legs < MOST_LEGS:
            self._legs += 1
            answer = await self._decide(self._legs, digits, ended)
            if isinstance(answer, Bridge):
                return await self._connect(answer)
            if isinstance(answer, Hangup):
                return await self._refuse(answer)
            digits, ended = await self._gather(answer), None
        return await self._refuse(_neutral())

    async def _decide(self, leg: int, digits: str | None, ended: BridgeEnd | None) -> Answer:
        call = InboundCall(self._call_id, self._caller, self._dialled, digits, ended)
        try:
            answer: Answer = await self._run(lambda: self._entrance.route(self._pbx_id, f"{self._call_id}:{leg}", call))
        except Exception as error:
            # Somebody is on the line: what went wrong is logged by its class, the caller hears the neutral sentence.
            _log.error("agi_call_failed", error=type(error).__name__)
            return _neutral()
        return answer

    async def _gather(self, asked: Gather) -> str | None:
        await self._pick_up()
        await self._speak(asked.prompt)
        files = playlist(asked.prompt) if self._entrance.recorded else BEEP
        # GET DATA plays the files joined by &, a key interrupts them, # ends the input; the time counts for each key.
        reply = await self._wire.command(
            f"GET DATA {quoted(files)} {asked.timeout_s * 1000} {asked.max_digits}",
            timeout_s=LONGEST_PROMPT_S + asked.timeout_s * (asked.max_digits + 1),
        )
        return reply.result or None

    async def _connect(self, answer: Bridge) -> None:
        """MASK_ACTION comes last: without it the dialplan dials nothing, so half a decision is none."""
        for name, value in (
            ("MASK_CALLEE", answer.to.reveal()),
            ("MASK_X", answer.caller_id),
            ("MASK_POST", answer.post_dial_digits or ""),
            ("MASK_RING", str(answer.ring_timeout_s)),
            ("MASK_LIMIT", str(answer.max_duration_s)),
            ("MASK_WHISPER", whisper_file(answer)),
            *(() if answer.whisper is None else (("MASK_LANGUAGE", _language(answer.whisper)),)),
            ("MASK_LEG", str(self._legs)),
            ("MASK_ACTION", "connect"),
        ):
            await self._set(name, value)

    async def _refuse(self, answer: Hangup) -> None:
        if self._bridge_ended is not None:
            # The dialplan knows whether its caller is through: he hears the sentence, any other gets the cause itself.
            if answer.prompt is not None:
                await self._set("MASK_LANGUAGE", _language(answer.prompt))
            await self._set("MASK_ACTION", "neutral" if answer.prompt is not None else "hangup")
            return
        await self._pick_up()
        if answer.prompt is not None:
            await self._speak(answer.prompt)
        files = [] if answer.prompt is None else [BEEP]
        if answer.prompt is not None and self._entrance.recorded:
            files = playlist(answer.prompt).split("&")
        for file in files:
            await self._wire.command(f'STREAM FILE {quoted(file)} ""', timeout_s=LONGEST_PROMPT_S)
        await self._set("MASK_ACTION", "hangup")

    async def _speak(self, prompt: Prompt) -> None:
        """The language of the sound files from here on, as the dialplan names it too."""
        spoken = _LANGUAGES.get(prompt.language)
        if self._entrance.recorded and spoken is not None and spoken != self._spoken:
            await self._set("CHANNEL(language)", spoken)
            self._spoken = spoken

    async def _pick_up(self) -> None:
        if not self._answered:
            await self._wire.command("ANSWER", timeout_s=COMMAND_TIMEOUT_S)
            self._answered = True

    async def _set(self, name: str, value: str) -> None:
        await self._wire.command(f"SET VARIABLE {name} {quoted(value)}", timeout_s=COMMAND_TIMEOUT_S)


def _legs_before(argument: str) -> int:
    known = argument.isascii() and argument.isdecimal() and len(argument) <= 2
    return int(argument) if known else 0


def _language(prompt: Prompt) -> str:
    """As the dialplan compares it: letters only."""
    return prompt.language.replace("-", "")


def _neutral() -> Hangup:
    return Hangup(say(PromptId.GOODBYE))
