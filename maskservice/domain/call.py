"""What a call is made of: what the PBX asked, what is known of the line, what is answered, and why.

Answers for: the words that telephony, services and the routing rules share. Must not know: the rules
(``routing.py``), a PBX's format, storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from maskservice.domain.binding import Binding
from maskservice.domain.call_policy import PoolCalls, TenantCalls
from maskservice.domain.causes import Cause
from maskservice.domain.guard import GuardPolicy, NumberState
from maskservice.domain.hooks import HookKind
from maskservice.domain.ids import BindingId
from maskservice.domain.masked import Dialled
from maskservice.domain.outcome import FINAL as FINAL
from maskservice.domain.outcome import Outcome as Outcome
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import Prompt

RING_TIMEOUT_S = 30
LONGEST_CALL_S = 1800
KEY_TIMEOUT_S = 8
MENU_LENGTH = 9


@dataclass(frozen=True, slots=True)
class BridgeEnd:
    """How a bridge ended that an answer of ours had ordered. ``outcome`` is a final one; ``duration_s``: of the talk,
    as the PBX measured it."""

    outcome: Outcome
    duration_s: int | None = None
    cause: Cause = Cause.UNKNOWN


@dataclass(frozen=True, slots=True)
class InboundCall:
    """One request of a PBX. ``caller`` is None when withheld or unreadable; ``dialled`` is None when no number could
    be read in ``to``.

    ``digits`` is what was keyed since the last answer: None or empty when nothing was. ``bridge_ended``: how the bridge
    ended that the last answer ordered, where the PBX asks what is next.
    """

    pbx_call_id: str
    caller: PhoneNumber | None
    dialled: Dialled | None
    digits: str | None = None
    bridge_ended: BridgeEnd | None = None


class Direction(StrEnum):
    TO_RECIPIENT = "to_recipient"
    TO_COURIER = "to_courier"


class Party(StrEnum):
    """Who is to be reached."""

    RECIPIENT = "recipient"
    COURIER = "courier"
    CARE_LINE = "care_line"


@dataclass(frozen=True, slots=True)
class Gather:
    """Ask for digits. ``attempts_left`` counts this one."""

    prompt: Prompt
    max_digits: int
    attempts_left: int
    finish_on_key: str = "#"
    timeout_s: int = KEY_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Connect:
    """Bridge to a party of a binding, showing the virtual number. Which number that is, the service opens last of
    all."""

    party: Party
    binding: BindingId


@dataclass(frozen=True, slots=True)
class Hangup:
    """Say something and end; None says nothing, after a talk that is over. There is one reason only: the service is no
    oracle."""

    prompt: Prompt | None
    reason: str = "unavailable"


Decision = Gather | Connect | Hangup


@dataclass(frozen=True, slots=True)
class Bridge:
    """A connect with its number revealed: lives only on its way to an authenticated PBX. ``post_dial_digits`` are
    keyed after the answer; ``whisper`` is said to the called party alone, before the two are bridged."""

    to: PhoneNumber
    caller_id: str
    post_dial_digits: str | None = None
    ring_timeout_s: int = RING_TIMEOUT_S
    max_duration_s: int = LONGEST_CALL_S
    whisper: Prompt | None = None


Answer = Gather | Bridge | Hangup


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One thing that was looked at and what was found; both are stable words without any number.

    ``tenant_id`` says whose fact the finding is: nobody else sees it (:func:`seen_by`).
    """

    step: str
    found: str
    tenant_id: str | None = None


def seen_by(trace: Sequence[TraceStep], tenant_id: str) -> tuple[TraceStep, ...]:
    """The trace as a tenant may read it. What was found of others is told neither by a word nor by its place or number:
    another's extension reads as one that is nobody's, another's pass or order of the caller as none."""
    shown: list[TraceStep] = []
    for is_foreign, group in groupby(trace, lambda step: step.tenant_id not in (None, tenant_id)):
        steps = list(group)
        shown += _as_nobody_s(steps) if is_foreign else steps
    return tuple(shown)


def _as_nobody_s(steps: Sequence[TraceStep]) -> Sequence[TraceStep]:
    words = {step.step for step in steps}
    named = bool(words & {"binding", "code"})
    known = any(step.step == "caller" and step.found in ("courier", "shared_line") for step in steps)
    if words & {"pass", "repeat"} or not named:
        # Without digits. Who was barred goes on to be looked for among the recipients, which says it already.
        return (TraceStep("recipient", "none"),) if named or known else ()
    return (TraceStep("extension", "none"),)


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of a virtual number that belongs to a pool: how it is dialled, how it is guarded, how it fares.

    ``caller_is_ours``: the call shows one of our own virtual numbers as its caller, which nobody can call back."""

    virtual_number: str
    pool_id: str
    dialled_length: int
    check_digit: bool
    caller_is_ours: bool = False
    guard: GuardPolicy = field(default_factory=GuardPolicy)
    state: NumberState = field(default_factory=NumberState)
    calls: PoolCalls = field(default_factory=PoolCalls)


@dataclass(frozen=True, slots=True)
class Contact:
    """Who last reached the recipient through X. ``mark`` is the blind index of the courier's number: equal marks are
    one courier. ``withdrawn``: the courier was blocked since. ``caller``: his blind index in the guard's scope."""

    mark: bytes
    reached_at: datetime
    expires_at: datetime
    withdrawn: bool = False
    caller: bytes = b""
    enrolled: bool = False


class Verdict(StrEnum):
    """What a list says of a caller."""

    BLOCK = "block"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a binding's tenant knows of the caller. ``enrolled``: his phone is on its roster; ``by_code``: the PIN that
    he keyed is a courier's of it; ``assigned``: the courier so recognised was given to the binding. The last two are
    what lists say, the binding's own before the tenant's."""

    enrolled: bool = False
    by_code: bool = False
    assigned: bool = False
    to_recipient: Verdict | None = None
    to_courier: Verdict | None = None

    @property
    def is_courier(self) -> bool:
        """One of the tenant's couriers, by his phone or his PIN."""
        return self.enrolled or self.by_code


@dataclass(frozen=True, slots=True)
class Reachable:
    """A binding as a call meets it.

    ``is_recipient``: the caller is its recipient. ``shared_line``: the recipient's number is a switchboard (it has
    an extension of its own),
    so the number alone does not tell who calls. ``shop``: the tenant's name as spoken in a menu. ``hooks``: which of
    them the tenant has. ``was_courier``: the caller is the last courier who reached it, however long ago.
    """

    binding: Binding
    shop: str
    has_care_line: bool
    is_recipient: bool
    shared_line: bool
    contact: Contact | None = None
    calls: TenantCalls = field(default_factory=TenantCalls)
    standing: Standing = field(default_factory=Standing)
    hooks: frozenset[HookKind] = frozenset()
    was_courier: bool = False

    def reached_by(self, now: datetime) -> Contact | None:
        """The contact that a call-back may use: it may end before the binding, never after."""
        contact = self.contact
        if contact is None or contact.withdrawn or now >= min(contact.expires_at, self.binding.expires_at):
            return None
        return contact


@dataclass(frozen=True, slots=True)
class Thread:
    """The legs of this call so far, as the service remembers them. ``menu`` holds the orders last offered, in the
    order of their keys; ``pending`` the extension that was keyed and whose code is being asked for; ``connected`` whom
    the last answer connected."""

    legs: int = 0
    tries_used: int = 0
    menu: tuple[BindingId, ...] = ()
    ended: bool = False
    pending: str | None = None
    connected: Connect | None = None
