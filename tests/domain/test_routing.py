"""Who is connected to whom: tables of values, no fixtures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from maskservice.domain.binding import Binding, Status
from maskservice.domain.call import (
    Connect,
    Contact,
    Direction,
    Gather,
    Hangup,
    InboundCall,
    Line,
    Party,
    Reachable,
    Thread,
    TraceStep,
    seen_by,
)
from maskservice.domain.check_digit import append_check
from maskservice.domain.guard import CallerState, NumberState
from maskservice.domain.ids import BindingId, uuid7
from maskservice.domain.masked import Dialled
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.prompts import PromptId, say
from maskservice.domain.question import Bare, Choice, Keyed, Over, Question, Silence, Star, question_of
from maskservice.domain.routing import Facts, decide
from maskservice.domain.ruling import refused

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
X = "+886900000000"
LINE = Line(X, "pool_1", dialled_length=4, check_digit=False)
COURIER = PhoneNumber.from_e164("+886987654321")


def binding(place: int = 1, *, tenant: str = "ten_1", order: str = "TW-20231109-001", **changes: object) -> Binding:
    facts = Binding(
        id=BindingId(X, uuid7(NOW - timedelta(hours=place), bytes([place]) * 10)),
        tenant_id=tenant,
        order_id=order,
        extension=f"567{place}",
        status=Status.ACTIVE,
        created_at=NOW - timedelta(hours=place),
        expires_at=NOW + timedelta(days=5),
    )
    return replace(facts, **changes)  # type: ignore[arg-type] -- a table of any fields


def met(
    bound: Binding,
    *,
    recipient: bool = False,
    care: bool = False,
    shared: bool = False,
    shop: str = "甲店",
    contact: Contact | None = None,
) -> Reachable:
    return Reachable(bound, shop, care, recipient, shared, contact)


def contact(mark: bytes = b"courier-1", *, ago: int = 1, left: int = 60) -> Contact:
    return Contact(mark, NOW - timedelta(minutes=ago), NOW + timedelta(minutes=left))


def rule(question: object, facts: Facts, *, thread: Thread = Thread(), known: bool = True):  # noqa: B008
    return decide(question, facts, thread=thread, caller_known=known, now=NOW)  # type: ignore[arg-type]


# -- what is asked ------------------------------------------------------------------------------------------------

B1, B2 = binding(1).id, binding(2).id


@pytest.mark.parametrize(
    ("dialled_extension", "digits", "thread", "expected"),
    [
        (None, None, Thread(), Bare()),
        (None, "", Thread(), Bare()),
        (None, "#", Thread(), Bare()),
        ("5678", None, Thread(), Keyed("5678")),
        ("5678", "1234", Thread(), Keyed("1234")),
        (None, "5678", Thread(), Keyed("5678")),
        (None, "5678#", Thread(1), Keyed("5678")),
        (None, "５６７８", Thread(1), Keyed("5678")),
        (None, "56a8", Thread(1), Keyed(None)),
        (None, "1" * 33, Thread(1), Keyed(None)),
        (None, "²³⁴⁵x", Thread(1), Keyed(None)),
        (None, None, Thread(1), Silence()),
        ("5678", None, Thread(1), Silence()),
        (None, "1", Thread(1, menu=(B1, B2)), Choice(B1)),
        (None, "2", Thread(1, menu=(B1, B2)), Choice(B2)),
        (None, "3", Thread(1, menu=(B1, B2)), Choice(None)),
        (None, "0", Thread(1, menu=(B1, B2)), Choice(None)),
        (None, "12", Thread(1, menu=(B1, B2)), Choice(None)),
        (None, "x", Thread(1, menu=(B1, B2)), Choice(None)),
        (None, None, Thread(1, menu=(B1, B2)), Silence()),
        (None, "5678*1234", Thread(1), Keyed("5678", "1234")),
        (None, "５６７８＊１２３４＃", Thread(1), Keyed("5678", "1234")),
        (None, "5678*", Thread(1), Keyed("5678")),
        (None, "*5678", Thread(1), Keyed("5678")),
        (None, "5678*12*34", Thread(1), Keyed(None, "12*34")),
        (None, "*", Thread(1), Star()),
        (None, "**#", Thread(2), Star()),
        (None, "*", Thread(3), Silence()),
        (None, "*", Thread(1, menu=(B1, B2)), Choice(None)),
        (None, "1234", Thread(2, pending="5678"), Keyed("5678", "1234", asked=True)),
        (None, "*1234#", Thread(2, pending="5678"), Keyed("5678", "1234", asked=True)),
        (None, "12a4", Thread(2, pending="5678"), Keyed("5678", "", asked=True)),
        (None, None, Thread(2, pending="5678"), Keyed("5678", None, asked=True)),
        (None, "5678", Thread(2, ended=True), Over()),
        (None, None, Thread(2, ended=True), Over()),
    ],
)
def test_what_a_leg_asks(dialled_extension: str | None, digits: str | None, thread: Thread, expected: object) -> None:
    call = InboundCall("c-1", COURIER, Dialled(X, dialled_extension), digits)
    assert question_of(call, thread) == expected


def test_a_call_to_no_readable_number_asks_bare() -> None:
    assert question_of(InboundCall("c-1", COURIER, None), Thread()) == Bare()


# -- a courier keys an extension ------------------------------------------------------------------------------------


def test_a_right_extension_connects_to_its_recipient_and_remembers_the_caller() -> None:
    ruling = rule(Keyed("5671"), Facts(LINE, met(binding())))
    assert ruling.decision == Connect(Party.RECIPIENT, B1)
    assert ruling.remember_caller
    assert ruling.direction is Direction.TO_RECIPIENT
    assert ruling.thread.ended
    assert TraceStep("binding", "active", "ten_1") in ruling.trace


def test_a_withheld_caller_is_connected_and_not_remembered() -> None:
    ruling = rule(Keyed("5671"), Facts(LINE, met(binding())), known=False)
    assert ruling.decision == Connect(Party.RECIPIENT, B1)
    assert not ruling.remember_caller


def test_a_delivered_binding_still_connects() -> None:
    assert isinstance(rule(Keyed("5671"), Facts(LINE, met(binding(status=Status.DELIVERED)))).decision, Connect)


DEAD = {
    "nobody's": None,
    "expired by time": met(binding(expires_at=NOW)),
    "expired": met(binding(status=Status.EXPIRED)),
    "released": met(binding(status=Status.RELEASED)),
    "locked": met(binding(status=Status.LOCKED)),
    "the recipient's own, expired": met(binding(expires_at=NOW), recipient=True, care=True, contact=contact()),
}


@pytest.mark.parametrize("tries_used", [0, 1, 2])
def test_wrong_expired_released_and_locked_cannot_be_told_apart(tries_used: int) -> None:
    thread = Thread(tries_used, tries_used)
    rulings = {name: rule(Keyed("5671"), Facts(LINE, each), thread=thread) for name, each in DEAD.items()}
    rulings["not a number"] = rule(Keyed(None), Facts(LINE, met(binding())), thread=thread)
    rulings["too short"] = rule(Keyed("567"), Facts(LINE, met(binding())), thread=thread)
    rulings["silence"] = rule(Silence(), Facts(LINE), thread=thread)
    assert len({each.decision for each in rulings.values()}) == 1
    assert len({each.thread for each in rulings.values()}) == 1
    assert not any(each.remember_caller for each in rulings.values())


def test_three_wrong_tries_end_the_call_with_the_neutral_sentence() -> None:
    thread, heard = Thread(), []
    for _ in range(3):
        ruling = rule(Keyed("0000"), Facts(LINE), thread=thread)
        thread = ruling.thread
        heard.append(
            (type(ruling.decision), ruling.decision.prompt.id, getattr(ruling.decision, "attempts_left", None))
        )  # type: ignore[union-attr]
    assert heard == [(Gather, PromptId.TRY_AGAIN, 2), (Gather, PromptId.TRY_AGAIN, 1), (Hangup, PromptId.GOODBYE, None)]
    assert thread.ended


def test_after_the_end_nothing_more_is_given() -> None:
    ruling = rule(Over(), Facts(LINE, met(binding())), thread=Thread(3, 1, ended=True))
    assert isinstance(ruling.decision, Hangup)


def test_a_number_of_no_pool_is_hung_up_on() -> None:
    assert isinstance(rule(Bare(), Facts(None)).decision, Hangup)


def test_a_check_digit_stops_a_slip_before_the_slot_is_asked() -> None:
    line = replace(LINE, dialled_length=5, check_digit=True)
    right = append_check("5671")
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
    facts = Facts(line, met(binding()))
    assert isinstance(rule(Keyed(right), facts).decision, Connect)
    assert isinstance(rule(Keyed(wrong), facts).decision, Gather)


# -- a recipient calls ----------------------------------------------------------------------------------------------


def test_a_stranger_who_keys_nothing_is_asked() -> None:
    ruling = rule(Bare(), Facts(LINE))
    assert isinstance(ruling.decision, Gather)
    assert (ruling.decision.prompt.id, ruling.decision.max_digits, ruling.decision.attempts_left) == (
        PromptId.ENTER_EXTENSION,
        4,
        3,
    )


def test_a_recipient_reaches_the_last_courier() -> None:
    ruling = rule(Bare(), Facts(LINE, own=(met(binding(), recipient=True, contact=contact()),)))
    assert ruling.decision == Connect(Party.COURIER, B1)
    assert ruling.direction is Direction.TO_COURIER
    assert not ruling.remember_caller


def test_a_recipient_who_keys_his_own_extension_reaches_that_order_s_courier() -> None:
    ruling = rule(Keyed("5671"), Facts(LINE, met(binding(), recipient=True, contact=contact())))
    assert ruling.decision == Connect(Party.COURIER, B1)
    assert not ruling.remember_caller


@pytest.mark.parametrize(
    "late",
    [
        None,
        contact(left=0),
        replace(contact(), expires_at=NOW - timedelta(seconds=1)),
    ],
)
def test_without_an_unexpired_contact_the_care_line_answers_or_the_neutral_sentence(late: Contact | None) -> None:
    with_line = rule(Bare(), Facts(LINE, own=(met(binding(), recipient=True, care=True, contact=late),)))
    without = rule(Bare(), Facts(LINE, own=(met(binding(), recipient=True, contact=late),)))
    assert with_line.decision == Connect(Party.CARE_LINE, B1)
    assert isinstance(without.decision, Hangup)
    keyed = rule(Keyed("5671"), Facts(LINE, met(binding(), recipient=True, care=True, contact=late)))
    assert keyed.decision == Connect(Party.CARE_LINE, B1)


def test_the_care_line_is_that_of_the_first_tenant_who_has_one() -> None:
    own = (met(binding(1), recipient=True), met(binding(2, tenant="ten_2"), recipient=True, care=True))
    assert rule(Bare(), Facts(LINE, own=own)).decision == Connect(Party.CARE_LINE, B2)


def test_several_orders_with_several_couriers_give_a_menu_by_tail_most_recent_first() -> None:
    own = (
        met(binding(1, order="A-1111"), recipient=True, contact=contact(b"one", ago=9)),
        met(binding(2, order="B-2222"), recipient=True, contact=contact(b"two", ago=3)),
        met(binding(3, order="C-3333"), recipient=True),
    )
    ruling = rule(Bare(), Facts(LINE, own=own))
    assert isinstance(ruling.decision, Gather)
    assert ruling.decision.prompt.text == "訂單尾號2222，請按1。訂單尾號1111，請按2。"
    assert ruling.decision.max_digits == 1
    assert ruling.thread.menu == (B2, B1)
    chosen = rule(Choice(B1), Facts(LINE, own[0]), thread=ruling.thread)
    assert chosen.decision == Connect(Party.COURIER, B1)


def test_a_menu_of_several_tenants_names_the_shops_and_an_order_without_four_digits_is_told_by_its_place() -> None:
    own = (
        met(binding(1, order="A-1"), recipient=True, shop="甲店", contact=contact(b"one", ago=1)),
        met(binding(2, order="B-2222", tenant="ten_2"), recipient=True, shop="乙店", contact=contact(b"two", ago=3)),
    )
    ruling = rule(Bare(), Facts(LINE, own=own))
    assert isinstance(ruling.decision, Gather)
    assert ruling.decision.prompt.text == "甲店，第1筆訂單，請按1。乙店，訂單尾號2222，請按2。"


def test_one_courier_for_several_orders_is_connected_at_once() -> None:
    own = (
        met(binding(1), recipient=True, contact=contact(b"one", ago=9)),
        met(binding(2), recipient=True, contact=contact(b"one", ago=3)),
    )
    assert rule(Bare(), Facts(LINE, own=own)).decision == Connect(Party.COURIER, B2)


def test_a_menu_has_at_most_nine_orders() -> None:
    own = tuple(met(binding(n), recipient=True, contact=contact(bytes([n]), ago=n)) for n in range(1, 13))
    assert len(rule(Bare(), Facts(LINE, own=own)).thread.menu) == 9


@pytest.mark.parametrize("dead", [each for each in DEAD.values() if each is not None])
def test_a_recipient_of_dead_orders_only_is_a_stranger(dead: Reachable) -> None:
    stranger = rule(Bare(), Facts(LINE))
    recipient = rule(Bare(), Facts(LINE, own=(replace(dead, is_recipient=True, contact=contact()),)))
    assert recipient.decision == stranger.decision


def test_a_courier_of_late_and_a_shared_line_are_asked_for_the_extension() -> None:
    own = (met(binding(), recipient=True, contact=contact()),)
    courier = rule(Bare(), Facts(LINE, own=own, caller_is_courier=True))
    shared = rule(Bare(), Facts(LINE, own=(replace(own[0], shared_line=True),)))
    for ruling in (courier, shared):
        assert isinstance(ruling.decision, Gather)
        assert ruling.decision.prompt.id is PromptId.ENTER_EXTENSION


# -- a pass ---------------------------------------------------------------------------------------------------------

B9 = binding(9).id
PASSED = met(binding(9, tenant="ten_9"))
OWN = (met(binding(), recipient=True, contact=contact()),)
MENU = (met(binding(1), recipient=True, contact=contact(b"a")), met(binding(2), recipient=True, contact=contact(b"b")))


@pytest.mark.parametrize(
    "facts",
    [
        Facts(LINE, passed=PASSED),
        Facts(LINE, passed=met(binding(9, status=Status.DELIVERED))),
        Facts(LINE, passed=PASSED, own=OWN),
        Facts(LINE, passed=PASSED, own=MENU),
        Facts(LINE, passed=PASSED, own=OWN, caller_is_courier=True),
        Facts(LINE, passed=PASSED, own=(replace(OWN[0], shared_line=True),)),
    ],
)
def test_a_pass_connects_at_once_before_all_other_readings(facts: Facts) -> None:
    ruling = rule(Bare(), facts)
    assert ruling.decision == Connect(Party.RECIPIENT, B9)
    assert ruling.direction is Direction.TO_RECIPIENT
    assert ruling.remember_caller
    assert ruling.concerns == facts.passed
    assert ruling.thread.ended
    assert [step.step for step in ruling.trace] == ["line", "pass", "binding", "caller"]


BLOCKED = CallerState(blocked_until=NOW + timedelta(seconds=1))
ENROLLED_ONLY = replace(LINE, state=NumberState(enrolled_only_until=NOW + timedelta(seconds=1)))
NO_PASS = {
    "locked": Facts(LINE, passed=met(binding(9, status=Status.LOCKED))),
    "released": Facts(LINE, passed=met(binding(9, status=Status.RELEASED))),
    "expired": Facts(LINE, passed=met(binding(9, expires_at=NOW))),
    "blocked": Facts(LINE, passed=PASSED, caller=BLOCKED),
    "enrolled only": Facts(ENROLLED_ONLY, passed=PASSED),
}


@pytest.mark.parametrize("name", NO_PASS)
@pytest.mark.parametrize("own", [(), OWN, MENU])
def test_what_is_no_pass_reads_as_none(name: str, own: tuple[Reachable, ...]) -> None:
    facts = replace(NO_PASS[name], own=own)
    ruling, without = rule(Bare(), facts), rule(Bare(), replace(facts, passed=None))
    assert ruling.decision == without.decision
    assert ruling.thread == without.thread
    assert (ruling.remember_caller, ruling.wrong_try) == (False, False)


def test_the_trace_tells_a_tenant_why_its_pass_did_not_count() -> None:
    for name, step in (("blocked", ("caller", "blocked")), ("enrolled only", ("number", "enrolled_only"))):
        trace = rule(Bare(), NO_PASS[name]).trace
        assert [(each.step, each.found) for each in trace][1:3] == [("pass", "found"), step]
        assert seen_by(trace, "ten_1") == rule(Bare(), Facts(LINE)).trace


HIS_OWN = met(binding(9, tenant="ten_9"), recipient=True, contact=contact(b"courier-9"))


@pytest.mark.parametrize(
    "facts",
    [
        Facts(LINE, passed=HIS_OWN),
        Facts(LINE, passed=replace(HIS_OWN, binding=binding(9, status=Status.DELIVERED))),
        Facts(LINE, passed=HIS_OWN, own=(*OWN, HIS_OWN)),
        Facts(LINE, passed=HIS_OWN, own=(*MENU, HIS_OWN)),
        Facts(LINE, passed=HIS_OWN, own=(HIS_OWN,), caller_is_courier=True),
        Facts(LINE, passed=replace(HIS_OWN, shared_line=True)),
        Facts(LINE, passed=HIS_OWN, caller=BLOCKED),
        Facts(ENROLLED_ONLY, passed=HIS_OWN),
    ],
)
def test_the_recipient_s_own_pass_names_the_order_whose_courier_he_means(facts: Facts) -> None:
    """Without the menu, and barred from nothing: a call-back is no guess."""
    ruling = rule(Bare(), facts)
    assert ruling.decision == Connect(Party.COURIER, B9)
    assert ruling.direction is Direction.TO_COURIER
    assert (ruling.remember_caller, ruling.wrong_try, ruling.thread.ended) == (False, False, True)
    assert [(each.step, each.found) for each in ruling.trace][1:] == [("pass", "found"), ("contact", "courier")]


def test_where_no_courier_has_called_the_order_s_own_care_line_answers_or_the_neutral_sentence() -> None:
    nobody = replace(HIS_OWN, contact=None)
    assert rule(Bare(), Facts(LINE, passed=nobody, own=OWN)).decision == Hangup(say(PromptId.GOODBYE))
    with_line = replace(nobody, has_care_line=True)
    assert rule(Bare(), Facts(LINE, passed=with_line, own=OWN)).decision == Connect(Party.CARE_LINE, B9)


@pytest.mark.parametrize("dead", [{"status": Status.LOCKED}, {"status": Status.RELEASED}, {"expires_at": NOW}])
@pytest.mark.parametrize("own", [(), OWN, MENU])
def test_the_recipient_s_own_pass_to_a_dead_binding_is_none(
    dead: dict[str, object], own: tuple[Reachable, ...]
) -> None:
    facts = Facts(LINE, passed=replace(HIS_OWN, binding=binding(9, **dead)), own=own)
    assert rule(Bare(), facts) == rule(Bare(), replace(facts, passed=None))


@pytest.mark.parametrize("question", [Keyed("5671"), Silence(), Choice(None), Over()])
def test_a_pass_is_for_a_call_without_digits_only(question: object) -> None:
    facts = Facts(LINE, met(binding()))
    assert rule(question, replace(facts, passed=PASSED)) == rule(question, facts)


def test_a_failed_menu_choice_costs_a_try_and_asks_for_the_extension() -> None:
    ruling = rule(Choice(None), Facts(LINE), thread=Thread(1, menu=(B1, B2)))
    assert isinstance(ruling.decision, Gather)
    assert (ruling.decision.prompt.id, ruling.decision.attempts_left) == (PromptId.TRY_AGAIN, 2)
    assert ruling.thread.menu == ()
    assert not ruling.wrong_try


def test_an_order_that_died_since_the_menu_was_read_costs_a_try() -> None:
    ruling = rule(Choice(B1), Facts(LINE, DEAD["released"]), thread=Thread(1, menu=(B1, B2)))
    assert isinstance(ruling.decision, Gather)
    assert not ruling.wrong_try


def test_a_trace_shows_a_tenant_only_its_own_facts() -> None:
    ruling = rule(Keyed("5671"), Facts(LINE, met(binding(status=Status.LOCKED))))
    assert seen_by(ruling.trace, "ten_1") == ruling.trace
    assert seen_by(ruling.trace, "ten_2") == rule(Keyed("5671"), Facts(LINE)).trace
    assert not any("5671" in f"{step.step}{step.found}" for step in ruling.trace)


FOREIGN: list[tuple[Question, Facts, Facts]] = [
    (Keyed("5671"), Facts(LINE, DEAD["released"]), Facts(LINE)),
    (Keyed("5671", "1234"), Facts(LINE, met(binding())), Facts(LINE)),
    (Keyed("5671"), Facts(LINE, met(binding()), caller=BLOCKED), Facts(LINE)),
    (Keyed("5671"), Facts(ENROLLED_ONLY, met(binding())), Facts(LINE)),
    (Bare(), Facts(LINE, own=OWN, caller_is_courier=True), Facts(LINE)),
    (Bare(), Facts(LINE, own=(replace(OWN[0], shared_line=True),)), Facts(LINE)),
    (Bare(), Facts(LINE, passed=met(binding()), caller=BLOCKED), Facts(LINE)),
    (Bare(), Facts(LINE, passed=met(binding()), caller=BLOCKED, own=OWN, caller_is_courier=True), Facts(LINE)),
]


@pytest.mark.parametrize(("question", "facts", "without"), FOREIGN)
def test_what_a_caller_met_of_another_tenant_reads_as_if_it_were_not_there(
    question: Question, facts: Facts, without: Facts
) -> None:
    assert seen_by(rule(question, facts).trace, "ten_2") == rule(question, without).trace


def test_a_pass_from_another_tenant_that_came_to_nothing_in_the_end_reads_as_none() -> None:
    through = rule(Bare(), Facts(LINE, passed=met(binding())))
    step = TraceStep("hook", "veto", "ten_1")
    vetoed = refused(through, step, LINE, Thread(), question=Bare(), now=NOW)
    assert vetoed.trace[-1] == step
    assert seen_by(vetoed.trace, "ten_2") == rule(Bare(), Facts(LINE)).trace


def test_how_many_orders_a_recipient_has_with_others_is_not_told() -> None:
    mine = met(binding(1), recipient=True, contact=contact())
    others = tuple(met(binding(place, tenant="ten_2"), recipient=True, contact=contact()) for place in (2, 3))
    assert seen_by(rule(Bare(), Facts(LINE, own=(mine, *others))).trace, "ten_1") == (
        rule(Bare(), Facts(LINE, own=(mine,))).trace
    )
