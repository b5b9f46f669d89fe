"""Calls that ask a hook: an answer holds for one decision only, and whatever a hook does, somebody hears something."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from maskservice.domain.call import Answer, Bridge, Gather, Hangup, InboundCall, TraceStep
from maskservice.domain.call_policy import TenantCalls
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.domain.hooks import FailurePolicy, HookFailure, HookKind, HookReply, HookVerdict
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller, read_phone
from maskservice.domain.prompts import PromptId, say
from maskservice.services import binding_steps, call_records, tenants
from maskservice.services.binding_steps import ChangeBinding
from maskservice.services.hooks import remove_hook, set_hook
from maskservice.services.records import CallRecord, TenantPolicy
from maskservice.services.taps import Tap, tap
from tests.counting import count_statements
from tests.factories import pool_id
from tests.services.conftest import Shop, X, number
from tests.services.hook_lines import ScriptedLine, asking

COURIER, STRANGER, RECIPIENT, CARE = "+886987654321", "+886911222333", "+886912345678", "+886223456789"
BEFORE, LATE = HookKind.BEFORE_CONNECT, HookKind.OUT_OF_SESSION
ALLOW, VETO = HookReply(204), HookReply(403)
HANGS = HookReply(None, failure=HookFailure.TIMEOUT, seconds=1.0)


def saying(**content: object) -> HookReply:
    return HookReply(200, json.dumps(content).encode())


def hooked(
    shop: Shop, *replies: HookReply, kind: HookKind = BEFORE, policy: FailurePolicy = FailurePolicy.REFUSE
) -> ScriptedLine:
    """The shop has the hook, which answers so."""
    set_hook(
        shop.tenant,
        kind,
        url="https://hooks.example.com/",
        on_failure=policy if kind is BEFORE else None,
        ports=shop.ports,
    )
    return asking(shop, ScriptedLine(*replies))


def last(shop: Shop) -> CallRecord:
    return call_records.list_calls(shop.tenant, limit=1, before=None, ports=shop.ports).rows[0]


def trace(shop: Shop) -> list[tuple[str, str]]:
    return [(step.step, step.found) for step in last(shop).trace]


def test_an_allowed_call_goes_through_and_the_hook_was_told_no_number(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW)
    answer = shop.reach(COURIER, view.masked_number.extension)
    assert number(answer) == RECIPIENT
    (asked,) = line.asked
    assert json.loads(asked.body) == {
        "type": "call.before_connect",
        "call_id": str(last(shop).id),
        "binding_id": str(view.id),
        "order_id": "TW-20231109-001",
        "virtual_number": X,
        "direction": "to_recipient",
        "party": "recipient",
        "caller": {"last3": "321"},
        "at": "2026-11-24T08:00:00.000Z",
    }
    for real in (COURIER, RECIPIENT):
        assert real[4:] not in asked.body.decode()
    assert trace(shop)[-1] == ("hook", "allowed")


def test_a_call_back_and_a_withheld_caller_are_asked_about_too(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW)
    shop.reach(COURIER, view.masked_number.extension)
    shop.clock.move(seconds=1)
    assert number(shop.leg(RECIPIENT, X).answer) == COURIER
    told = json.loads(line.asked[-1].body)
    assert (told["direction"], told["party"], told["caller"]) == ("to_courier", "courier", {"last3": "678"})
    # The first leg's id: a call that begins with its connect has its record under the id that the hook was told.
    assert told["call_id"] == str(last(shop).id)
    assert number(shop.reach(None, view.masked_number.extension)) == RECIPIENT
    assert json.loads(line.asked[-1].body)["caller"] is None


def test_a_veto_sounds_like_a_wrong_extension_and_is_no_wrong_try(shop: Shop) -> None:
    view = shop.bind()
    hooked(shop, VETO, policy=FailurePolicy.CONNECT)
    wrong = "0000" if view.masked_number.extension != "0000" else "0001"
    answers = {}
    for name, extension in (("vetoed", view.masked_number.extension), ("wrong", wrong)):
        shop.leg(COURIER, X, call=name)
        answers[name] = [shop.leg(COURIER, X, extension, call=name).answer for _ in range(3)]
    assert answers["vetoed"] == answers["wrong"]
    assert trace(shop)[-1] == ("hook", "veto")
    # Ten wrong tries block a caller: a courier whose calls are vetoed is not one who guesses.
    for _ in range(12):
        shop.reach(COURIER, view.masked_number.extension)
    asking(shop, ScriptedLine(ALLOW))
    assert number(shop.reach(COURIER, view.masked_number.extension)) == RECIPIENT


def test_a_vetoed_call_back_ends_as_one_that_reaches_nobody(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW, VETO)
    shop.reach(COURIER, view.masked_number.extension)
    shop.clock.move(seconds=1)
    assert shop.leg(RECIPIENT, X, call="back").answer == Hangup(say(PromptId.GOODBYE))
    assert trace(shop)[-1] == ("hook", "veto")
    assert len(line.asked) == 2


def test_a_vetoed_tap_is_asked_for_the_extension_like_a_stranger(shop: Shop) -> None:
    view = shop.bind()
    hooked(shop, VETO)
    tap(shop.tenant, Tap(view.id, read_phone("0987-654-321")), shop.ports)
    assert shop.leg(COURIER, X).answer == shop.leg(STRANGER, X).answer
    assert trace(shop)[-1] == ("hook", "veto")


@pytest.mark.parametrize(
    "reply",
    [HANGS, HookReply(500), HookReply(302), HookReply(None, failure=HookFailure.PAUSED), HookReply(404)],
)
@pytest.mark.parametrize(("policy", "rung"), [(FailurePolicy.CONNECT, RECIPIENT), (FailurePolicy.REFUSE, None)])
def test_a_hook_that_fails_has_the_outcome_that_was_set(
    shop: Shop, reply: HookReply, policy: FailurePolicy, rung: str | None
) -> None:
    view = shop.bind()
    hooked(shop, reply, policy=policy)
    shop.leg(COURIER, X, call="c")
    routed = shop.leg(COURIER, X, view.masked_number.extension, call="c")
    assert number(routed.answer) == rung
    if rung is None:
        assert isinstance(routed.answer, Gather)
        assert routed.answer.prompt == say(PromptId.TRY_AGAIN)
    assert trace(shop)[-1] == ("hook", "failed")
    (outcome,) = routed.hooked
    assert (outcome.kind, outcome.verdict, outcome.tenant_id) == (BEFORE, HookVerdict.FAILED, shop.tenant.id)
    assert outcome.failure is (reply.failure or HookFailure.UNREADABLE)


def test_only_the_tenant_of_the_binding_is_asked_and_only_for_a_connect(shop: Shop) -> None:
    line = hooked(shop, ALLOW)
    other = shop.another("另一家")
    theirs = shop.bind("TW-2", tenant=other, phone="0922-333-444")
    assert number(shop.reach(COURIER, theirs.masked_number.extension)) == "+886922333444"
    ours = shop.bind()
    binding_steps.lock_binding(shop.tenant, ours.id, reason=None, ports=shop.ports)
    shop.reach(COURIER, ours.masked_number.extension)
    shop.reach(COURIER, "0000" if ours.masked_number.extension != "0000" else "0001")
    assert line.asked == []


def test_a_retried_webhook_asks_nothing_and_gets_the_same_answer(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW, VETO)
    shop.leg(COURIER, X, call="c")
    first = shop.leg(COURIER, X, view.masked_number.extension, call="c", webhook="w")
    again = shop.leg(COURIER, X, view.masked_number.extension, call="c", webhook="w")
    assert (again.answer, again.replayed, again.hooked) == (first.answer, True, ())
    assert len(line.asked) == 1


def test_an_allowance_does_not_outlive_a_release(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW)
    line.meanwhile = lambda: shop.release(view)
    assert number(shop.reach(COURIER, view.masked_number.extension)) is None
    assert trace(shop)[-1] == ("binding", "released")


def test_nobody_is_reached_at_a_number_that_was_changed_while_the_hook_was_asked(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW)
    change = ChangeBinding(shop.tenant, view.id, phone=read_phone("0933-111-222"))
    line.meanwhile = lambda: binding_steps.change_binding(change, shop.ports)
    assert number(shop.reach(COURIER, view.masked_number.extension)) == "+886933111222"


def test_an_answer_is_not_taken_after_seconds(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW, VETO)
    line.meanwhile = lambda: shop.clock.move(seconds=6) if len(line.asked) == 1 else None
    # Six seconds lie between the question and the second look: it is asked again, and the new answer is another.
    assert number(shop.reach(COURIER, view.masked_number.extension)) is None
    assert len(line.asked) == 2
    assert trace(shop)[-1] == ("hook", "veto")


def test_a_call_under_which_everything_changes_is_not_asked_about_for_ever(shop: Shop) -> None:
    """Two orders of one recipient, whose last courier changes with every question: it is another binding each time."""
    one, two = shop.bind(), shop.bind("TW-2")
    shop.reach(COURIER, one.masked_number.extension)
    line = hooked(shop, ALLOW)
    turns = iter((two, one, two, one))

    def another_call() -> None:
        shop.clock.move(seconds=1)
        ports, shop.ports = shop.ports, plain
        remove = shop.reach(COURIER, next(turns).masked_number.extension)
        shop.ports = ports
        assert number(remove) == RECIPIENT

    plain = replace(shop.ports, hook_line=ScriptedLine(ALLOW))
    line.meanwhile = another_call
    with pytest.raises(DatabaseUnavailable):
        shop.leg(RECIPIENT, X)
    assert len(line.asked) == 2


def test_a_hook_that_is_removed_while_it_is_looked_for_asks_nothing(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, VETO)
    remove_hook(shop.tenant, BEFORE, ports=shop.ports)
    assert number(shop.reach(COURIER, view.masked_number.extension)) == RECIPIENT
    assert line.asked == []


def test_statements(shop: Shop) -> None:
    """With a hook the look-up is done twice and the hook is read once; then the caller's row is held, as on any way but
    the straight one, and what is written is the same."""
    view = shop.bind()
    extension = view.masked_number.extension
    shop.reach(COURIER, extension)  # the guard counts a courier's first reach of a recipient, and writes it
    counts = {}
    for name in ("without", "with"):
        if name == "with":
            hooked(shop, ALLOW)
        shop.clock.move(minutes=10)
        shop.leg(COURIER, X, call=name)
        with count_statements(shop.database) as sent:
            assert number(shop.leg(COURIER, X, extension, call=name).answer) == RECIPIENT
        counts[name] = len(sent)
    written = 3 if shop.database.is_sqlite else 1  # receipt, record, contact
    assert counts["without"] == 1 + written
    assert counts["with"] == 1 + 1 + 2 + 3


def test_no_unit_is_open_while_a_hook_is_asked(shop: Shop) -> None:
    view = shop.bind()
    line = hooked(shop, ALLOW)
    seen: list[int] = []

    def write() -> None:
        # On SQLite a second writer would wait for the first, and a nested unit is an error on both.
        with shop.ports.unit() as uow:
            uow.guard.hold(pool_id(1), b"x" * 16, at=shop.clock.now())
            uow.commit()
        seen.append(1)

    line.meanwhile = write
    assert number(shop.reach(COURIER, view.masked_number.extension)) == RECIPIENT
    assert seen == [1]


def test_a_vetoed_call_is_none_of_the_day_s(shop: Shop) -> None:
    policy = replace(TenantPolicy(), calls=TenantCalls(calls_per_day=1))
    tenants.change_tenant("示範商店", policy=policy, ports=shop.ports)
    view = shop.bind()
    hooked(shop, VETO, VETO, ALLOW)
    rung = [number(shop.reach(COURIER, view.masked_number.extension)) for _ in range(4)]
    assert rung == [None, None, RECIPIENT, None]


# Out of session


def at_once(shop: Shop, who: str, extension: str) -> Answer:
    """The extension in the dialled string: a recipient who dials the number alone is known by then already."""
    shop.clock.move(seconds=1)
    return shop.leg(who, f"0900000000#{extension}").answer


def with_care_line(shop: Shop) -> None:
    shop.tenant = tenants.change_tenant("示範商店", care_line="02-2345-6789", ports=shop.ports)


@pytest.fixture
def ended(shop: Shop) -> str:
    """The extension of a parcel that was brought by COURIER and has ended."""
    with_care_line(shop)
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    shop.release(view)
    shop.clock.move(minutes=1)
    return view.masked_number.extension


@pytest.mark.parametrize("who", [COURIER, RECIPIENT])
def test_whom_the_tenant_knows_hears_what_its_hook_says(shop: Shop, ended: str, who: str) -> None:
    line = hooked(shop, saying(action="play", prompt="包裹已送達，謝謝您。"), kind=LATE)
    answer = at_once(shop, who, ended)
    assert isinstance(answer, Hangup)
    assert (answer.prompt.id, answer.prompt.text) == (PromptId.FROM_TENANT, "包裹已送達，謝謝您。")
    assert trace(shop)[-2:] == [("binding", "released"), ("hook", "play")]
    line.replies = [saying(action="care_line")]
    forwarded = at_once(shop, who, ended)
    assert isinstance(forwarded, Bridge)
    assert (forwarded.to.reveal(), forwarded.caller_id) == (CARE, X)
    assert (last(shop).party, last(shop).outcome) == ("care_line", "connecting")
    line.replies = [saying(action="hangup")]
    assert at_once(shop, who, ended) == Hangup(say(PromptId.GOODBYE))
    told = json.loads(line.asked[0].body)
    assert told["type"] == "call.out_of_session"
    assert told["reason"] == "released"
    assert told["order_id"] == "TW-20231109-001"
    assert told["caller"] == {"last3": who[-3:], "is": "courier" if who == COURIER else "recipient"}
    for real in (COURIER, RECIPIENT, CARE):
        assert real[4:] not in line.asked[0].body.decode()


@pytest.mark.parametrize(
    "reply",
    [
        HANGS,
        HookReply(500),
        saying(action="dance"),
        saying(action="play", prompt="請撥 0912-345-678"),
        saying(action="play", prompt="x" * 201),
        HookReply(200, b"\xff"),
        HookReply(403),
    ],
)
def test_out_of_session_a_failure_is_the_neutral_sentence(shop: Shop, ended: str, reply: HookReply) -> None:
    hooked(shop, reply, kind=LATE)
    assert at_once(shop, RECIPIENT, ended) == Hangup(say(PromptId.GOODBYE))
    assert trace(shop)[-1] == ("hook", "failed")


def test_without_a_care_line_forwarding_is_the_neutral_sentence(shop: Shop, ended: str) -> None:
    tenants.change_tenant("示範商店", drop_care_line=True, ports=shop.ports)
    hooked(shop, saying(action="care_line"), kind=LATE)
    assert at_once(shop, RECIPIENT, ended) == Hangup(say(PromptId.GOODBYE))
    assert trace(shop)[-2:] == [("hook", "care_line"), ("care_line", "none")]


def test_a_recipient_who_dials_the_number_alone_is_known_too(shop: Shop, ended: str) -> None:
    line = hooked(shop, saying(action="care_line"), kind=LATE)
    answer = shop.leg(RECIPIENT, X).answer
    assert number(answer) == CARE
    assert json.loads(line.asked[0].body)["caller"]["is"] == "recipient"
    assert last(shop).binding is not None
    # A live order of his comes first: then nothing is out of session.
    shop.bind("TW-2")
    shop.leg(RECIPIENT, X)
    assert len(line.asked) == 1


@pytest.mark.parametrize("who", [STRANGER, None])
def test_for_everybody_else_it_is_to_the_letter_a_wrong_extension(shop: Shop, ended: str, who: str | None) -> None:
    wrong = "0000" if ended != "0000" else "0001"

    def heard(extension: str, name: str) -> list[object]:
        shop.leg(who, X, call=name)
        return [shop.leg(who, X, extension, call=name).answer for _ in range(3)]

    without = heard(ended, "without")
    line = hooked(shop, saying(action="care_line"), kind=LATE)
    assert heard(ended, "with") == heard(wrong, "wrong") == without
    assert line.asked == []


def test_a_locked_binding_is_not_out_of_session(shop: Shop) -> None:
    with_care_line(shop)
    view = shop.bind()
    shop.reach(COURIER, view.masked_number.extension)
    line = hooked(shop, saying(action="care_line"), kind=LATE)
    binding_steps.lock_binding(shop.tenant, view.id, reason=None, ports=shop.ports)
    assert number(at_once(shop, RECIPIENT, view.masked_number.extension)) is None
    assert line.asked == []


def test_expiry_by_time_alone_is_out_of_session_whether_or_not_a_job_ran(shop: Shop) -> None:
    view = shop.bind(expires_in=60)
    shop.reach(COURIER, view.masked_number.extension)
    line = hooked(shop, saying(action="hangup"), kind=LATE)
    shop.clock.move(seconds=60)
    shop.leg(RECIPIENT, X)
    shop.reach(COURIER, view.masked_number.extension)
    assert [json.loads(each.body)["reason"] for each in line.asked] == ["expired", "expired"]


def test_a_retry_out_of_session_gets_the_same_answer_without_asking(shop: Shop, ended: str) -> None:
    for reply in (saying(action="play", prompt="已送達"), saying(action="care_line"), saying(action="hangup")):
        line = hooked(shop, reply, kind=LATE)
        shop.leg(COURIER, X, call=str(reply.body))
        first = shop.leg(COURIER, X, ended, call=str(reply.body), webhook=str(reply.body))
        again = shop.leg(COURIER, X, ended, call=str(reply.body), webhook=str(reply.body))
        assert again.answer == first.answer
        assert again.replayed
        assert len(line.asked) == 1


def test_a_care_line_of_a_binding_that_ended_after_the_connect_is_not_connected_again(shop: Shop) -> None:
    with_care_line(shop)
    view = shop.bind()
    assert number(shop.leg(RECIPIENT, X, webhook="w", call="c").answer) == CARE
    shop.clock.move(seconds=1)
    shop.release(view)
    assert number(shop.leg(RECIPIENT, X, webhook="w", call="c").answer) is None


def test_a_known_caller_s_call_out_of_session_is_no_guess(shop: Shop, ended: str) -> None:
    hooked(shop, saying(action="hangup"), kind=LATE)
    for _ in range(12):
        shop.reach(COURIER, ended)
    fresh = shop.bind("TW-2")
    assert number(shop.reach(COURIER, fresh.masked_number.extension)) == RECIPIENT


def test_a_dry_run_asks_nothing_and_says_so(shop: Shop, ended: str) -> None:
    view = shop.bind("TW-2")
    before = hooked(shop, ALLOW)
    late = hooked(shop, ALLOW, kind=LATE)
    shop.tenant = tenants.list_tenants(shop.ports)[0]
    for caller, extension in ((STRANGER, view.masked_number.extension), (RECIPIENT, ended)):
        call = InboundCall("dry", read_caller(caller), read_dialled(X), extension)
        found = call_records.dry_run(shop.tenant, call, ports=shop.ports)
        assert found.trace[-1] == TraceStep("hook", "not_asked", shop.tenant.id)
    assert (before.asked, late.asked) == ([], [])


def test_a_live_order_of_the_recipient_comes_before_an_ended_one(shop: Shop, ended: str) -> None:
    line = hooked(shop, saying(action="hangup"), kind=LATE)
    view = shop.bind("TW-9", phone="0912-345-678")
    shop.reach(COURIER, view.masked_number.extension)
    assert number(shop.leg(RECIPIENT, X).answer) == COURIER
    assert line.asked == []
