"""Two hundred calls to one binding at once, with retries, and with events in any order: one record each, the budgets
exact."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from flask import Flask

from maskservice.domain.call import FINAL, Bridge, Outcome
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.call_records import list_calls
from maskservice.services.calls import Routed
from maskservice.services.guarding import Alarm
from maskservice.services.records import CallRecord
from maskservice.services.tenants import change_tenant
from maskservice.storage.db import Database
from tests.services.conftest import Shop, X, number

CALLS, THREADS, MOST = 200, 16, 150
RECIPIENT, GUESSER = "+886912345678", "+886977111222"


def at_once(app: Flask, tasks: Sequence[Callable[[], None]]) -> None:
    """All tasks on sixteen threads, each of which begins with the others."""
    gate = threading.Barrier(THREADS)

    def begin() -> None:
        gate.wait()

    def run(task: Callable[[], None]) -> None:
        with app.app_context():
            task()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: begin(), range(THREADS)))
        list(pool.map(run, tasks))


def recorded(shop: Shop) -> list[CallRecord]:
    found, before = [], None
    while True:
        page = list_calls(shop.tenant, limit=100, before=before, ports=shop.ports)
        found += page.rows
        if page.next is None:
            return found
        before = page.next


def test_two_hundred_calls_to_one_binding(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    app, _ = database_app
    policy = shop.tenant.policy
    change_tenant("示範商店", policy=replace(policy, calls=replace(policy.calls, calls_per_day=MOST)), ports=shop.ports)
    extension = shop.bind().masked_number.extension
    heard: dict[str, list[Routed]] = {f"c-{place}": [] for place in range(CALLS)}
    events = (Outcome.RINGING, Outcome.ANSWERED, Outcome.COMPLETED)

    def dial(place: int) -> None:
        shop.leg(f"+88698700{place:04}", X, call=f"c-{place}", webhook=f"dial-{place}")

    def key(place: int) -> None:
        routed = shop.leg(f"+88698700{place:04}", X, extension, call=f"c-{place}", webhook=f"key-{place}")
        heard[f"c-{place}"].append(routed)

    def report(place: int, kind: Outcome) -> None:
        report_call(CallReport("pbx_1", f"c-{place}", X, kind, duration_s=7), shop.ports)

    order = random.Random(7)
    for steps in (
        [lambda place=place: dial(place) for place in range(CALLS) for _ in range(2)],
        [lambda place=place: key(place) for place in range(CALLS) for _ in range(2)],
        [lambda place=place, kind=kind: report(place, kind) for place in range(CALLS) for kind in events * 2],
    ):
        order.shuffle(steps)
        at_once(app, steps)

    assert {len(each) for each in heard.values()} == {2}, "each webhook was answered both times"
    connected = {call for call, each in heard.items() if isinstance(each[0].answer, Bridge)}
    assert len(connected) == MOST
    for call, (first, second) in heard.items():
        assert isinstance(second.answer, Bridge) == (call in connected)
        assert number(first.answer) == number(second.answer) == (RECIPIENT if call in connected else None)
        assert [first.replayed, second.replayed].count(True) == 1
    records = recorded(shop)
    assert Counter(record.pbx_call_id for record in records) == dict.fromkeys(heard, 1)
    for record in records:
        reached = record.pbx_call_id in connected
        assert (record.outcome in FINAL) is True
        assert record.outcome is (Outcome.COMPLETED if reached else Outcome.CANCELED)
        assert (record.duration_s, record.answered_at is not None) == (7, reached)


def test_guesses_of_a_crowd_are_counted_to_the_last_one(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    app, _ = database_app
    told: list[Alarm] = []

    def guess(place: int) -> None:
        caller = GUESSER if place % 2 else f"+88698700{place % 40:04}"
        told.extend(shop.leg(caller, f"{X}#12345", call=f"g-{place}", webhook=f"g-{place}").alarms)

    at_once(app, [lambda place=place: guess(place) for place in range(CALLS)])
    # A hundred guesses of one caller, five each of twenty others: 21 callers, one block, 200 wrong tries on the number.
    assert Counter(told) == {Alarm.CALLER_BLOCKED: 1, Alarm.NUMBER_SCANNED: 1, Alarm.NUMBER_BUDGET_USED: 1}
    with shop.ports.unit() as uow:
        state = uow.guard.number(X)
    assert (state.wrong, state.callers) == (CALLS, 21)
