"""Call records by month: none is lost for want of a partition, and what is dropped keeps nobody waiting."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from maskservice.domain.ids import CallId, uuid7
from maskservice.domain.months import month_of, months_after
from maskservice.storage.call_months import AHEAD, Part, part_of, parts
from maskservice.storage.db import Database
from maskservice.storage.schema import downgrade, migrate
from tests.factories import NOW, NUMBER, CallRecordFactory
from tests.storage.conftest import build_world, plain_only

FAR = datetime(2041, 5, 1, tzinfo=UTC)  # no worker has ever run so far ahead

Opened = tuple[Flask, Database]


def call_at(moment: datetime, place: int = 0) -> CallId:
    return CallId(NUMBER, uuid7(moment, place.to_bytes(10, "big")))


def record(database: Database, *moments: datetime, commit: bool = True, place: int = 0) -> list[CallId]:
    ids = [call_at(moment, place) for moment in moments]
    with database.unit() as uow:
        for each in ids:
            uow.calls.add(CallRecordFactory(id=each))
        if commit:
            uow.commit()
    return ids


def found(database: Database, ids: list[CallId]) -> int:
    with database.unit(write=False) as uow:
        return sum(uow.calls.get(each) is not None for each in ids)


def parts_of(database: Database) -> tuple[Part, ...]:
    with database.engine.connect() as connection:
        return parts(connection) or ()


@pytest.mark.parametrize(
    ("moment", "name", "start", "end"),
    [
        (FAR, "calls_2041_05", "2041-05-01", "2041-06-01"),
        (FAR - timedelta(microseconds=1), "calls_2041_04", "2041-04-01", "2041-05-01"),
        (datetime(2040, 12, 31, 23, 59, tzinfo=UTC), "calls_2040_12", "2040-12-01", "2041-01-01"),
        # Taipei's new year is still UTC's old one.
        (datetime.fromisoformat("2041-01-01T07:59:59+08:00"), "calls_2040_12", "2040-12-01", "2041-01-01"),
    ],
)
def test_a_moment_s_month(moment: datetime, name: str, start: str, end: str) -> None:
    bounds = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end)]
    assert part_of(moment) == Part(bounds[0], bounds[1], name)


def test_a_call_at_a_month_s_turn_lies_in_the_month_of_its_id(database: Database) -> None:
    ids = record(database, FAR - timedelta(milliseconds=1), FAR)
    assert found(database, ids) == 2
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            places = connection.execute(text("SELECT tableoid::regclass::text FROM calls ORDER BY started_at"))
            months = [re.sub(r"_\d{5,}$", "", name) for name in places.scalars()]  # on a cluster: of the shard
            assert months == ["calls_2041_04", "calls_2041_05"]


def test_calls_of_months_without_a_worker_are_recorded(database: Database) -> None:
    ids = record(database, *(months_after(FAR, place) for place in range(7)))
    assert found(database, ids) == 7


def test_a_month_that_was_made_in_vain_is_made_again(postgres_database: Opened) -> None:
    """The unit that made it was rolled back, so the process must not think that it is there."""
    app, database = postgres_database
    with app.app_context():
        record(database, FAR, commit=False)
        assert part_of(FAR) not in parts_of(database)
        assert found(database, record(database, FAR)) == 1
        assert part_of(FAR) in parts_of(database)


def at_once(app: Flask, count: int, work: Callable[[int], Any]) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(place: int) -> None:
        try:
            with app.app_context():
                barrier.wait(10)
                work(place)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_first_calls_of_a_month_may_come_at_once(database_app: Opened) -> None:
    app, database = database_app
    at_once(app, 8, lambda place: record(database, FAR + timedelta(seconds=place), place=place))
    with app.app_context():
        assert found(database, [call_at(FAR + timedelta(seconds=place), place) for place in range(8)]) == 8


def test_the_worker_makes_months_ahead_once(postgres_database: Opened) -> None:
    app, database = postgres_database
    made: list[int] = []

    def ahead(_: int) -> None:
        with database.unit() as uow:
            made.append(uow.call_months.keep_ahead(FAR))
            uow.commit()

    at_once(app, 4, ahead)
    assert sum(made) == AHEAD + 1
    assert {part_of(months_after(FAR, place)) for place in range(AHEAD + 1)} <= set(parts_of(database))
    with app.app_context():
        ahead(0)
    assert made[-1] == 0


def drop(database: Database, before: datetime) -> str | None:
    with database.unit() as uow:
        name = uow.call_months.drop_one(ended_before=before)
        uow.commit()
    return name


def test_months_are_dropped_oldest_first_and_only_when_over(postgres_database: Opened) -> None:
    app, database = postgres_database
    past = months_after(month_of(NOW), -30)
    with app.app_context():
        ids = record(database, *(months_after(past, place) for place in range(3)))
        limit = months_after(past, 2)
        assert drop(database, limit) == part_of(past).name
        assert drop(database, limit) == part_of(months_after(past, 1)).name
        assert drop(database, limit) is None
        assert [found(database, [each]) for each in ids] == [0, 0, 1]
        # An event of a dropped call changes nothing, and is no error.
        with database.unit() as uow:
            uow.calls.save(CallRecordFactory(id=ids[0]))
            uow.commit()


def test_dropping_gives_way_to_whoever_uses_the_table(postgres_database: Opened) -> None:
    """A dump holds its lock for an hour: calls behind our own wait for the lock would wait with it."""
    app, database = postgres_database
    past = months_after(month_of(NOW), -30)
    with app.app_context():
        record(database, past)
        with database.engine.connect() as dump, dump.begin():
            dump.execute(text("SELECT count(*) FROM calls"))
            began = time.monotonic()
            with database.unit() as uow:
                assert uow.call_months.drop_one(ended_before=NOW) is None
                assert time.monotonic() - began < 2
                assert uow.numbers.after("", limit=1) == []  # the unit goes on
                uow.commit()
        assert drop(database, NOW) == part_of(past).name


def test_records_past_retention_go_number_by_number_in_bounded_steps(database: Database) -> None:
    # In one month's partition, as the rows of before the migration are; on SQLite all are.
    moments = [FAR + timedelta(hours=place) for place in range(10)]
    ids = record(database, *moments)
    with database.unit() as uow:
        steps = [uow.endings.forget_calls(NUMBER, older_than=moments[7], limit=3) for _ in range(4)]
        assert uow.endings.forget_calls("+886900000001", older_than=moments[7], limit=3) == 0
        uow.commit()
    assert steps == [3, 3, 1, 0]
    assert [found(database, [each]) for each in ids] == [0] * 7 + [1] * 3


@plain_only
def test_the_migration_keeps_every_row(database_app: Opened) -> None:
    app, database = database_app
    months = [months_after(month_of(datetime.now(UTC)), place) for place in (-40, -13, -1, 0)]
    with app.app_context():
        with database.unit() as uow:
            build_world(uow)
            uow.commit()
        ids = record(database, *months)
        downgrade(database, to="0007")
        migrate(database)
        assert found(database, ids) == 4
        assert found(database, record(database, months_after(months[-1], 1), months_after(months[-1], 9))) == 2
        if not database.is_sqlite:
            first, *others = parts_of(database)
            assert first.name == "calls_first"
            assert first.end == months_after(months[-1], 1)
            assert {part_of(months_after(months[-1], place)) for place in (1, 2, 9)} == set(others)
            # Its indexes were taken over and not built beside the old ones.
            with database.engine.connect() as connection:
                count = "SELECT count(*) FROM pg_indexes WHERE tablename = 'calls_first'"
                assert connection.execute(text(count)).scalar() == 6
        downgrade(database, to="0007")
        migrate(database)
        assert found(database, ids) == 4
