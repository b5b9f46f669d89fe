"""Calls through the whole use case: both ways, retried, raced, and without a word to anybody who guesses."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.call import Bridge, Direction, Gather, Hangup, InboundCall, Outcome
from maskservice.domain.ids import CallId
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller, read_phone
from maskservice.domain.prompts import PromptId
from maskservice.services import binding_steps, call_records, pools, tenants
from maskservice.services.binding_steps import ChangeBinding
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.calls import Webhook, route_call
from maskservice.storage.db import Database
from tests.counting import count_statements
from tests.services.conftest import Shop, X, number

COURIER, OTHER_COURIER, RECIPIENT = "+886987654321", "+886911222333", "+886912345678"


def records(shop: Shop) -> list:  # type: ignore[type-arg]
    return list(call_records.list_calls(shop.tenant, limit=50, before=None, ports=shop.ports).rows)


def test_a_courier_is_asked_and_connected_and_the_recipient_reaches_him_back(shop: Shop) -> None:
    view = shop.bind()
    asked = shop.leg(COURIER, X, call="c").answer
    assert isinstance(asked, Gather)
    assert (asked.max_digits, asked.attempts_left, asked.prompt.id) == (4, 3, PromptId.ENTER_EXTENSION)
    connected = shop.leg(COURIER, X, view.masked_number.extension, call="c").answer
    assert isinstance(connected, Bridge)
    assert (connected.to.reveal(), connected.caller_id, connected.post_dial_digits) == (RECIPIENT, X, None)
    shop.clock.move(seconds=1)
    back = shop.leg(RECIPIENT, X).answer
    assert isinstance(back, Bridge)
    assert (back.to.reveal(), back.caller_id) == (COURIER, X)
    directions = [each.direction for each in records(shop)]
    assert directions == [Direction.TO_COURIER, Direction.TO_RECIPIENT]


@pytest.mark.parametrize("dialled", ["0900000000#{}", "0900-000000＃{}", "tel:+886900000000;ext={}", "0900000000*{}"])
def test_the_extension_may_stand_in_the_dialled_string(shop: Shop, dialled: str) -> None:
    view = shop.bind()
    assert number(shop.leg(COURIER, dialled.format(view.masked_number.extension)).answer) == RECIPIENT


def test_a_landline_with_an_extension_gets_post_dial_digits_and_keys_an_extension_to_call_back(shop: Shop) -> None:
    view = shop.bind(phone="02-2345-6789 分機 100")
    extension = view.masked_number.extension
    answer = shop.reach(COURIER, extension)
    assert isinstance(answer, Bridge)
    assert (answer.to.reveal(), answer.post_dial_digits) == ("+886223456789", "100")
    asked = shop.leg("+886223456789", X, call="back").answer
    assert isinstance(asked, Gather)
    assert number(shop.leg("+886223456789", X, extension, call="back").answer) == COURIER


def test_delivered_connects_and_locked_released_expired_do_not(shop: Shop) -> None:
    view = shop.bind()
    extension = view.masked_number.extension
    binding_steps.deliver_binding(shop.tenant, view.id, delivered_at=None, ports=shop.ports)
    assert number(shop.reach(COURIER, extension)) == RECIPIENT
    binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    assert number(shop.reach(COURIER, extension)) is None
    assert number(shop.leg(RECIPIENT, X).answer) is None
    binding_steps.unlock_binding(shop.tenant, view.id, ports=shop.ports)
    assert number(shop.leg(RECIPIENT, X).answer) == COURIER
    shop.clock.move(hours=72)
    assert number(shop.reach(COURIER, extension)) is None


def test_dead_to_the_microsecond(shop: Shop) -> None:
    view = shop.bind(expires_in=60)
    shop.clock.moment = view.expires_at - timedelta(microseconds=1)
    assert number(shop.reach(COURIER, view.masked_number.extension)) == RECIPIENT
    shop.clock.moment = view.expires_at
    assert number(shop.reach(COURIER, view.masked_number.extension)) is None


def test_wrong_expired_locked_and_released_are_answered_alike_leg_by_leg(shop: Shop) -> None:
    shop.bind("live")
    locked = shop.bind("locked", phone="0987000001")
    released = shop.bind("released", phone="0987000002")
    expired = shop.bind("expired", phone="0987000003", expires_in=60)
    binding_steps.lock_binding(shop.tenant, locked.id, reason=None, ports=shop.ports)
    shop.release(released)
    shop.clock.move(seconds=61)
    free = next(f"{n:04d}" for n in range(10_000) if f"{n:04d}" not in {
        view.masked_number.extension for view in (locked, released, expired)
    } and number(shop.reach(COURIER, f"{n:04d}")) is None)  # fmt: skip
    heard = []
    for extension in (
        free,
        locked.masked_number.extension,
        released.masked_number.extension,
        expired.masked_number.extension,
    ):
        call = f"try-{extension}"
        shop.leg(COURIER, X, call=call)
        heard.append([shop.leg(COURIER, X, extension, call=call).answer for _ in range(4)])
    assert all(each == heard[0] for each in heard)
    assert [type(answer) for answer in heard[0]] == [Gather, Gather, Hangup, Hangup]


def test_a_withheld_caller_is_connected_and_leaves_the_earlier_contact(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    assert number(shop.reach(None, view.masked_number.extension)) == RECIPIENT
    assert number(shop.leg(RECIPIENT, X).answer) == COURIER
    assert isinstance(shop.leg(None, X).answer, Gather)


def test_the_last_courier_is_reached_even_when_the_recipient_missed_the_call(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    shop.reach(OTHER_COURIER, view.masked_number.extension)
    assert number(shop.leg(RECIPIENT, X).answer) == OTHER_COURIER


def test_a_contact_ends_with_its_own_life_and_never_after_the_binding(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    shop.clock.move(hours=72)
    assert isinstance(shop.leg(RECIPIENT, X).answer, Hangup)
    short = shop.bind("2", phone="0987000001", expires_in=60)
    shop.reach(COURIER, short.masked_number.extension)
    shop.clock.move(seconds=60)
    assert isinstance(shop.leg("+886987000001", X).answer, Gather)


def test_the_care_line_answers_where_no_courier_called(shop: Shop) -> None:
    tenants.change_tenant(shop.tenant.name, care_line="02-8765-4321#9", ports=shop.ports)
    shop.bind()
    answer = shop.leg(RECIPIENT, X).answer
    assert isinstance(answer, Bridge)
    assert (answer.to.reveal(), answer.post_dial_digits) == ("+886287654321", "9")
    tenants.change_tenant(shop.tenant.name, drop_care_line=True, ports=shop.ports)
    assert isinstance(shop.leg(RECIPIENT, X).answer, Hangup)


def test_a_menu_of_two_tenants_orders(shop: Shop) -> None:
    other = shop.another("乙店")
    first, second = shop.bind("A-1111"), shop.bind("B-2222", tenant=other)
    shop.reach(COURIER, first.masked_number.extension)
    shop.clock.move(seconds=5)
    shop.reach(OTHER_COURIER, second.masked_number.extension)
    menu = shop.leg(RECIPIENT, X, call="m").answer
    assert isinstance(menu, Gather)
    assert menu.prompt.text == "乙店，訂單尾號2222，請按1。示範商店，訂單尾號1111，請按2。"
    assert number(shop.leg(RECIPIENT, X, "2", call="m").answer) == COURIER


def test_one_courier_of_two_orders_is_connected_at_once(shop: Shop) -> None:
    for order in ("A-1111", "B-2222"):
        shop.reach(COURIER, shop.bind(order).masked_number.extension)
        shop.clock.move(seconds=5)
    assert number(shop.leg(RECIPIENT, X).answer) == COURIER


def test_a_wrong_key_in_the_menu_leads_to_the_extension(shop: Shop) -> None:
    first, second = shop.bind("A-1111"), shop.bind("B-2222")
    shop.reach(COURIER, first.masked_number.extension)
    shop.reach(OTHER_COURIER, second.masked_number.extension)
    shop.leg(RECIPIENT, X, call="m")
    again = shop.leg(RECIPIENT, X, "7", call="m").answer
    assert isinstance(again, Gather)
    assert (again.prompt.id, again.attempts_left, again.max_digits) == (PromptId.TRY_AGAIN, 2, 4)
    assert number(shop.leg(RECIPIENT, X, first.masked_number.extension, call="m").answer) == COURIER


def test_a_courier_of_late_who_is_a_recipient_too_is_asked(shop: Shop) -> None:
    own = shop.bind("own", phone=COURIER)
    parcel = shop.bind("parcel")
    shop.reach(OTHER_COURIER, own.masked_number.extension)
    assert number(shop.leg(COURIER, X).answer) == OTHER_COURIER
    shop.leg(COURIER, f"0900000000#{parcel.masked_number.extension}")
    assert isinstance(shop.leg(COURIER, X).answer, Gather)


def test_a_new_recipient_phone_takes_over_and_the_old_one_is_forgotten(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    binding_steps.change_binding(ChangeBinding(shop.tenant, view.id, phone=read_phone("0955666777")), shop.ports)
    assert number(shop.reach(COURIER, view.masked_number.extension)) == "+886955666777"
    assert isinstance(shop.leg(RECIPIENT, X).answer, Gather)
    assert number(shop.leg("+886955666777", X).answer) == COURIER


def test_a_number_of_no_pool_and_an_unreadable_one_are_hung_up_on(shop: Shop) -> None:
    assert isinstance(shop.leg(COURIER, "0911999888").answer, Hangup)
    webhook = Webhook("pbx_1", "w", InboundCall("c", read_caller(COURIER), None))
    assert isinstance(route_call(webhook, shop.ports).answer, Hangup)


def test_a_check_digit_pool_asks_for_one_digit_more(shop: Shop) -> None:
    pools.create_pool("checked", policy=PoolPolicy(check_digit=True), tenants=(shop.tenant.name,), ports=shop.ports)
    pools.import_numbers(["0900-000009"], pool_name="checked", ports=shop.ports)
    view = shop.bind(pool="checked")
    asked = shop.leg(COURIER, "0900000009", call="c").answer
    assert isinstance(asked, Gather)
    assert asked.max_digits == 5
    assert number(shop.leg(COURIER, "0900000009", view.masked_number.extension, call="c").answer) == RECIPIENT


# -- retries and races ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", ["right", "0000x", None])
def test_a_retried_webhook_gets_the_same_answer_and_counts_once(shop: Shop, digits: str | None) -> None:
    view = shop.bind()
    keyed = view.masked_number.extension if digits == "right" else digits
    first = shop.leg(COURIER, X, call="c", webhook="w-first")
    assert shop.leg(COURIER, X, call="c", webhook="w-first").answer == first.answer
    second = shop.leg(COURIER, X, keyed, call="c", webhook="w-second")
    for _ in range(3):
        again = shop.leg(COURIER, X, keyed, call="c", webhook="w-second")
        assert (again.answer, again.replayed) == (second.answer, True)
    if digits != "right":
        third = shop.leg(COURIER, X, "0000x", call="c").answer
        assert isinstance(third, Gather)
        assert third.attempts_left == 1


def test_a_retried_menu_says_the_same(shop: Shop) -> None:
    for order, courier in (("A-1111", COURIER), ("B-2222", OTHER_COURIER)):
        shop.reach(courier, shop.bind(order).masked_number.extension)
    first = shop.leg(RECIPIENT, X, call="m", webhook="w-menu").answer
    assert shop.leg(RECIPIENT, X, call="m", webhook="w-menu").answer == first


def test_a_retried_call_back_reaches_the_same_courier(shop: Shop) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    first = shop.leg(RECIPIENT, X, call="b", webhook="w-back").answer
    assert shop.leg(RECIPIENT, X, call="b", webhook="w-back").answer == first


@pytest.mark.parametrize("end", ["release", "lock", "expire"])
def test_a_retry_connects_nobody_to_what_has_ended_in_between(shop: Shop, end: str) -> None:
    view = shop.bind(expires_in=3600)
    assert number(shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", webhook="w").answer) == RECIPIENT
    if end == "release":
        shop.release(view)
    elif end == "lock":
        binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    else:
        shop.clock.move(hours=1)
    assert number(shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", webhook="w").answer) is None


def test_a_call_under_way_gets_nothing_more_after_its_answer(shop: Shop) -> None:
    view = shop.bind()
    shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", call="c")
    assert isinstance(shop.leg(COURIER, X, view.masked_number.extension, call="c").answer, Hangup)
    assert records(shop)[0].outcome is Outcome.CONNECTING


def test_tries_cannot_be_won_by_sending_them_at_once(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """Eight legs of one call at the same time: together they have three tries, as one after the other would."""
    app, _ = database_app
    shop.leg(COURIER, X, call="c")
    answers, gate = [], threading.Barrier(8)

    def guess(place: int) -> None:
        with app.app_context():
            gate.wait()
            answers.append(shop.leg(COURIER, X, f"000{place}x", call="c", webhook=f"guess-{place}").answer)

    threads = [threading.Thread(target=guess, args=(place,)) for place in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    left = sorted(answer.attempts_left for answer in answers if isinstance(answer, Gather))
    assert left == [1, 2]
    assert len(answers) == 8


def test_one_webhook_sent_eight_times_at_once_counts_once(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    app, _ = database_app
    view = shop.bind()
    answers, gate = [], threading.Barrier(8)

    def send() -> None:
        with app.app_context():
            gate.wait()
            answers.append(
                shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", call="c", webhook="same").answer
            )

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {number(answer) for answer in answers} == {RECIPIENT}
    assert len(answers) == 8
    assert len(records(shop)) == 1


# -- statements ---------------------------------------------------------------------------------------------------


def reads(sent: list[str]) -> int:
    """A write in one is a WITH too: it inserts."""
    return sum(each.startswith(("SELECT", "WITH")) and "INSERT INTO" not in each for each in sent)


@pytest.mark.parametrize("kind", ["bare", "keyed", "wrong", "back"])
def test_a_look_up_sends_at_most_two_reads_and_one_write_transaction(shop: Shop, kind: str) -> None:
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    caller = RECIPIENT if kind == "back" else COURIER
    if kind in ("keyed", "wrong"):
        shop.leg(caller, X, call="c")
    digits = {"keyed": view.masked_number.extension, "wrong": "0"}.get(kind)
    with count_statements(shop.database) as sent:
        shop.leg(caller, X, digits, call="c")
    assert reads(sent) <= 2, sent
    # The guard's caller, receipt, record, contact; a wrong try writes the caller and the number in place of a contact.
    assert len(sent) - reads(sent) <= 6, sent
    if kind in ("bare", "keyed", "back"):
        # The straight way: one read, and one write where the database can do that.
        written = ("INSERT INTO webhook_receipts", "calls", "INSERT INTO contacts")[: 3 if kind == "keyed" else 2]
        is_apart = shop.database.is_sqlite or shop.database.is_cluster
        assert len(sent) == 1 + (len(written) if is_apart else 1), sent
        assert all(any(word in each for each in sent) for word in written)


# -- events and records -------------------------------------------------------------------------------------------


def report(shop: Shop, kind: Outcome, *, call: str = "c", **more: object) -> bool:
    return report_call(CallReport("pbx_1", call, X, kind, **more), shop.ports)  # type: ignore[arg-type]


def test_events_fill_the_record_in_any_order_and_the_first_end_stands(shop: Shop) -> None:
    view = shop.bind()
    shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", call="c")
    at = shop.clock.now()
    assert report(shop, Outcome.COMPLETED, at=at + timedelta(seconds=50), duration_s=42)
    assert report(shop, Outcome.RINGING, at=at + timedelta(seconds=2))
    assert report(shop, Outcome.ANSWERED, at=at + timedelta(seconds=8))
    assert report(shop, Outcome.BUSY)
    assert report(shop, Outcome.COMPLETED, duration_s=1)
    record = records(shop)[0]
    assert (record.outcome, record.duration_s) == (Outcome.COMPLETED, 42)
    assert (record.ringing_at, record.answered_at, record.ended_at) == tuple(
        at + timedelta(seconds=n) for n in (2, 8, 50)
    )


@pytest.mark.parametrize("kind", [Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.CANCELED])
def test_each_end_is_told(shop: Shop, kind: Outcome) -> None:
    view = shop.bind()
    shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", call="c")
    report(shop, Outcome.RINGING)
    assert records(shop)[0].outcome is Outcome.RINGING
    report(shop, kind)
    assert records(shop)[0].outcome is kind


def test_an_end_while_asking_is_a_cancel_and_a_hung_up_call_stays_unavailable(shop: Shop) -> None:
    view = shop.bind()
    binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", call="asking")
    report(shop, Outcome.COMPLETED, call="asking")
    assert records(shop)[0].outcome is Outcome.CANCELED
    shop.clock.move(seconds=1)
    for _ in range(3):
        shop.leg(COURIER, f"0900000000#{view.masked_number.extension}", view.masked_number.extension, call="ended")
    report(shop, Outcome.ANSWERED, call="ended")
    assert records(shop)[0].outcome is Outcome.UNAVAILABLE


def test_events_of_unknown_calls_change_nothing(shop: Shop) -> None:
    assert not report(shop, Outcome.COMPLETED, call="never heard of")
    shop.leg(COURIER, X, call="c")
    assert not report_call(CallReport("pbx_2", "c", X, Outcome.COMPLETED), shop.ports)


def test_a_record_tells_three_digits_of_the_caller_and_only_its_tenant_s_facts(shop: Shop) -> None:
    other = shop.another("乙店")
    theirs = shop.bind("x", tenant=other, phone="0987000001")
    binding_steps.lock_binding(other, theirs.id, reason=None, ports=shop.ports)
    mine = shop.bind()
    shop.leg(COURIER, X, call="c")
    shop.leg(COURIER, X, theirs.masked_number.extension, call="c")
    shop.leg(COURIER, X, mine.masked_number.extension, call="c")
    record = records(shop)[0]
    assert (record.caller_tail, record.tries_used, record.outcome) == ("321", 1, Outcome.CONNECTING)
    # Theirs reads as an extension of nobody: that it is somebody's would be told otherwise.
    read = [(step.step, step.found) for step in record.trace if step.step in ("extension", "binding")]
    assert read == [("extension", "none"), ("binding", "active")]
    assert call_records.get_call(shop.tenant, record.id, ports=shop.ports) == record
    from maskservice.domain.errors import NotFound

    with pytest.raises(NotFound):
        call_records.get_call(other, record.id, ports=shop.ports)
    with pytest.raises(NotFound):
        call_records.get_call(shop.tenant, CallId(X, record.binding), ports=shop.ports)


def test_an_attempt_that_met_no_binding_is_recorded_for_the_pool(shop: Shop) -> None:
    shop.leg(COURIER, X, call="c")
    assert not records(shop)
    with shop.ports.unit(write=False) as uow:
        receipt = uow.receipts.latest(X, "pbx_1", "c")
        assert receipt is not None
        record = uow.calls.get(receipt.call)
    assert record is not None
    assert (record.tenant_id, record.binding, record.outcome) == (None, None, Outcome.ASKING)


# -- dry run ------------------------------------------------------------------------------------------------------


def dry(shop: Shop, tenant, caller: str | None, dialled: str, digits: str | None = None):  # type: ignore[no-untyped-def]
    return call_records.dry_run(
        tenant, InboundCall("dry-run", read_caller(caller), read_dialled(dialled), digits), ports=shop.ports
    )


def test_a_dry_run_says_what_would_happen_and_changes_nothing(shop: Shop) -> None:
    from maskservice.domain.call import Connect, Party

    view = shop.bind()
    run = dry(shop, shop.tenant, COURIER, X, view.masked_number.extension)
    assert run.ruling.decision == Connect(Party.RECIPIENT, view.id)
    assert not records(shop)
    assert isinstance(dry(shop, shop.tenant, RECIPIENT, X).ruling.decision, Hangup)


def test_a_dry_run_of_another_tenant_reads_as_empty(shop: Shop) -> None:
    other = shop.another("乙店")
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    free = dry(shop, other, COURIER, X, "0" if view.masked_number.extension != "0" else "1")
    seen = dry(shop, other, COURIER, X, view.masked_number.extension)
    assert seen == free
    assert dry(shop, other, RECIPIENT, X) == dry(shop, other, "+886955000111", X)
    pools.create_pool("theirs", policy=PoolPolicy(), tenants=(shop.tenant.name,), ports=shop.ports)
    pools.import_numbers(["0900-000002"], pool_name="theirs", ports=shop.ports)
    assert dry(shop, other, COURIER, "0900000002") == dry(shop, other, COURIER, "0911999888")
