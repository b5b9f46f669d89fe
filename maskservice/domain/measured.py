"""The measured figures that planning reckons with, each with the command that repeats it and the machine it ran on.

Answers for: being the one place of them. Must not know: what is made of them.

How to refresh: run ``python benchmarks/planning.py``, ``python benchmarks/telephony.py`` and ``python -m
benchmarks.large --bytes-only --rows 1000000 --arrival random``, put what they print into ``MEASURED``, run ``pytest
tests/cli/test_plan.py`` and mend the figures of ``docs/planning.rst`` that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Measured:
    """``what`` names the figure for people; ``source`` is the benchmark that repeats it, run on :data:`MACHINE`."""

    what: str
    value: Decimal
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """CPU of one request, of the application and of PostgreSQL; bytes of a row there, with its indexes; calls."""

    create_ms: Measured
    create_database_ms: Measured
    look_up_ms: Measured
    look_up_database_ms: Measured
    event_ms: Measured
    event_database_ms: Measured
    pbx_calls_a_second: Measured
    live_binding_bytes: Measured
    first_answer_bytes: Measured
    contact_bytes: Measured
    call_record_bytes: Measured
    receipt_bytes: Measured
    idempotency_key_bytes: Measured
    purged_binding_bytes: Measured


# Nothing else ran on the cores; other work lengthens CPU times by up to a half.
MACHINE = "two cores of an AMD EPYC, PostgreSQL 17 beside, 2026-11-24"
_PLANNING, _TELEPHONY, _LARGE = "benchmarks/planning.py", "benchmarks/telephony.py", "benchmarks/large.py"


def _ms(what: str, value: str) -> Measured:
    return Measured(what, Decimal(value), "ms CPU", _PLANNING)


def _size(what: str, value: int) -> Measured:
    return Measured(what, Decimal(value), "bytes", _PLANNING)


MEASURED = Figures(
    create_ms=_ms("create with a key, application", "2.9"),
    create_database_ms=_ms("create with a key, database", "0.6"),
    # Of a webhook whose extension connects.
    look_up_ms=_ms("look-up, application", "2.4"),
    look_up_database_ms=_ms("look-up, database", "0.9"),
    event_ms=_ms("event of a call, application", "2.4"),
    event_database_ms=_ms("event of a call, database", "0.6"),
    # Every answer under 500 ms; Asterisk, SIPp on both sides and one worker shared the two cores. No audio flowed.
    pbx_calls_a_second=Measured("one Asterisk, without audio", Decimal(40), "calls/s", _TELEPHONY),
    # A million, orders in no order of their names; in order 925, of fifty tenants in turns up to 1,010.
    live_binding_bytes=Measured("live binding", Decimal(943), "bytes", _LARGE),
    # What an Idempotency-Key adds to its binding's row (adr/0004).
    first_answer_bytes=_size("first answer kept with it", 555),
    contact_bytes=_size("contact", 346),
    call_record_bytes=_size("call record", 1062),
    receipt_bytes=_size("receipt of a webhook", 692),
    idempotency_key_bytes=_size("idempotency key", 299),
    purged_binding_bytes=_size("purged binding and its order", 532),
)
