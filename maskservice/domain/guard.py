"""The guard against guessing: budgets of wrong tries, blocks that grow, couriers who reach too many, scans of a number.

Answers for: what a wrong try or a reach costs a caller, and what an attacked number does about it. Must not know: where
the counts are kept, who is told. The caller is blocked, never the binding: or anyone could shut a recipient off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from maskservice.domain.errors import FieldError, InvalidContent

TRIES = 3
"""Tries a call has, silence included."""


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """A pool's thresholds; docs/guard.rst computes what each default means for a stranger's chance.

    ``caller_tries`` wrong tries of one caller within ``window`` lead to a block of ``first_block``, doubled each time
    up to ``longest_block``; ``withheld_tries`` is the budget that all withheld callers of one PBX share.
    ``number_tries`` wrong tries on one number within ``window`` shorten tries. ``reach_per_day`` different bindings a
    day block a caller who is not enrolled. ``scan_callers`` different callers with wrong tries on one number within
    ``window`` are a scan; with ``enroll_on_scan`` the number then takes enrolled callers only, for ``scan_rest``.
    """

    caller_tries: int = 10
    withheld_tries: int = 30
    number_tries: int = 200
    window: timedelta = timedelta(hours=1)
    first_block: timedelta = timedelta(minutes=15)
    longest_block: timedelta = timedelta(hours=24)
    reach_per_day: int = 300
    scan_callers: int = 20
    enroll_on_scan: bool = False
    scan_rest: timedelta = timedelta(hours=6)

    def checked(self) -> GuardPolicy:
        """Raises InvalidContent with every threshold that is out of range."""
        errors = [
            FieldError(f"/{name}", "out_of_range", "A budget is a whole number from 1 to 1,000,000.")
            for name in ("caller_tries", "withheld_tries", "number_tries", "reach_per_day", "scan_callers")
            if not 1 <= getattr(self, name) <= 1_000_000
        ]
        errors += [
            FieldError(f"/{name}", "out_of_range", "A time is from one minute to 30 days.")
            for name in ("window", "first_block", "longest_block", "scan_rest")
            if not timedelta(minutes=1) <= getattr(self, name) <= timedelta(days=30)
        ]
        if self.longest_block < self.first_block:
            errors.append(FieldError("/longest_block", "out_of_range", "The longest block is not below the first."))
        if errors:
            raise InvalidContent(tuple(errors))
        return self

    def chance_within_budget(self, density: float) -> float:
        """Chance that a stranger reaches anybody before the first block, guessing at random at this density: he has
        ``caller_tries`` tries, the last of which is still answered."""
        return 1.0 - (1.0 - density) ** self.caller_tries


@dataclass(frozen=True, slots=True)
class CallerState:
    """What is remembered of one caller in one pool. ``wrong``: moments of wrong tries within the window, oldest first.
    ``blocks``: how often he was blocked lately. ``reached``: different bindings on ``reached_day`` (UTC)."""

    wrong: tuple[datetime, ...] = ()
    blocked_at: datetime | None = None
    blocked_until: datetime | None = None
    blocks: int = 0
    reached: int = 0
    reached_day: str = ""

    def is_blocked(self, now: datetime) -> bool:
        return self.blocked_until is not None and now < self.blocked_until


FORGIVEN_AFTER = timedelta(days=7)
"""A block that lies so far back no longer makes the next one longer."""


def _blocked(state: CallerState, policy: GuardPolicy, now: datetime) -> CallerState:
    old = state.blocked_until is None or now - state.blocked_until > FORGIVEN_AFTER
    blocks = 0 if old else state.blocks
    # 2^40 blocks' worth of minutes would overflow before it was reached: the exponent is capped.
    length = min(policy.first_block * 2 ** min(blocks, 30), policy.longest_block)
    return replace(state, wrong=(), blocked_at=now, blocked_until=now + length, blocks=blocks + 1)


def after_wrong_try(state: CallerState, policy: GuardPolicy, *, budget: int, now: datetime) -> CallerState:
    """A wrong try is counted; the one that uses ``budget`` up blocks. While blocked nothing more is counted: an honest
    courier who keeps trying is not pushed further down."""
    if state.is_blocked(now):
        return state
    recent = (*(moment for moment in state.wrong if now - moment < policy.window), now)
    if len(recent) >= budget:
        return _blocked(state, policy, now)
    return replace(state, wrong=recent)


def after_reach(state: CallerState, policy: GuardPolicy, *, now: datetime) -> CallerState:
    """A caller who is not enrolled reached a binding that he did not reach last already: counted by the UTC day. The
    one
    that uses the day's limit up is the last: couriers make 100 to 200 stops a day."""
    day = now.date().isoformat()
    reached = state.reached + 1 if state.reached_day == day else 1
    state = replace(state, reached=reached, reached_day=day)
    return _blocked(state, policy, now) if reached >= policy.reach_per_day else state


@dataclass(frozen=True, slots=True)
class NumberState:
    """What is remembered of one virtual number in the window that began at ``window_start``: ``wrong`` tries of
    ``callers`` different callers. ``enrolled_only_until``: strangers are not connected before then."""

    window_start: datetime | None = None
    wrong: int = 0
    callers: int = 0
    enrolled_only_until: datetime | None = None

    def is_enrolled_only(self, now: datetime) -> bool:
        return self.enrolled_only_until is not None and now < self.enrolled_only_until

    def tries(self, policy: GuardPolicy, now: datetime) -> int:
        """Tries a call has on this number: one instead of three while its budget is used up. The first right extension
        of anybody is never refused for it."""
        current = self.window_start is not None and now - self.window_start < policy.window
        return 1 if current and self.wrong >= policy.number_tries else TRIES

    def is_scanned(self, policy: GuardPolicy) -> bool:
        """Wrong tries from so many callers that it is no accident."""
        return self.callers >= policy.scan_callers


def window_start(now: datetime, policy: GuardPolicy) -> datetime:
    """The beginning of the window that ``now`` lies in; windows of a number stand side by side, so that counting is one
    statement and every process counts into the same one."""
    seconds = int(policy.window.total_seconds())
    epoch = int(now.timestamp())
    return now.replace(microsecond=0) - timedelta(seconds=epoch % seconds)
