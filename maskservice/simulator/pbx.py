"""The simulated PBX: takes a call, does what the service says, reports what came of it.

Answers for: behaving like a PBX towards the service. Must not know: anything that the contract does not tell a PBX.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx

from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.masked import read_dialled, write_virtual
from maskservice.domain.phone import PhoneNumber, read_caller
from maskservice.simulator.answers import Connect, ConnectTerms, GatherTerms, Hangup, read_answer
from maskservice.simulator.story import CallStory, Ending, Heard, Pickup, Pressed, Role
from maskservice.simulator.wire import Exchange, SignedLine, SimulatorError

# Three tries and a menu are four prompts. A service that goes on asking is broken, and a caller would long have hung
# up.
MOST_PROMPTS = 8
DEFAULT_RING_S, DEFAULT_TALK_S = 6.0, 42.0
_KEYS = re.compile(r"[0-9*#]*")

Answering = bool | Pickup | Callable[[str], bool | Pickup]


def wall_clock() -> datetime:
    """The machine's own time, UTC."""
    return datetime.now(UTC)


class SimulatedPbx:
    """A PBX as the service sees one: ``base_url`` like ``http://127.0.0.1:8000``, ``secret`` as ``whsec_…``.

    ``clock`` stamps signatures and reports. ``wait(seconds)`` is called while a phone rings and people talk, and may
    sleep or move the clock; without it no time is spent, and the reports of one call are dated as if it had been.
    ``record`` takes every request sent. Raises SimulatorError for a secret or an address that cannot be used. Close
    it, or use it in a ``with``.
    """

    def __init__(
        self,
        base_url: str,
        pbx_id: str,
        secret: str,
        *,
        http: httpx.Client | None = None,
        clock: Callable[[], datetime] = wall_clock,
        wait: Callable[[float], None] | None = None,
        record: list[Exchange] | None = None,
        retry_pause_s: float = 0.2,
    ) -> None:
        self._line = SignedLine(
            base_url, pbx_id, secret, clock=clock, http=http, record=record, retry_pause_s=retry_pause_s
        )
        self._clock, self._wait = clock, wait

    def call(
        self,
        caller: str | None,
        dialled: str,
        *,
        keys: Sequence[str] = (),
        in_dial_string: bool = False,
        answer: Answering = True,
        ring_s: float = DEFAULT_RING_S,
        talk_s: float = DEFAULT_TALK_S,
        caller_is: Role = Role.COURIER,
        called_is: Role | None = None,
        call_id: str | None = None,
    ) -> CallStory:
        """Plays one call. ``caller`` is None for a withheld number; ``dialled`` is X or a masked number in any usual
        writing.

        The extension in ``dialled`` is keyed at the first prompt, or goes along in ``to`` with ``in_dial_string``;
        then ``keys``, one text of 0-9, * and # a prompt, '' for silence; with none left the time runs out.
        ``answer``: whether the called phone is picked up (False: no answer), or a :class:`Pickup`, or a function of
        the number that rings (E.164). ``ring_s`` and ``talk_s`` in seconds. ``caller_is`` and ``called_is`` (by
        default the other of courier and recipient) only name the people in the story. Raises SimulatorError when the
        service cannot be reached, refuses the PBX, or breaks the contract.
        """
        if not all(_KEYS.fullmatch(each) for each in keys):
            raise SimulatorError("A telephone has the keys 0-9, * and #. 按鍵只有 0-9、* 與 #。")
        number = read_caller(caller)
        virtual_number, extension, shown = _dialled(dialled, with_extension=in_dial_string)
        pending = deque([extension] if extension is not None and not in_dial_string else [])
        pending.extend(keys)
        call_id = call_id or f"sim-{uuid4().hex}"
        asked: dict[str, object] = {
            "call_id": call_id,
            "from": caller if number is None else number.reveal(),
            "to": _wire_form(dialled, virtual_number, extension if in_dial_string else None),
        }
        steps: list[Heard | Pressed] = []
        final = self._obey_until_final(asked, pending, steps)
        story = CallStory(
            call_id=call_id,
            caller=number,
            caller_is=caller_is,
            dialled=shown,
            virtual_number=virtual_number,
            steps=tuple(steps),
            ending=Ending.REFUSED,
        )
        if isinstance(final, Hangup):
            return replace(story, reason=final.reason)
        if called_is is None:
            called_is = Role.COURIER if caller_is is Role.RECIPIENT else Role.RECIPIENT
        story = replace(
            story,
            called=PhoneNumber.from_e164(final.connect.to),
            called_is=called_is,
            called_shows=final.connect.caller_id,
            post_dial_digits=final.connect.post_dial_digits,
        )
        reports = _Reports(self._line, {"call_id": call_id, "to": asked["to"]}, self._clock, self._wait)
        return _ring(
            story, final.connect, reports, pickup=_pickup(answer, final.connect.to), ring_s=ring_s, talk_s=talk_s
        )

    def _obey_until_final(
        self, asked: dict[str, object], pending: deque[str], steps: list[Heard | Pressed]
    ) -> Connect | Hangup:
        """Leg after leg, until the service connects or ends the call; what happened is added to ``steps``."""
        digits: str | None = None
        for _ in range(MOST_PROMPTS + 1):
            body = self._line.post("calls", {**asked, "digits": digits}, expected=200)
            answer = read_answer(body, str(asked["call_id"]))
            if isinstance(answer, Connect):
                return answer
            if isinstance(answer, Hangup):
                steps.append(Heard(answer.prompt.id, answer.prompt.language, answer.prompt.text))
                return answer
            terms = answer.gather
            steps.append(
                Heard(
                    answer.prompt.id,
                    answer.prompt.language,
                    answer.prompt.text,
                    attempts_left=terms.attempts_left,
                    max_digits=terms.max_digits,
                    timeout_s=terms.timeout_s,
                )
            )
            pressed = press(pending.popleft() if pending else "", terms)
            steps.append(pressed)
            digits = pressed.sent
        raise SimulatorError(f"The service has asked {MOST_PROMPTS + 1} times in one call and does not come to an end.")

    def close(self) -> None:
        """Closes the connections of its own client; one that was given stays open."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def press(keys: str, terms: GatherTerms) -> Pressed:
    """What a PBX makes of ``keys``: it stops at the finish key, which it keeps to itself, or at ``max_digits``;
    silence is None.

    A caller who has keyed several digits presses the finish key, as the prompt bids him; a menu takes a single key
    without it.
    """
    if not keys:
        return Pressed("", None)
    finish = terms.finish_on_key
    pressed = keys + finish if terms.max_digits > 1 and finish and finish not in keys else keys
    heard = pressed.split(finish, 1)[0] if finish else pressed
    return Pressed(pressed, heard[: terms.max_digits])


class _Reports:
    """What the PBX tells the service of one connected call, and how time passes in it."""

    def __init__(
        self,
        line: SignedLine,
        call: dict[str, object],
        clock: Callable[[], datetime],
        wait: Callable[[float], None] | None,
    ) -> None:
        self._line, self._call, self._clock, self._wait = line, call, clock, wait
        self._passed = timedelta(0)

    def spend(self, seconds: float) -> None:
        if self._wait is None:
            self._passed += timedelta(seconds=seconds)
        else:
            self._wait(seconds)

    def tell(self, event: Pickup | Ending | str, *, duration_s: int | None = None) -> None:
        at = (self._clock() + self._passed).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._line.post("events", {**self._call, "event": event, "at": at, "duration_s": duration_s}, expected=204)


def _ring(
    story: CallStory, terms: ConnectTerms, reports: _Reports, *, pickup: Pickup, ring_s: float, talk_s: float
) -> CallStory:
    """Rings the called phone and reports what comes of it; no ringing and no talk is longer than the service allows."""
    if pickup in (Pickup.BUSY, Pickup.FAILED):
        reports.tell(pickup)
        return replace(story, ending=Ending(pickup))
    if pickup is Pickup.ANSWERED and ring_s >= terms.ring_timeout_s:
        pickup = Pickup.NO_ANSWER
    reports.tell("ringing")
    rang_s = float(terms.ring_timeout_s) if pickup is Pickup.NO_ANSWER else min(ring_s, terms.ring_timeout_s)
    reports.spend(rang_s)
    reports.tell(pickup)
    story = replace(story, rang_s=round(rang_s))
    if pickup is not Pickup.ANSWERED:
        return replace(story, ending=Ending(pickup))
    talked_s = min(talk_s, terms.max_duration_s)
    reports.spend(talked_s)
    reports.tell(Ending.COMPLETED, duration_s=round(talked_s))
    return replace(story, ending=Ending.COMPLETED, talked_s=round(talked_s), cut_off=talk_s > terms.max_duration_s)


def _pickup(answer: Answering, number: str) -> Pickup:
    decided = answer(number) if callable(answer) else answer
    if isinstance(decided, Pickup):
        return decided
    return Pickup.ANSWERED if decided else Pickup.NO_ANSWER


def _dialled(text: str, *, with_extension: bool) -> tuple[str | None, str | None, str]:
    """X in E.164, the extension, and what the caller's phone shows. What cannot be read is dialled as it stands, as a
    PBX would.
    """
    try:
        read = read_dialled(text)
    except MaskedNumberUnreadable:
        return None, None, text
    shown = write_virtual(read.virtual_number)
    if with_extension and read.extension is not None:
        shown = f"{shown}#{read.extension}"
    return read.virtual_number, read.extension, shown


def _wire_form(text: str, virtual_number: str | None, extension: str | None) -> str:
    """``to`` as PBXs send it: E.164, or with an extension in the dial string the digits as dialled,
    ``0900000000#5678``.
    """
    if virtual_number is None:
        return text
    if extension is None:
        return virtual_number
    return f"{write_virtual(virtual_number).replace('-', '')}#{extension}"
