"""What the guard remembers, on both databases: atomic for threads and processes."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask

from maskservice.domain.guard import CallerState, GuardPolicy, NumberState
from maskservice.storage.db import Database
from maskservice.storage.guard_policy import guard_of, guard_to_json
from tests.factories import NOW, NUMBER, pool_id

CALLER = b"caller-12345678"


def test_a_caller_is_remembered(database: Database) -> None:
    state = CallerState(
        wrong=(NOW.replace(microsecond=0), NOW.replace(microsecond=5000)),
        blocked_at=NOW,
        blocked_until=NOW + timedelta(minutes=15),
        blocks=2,
        reached=7,
        reached_day="2026-11-24",
    )
    with database.unit() as uow:
        assert uow.guard.hold(pool_id(1), CALLER, at=NOW) == CallerState()
        uow.guard.save(pool_id(1), CALLER, state)
        uow.commit()
    with database.unit() as uow:
        assert uow.guard.hold(pool_id(1), CALLER, at=NOW) == state
        assert uow.guard.hold(pool_id(2), CALLER, at=NOW) == CallerState()


def test_a_number_counts_wrong_tries_and_each_caller_once_a_window(database: Database) -> None:
    later = NOW + timedelta(hours=1)
    with database.unit() as uow:
        assert uow.guard.number(NUMBER) == NumberState()
        assert uow.guard.count_wrong(NUMBER, b"a", window_start=NOW) == (NumberState(NOW, 1, 1), True)
        assert uow.guard.count_wrong(NUMBER, b"a", window_start=NOW) == (NumberState(NOW, 2, 1), False)
        assert uow.guard.count_wrong(NUMBER, b"b", window_start=NOW) == (NumberState(NOW, 3, 2), True)
        uow.guard.restrict(NUMBER, until=later, at=NOW)
        assert uow.guard.count_wrong(NUMBER, b"a", window_start=later) == (NumberState(later, 1, 1, later), True)
        uow.guard.restrict(NUMBER, until=None, at=NOW)
        assert uow.guard.number(NUMBER) == NumberState(later, 1, 1)


def test_counts_from_many_threads_are_all_there(database_app: tuple[Flask, Database]) -> None:
    app, database = database_app
    gate = threading.Barrier(8)

    def count(place: int) -> None:
        with app.app_context():
            gate.wait()
            for _ in range(10):
                with database.unit() as uow:
                    uow.guard.count_wrong(NUMBER, b"caller-%d" % place, window_start=NOW)
                    uow.commit()

    threads = [threading.Thread(target=count, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context(), database.unit(write=False) as uow:
        assert uow.guard.number(NUMBER) == NumberState(NOW, 80, 8)


def test_forgetting_is_bounded(database: Database) -> None:
    with database.unit() as uow:
        for place in range(5):
            uow.guard.hold(pool_id(1), b"%d" % place, at=NOW)
            uow.guard.count_wrong(NUMBER, b"%d" % place, window_start=NOW)
        assert uow.guard.forget(older_than=NOW, limit=2) == 0
        assert uow.guard.forget(older_than=NOW + timedelta(seconds=1), limit=2) == 4
        assert uow.guard.forget(older_than=NOW + timedelta(seconds=1), limit=10) == 6


@pytest.mark.parametrize(
    "policy", [GuardPolicy(), GuardPolicy(caller_tries=3, window=timedelta(minutes=7), enroll_on_scan=True)]
)
def test_only_what_differs_from_the_defaults_is_stored(policy: GuardPolicy) -> None:
    stored = guard_to_json(policy)
    assert guard_of(stored) == policy
    assert (stored is None) == (policy == GuardPolicy())
    assert guard_of({"caller_tries": 4, "threshold of a later version": 1}) == GuardPolicy(caller_tries=4)
