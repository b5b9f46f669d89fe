"""Bindings: facts, content, listing by true status, what is due, the purge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from maskservice.domain.binding import Status
from maskservice.domain.errors import MaskServiceError
from maskservice.domain.ids import BindingId
from maskservice.services.records import StoredBinding
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, SealedContactFactory, StoredBindingFactory, key, tenant_id
from tests.storage.conftest import World, build_world, elsewhere, slot_of

OLD = BindingId("+886922222222", key(77))
LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    "stored",
    [
        StoredBindingFactory(),
        StoredBindingFactory(content__address=None, content__shared_line=True, binding__masked_name=None),
        StoredBindingFactory(content__metadata=b"m" * 3000, content__lock_reason=b"r", binding__locked=True),
        StoredBindingFactory(
            binding__status=Status.DELIVERED,
            binding__delivered_at=NOW,
            binding__waybill="H123 😀",
            binding__reopened_from=OLD,
            binding__order_id="訂單\u0001\t😀" * 20,
        ),
        StoredBindingFactory(binding__released=True, binding__purged_at=LATER, binding__masked_name=None, content=None),
    ],
    ids=["plain", "shared line", "locked", "delivered", "purged"],
)
def test_a_binding_comes_back_as_it_was(uow: SqlUnitOfWork, stored: StoredBinding) -> None:
    purged = stored.content is None
    uow.bindings.add(stored, creation_answer=None if purged else b"answer")
    assert uow.bindings.get(stored.binding.id) == stored
    assert uow.bindings.get(stored.binding.id, for_update=True) == stored
    assert uow.bindings.creation_answer(stored.binding.id) == (None if purged else b"answer")
    assert uow.bindings.get(elsewhere()) is None
    assert uow.bindings.creation_answer(elsewhere()) is None
    # The key alone is no binding: the number belongs to it.
    assert uow.bindings.get(BindingId("+886911111111", stored.binding.id.key)) is None


def test_save_writes_what_steps_change_and_nothing_else(uow: SqlUnitOfWork, world: World) -> None:
    stored, other = world.bind(uow), world.bind(uow)
    changed = replace(
        stored.binding,
        status=Status.LOCKED,
        status_before_lock=Status.DELIVERED,
        waybill="W2",
        masked_name="李O",
        expires_at=LATER,
        delivered_at=NOW,
    )
    uow.bindings.save(replace(changed, order_id="not written", tenant_id="not written"))
    assert uow.bindings.get(stored.binding.id) == StoredBinding(changed, stored.content)
    uow.bindings.save(replace(changed, status=Status.RELEASED, status_before_lock=None, ended_at=LATER))
    after = uow.bindings.get(stored.binding.id)
    assert after is not None
    assert (after.binding.status, after.binding.ended_at) == (Status.RELEASED, LATER)
    assert uow.bindings.get(other.binding.id) == other


def test_content_is_replaced_whole(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow)
    content = replace(StoredBindingFactory().content, metadata=b"m", address=None, shared_line=True)
    uow.bindings.save_content(stored.binding.id, content)
    assert uow.bindings.get(stored.binding.id) == StoredBinding(stored.binding, content)


def test_by_slot_goes_through_the_slot(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow, binding__extension="5678")
    assert uow.bindings.by_slot(NUMBER, "5678") == stored
    assert uow.bindings.by_slot(NUMBER, "5679") is None
    # An extension that is too long is not cut to one that fits the column.
    assert uow.bindings.by_slot(NUMBER, "5678" * 8) is None
    uow.numbers.take(NUMBER, ceiling=10)
    uow.endings.free([(NUMBER, "5678", stored.binding.id.key)])
    assert uow.bindings.by_slot(NUMBER, "5678") is None


@pytest.fixture
def mixed(uow: SqlUnitOfWork, world: World) -> dict[str, StoredBinding]:
    """One of each stored status, live and past its expiry, oldest first."""
    dead = {"binding__expires_at": NOW}
    return {
        "active": world.bind(uow, waybill="W1"),
        "active dead": world.bind(uow, current=False, binding__order_id="TW-1", waybill="W1", **dead),
        "delivered": world.bind(uow, binding__status=Status.DELIVERED, binding__delivered_at=NOW),
        "delivered dead": world.bind(uow, binding__status=Status.DELIVERED, binding__delivered_at=NOW, **dead),
        "locked": world.bind(uow, binding__locked=True, binding__order_id="TW-1"),
        "locked dead": world.bind(uow, binding__locked=True, **dead),
        "expired": world.bind(uow, binding__status=Status.EXPIRED, binding__ended_at=NOW, **dead),
        "released": world.bind(uow, binding__released=True),
        "released dead": world.bind(uow, binding__released=True, **dead),
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (
            {},
            [
                "released dead",
                "released",
                "expired",
                "locked dead",
                "locked",
                "delivered dead",
                "delivered",
                "active dead",
                "active",
            ],
        ),
        ({"status": Status.ACTIVE}, ["active"]),
        ({"status": Status.DELIVERED}, ["delivered"]),
        ({"status": Status.LOCKED}, ["locked"]),
        ({"status": Status.EXPIRED}, ["expired", "locked dead", "delivered dead", "active dead"]),
        ({"status": Status.RELEASED}, ["released dead", "released"]),
        ({"order_id": "TW-1"}, ["locked", "active dead"]),
        ({"waybill": "W1"}, ["active dead", "active"]),
        ({"order_id": "TW-1", "waybill": "W1", "status": Status.EXPIRED}, ["active dead"]),
        ({"order_id": "none"}, []),
    ],
)
def test_a_page_goes_by_the_true_status_newest_first(
    uow: SqlUnitOfWork,
    database: Database,
    world: World,
    mixed: dict[str, StoredBinding],
    filters: dict[str, object],
    expected: list[str],
) -> None:
    with count_statements(database) as sent:
        found = uow.bindings.page(world.tenant.id, now=NOW, limit=100, before=None, **filters)
    assert len(sent) == 1
    assert list(found) == [mixed[name] for name in expected]
    assert uow.bindings.page(tenant_id(2), now=NOW, limit=100, before=None, **filters) == []
    walked: list[StoredBinding] = []
    while page := uow.bindings.page(
        world.tenant.id, now=NOW, limit=2, before=walked[-1].binding.id.key if walked else None, **filters
    ):
        walked += page
    assert walked == list(found)


def test_due_are_those_past_their_expiry_that_are_not_stored_as_ended(
    uow: SqlUnitOfWork, mixed: dict[str, StoredBinding]
) -> None:
    names = {"active dead", "delivered dead", "locked dead"}
    assert {binding.id for binding in uow.bindings.due(now=NOW, limit=10)} == {mixed[name].binding.id for name in names}
    assert uow.bindings.due(now=NOW - timedelta(microseconds=1), limit=10) == []
    assert len(uow.bindings.due(now=NOW, limit=2)) == 2


def test_counts_go_by_the_true_status(uow: SqlUnitOfWork, mixed: dict[str, StoredBinding]) -> None:
    assert uow.bindings.count_by_status(NOW) == {
        Status.ACTIVE: 1,
        Status.DELIVERED: 1,
        Status.LOCKED: 1,
        Status.EXPIRED: 4,
        Status.RELEASED: 2,
    }
    assert uow.bindings.count_by_status(NOW + timedelta(days=365))[Status.ACTIVE] == 0


def test_the_purge_leaves_nothing_personal(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow, waybill="W1", binding__released=True)
    kept = world.bind(uow)
    for each in (stored, kept):
        uow.contacts.remember(SealedContactFactory(binding_id=each.binding.id))
    uow.endings.purge([slot_of(stored)], at=LATER)
    after = uow.bindings.get(stored.binding.id)
    assert after == StoredBinding(replace(stored.binding, purged_at=LATER, masked_name=None), None)
    assert after.binding.waybill == "W1"
    assert uow.bindings.creation_answer(stored.binding.id) is None
    assert uow.contacts.get(stored.binding.id) is None
    assert uow.bindings.get(kept.binding.id) == kept
    assert uow.contacts.get(kept.binding.id) is not None


def test_the_table_refuses_content_in_a_purged_binding(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow, binding__released=True)
    uow.endings.purge([slot_of(stored)], at=LATER)
    with pytest.raises(MaskServiceError, match=r"ck_bindings_purged|23514\)") as caught:  # a cluster names none
        uow.bindings.save_content(stored.binding.id, StoredBindingFactory().content)
    assert "sealed-phone" not in str(caught.value)


def test_purged_bytes_do_not_linger_in_the_sqlite_file(sqlite_database: tuple[Flask, Database]) -> None:
    app, database = sqlite_database
    with app.app_context(), database.unit() as uow:
        stored = build_world(uow).bind(
            uow, content__phone=b"THE-SEALED-PHONE-OF-THE-TEST" * 1000, binding__released=True
        )
        uow.commit()
        uow.endings.purge([slot_of(stored)], at=LATER)
        uow.commit()
    assert database.engine.url.database is not None
    database.engine.dispose()  # the last connection carries the WAL into the file
    with open(database.engine.url.database, "rb") as file:  # noqa: PTH123
        assert b"THE-SEALED-PHONE-OF-THE-TEST" not in file.read()


def test_workers_pass_over_due_bindings_that_another_one_has_in_hand(postgres_database: tuple[Flask, Database]) -> None:
    app, database = postgres_database
    with app.app_context(), database.unit() as uow:
        world = build_world(uow)
        for _ in range(4):
            world.bind(uow, binding__expires_at=NOW)
        uow.commit()
    with app.app_context(), database.unit() as first:
        mine = first.bindings.due(now=NOW, limit=3)
        with app.app_context(), database.unit() as second:
            theirs = second.bindings.due(now=NOW, limit=10)
    assert len(mine) == 3
    assert len(theirs) == 1


def test_many_are_added_at_once_and_found_by_their_orders(uow: SqlUnitOfWork, world: World) -> None:
    odd = "tab\t, \\N, quote \" ' and 漢字 \\."
    stored = [
        StoredBindingFactory(
            binding__tenant_id=world.tenant.id,
            binding__order_id=f"order-{place}",
            binding__waybill=odd if place else None,
            binding__masked_name=odd,
            content__address=bytes(range(256)) if place else None,
            content__shared_line=bool(place % 2),
        )
        for place in range(5)
    ]
    uow.bindings.add_many(stored)
    uow.bindings.add_many([])
    for each in stored:
        uow.orders.claim(world.tenant.id, each.binding.order_id, binding=each.binding.id, waybill=None)
        assert uow.bindings.get(each.binding.id) == each
        assert uow.bindings.creation_answer(each.binding.id) is None
    uow.orders.retire(world.tenant.id, "order-3", binding=stored[3].binding.id)
    found = uow.bindings.current_of(world.tenant.id, [f"order-{place}" for place in range(9)])
    assert found == {each.binding.order_id: each for each in stored if each.binding.order_id != "order-3"}
    assert uow.bindings.current_of(tenant_id(2), ["order-1"]) == {}
    assert uow.bindings.current_of(world.tenant.id, []) == {}


def test_a_load_that_is_refused_says_nothing_of_the_rows(uow: SqlUnitOfWork, world: World) -> None:
    twice = StoredBindingFactory(binding__tenant_id=world.tenant.id, binding__order_id="secret-order")
    with pytest.raises(MaskServiceError) as refusal:
        uow.bindings.add_many([twice, twice])
    told = repr(refusal.value) + str(refusal.value.__cause__) + str(refusal.value.__context__)
    assert "secret-order" not in told
    assert twice.binding.id.key.hex not in told.replace("-", "")
