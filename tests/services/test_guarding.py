"""The guard in real calls, on both databases: budgets shared by all processes, blocks that shut nobody else off."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from maskservice.domain.call import Bridge, Gather, Hangup
from maskservice.domain.guard import GuardPolicy
from maskservice.services import pools
from maskservice.services.expiry import forget_old
from maskservice.services.guarding import Alarm
from maskservice.storage.db import Database
from tests.counting import count_statements
from tests.services.conftest import Shop, X, number

COURIER, RECIPIENT = "+886987654321", "+886912345678"


def set_guard(shop: Shop, **thresholds: object) -> GuardPolicy:
    policy = replace(GuardPolicy(), **thresholds)  # type: ignore[arg-type]
    pools.set_guard("default", policy, ports=shop.ports)
    return policy


def wrong_digits(shop: Shop) -> str:
    return "12345"  # one digit too many: never a live extension


def guess(shop: Shop, count: int, caller: str | None = COURIER, *, pbx: str = "pbx_1") -> list[tuple[Alarm, ...]]:
    """Wrong tries, three a call."""
    return [shop.leg(caller, X, wrong_digits(shop), pbx=pbx).alarms for _ in range(count)]


def alarms(told: Sequence[tuple[Alarm, ...]]) -> list[Alarm]:
    return [alarm for each in told for alarm in each]


def test_ten_wrong_tries_block_the_caller_and_nobody_else(shop: Shop) -> None:
    view = shop.bind()
    extension = view.masked_number.extension
    assert alarms(guess(shop, 9)) == []
    assert number(shop.reach(COURIER, extension)) == RECIPIENT
    assert alarms(guess(shop, 1)) == [Alarm.CALLER_BLOCKED]
    assert number(shop.reach(COURIER, extension)) is None
    assert number(shop.reach("+886911222333", extension)) == RECIPIENT


def test_a_blocked_caller_hears_what_a_wrong_extension_sounds_like(shop: Shop) -> None:
    view = shop.bind()
    guess(shop, 10)
    blocked, wrong = [], []
    for heard, digits in ((blocked, view.masked_number.extension), (wrong, wrong_digits(shop))):
        shop.leg(COURIER, X, call=digits)
        heard += [shop.leg(COURIER, X, digits, call=digits).answer for _ in range(4)]
    assert blocked == wrong
    assert [type(each) for each in blocked] == [Gather, Gather, Hangup, Hangup]


def test_the_block_ends_and_the_next_one_is_longer(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    for minutes in (15, 30):
        guess(shop, 10)
        shop.clock.move(minutes=minutes, seconds=-1)
        assert number(shop.reach(COURIER, extension)) is None
        shop.clock.move(seconds=1)
        assert number(shop.reach(COURIER, extension)) == RECIPIENT


def test_a_block_withdraws_the_contacts_that_the_caller_made_on_every_number(shop: Shop) -> None:
    pools.import_numbers(["0900-000001"], pool_name="default", ports=shop.ports)
    views = [shop.bind(str(place), phone=f"09120000{place:02d}") for place in range(20)]
    assert len({view.masked_number.virtual_number for view in views}) == 2
    for view in views:
        masked = view.masked_number
        shop.reach(COURIER, masked.extension, masked.virtual_number)
    shop.clock.move(seconds=1)
    guess(shop, 10)
    for place, view in enumerate(views):
        back = shop.leg(f"+886912{place:06d}", view.masked_number.virtual_number).answer
        assert number(back) is None
    shop.clock.move(hours=2)
    assert number(shop.leg("+886912000000", views[0].masked_number.virtual_number).answer) is None


def test_an_earlier_courier_s_contact_is_not_touched_by_another_s_block(shop: Shop) -> None:
    view = shop.bind()
    shop.reach("+886911222333", view.masked_number.extension)
    guess(shop, 10)
    assert number(shop.leg(RECIPIENT, X).answer) == "+886911222333"


def test_withheld_callers_share_a_budget_per_pbx(shop: Shop) -> None:
    set_guard(shop, withheld_tries=5)
    extension = shop.bind().masked_number.extension
    assert alarms(guess(shop, 5, None)) == [Alarm.CALLER_BLOCKED]
    assert number(shop.leg(None, f"0900000000#{extension}").answer) is None
    assert number(shop.leg(None, f"0900000000#{extension}", pbx="pbx_2").answer) == RECIPIENT
    assert number(shop.reach(COURIER, extension)) == RECIPIENT


def test_silence_and_a_call_back_are_no_wrong_tries(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    for _ in range(12):
        shop.leg(COURIER, X, call="quiet")
        shop.leg(RECIPIENT, X)
    assert number(shop.reach(COURIER, extension)) == RECIPIENT


def test_a_stranger_who_reaches_too_many_bindings_is_blocked(shop: Shop) -> None:
    set_guard(shop, reach_per_day=3)
    views = [shop.bind(str(place), phone=f"09120000{place:02d}") for place in range(4)]
    extensions = [view.masked_number.extension for view in views]
    for _ in range(4):
        assert number(shop.reach(COURIER, extensions[0])) is not None  # the same one again costs nothing
    assert number(shop.reach(COURIER, extensions[1])) is not None
    assert number(shop.reach(COURIER, extensions[2])) is not None
    assert number(shop.reach(COURIER, extensions[3])) is None
    assert number(shop.reach("+886911222333", extensions[3])) is not None


def test_a_used_up_number_shortens_tries_and_still_takes_the_first_right_extension(shop: Shop) -> None:
    set_guard(shop, number_tries=4, caller_tries=100)
    extension = shop.bind().masked_number.extension
    told = [alarm for place in range(4) for alarm in alarms(guess(shop, 1, f"+88697700000{place}"))]
    assert told == [Alarm.NUMBER_BUDGET_USED]
    asked = shop.leg(COURIER, X, call="c").answer
    assert isinstance(asked, Gather)
    assert asked.attempts_left == 1
    assert isinstance(shop.leg(COURIER, X, extension, call="c").answer, Bridge)
    shop.leg("+886911222333", X, call="d")
    assert isinstance(shop.leg("+886911222333", X, "0", call="d").answer, Hangup)
    shop.clock.move(hours=1)
    fresh = shop.leg("+886911222333", X).answer
    assert isinstance(fresh, Gather)
    assert fresh.attempts_left == 3


def test_a_scan_by_many_callers_is_told_once(shop: Shop) -> None:
    set_guard(shop, scan_callers=3)
    told = []
    for place in range(6):
        told += alarms(guess(shop, 2, f"+88697700000{place}"))
    assert told == [Alarm.NUMBER_SCANNED]


def test_a_scanned_number_takes_enrolled_callers_only_where_the_policy_says_so(shop: Shop) -> None:
    set_guard(shop, scan_callers=2, enroll_on_scan=True, scan_rest=timedelta(hours=1))
    extension = shop.bind().masked_number.extension
    for place in range(2):
        guess(shop, 1, f"+88697700000{place}")
    assert number(shop.reach(COURIER, extension)) is None
    shop.clock.move(hours=1)
    assert number(shop.reach(COURIER, extension)) == RECIPIENT


def test_guesses_sent_at_once_share_one_budget(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """Thirty calls at the same time, each with one wrong guess: exactly one of them is the one that blocks."""
    app, _ = database_app
    told, gate = [], threading.Barrier(12)

    def call(place: int) -> None:
        with app.app_context():
            gate.wait()
            told.append(
                shop.leg(COURIER, X, wrong_digits(shop), call=f"at-once-{place}", webhook=f"w-at-once-{place}").alarms
            )

    threads = [threading.Thread(target=call, args=(place,)) for place in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(told) == 12
    assert alarms(told) == [Alarm.CALLER_BLOCKED]
    key = shop.ports.index.number("caller", COURIER)
    with shop.ports.unit() as uow:
        pool = uow.pools.of_number(X)
        assert pool is not None
        state = uow.guard.hold(pool.id, key, at=shop.clock.now())
    assert (state.blocks, state.wrong) == (1, ())


def test_a_retried_wrong_webhook_counts_once(shop: Shop) -> None:
    for _ in range(30):
        shop.leg(COURIER, X, wrong_digits(shop), call="c", webhook="same")
    assert number(shop.reach(COURIER, shop.bind().masked_number.extension)) == RECIPIENT


def test_the_guard_s_memory_is_forgotten_in_time(shop: Shop) -> None:
    guess(shop, 1)
    shop.clock.move(days=61)
    assert (
        forget_old(shop.ports, limit=10) == 4
    )  # the receipt, the caller, his place in the window, his key in the record


def test_statements_of_guarded_legs(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    for digits, most in ((extension, 7), (wrong_digits(shop), 8)):
        with count_statements(shop.database) as sent:
            shop.leg(COURIER, X, digits)
        assert len(sent) <= most, sent


def test_thresholds_are_checked_and_kept(shop: Shop) -> None:
    from maskservice.domain.errors import InvalidContent, NotFound

    policy = set_guard(shop, caller_tries=5, window=timedelta(minutes=30), enroll_on_scan=True)
    assert next(iter(pools.list_pools(shop.ports))).guard == policy
    with pytest.raises(InvalidContent):
        set_guard(shop, caller_tries=0)
    with pytest.raises(NotFound):
        pools.set_guard("nowhere", GuardPolicy(), ports=shop.ports)


# -- rekey --------------------------------------------------------------------------------------------------------


def test_rekey_gives_every_live_binding_a_new_extension_and_the_old_one_rests(shop: Shop) -> None:
    from maskservice.services import binding_reads, binding_steps, expiry
    from maskservice.services.rekeying import rekey_number

    live = []
    for place in range(7):
        shop.clock.move(seconds=1)
        live.append(shop.bind(str(place), phone=f"09120000{place:02d}"))
    binding_steps.lock_binding(shop.tenant, live[1].id, reason=None, ports=shop.ports)
    ended = shop.bind("ended", phone="0912000099")
    shop.release(ended)
    shop.reach(COURIER, live[0].masked_number.extension)
    shop.clock.move(seconds=1)
    changes = list(rekey_number(X, ports=shop.ports))
    assert [change.order_id for change in changes] == [str(place) for place in range(7)]
    for view, change in zip(live, changes, strict=True):
        assert (change.binding_id, change.old) == (view.id, view.masked_number)
        assert change.new != change.old
        now = binding_reads.get_binding(shop.tenant, view.id, ports=shop.ports)
        assert (now.masked_number, now.rekeyed_at) == (change.new, shop.clock.now())
    assert number(shop.reach(COURIER, changes[2].old.extension)) is None
    assert number(shop.reach(COURIER, changes[2].new.extension)) == "+886912000002"
    assert number(shop.leg("+886912000000", X).answer) == COURIER  # the call-back goes on
    shop.clock.move(seconds=1)
    assert list(rekey_number(X, ports=shop.ports))  # again: another new extension each
    use = pools.pool_use(shop.ports)[0]
    assert use.held == 7 * 3 + 1
    shop.clock.move(days=31)
    assert expiry.free_rested(shop.ports, limit=100) == 15
    still = binding_reads.get_binding(shop.tenant, live[0].id, ports=shop.ports)
    assert (still.status, still.recipient_name) == ("active", "陳O美")
    assert pools.pool_use(shop.ports)[0].held == 7


def test_rekey_respects_the_ceiling_unless_a_denser_number_is_typed(shop: Shop) -> None:
    from decimal import Decimal

    from maskservice.domain.allocation import PoolPolicy
    from maskservice.domain.errors import NotFound, PoolExhausted
    from maskservice.services.rekeying import rekey_number

    pools.create_pool("tight", policy=PoolPolicy(density=Decimal("0.0003")), tenants=("示範商店",), ports=shop.ports)
    pools.import_numbers(["0900-000009"], pool_name="tight", ports=shop.ports)
    before = [shop.bind(str(place), pool="tight") for place in range(2)]
    shop.clock.move(seconds=1)
    with pytest.raises(PoolExhausted):
        list(rekey_number("+886900000009", ports=shop.ports))
    assert shop.bind("0", pool="tight").masked_number == before[0].masked_number  # nothing is half-done
    assert len(list(rekey_number("+886900000009", over_ceiling=True, ports=shop.ports))) == 2
    with pytest.raises(NotFound):
        list(rekey_number("+886911999888", ports=shop.ports))
