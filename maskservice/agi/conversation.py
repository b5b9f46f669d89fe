"""One call over AGI: ask what to do, do it, ask again; and one report when the line is free.

Answers for: the order of steps, and the neutral sentence when a decision fails. Must not know: sockets, how a call is
decided. The variables that it sets are what docs/pbx/asterisk/extensions.conf dials by.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import structlog

from maskservice.agi.wire import AgiBroken, AgiWire, Environment, quoted
from maskservice.domain.call import Answer, Bridge, Gather, Hangup, InboundCall
from maskservice.domain.prompts import PromptId, say
from maskservice.telephony.asterisk import CALL_ID, event_of
from maskservice.telephony.asterisk_sounds import BEEP, playlist
from maskservice.telephony.dialect import CallEvent
from maskservice.telephony.fields import caller_of, dialled_of

CALL, STATUS = "call", "status"
MOST_LEGS: Final = 8
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
        self._answered = False

    async def lead(self) -> None:
        """Leg after leg until there is a last word; a service that goes on asking is broken and is cut off."""
        digits: str | None = None
        for leg in range(1, MOST_LEGS + 1):
            answer = await self._decide(leg, digits)
            if isinstance(answer, Bridge):
                return await self._connect(answer)
            if isinstance(answer, Hangup):
                return await self._refuse(answer)
            digits = await self._gather(answer)
        return await self._refuse(_neutral())

    async def _decide(self, leg: int, digits: str | None) -> Answer:
        call = InboundCall(self._call_id, self._caller, self._dialled, digits)
        try:
            answer: Answer = await self._run(lambda: self._entrance.route(self._pbx_id, f"{self._call_id}:{leg}", call))
        except Exception as error:
            # Somebody is on the line: what went wrong is logged by its class, the caller hears the neutral sentence.
            _log.error("agi_call_failed", error=type(error).__name__)
            return _neutral()
        return answer

    async def _gather(self, asked: Gather) -> str | None:
        await self._pick_up()
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
            ("MASK_ACTION", "connect"),
        ):
            await self._set(name, value)

    async def _refuse(self, answer: Hangup) -> None:
        await self._pick_up()
        files = [] if answer.prompt is None else [BEEP]
        if answer.prompt is not None and self._entrance.recorded:
            files = playlist(answer.prompt).split("&")
        for file in files:
            await self._wire.command(f'STREAM FILE {quoted(file)} ""', timeout_s=LONGEST_PROMPT_S)
        await self._set("MASK_ACTION", "hangup")

    async def _pick_up(self) -> None:
        if not self._answered:
            await self._wire.command("ANSWER", timeout_s=COMMAND_TIMEOUT_S)
            self._answered = True

    async def _set(self, name: str, value: str) -> None:
        await self._wire.command(f"SET VARIABLE {name} {quoted(value)}", timeout_s=COMMAND_TIMEOUT_S)


def _neutral() -> Hangup:
    return Hangup(say(PromptId.GOODBYE))
