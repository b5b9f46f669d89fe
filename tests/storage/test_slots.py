"""Slots: claimed once, at rest, freed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from maskservice.services.records import SlotClaim
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, key
from tests.storage.conftest import World, build_world


def test_the_first_free_proposal_is_taken_in_one_statement(uow: SqlUnitOfWork, database: Database) -> None:
    claim = uow.slots.claim
    with count_statements(database) as sent:
        assert claim(NUMBER, ["5678", "0001", "9999"], binding=key(1), at=NOW) == "5678"
        assert claim(NUMBER, ["5678", "0001", "9999"], binding=key(2), at=NOW) == "0001"
        assert claim(NUMBER, ["5678", "0001", "9999"], binding=key(3), at=NOW) == "9999"
        assert claim(NUMBER, ["5678", "0001", "9999"], binding=key(4), at=NOW) is None
    assert len(sent) == 4
    assert claim(NUMBER, [], binding=key(5), at=NOW) is None
    assert claim("+886911111111", ["5678"], binding=key(6), at=NOW) == "5678"


@pytest.mark.parametrize("count", [1, 16, 64, 256])
def test_a_handful_may_be_large(uow: SqlUnitOfWork, count: int) -> None:
    proposals = [f"{place:04d}" for place in range(count)]
    for taken in proposals[:-1][:3]:
        uow.slots.claim(NUMBER, [taken], binding=key(int(taken)), at=NOW)
    assert uow.slots.claim(NUMBER, proposals, binding=key(999), at=NOW) == f"{min(count - 1, 3):04d}"


def test_taken_is_a_closed_range_of_one_number(uow: SqlUnitOfWork) -> None:
    for place, extension in enumerate(("0009", "0010", "0019", "0020")):
        uow.slots.claim(NUMBER, [extension], binding=key(place), at=NOW)
    uow.slots.claim("+886911111111", ["0015"], binding=key(9), at=NOW)
    assert uow.slots.taken(NUMBER, first="0010", last="0019") == {"0010", "0019"}
    assert uow.slots.taken(NUMBER, first="5000", last="5999") == frozenset()


def test_a_slot_rests_until_its_quarantine_is_over(uow: SqlUnitOfWork, world: World) -> None:
    for place in range(3):
        uow.numbers.take(NUMBER, ceiling=1000)
        uow.slots.claim(NUMBER, [f"000{place}"], binding=key(place), at=NOW)
    uow.slots.rest(NUMBER, "0001", binding=key(1), until=NOW + timedelta(days=30))
    uow.slots.rest(NUMBER, "0002", binding=key(2), until=NOW + timedelta(days=31))
    assert uow.slots.rested(now=NOW + timedelta(days=30, microseconds=-1), limit=10) == []
    assert uow.slots.rested(now=NOW + timedelta(days=30), limit=10) == [(NUMBER, "0001", key(1))]
    assert len(uow.slots.rested(now=NOW + timedelta(days=40), limit=1)) == 1
    assert uow.slots.claim(NUMBER, ["0001"], binding=key(8), at=NOW) is None
    assert uow.endings.free([(NUMBER, "0001", key(2))]) == 0
    assert uow.endings.free([(NUMBER, "0001", key(1))]) == 1
    assert uow.endings.free([(NUMBER, "0001", key(1))]) == 0
    assert uow.numbers.of_pool(world.pool.id) == [(NUMBER, 2)]
    assert uow.slots.claim(NUMBER, ["0001"], binding=key(8), at=NOW) == "0001"


def test_workers_pass_over_what_another_one_has_in_hand(postgres_database: tuple[Flask, Database]) -> None:
    app, database = postgres_database
    with app.app_context(), database.unit() as uow:
        build_world(uow)
        for place in range(4):
            uow.slots.claim(NUMBER, [f"000{place}"], binding=key(place), at=NOW)
            uow.slots.rest(NUMBER, f"000{place}", binding=key(place), until=NOW + timedelta(seconds=place))
        uow.commit()
    with app.app_context(), database.unit() as first:
        mine = first.slots.rested(now=NOW + timedelta(days=1), limit=2)
        with app.app_context(), database.unit() as second:
            theirs = second.slots.rested(now=NOW + timedelta(days=1), limit=10)
    assert [extension for _, extension, _ in mine] == ["0000", "0001"]
    assert [extension for _, extension, _ in theirs] == ["0002", "0003"]


def test_many_slots_are_claimed_at_once(uow: SqlUnitOfWork, database: Database) -> None:
    uow.slots.claim(NUMBER, ["0002"], binding=key(99), at=NOW)
    claims = [SlotClaim(NUMBER, f"000{place}", key(place)) for place in range(4)]
    claims += [SlotClaim("+886911111111", "0002", key(4)), SlotClaim(NUMBER, "0001", key(5))]
    with count_statements(database) as sent:
        won = uow.slots.claim_many(claims, at=NOW)
    assert len(sent) == 1
    assert won == {key(0), key(1), key(3), key(4)}
    assert uow.slots.taken(NUMBER, first="0000", last="9999") == {"0000", "0001", "0002", "0003"}
    assert uow.slots.claim_many(claims, at=NOW) == frozenset()
    asked = [(NUMBER, "0001"), (NUMBER, "0009"), ("+886911111111", "0002"), ("+886911111111", "0001")]
    assert uow.slots.held_among(asked) == {asked[0], asked[2]}
    assert uow.endings.free([(NUMBER, "0001", key(1))]) == 1
    assert uow.slots.claim_many([claims[-1]], at=NOW) == {key(5)}


def test_a_slot_that_is_just_being_freed_keeps_no_batch_waiting(postgres_database: tuple[Flask, Database]) -> None:
    """The worker deletes it and will wait for the number's row, which the batch holds: waiting for the worker would
    close a ring."""
    app, database = postgres_database
    with app.app_context(), database.unit() as uow:
        uow.slots.claim(NUMBER, ["0001"], binding=key(1), at=NOW)
        uow.commit()
    with app.app_context(), database.unit() as worker:
        assert worker.endings.free([(NUMBER, "0001", key(1))]) == 1
        with app.app_context(), database.unit() as batch:
            claims = [SlotClaim(NUMBER, "0001", key(2)), SlotClaim(NUMBER, "0002", key(3))]
            assert batch.slots.claim_many(claims, at=NOW) == {key(3)}
