"""Who may call whom, when, how long and how often, through the whole use case on both databases.

What needs no roster; with one: test_known_callers.py.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from maskservice.domain.call import Answer, Bridge, BridgeEnd, Gather, Hangup, Outcome
from maskservice.domain.call_policy import Access, BindingRules, Codes, Directions, PoolCalls, QuietHours, TenantCalls
from maskservice.domain.errors import InvalidContent, NotFound
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.phone import read_phone
from maskservice.domain.prompts import SENTENCES, PromptId
from maskservice.services.binding_reads import get_binding
from maskservice.services.binding_steps import ChangeBinding, change_binding
from maskservice.services.bindings import create_binding
from maskservice.services.call_records import list_calls
from maskservice.services.call_settings import change_tenant_calls
from maskservice.services.calls import Routed
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.pools import pool_named, set_calls, set_guard
from maskservice.services.reopening import ReopenBinding, reopen_binding
from maskservice.services.restricting import restrict_number, restricted_numbers, restricted_until
from maskservice.services.taps import Tap, tap
from maskservice.services.tenants import change_tenant
from maskservice.storage.db import Database
from tests.services.conftest import Shop, X, number

COURIER, OTHER, RECIPIENT, HANDSET = "+886987654321", "+886911222333", "+886912345678", "+886955123123"
CARE_LINE = "+886223456789"
ORDER_END = "9001"  # of TW-20231109-001
QUIET = QuietHours.parse("21:00-08:00")


def allow(shop: Shop, **settings: Any) -> TenantCalls:
    return change_tenant_calls(shop.tenant.id, lambda before: replace(before, **settings), ports=shop.ports)


def pool(shop: Shop, **settings: Any) -> None:
    before = pool_named("default", ports=shop.ports).calls
    set_calls("default", replace(before, **settings), ports=shop.ports)


def at(shop: Shop, clock: str, *, day: int = 24) -> None:
    """The clocks of Taiwan show this."""
    shop.clock.moment = datetime.fromisoformat(f"2026-11-{day}T{clock}:00+08:00").astimezone(UTC)


def leg(shop: Shop, *given: Any, **more: Any) -> Routed:
    """A millisecond later than the one before, so that the newest record is the last call's."""
    shop.clock.move(milliseconds=1)
    return shop.leg(*given, **more)


def trace(shop: Shop) -> list[tuple[str, str]]:
    record = max(list_calls(shop.tenant, limit=50, before=None, ports=shop.ports).rows, key=lambda row: row.id.key)
    return [(step.step, step.found) for step in record.trace]


def missed(shop: Shop, extension: str) -> Answer:
    """What a wrong extension sounds like."""
    return leg(shop, HANDSET, X, f"{(int(extension) + 1) % 10**4:04}").answer


# -- direction ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directions", "there", "back"),
    [
        (Directions.BOTH, RECIPIENT, COURIER),
        (Directions.TO_RECIPIENT, RECIPIENT, None),
        (Directions.TO_COURIER, None, COURIER),
    ],
)
def test_a_direction_that_is_closed(shop: Shop, directions: Directions, there: str | None, back: str | None) -> None:
    extension = shop.bind().masked_number.extension
    leg(shop, COURIER, X, extension)
    allow(shop, directions=directions)
    answer = leg(shop, COURIER, X, extension).answer
    assert number(answer) == there
    if there is None:
        assert trace(shop)[-1] == ("direction", "closed")
        assert answer == missed(shop, extension)
    shop.clock.move(seconds=1)
    assert number(leg(shop, RECIPIENT, X).answer) == back
    if back is None:
        assert trace(shop)[-2:] == [("direction", "closed"), ("contact", "none")]


def test_a_closed_call_back_reaches_the_care_line(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    change_tenant("示範商店", care_line="02-2345-6789", ports=shop.ports)
    leg(shop, COURIER, X, extension)
    allow(shop, directions=Directions.TO_RECIPIENT)
    assert number(leg(shop, RECIPIENT, X).answer) == CARE_LINE
    assert trace(shop)[-2:] == [("direction", "closed"), ("contact", "care_line")]


def test_a_binding_s_own_rules_go_before_its_tenant_s(shop: Shop) -> None:
    allow(shop, access=Access.ENROLLED, directions=Directions.TO_COURIER)
    rules = BindingRules(Access.OPEN, Directions.BOTH)
    view, other = shop.bind(call_rules=rules), shop.bind("TW-20231109-002", phone="0922-333-444")
    assert view.call_rules == rules
    assert number(leg(shop, COURIER, X, view.masked_number.extension).answer) == RECIPIENT
    assert number(leg(shop, COURIER, X, other.masked_number.extension).answer) is None
    assert trace(shop)[-1] == ("access", "not_enrolled")
    changed = change_binding(ChangeBinding(shop.tenant, view.id, call_rules=BindingRules(Access.OPEN)), shop.ports)
    assert changed.call_rules == BindingRules(Access.OPEN)
    assert number(leg(shop, COURIER, X, view.masked_number.extension).answer) is None
    assert trace(shop)[-1] == ("direction", "closed")
    for nothing in (None, BindingRules()):
        change_binding(ChangeBinding(shop.tenant, view.id, call_rules=nothing), shop.ports)
        assert get_binding(shop.tenant, view.id, ports=shop.ports).call_rules is None
    assert change_binding(ChangeBinding(shop.tenant, view.id, waybill="H1"), shop.ports).call_rules is None


def test_a_binding_s_rules_are_told_again_and_taken_over(shop: Shop) -> None:
    rules = BindingRules(directions=Directions.TO_RECIPIENT)
    command = shop.order(call_rules=rules, idempotency=IdempotentRequest("k-1", "POST /v1/bindings", b"{}"))
    first = create_binding(command, shop.ports).view
    change_binding(ChangeBinding(shop.tenant, first.id, call_rules=BindingRules(Access.ASSIGNED)), shop.ports)
    again = create_binding(command, shop.ports)
    assert (again.replayed, again.view) == (True, first)
    existing = shop.bind()
    assert (existing.id, existing.call_rules) == (first.id, BindingRules(Access.ASSIGNED))
    reopened = reopen_binding(ReopenBinding(shop.tenant, first.id), shop.ports).view
    assert reopened.call_rules == BindingRules(Access.ASSIGNED)
    assert shop.bind("without", call_rules=BindingRules()).call_rules is None


# -- quiet hours ----------------------------------------------------------------------------------------------------


def test_quiet_hours_go_over_midnight_both_ways_and_leave_the_care_line_open(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    allow(shop, quiet=QUIET)
    for day, clock, reached in (
        (24, "20:59", True),
        (24, "21:00", False),
        (25, "00:00", False),
        (25, "07:59", False),
        (25, "08:00", True),
    ):
        at(shop, clock, day=day)
        answer = leg(shop, COURIER, X, extension).answer
        assert (number(answer) == RECIPIENT) is reached, clock
        if not reached:
            assert trace(shop)[-1] == ("hours", "quiet")
            assert answer == missed(shop, extension)
        shop.clock.move(seconds=1)
        assert (number(leg(shop, RECIPIENT, X).answer) == COURIER) is reached, clock
    at(shop, "22:00", day=25)
    change_tenant("示範商店", care_line="02-2345-6789", ports=shop.ports)
    assert number(leg(shop, RECIPIENT, X).answer) == CARE_LINE
    assert trace(shop)[-2:] == [("hours", "quiet"), ("contact", "care_line")]


def test_the_pool_s_quiet_hours_hold_where_the_tenant_has_none_of_its_own(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    pool(shop, quiet=QUIET)
    at(shop, "22:00")
    assert number(leg(shop, COURIER, X, extension).answer) is None
    allow(shop, quiet=QuietHours.parse("23:00-06:00"))
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT
    allow(shop, quiet=None)
    assert number(leg(shop, COURIER, X, extension).answer) is None
    allow(shop, quiet_exempt=True)
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT
    allow(shop, quiet_exempt=False)
    pool(shop, quiet=None)
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT


# -- calls per day --------------------------------------------------------------------------------------------------


def test_calls_per_day_are_counted_for_each_binding_by_the_day_of_taiwan(shop: Shop) -> None:
    view, other = shop.bind(), shop.bind("TW-20231109-002", phone="0922-333-444")
    extension = view.masked_number.extension
    allow(shop, calls_per_day=2)
    at(shop, "23:30")
    assert [number(leg(shop, caller, X, extension).answer) for caller in (COURIER, OTHER)] == [RECIPIENT, RECIPIENT]
    answer = leg(shop, COURIER, X, extension).answer
    assert answer == missed(shop, extension)
    assert trace(shop)[-1] == ("calls_today", "used_up")
    assert number(leg(shop, COURIER, X, other.masked_number.extension).answer) == "+886922333444"
    assert number(leg(shop, RECIPIENT, X).answer) in (COURIER, OTHER), "call-backs are not counted"
    at(shop, "23:59")
    assert number(leg(shop, COURIER, X, extension).answer) is None
    at(shop, "00:00", day=25)
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT
    allow(shop, calls_per_day=None)
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT


def test_a_retried_webhook_is_one_call_of_the_day(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    allow(shop, calls_per_day=1)
    answers = [leg(shop, COURIER, X, extension, call="c", webhook="same").answer for _ in range(3)]
    assert [number(each) for each in answers] == [RECIPIENT] * 3


def test_a_pass_whose_day_is_used_up_is_asked_like_a_stranger(shop: Shop) -> None:
    view = shop.bind()
    allow(shop, calls_per_day=1)
    assert number(leg(shop, COURIER, X, view.masked_number.extension).answer) == RECIPIENT
    tap(shop.tenant, Tap(view.id, read_phone(OTHER)), shop.ports)
    assert leg(shop, OTHER, X).answer == leg(shop, HANDSET, X).answer


def test_a_refused_call_of_the_day_leaves_no_contact_and_costs_no_try(shop: Shop) -> None:
    set_guard("default", GuardPolicy(caller_tries=1, reach_per_day=2), ports=shop.ports)
    extension = shop.bind().masked_number.extension
    allow(shop, calls_per_day=1)
    leg(shop, COURIER, X, extension)
    for _ in range(3):
        assert leg(shop, OTHER, X, extension).alarms == ()
    assert number(leg(shop, RECIPIENT, X).answer) == COURIER


CALLS, BUDGET = 40, 7


def test_calls_per_day_are_exact_under_forty_calls_at_once(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    app, _ = database_app
    extension = shop.bind().masked_number.extension
    allow(shop, calls_per_day=BUDGET)
    gate, answers = threading.Barrier(CALLS), []

    def call(place: int) -> None:
        with app.app_context():
            gate.wait()
            caller = f"+8869110001{place:02}"
            answers.append(shop.leg(caller, X, extension, call=f"c-once-{place}", webhook=f"w-once-{place}").answer)

    threads = [threading.Thread(target=call, args=(place,)) for place in range(CALLS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(answers) == CALLS
    assert sum(isinstance(each, Bridge) for each in answers) == BUDGET
    assert len({each for each in answers if not isinstance(each, Bridge)}) == 1
    assert number(leg(shop, COURIER, X, extension).answer) is None


# -- the bridge -----------------------------------------------------------------------------------------------------


def test_how_long_it_rings_and_is_talked_and_what_is_whispered(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    change_tenant("示範商店", care_line="02-2345-6789", ports=shop.ports)
    plain = leg(shop, COURIER, X, extension).answer
    assert isinstance(plain, Bridge)
    assert (plain.ring_timeout_s, plain.max_duration_s, plain.whisper) == (30, 1800, None)
    allow(shop, ring_timeout_s=20, max_duration_s=600, whisper=True)
    there = leg(shop, COURIER, X, extension, call="there").answer
    back = leg(shop, RECIPIENT, X, call="back").answer
    care = leg(shop, RECIPIENT, X, None, call="back", bridge_ended=BridgeEnd(Outcome.NO_ANSWER)).answer
    for answer in (there, back, care):
        assert isinstance(answer, Bridge)
        assert (answer.ring_timeout_s, answer.max_duration_s) == (20, 600)
    assert isinstance(there, Bridge)
    assert there.whisper is not None
    assert (there.whisper.id, there.whisper.text) == (PromptId.WHISPER, "示範商店的物流士來電，關於您的包裹。")
    assert (number(back), number(care)) == (COURIER, CARE_LINE)
    assert isinstance(back, Bridge)
    assert isinstance(care, Bridge)
    assert (back.whisper, care.whisper) == (None, None), "only the recipient is told"
    pool(shop, language="en")
    english = leg(shop, COURIER, X, extension).answer
    assert isinstance(english, Bridge)
    assert english.whisper is not None
    assert english.whisper.text == "A courier of 示範商店 about your parcel."


def test_to_a_switchboard_nothing_is_whispered(shop: Shop) -> None:
    """Its extension is keyed after the answer: who is meant is not there yet."""
    allow(shop, whisper=True)
    extension = shop.bind("SWITCH", phone="02-2345-6789#100").masked_number.extension
    answer = leg(shop, COURIER, X, extension).answer
    assert isinstance(answer, Bridge)
    assert (answer.post_dial_digits, answer.whisper) == ("100", None)


def test_prompts_are_in_the_pool_s_language_also_when_a_webhook_is_retried(shop: Shop) -> None:
    pool(shop, language="en", codes=Codes.ASKED)
    extension = shop.bind().masked_number.extension
    legs: list[tuple[str | None, PromptId]] = [
        (None, PromptId.ENTER_EXTENSION),
        (extension, PromptId.ENTER_CODE),
        ("0000", PromptId.TRY_AGAIN),
        ("*", PromptId.TRY_AGAIN),
        ("0", PromptId.ENTER_CODE),
        ("0", PromptId.GOODBYE),
    ]
    for place, (digits, prompt) in enumerate(legs):
        for _ in range(2):
            answer = leg(shop, COURIER, X, digits, call="c", webhook=f"leg-{place}").answer
            assert isinstance(answer, Gather | Hangup)
            assert answer.prompt is not None
            assert answer.prompt.id is prompt, place
            assert answer.prompt.text == SENTENCES["en"][prompt]


# -- codes, and the recipient from another phone --------------------------------------------------------------------


@pytest.mark.parametrize(("codes", "room"), [(Codes.ON_STAR, 4), (Codes.ASKED, 4), (Codes.KEYED, 13)])
def test_how_many_digits_are_waited_for(shop: Shop, codes: Codes, room: int) -> None:
    pool(shop, codes=codes)
    first = leg(shop, COURIER, X, call="c").answer
    assert isinstance(first, Gather)
    assert (first.prompt.id, first.max_digits) == (PromptId.ENTER_EXTENSION, room)
    again = leg(shop, COURIER, X, None, call="c").answer
    assert isinstance(again, Gather)
    assert (again.prompt.id, again.max_digits) == (PromptId.TRY_AGAIN, room)
    star = leg(shop, COURIER, X, "*", call="c").answer
    assert isinstance(star, Gather)
    assert (star.prompt.id, star.max_digits, star.attempts_left) == (PromptId.ENTER_WITH_CODE, 13, 2)
    (record,) = list_calls(None, limit=50, before=None, ports=shop.ports).rows
    assert ("digits", "star") in [(step.step, step.found) for step in record.trace]


@pytest.mark.parametrize("codes", list(Codes))
def test_the_recipient_reaches_his_courier_from_another_phone_by_the_order_s_end(shop: Shop, codes: Codes) -> None:
    pool(shop, codes=codes)
    allow(shop, access=Access.OPEN)
    extension = shop.bind().masked_number.extension
    with_code = f"{extension}*{ORDER_END}"
    assert isinstance(leg(shop, HANDSET, X, with_code).answer, Hangup), "no courier yet, no care line"
    if codes is Codes.ASKED:
        leg(shop, COURIER, X, extension, call="courier")
        assert number(leg(shop, COURIER, X, None, call="courier").answer) == RECIPIENT
        asked = leg(shop, HANDSET, X, extension, call="other").answer
        assert isinstance(asked, Gather)
        assert (asked.prompt.id, asked.max_digits) == (PromptId.ENTER_CODE, 8)
        assert number(leg(shop, HANDSET, X, ORDER_END, call="other").answer) == COURIER
    else:
        assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT
    leg(shop, HANDSET, X, call="star")
    leg(shop, HANDSET, X, "*", call="star")
    assert number(leg(shop, HANDSET, X, f"{with_code}#", call="star").answer) == COURIER
    assert ("code", "order") in trace(shop)
    assert number(leg(shop, HANDSET, f"0900000000#{with_code}").answer) == COURIER
    assert number(leg(shop, None, X, with_code).answer) == COURIER, "a withheld number too"
    # He is no courier of it: the call-back of the recipient's own phone is as it was.
    assert number(leg(shop, RECIPIENT, X).answer) == COURIER


def test_a_wrong_end_of_the_order_is_a_wrong_try_and_sounds_like_one(shop: Shop) -> None:
    set_guard("default", GuardPolicy(caller_tries=2), ports=shop.ports)
    extension = shop.bind().masked_number.extension
    leg(shop, COURIER, X, extension)
    answer = leg(shop, HANDSET, X, f"{extension}*9002").answer
    assert answer == missed(shop, extension)
    assert trace(shop)[-1] == ("code", "wrong")
    blocked = leg(shop, OTHER, X, f"{extension}*9002"), leg(shop, OTHER, X, f"{extension}*0000")
    assert [str(alarm) for alarm in blocked[1].alarms] == ["caller_blocked"]
    assert number(leg(shop, OTHER, X, f"{extension}*{ORDER_END}").answer) is None, "blocked: the right end is no help"
    assert trace(shop)[-1] == ("caller", "blocked")
    assert number(leg(shop, RECIPIENT, X).answer) == COURIER


def test_an_order_without_four_digits_has_no_end_to_key(shop: Shop) -> None:
    extension = shop.bind("A-12").masked_number.extension
    leg(shop, COURIER, X, extension)
    for code in ("12", "0012", "1200"):
        assert isinstance(leg(shop, HANDSET, X, f"{extension}*{code}").answer, Gather)


# -- the courier's second call --------------------------------------------------------------------------------------


def test_a_courier_s_second_call_within_the_hour_needs_no_extension_where_the_pool_says_so(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT
    assert isinstance(leg(shop, COURIER, X).answer, Gather), "off unless set"
    pool(shop, repeat_call=True)
    shop.clock.move(minutes=30)
    assert number(leg(shop, COURIER, X).answer) == RECIPIENT
    assert ("repeat", "found") in trace(shop)
    shop.clock.move(minutes=59, seconds=59)
    assert number(leg(shop, COURIER, X).answer) == RECIPIENT, "the hour begins with the last call"
    shop.clock.move(minutes=60)
    assert isinstance(leg(shop, COURIER, X).answer, Gather)
    assert isinstance(leg(shop, OTHER, X).answer, Gather)
    assert isinstance(leg(shop, None, X).answer, Gather)


def test_two_recipients_within_the_hour_are_told_apart_by_the_extension(shop: Shop) -> None:
    pool(shop, repeat_call=True)
    views = [shop.bind(), shop.bind("TW-20231109-002", phone="0922-333-444")]
    for view in views:
        leg(shop, COURIER, X, view.masked_number.extension)
        shop.clock.move(minutes=10)
    assert isinstance(leg(shop, COURIER, X).answer, Gather)
    shop.clock.move(minutes=41)
    assert number(leg(shop, COURIER, X).answer) == "+886922333444", "the first one is an hour ago"


@pytest.mark.parametrize("setting", [{"directions": Directions.TO_COURIER}, {"quiet": QUIET}, {"calls_per_day": 1}])
def test_a_second_call_that_is_barred_sounds_like_a_stranger_s_first(shop: Shop, setting: dict[str, Any]) -> None:
    pool(shop, repeat_call=True)
    extension = shop.bind().masked_number.extension
    at(shop, "20:30")
    allow(shop, calls_per_day=setting.get("calls_per_day"))
    leg(shop, COURIER, X, extension)
    allow(shop, **setting)
    at(shop, "21:15")
    assert leg(shop, COURIER, X).answer == leg(shop, OTHER, X).answer


def test_the_second_call_to_what_has_ended_is_asked(shop: Shop) -> None:
    pool(shop, repeat_call=True)
    view = shop.bind()
    leg(shop, COURIER, X, view.masked_number.extension)
    shop.release(view)
    assert isinstance(leg(shop, COURIER, X).answer, Gather)


def test_a_blocked_courier_s_second_call_is_asked(shop: Shop) -> None:
    set_guard("default", GuardPolicy(caller_tries=1), ports=shop.ports)
    pool(shop, repeat_call=True)
    extension = shop.bind().masked_number.extension
    leg(shop, COURIER, X, extension)
    leg(shop, COURIER, X, "12345")
    assert isinstance(leg(shop, COURIER, X).answer, Gather)


# -- a number restricted by hand ------------------------------------------------------------------------------------


def test_a_number_is_restricted_by_hand_and_freed(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    leg(shop, COURIER, X, extension)
    assert restricted_until(X, ports=shop.ports) is None
    until = restrict_number(X, length=timedelta(hours=12), ports=shop.ports)
    assert until == shop.clock.now() + timedelta(hours=12) == restricted_until(X, ports=shop.ports)
    pool_id = pool_named("default", ports=shop.ports).id
    assert restricted_numbers(pool_id, ports=shop.ports) == {X: until}
    answer = leg(shop, COURIER, X, extension).answer
    assert answer == missed(shop, extension)
    assert trace(shop)[-1] == ("number", "enrolled_only")
    assert number(leg(shop, RECIPIENT, X).answer) == COURIER, "a call-back goes on"
    shop.clock.move(hours=12)
    assert restricted_until(X, ports=shop.ports) is None
    assert restricted_numbers(pool_id, ports=shop.ports) == {}
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT
    restrict_number(X, length=timedelta(hours=12), ports=shop.ports)
    assert restrict_number(X, length=None, ports=shop.ports) is None
    assert number(leg(shop, COURIER, X, extension).answer) == RECIPIENT
    for ask in (lambda: restricted_until("+886911999888", ports=shop.ports),
                lambda: restrict_number("+886911999888", length=None, ports=shop.ports)):  # fmt: skip
        with pytest.raises(NotFound):
            ask()


def test_a_scan_never_shortens_what_was_restricted_by_hand(shop: Shop) -> None:
    set_guard("default", GuardPolicy(scan_callers=2, enroll_on_scan=True), ports=shop.ports)
    by_hand = restrict_number(X, length=timedelta(hours=6, minutes=1), ports=shop.ports)
    for place in range(2):
        leg(shop, f"+88697700000{place}", X, "12345")
    assert restricted_until(X, ports=shop.ports) == by_hand
    shop.clock.move(hours=1)
    for place in range(2):
        leg(shop, f"+88697700000{place}", X, "12345")
    assert restricted_until(X, ports=shop.ports) == shop.clock.now() + timedelta(hours=6), "a longer one holds"


# -- changing -------------------------------------------------------------------------------------------------------


def test_settings_are_checked_and_kept(shop: Shop) -> None:
    settings = allow(shop, access=Access.ASSIGNED, quiet=QUIET, calls_per_day=3, whisper=True)
    assert settings == TenantCalls(Access.ASSIGNED, calls_per_day=3, quiet=QUIET, whisper=True)
    with pytest.raises(InvalidContent):
        allow(shop, ring_timeout_s=91)
    with pytest.raises(NotFound):
        change_tenant_calls("ten_none", lambda before: before, ports=shop.ports)
    assert allow(shop) == settings
    pool(shop, language="en", codes=Codes.KEYED, quiet=QUIET, repeat_call=True)
    expected = PoolCalls("en", Codes.KEYED, QUIET, repeat_call=True)
    assert pool_named("default", ports=shop.ports).calls == expected
    with pytest.raises(InvalidContent):
        pool(shop, language="ja")
    with pytest.raises(NotFound):
        set_calls("nowhere", PoolCalls(), ports=shop.ports)


def test_two_changes_at_once_both_hold(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    app, _ = database_app
    gate = threading.Barrier(8)

    def change(place: int) -> None:
        def more(before: TenantCalls) -> TenantCalls:
            return replace(before, calls_per_day=(before.calls_per_day or 0) + 1)

        with app.app_context():
            gate.wait()
            for _ in range(5):
                change_tenant_calls(shop.tenant.id, more, ports=shop.ports)

    threads = [threading.Thread(target=change, args=(place,)) for place in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert allow(shop).calls_per_day == 40
