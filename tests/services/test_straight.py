"""The straight way of a call: when it is taken, and that whoever comes too late on it has written nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from maskservice.domain.call import InboundCall
from maskservice.domain.guard import CallerState, GuardPolicy
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller
from maskservice.services import pools
from maskservice.services.calls import PbxUnconfirmed, Webhook, route_call
from maskservice.services.guarding import CALLER_SCOPE
from maskservice.services.leg_records import GuardTurn, LegKey, LegWritten, Remembered
from maskservice.services.pbxs import create_pbx, open_pbx, revoke_pbx, rotate_secret
from maskservice.services.records import Who
from maskservice.storage.db import Database
from tests.counting import count_statements
from tests.factories import CallRecordFactory, ReceiptFactory
from tests.services.conftest import Shop, X, number

COURIER, OTHER, RECIPIENT = "+886987654321", "+886977111222", "+886912345678"


def at_once(app: Flask, tasks: list[Callable[[], Any]]) -> list[Any]:
    told: list[Any] = [None] * len(tasks)
    gate = threading.Barrier(len(tasks))

    def run(place: int) -> None:
        with app.app_context():
            gate.wait()
            told[place] = tasks[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(tasks))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return told


def remembered(shop: Shop, caller: str = COURIER) -> Remembered:
    key = LegKey("pbx_1", "c", "w", shop.ports.index.number(CALLER_SCOPE, caller))
    with shop.ports.unit(whole=True) as uow:
        opening = uow.legs.with_digits(X, "0000", Who(), key)
    assert opening is not None
    return opening.caller


def test_right_guesses_sent_at_once_share_one_reach(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """Each of them reads the same state; the one that is written first goes the straight way, the others see it."""
    app, _ = database_app
    pools.set_guard("default", GuardPolicy(reach_per_day=3), ports=shop.ports)
    dialled = [f"0900000000#{shop.bind(f'O-{place}').masked_number.extension}" for place in range(12)]
    tasks = [lambda to=to, place=place: shop.leg(COURIER, to, call=f"r-{place}") for place, to in enumerate(dialled)]
    answers = at_once(app, tasks)
    assert sum(number(each.answer) is not None for each in answers) == 3
    assert remembered(shop).state.reached == 3


def test_a_webhook_sent_many_times_at_once_is_one_reach_and_one_record(
    shop: Shop, database_app: tuple[Flask, Database]
) -> None:
    app, _ = database_app
    to = f"0900000000#{shop.bind().masked_number.extension}"
    answers = at_once(app, [lambda: shop.leg(COURIER, to, call="same", webhook="w-same") for _ in range(10)])
    assert {number(each.answer) for each in answers} == {RECIPIENT}
    assert sum(not each.replayed for each in answers) == 1
    assert (remembered(shop).state.reached, remembered(shop).turn) == (1, 1)


def written(shop: Shop, **more: Any) -> LegWritten:
    receipt = ReceiptFactory(
        virtual_number=X, pbx_id="pbx_1", pbx_call_id="c-written", webhook_id="w-written", action="hangup", **more
    )
    record = CallRecordFactory(id=receipt.call, pbx_id="pbx_1", pbx_call_id=receipt.pbx_call_id)
    return LegWritten(receipt, record, is_first=True)


def turn_of(shop: Shop, turn: int | None) -> GuardTurn:
    with shop.ports.unit(write=False) as uow:
        pool = uow.pools.of_number(X)
    assert pool is not None
    key = shop.ports.index.number(CALLER_SCOPE, COURIER)
    return GuardTurn(pool.id, key, CallerState(reached=7, reached_day="2026-11-24"), turn, shop.clock.now())


def write(shop: Shop, leg: LegWritten) -> bool:
    with shop.ports.unit(whole=True) as uow:
        if not uow.legs.write(leg):
            return False
        uow.commit()
    return True


def kept(shop: Shop, leg: LegWritten) -> tuple[bool, bool]:
    with shop.ports.unit(write=False) as uow:
        receipt = uow.receipts.latest(X, "pbx_1", leg.receipt.pbx_call_id)
        return receipt is not None, uow.calls.get(leg.record.id) is not None


@pytest.mark.parametrize("turn", [None, 0, 2])
def test_nothing_is_written_by_a_state_that_is_not_the_last(shop: Shop, turn: int | None) -> None:
    shop.reach(COURIER, shop.bind().masked_number.extension)
    before = remembered(shop)
    assert before.turn == 1
    leg = replace(written(shop), guard=turn_of(shop, turn))
    assert not write(shop, leg)
    assert kept(shop, leg) == (False, False)
    assert remembered(shop) == before
    assert write(shop, replace(leg, guard=turn_of(shop, 1)))
    assert kept(shop, leg) == (True, True)
    assert (remembered(shop).state.reached, remembered(shop).turn) == (7, 2)


def test_nothing_is_written_by_a_webhook_or_leg_that_was_answered(shop: Shop) -> None:
    shop.reach(COURIER, shop.bind().masked_number.extension)
    first = written(shop)
    assert write(shop, first)
    before = remembered(shop)
    for same in ({"webhook_id": "w-written"}, {"pbx_call_id": "c-written"}):
        again = written(shop)
        receipt = replace(again.receipt, **({"webhook_id": "w-b", "pbx_call_id": "c-b"} | same))
        record = replace(again.record, pbx_call_id=receipt.pbx_call_id)
        assert not write(shop, replace(again, receipt=receipt, record=record, guard=turn_of(shop, 1)))
        assert kept(shop, again)[1] is False
    assert remembered(shop) == before


def test_who_is_held_by_another_call_is_waited_for(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """A wrong try goes the long way with the caller's row in hand; what it changes is seen by a straight one."""
    app, _ = database_app
    pools.set_guard("default", GuardPolicy(caller_tries=1), ports=shop.ports)
    extension = shop.bind().masked_number.extension
    wrong = f"{(int(extension) + 1) % 10_000:04d}"
    tasks = [lambda place=place: shop.leg(COURIER, f"0900000000#{wrong}", call=f"w-{place}") for place in range(4)]
    at_once(app, tasks)
    assert remembered(shop).state.is_blocked(shop.clock.now())
    assert number(shop.leg(COURIER, f"0900000000#{extension}").answer) is None


def test_a_courier_who_reaches_the_same_recipient_again_writes_nothing_of_himself(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    shop.reach(COURIER, extension)
    before = remembered(shop)
    shop.clock.move(hours=3)
    with count_statements(shop.database) as sent:
        shop.leg(COURIER, f"0900000000#{extension}")
    assert not [each for each in sent if "INSERT INTO guard_callers" in each]
    assert remembered(shop) == before


def test_who_calls_for_months_is_not_forgotten(shop: Shop) -> None:
    view = shop.bind(expires_in=60 * 86_400)
    shop.reach(COURIER, view.masked_number.extension)
    shop.clock.move(days=2)
    shop.leg(COURIER, f"0900000000#{view.masked_number.extension}")
    assert remembered(shop).seen_at == shop.clock.now()


def webhook(pbx_id: str, revision: int | None, turn: int) -> Webhook:
    call = InboundCall(f"c-{turn}", read_caller(COURIER), read_dialled("0900000000"), None)
    return Webhook(pbx_id, f"w-{turn}", call, pbx_revision=revision)


def test_secrets_kept_in_memory_serve_while_they_are_the_pbx_s(shop: Shop) -> None:
    made = create_pbx("總機", ports=shop.ports)
    opened = open_pbx(made.pbx.id, ports=shop.ports)
    assert opened is not None
    with count_statements(shop.database) as sent:
        assert route_call(webhook(made.pbx.id, opened.revision, 1), shop.ports).outcome == "asking"
    assert not [each for each in sent if "pbx_secrets" in each]
    rotate_secret("總機", ports=shop.ports)
    with pytest.raises(PbxUnconfirmed):
        route_call(webhook(made.pbx.id, opened.revision, 2), shop.ports)
    now = open_pbx(made.pbx.id, ports=shop.ports)
    assert now is not None
    assert now.revision > opened.revision
    assert route_call(webhook(made.pbx.id, now.revision, 3), shop.ports).outcome == "asking"
    revoke_pbx("總機", ports=shop.ports)
    with pytest.raises(PbxUnconfirmed):
        route_call(webhook(made.pbx.id, now.revision, 4), shop.ports)


@pytest.mark.parametrize("digits", ["*", None])
def test_a_revoked_pbx_is_found_out_whatever_it_dials(shop: Shop, digits: str | None) -> None:
    made = create_pbx("總機", ports=shop.ports)
    revoke_pbx("總機", ports=shop.ports)
    for dialled in ("0900000000", "0900000099"):
        call = InboundCall("c", read_caller(OTHER), read_dialled(dialled), digits)
        with pytest.raises(PbxUnconfirmed):
            route_call(Webhook(made.pbx.id, "w", call, pbx_revision=1), shop.ports)


def test_what_was_decided_stays_with_the_first_leg_s_id(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    shop.leg(COURIER, X, call="c")
    shop.clock.move(seconds=20)
    shop.leg(COURIER, X, extension, call="c")
    with shop.ports.unit(write=False) as uow:
        (record,) = uow.calls.page(shop.tenant.id, limit=5, before=None)
    assert record.asked_at is not None
    assert record.keyed_at == record.asked_at + timedelta(seconds=20)
    assert record.outcome == "connecting"
