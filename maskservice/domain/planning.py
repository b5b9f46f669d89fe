"""From orders a day to numbers, odds, bytes, lines and machines: arithmetic, each formula with its source.

Answers for: what an installation needs for a ``Demand``. Must not know: how it is shown, what was measured where
(``measured.py``), how long rows are kept (it comes in). ``docs/planning.rst`` explains each formula with an example.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.demand import Demand
from maskservice.domain.erlang import lines_needed
from maskservice.domain.guard import TRIES, GuardPolicy
from maskservice.domain.measured import MEASURED, Figures

LOOK_UPS_A_CALL = 2
"""Webhooks that ask for a decision: the bare number, then the extension. An extension in the dialled string saves
one."""
EVENTS_A_CALL = 3
"""Ringing, answered, completed."""
LEGS_A_CALL = 2
"""Caller to X and X to the called party; both stay on the trunk for the whole call."""
TARGET_LOAD = Fraction(1, 2)
"""Share of a core that is planned to be busy in the busy hour: answers are promised fast at half of the highest rate
(issue 4: p99 below 50 ms there)."""
MONTH_DAYS = Fraction(365, 12)
_DAY, _INSTANT = timedelta(days=1), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How long rows are kept that nobody asks for any more; services and settings decide it."""

    receipts: timedelta
    idempotency_keys: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """``numbers``: X that hold all slots, each full to its ceiling; ``numbers_advised``: so many that none is past its
    low-water mark, so that the alarm rests. ``live_per_number``: on the fewest numbers, evenly spread."""

    live: int
    resting: int
    held: int
    ceiling: int
    numbers: int
    numbers_advised: int
    live_per_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """Chance, in [0, 1], that a stranger who guesses at random reaches a live recipient."""

    one_guess: float
    three_guesses: float
    within_budget: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """Of the database, with indexes, in a steady state: once the first call records and the first purged bindings are
    past their retention. Until then it grows by ``call_records_a_month`` and ``purged_bindings_a_month``."""

    bindings: int
    purged_bindings: int
    contacts: int
    call_records: int
    receipts: int
    idempotency_keys: int
    call_records_a_month: int
    purged_bindings_a_month: int

    @property
    def steady(self) -> int:
        held = self.bindings + self.purged_bindings + self.contacts
        return held + self.call_records + self.receipts + self.idempotency_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The busy hour. ``lines``: calls at once; ``channels``: what the trunk has to carry, both legs of each."""

    creates_a_second: float
    calls_a_second: float
    erlangs: float
    lines: int
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """``application_cores`` and ``database_cores`` are busy on average in the busy hour; nodes run at half load.
    ``application_nodes`` holds one to spare, the others none."""

    application_cores: float
    database_cores: float
    workers: int
    application_nodes: int
    database_nodes: int
    pbx_nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``odds`` on numbers as full as planned, ``odds_when_full`` where every held slot is a live one."""

    demand: Demand
    slots: Slots
    odds: Odds
    odds_when_full: Odds
    storage: Bytes
    traffic: Traffic
    machines: Machines


def plan(demand: Demand, *, kept: Kept, figures: Figures = MEASURED) -> Plan:
    """Everything at once. Raises InvalidContent where the demand cannot be planned."""
    demand.checked()
    slots = _slots(demand)
    as_planned = replace(
        # A density whose ceiling is exactly the live slots of a number: the division by a power of ten is exact.
        demand.policy,
        density=Decimal(slots.live_per_number).scaleb(-demand.policy.extension_length),
    )
    return Plan(
        demand=demand,
        slots=slots,
        odds=_odds(as_planned, demand.guard),
        odds_when_full=_odds(demand.policy, demand.guard),
        storage=_bytes(demand, slots, kept=kept, figures=figures),
        traffic=_traffic(demand),
        machines=_machines(demand, figures),
    )


def _slots(demand: Demand) -> Slots:
    """Little's law (J. D. C. Little, 1961): what is in a system on average = what comes in a day × the days it stays. A
    slot stays for the binding's life and its quarantine."""
    rests = _days(demand.policy.quarantine)
    live = ceil(demand.orders_a_day * Fraction(demand.life_days))
    held = ceil(demand.orders_a_day * (Fraction(demand.life_days) + rests))
    ceiling = demand.policy.ceiling
    numbers = _times(held, ceiling)
    return Slots(
        live=live,
        resting=held - live,
        held=held,
        ceiling=ceiling,
        numbers=numbers,
        # A number of a single slot has its mark at none; it can do no better than hold one.
        numbers_advised=_times(held, max(demand.policy.low_water, 1)),
        live_per_number=_times(live, numbers),
    )


def _odds(policy: PoolPolicy, guard: GuardPolicy) -> Odds:
    """The rules of ``allocation`` (drawing without replacement) and of ``guard`` (every try at the same density)."""
    return Odds(
        one_guess=policy.chance_of_a_hit(1),
        three_guesses=policy.chance_of_a_hit(TRIES),
        within_budget=guard.chance_within_budget(policy.ceiling / 10**policy.extension_length),
    )


def _bytes(demand: Demand, slots: Slots, *, kept: Kept, figures: Figures) -> Bytes:
    """Rows × measured bytes a row; rows of a kind = rows a day × days kept (Little's law again). A binding keeps its
    sealed content until its slot has rested, so a resting one weighs as much as a live one. The purge leaves an emptied
    row and its order's entry, which go when call records of that age do, and never while an Idempotency-Key may still
    ask for them. Every create is taken to carry one."""
    calls_a_day = demand.orders_a_day * Fraction(demand.calls_per_order)
    # A binding has one contact however often it is called: never more than one an order, never more than calls.
    called = min(Fraction(demand.calls_per_order), Fraction(1))
    call_records_a_month = calls_a_day * MONTH_DAYS * Fraction(figures.call_record_bytes.value)
    purged_a_day = demand.orders_a_day * Fraction(figures.purged_binding_bytes.value)
    purged_days = max(demand.call_months * MONTH_DAYS, _days(kept.idempotency_keys))
    return Bytes(
        bindings=ceil(slots.held * Fraction(figures.live_binding_bytes.value + figures.first_answer_bytes.value)),
        purged_bindings=ceil(purged_a_day * purged_days),
        contacts=ceil(slots.held * called * Fraction(figures.contact_bytes.value)),
        call_records=ceil(call_records_a_month * demand.call_months),
        receipts=ceil(calls_a_day * LOOK_UPS_A_CALL * _days(kept.receipts) * Fraction(figures.receipt_bytes.value)),
        idempotency_keys=ceil(
            demand.orders_a_day * _days(kept.idempotency_keys) * Fraction(figures.idempotency_key_bytes.value)
        ),
        call_records_a_month=ceil(call_records_a_month),
        purged_bindings_a_month=ceil(purged_a_day * MONTH_DAYS),
    )


def _traffic(demand: Demand) -> Traffic:
    """Lines by Erlang B: calls come at random and one that finds no line goes away."""
    lines = lines_needed(float(demand.erlangs), at_most=float(demand.blocking))
    return Traffic(
        creates_a_second=float(demand.busy_hour_rate),
        calls_a_second=float(demand.calls_a_second),
        erlangs=float(demand.erlangs),
        lines=lines,
        channels=lines * LEGS_A_CALL,
    )


def _machines(demand: Demand, figures: Figures) -> Machines:
    """The utilisation law (P. J. Denning, J. P. Buzen, 1978): busy cores = rate × CPU seconds each; then room for half
    load, and whole workers and machines. A worker is one process and keeps one core busy at most."""

    def cores(create: Decimal, look_up: Decimal, event: Decimal) -> Fraction:
        a_call = LOOK_UPS_A_CALL * Fraction(look_up) + EVENTS_A_CALL * Fraction(event)
        return (demand.busy_hour_rate * Fraction(create) + demand.calls_a_second * a_call) / 1000

    application = cores(figures.create_ms.value, figures.look_up_ms.value, figures.event_ms.value)
    database = cores(
        figures.create_database_ms.value, figures.look_up_database_ms.value, figures.event_database_ms.value
    )
    workers = max(ceil(application / TARGET_LOAD), 1)
    return Machines(
        application_cores=float(application),
        database_cores=float(database),
        workers=workers,
        application_nodes=_times(workers, demand.cores_per_node) + 1,
        database_nodes=max(ceil(database / TARGET_LOAD / demand.cores_per_node), 1),
        pbx_nodes=max(ceil(demand.calls_a_second / (Fraction(figures.pbx_calls_a_second.value) * TARGET_LOAD)), 1),
    )


def _times(total: int, each: int) -> int:
    """How often ``each`` goes into ``total``, rounded up; exact for any size."""
    return -(-total // each)


def _days(length: timedelta) -> Fraction:
    return Fraction(length // _INSTANT, _DAY // _INSTANT)
