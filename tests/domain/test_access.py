"""What bars a call, as tables: every bar with its step, their order, and that nobody hears which it was."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maskservice.domain.access import bar_to_courier, bar_to_recipient, goes_without_code, is_trusted
from maskservice.domain.binding import Binding, Status
from maskservice.domain.call import (
    Connect,
    Contact,
    Hangup,
    Line,
    Party,
    Reachable,
    Standing,
    Thread,
    TraceStep,
    Verdict,
)
from maskservice.domain.call_policy import LANGUAGES, Access, Codes, Directions, PoolCalls, QuietHours, TenantCalls
from maskservice.domain.guard import CallerState, NumberState
from maskservice.domain.ids import BindingId, uuid7
from maskservice.domain.question import Bare, Keyed, Question
from maskservice.domain.routing import Facts, decide
from maskservice.domain.ruling import Ruling, refused

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)  # 22:00 in Taiwan
X = "+886900000000"
NIGHT = QuietHours.parse("21:00-08:00")
LINE = Line(X, "pool_1", dialled_length=4, check_digit=False)
ENROLLED_ONLY = replace(LINE, state=NumberState(NOW, enrolled_only_until=NOW + timedelta(hours=1)))
QUIET_LINE = replace(LINE, calls=PoolCalls(quiet=NIGHT))
BLOCKED = CallerState(blocked_at=NOW, blocked_until=NOW + timedelta(minutes=15), blocks=1)
CONTACT = Contact(b"courier", NOW - timedelta(minutes=1), NOW + timedelta(hours=1))
BOUND = Binding(
    id=BindingId(X, uuid7(NOW, b"1" * 10)),
    tenant_id="ten_1",
    order_id="TW-20231109-001",
    extension="5678",
    status=Status.ACTIVE,
    created_at=NOW,
    expires_at=NOW + timedelta(days=5),
)

STRANGER, ENROLLED, BY_CODE = Standing(), Standing(enrolled=True), Standing(by_code=True)
ASSIGNED = Standing(enrolled=True, assigned=True)
ALLOWED, BARRED = Standing(to_recipient=Verdict.ALLOW), Standing(to_recipient=Verdict.BLOCK)
OPEN = TenantCalls()
ROSTER, GIVEN = TenantCalls(Access.ENROLLED), TenantCalls(Access.ASSIGNED)
TO_COURIER = TenantCalls(directions=Directions.TO_COURIER)
TO_RECIPIENT = TenantCalls(directions=Directions.TO_RECIPIENT)
QUIET = TenantCalls(quiet=NIGHT)


def met(standing: Standing = STRANGER, calls: TenantCalls = OPEN, *, recipient: bool = False) -> Reachable:
    return Reachable(
        BOUND,
        "甲店",
        has_care_line=False,
        is_recipient=recipient,
        shared_line=False,
        contact=CONTACT,
        calls=calls,
        standing=standing,
    )


BARS: dict[str, tuple[Line, Standing, TenantCalls, CallerState, tuple[str, str]]] = {
    "on the block list": (LINE, BARRED, OPEN, CallerState(), ("list", "blocked")),
    "blocked by the guard": (LINE, STRANGER, OPEN, BLOCKED, ("caller", "blocked")),
    "an enrolled one blocked by the guard": (LINE, ASSIGNED, OPEN, BLOCKED, ("caller", "blocked")),
    "on a number for enrolled callers": (ENROLLED_ONLY, STRANGER, OPEN, CallerState(), ("number", "enrolled_only")),
    "not enrolled": (LINE, STRANGER, ROSTER, CallerState(), ("access", "not_enrolled")),
    "not assigned": (LINE, STRANGER, GIVEN, CallerState(), ("access", "not_assigned")),
    "enrolled and not assigned": (LINE, ENROLLED, GIVEN, CallerState(), ("access", "not_assigned")),
    "by his PIN and not assigned": (LINE, BY_CODE, GIVEN, CallerState(), ("access", "not_assigned")),
    "the wrong way": (LINE, STRANGER, TO_COURIER, CallerState(), ("direction", "closed")),
    "the wrong way, allowed": (LINE, ALLOWED, TO_COURIER, CallerState(), ("direction", "closed")),
    "in quiet hours": (LINE, STRANGER, QUIET, CallerState(), ("hours", "quiet")),
    "in quiet hours, assigned": (LINE, ASSIGNED, QUIET, CallerState(), ("hours", "quiet")),
    "in quiet hours, allowed": (LINE, ALLOWED, QUIET, CallerState(), ("hours", "quiet")),
    "in the pool's quiet hours": (QUIET_LINE, STRANGER, OPEN, CallerState(), ("hours", "quiet")),
}


@pytest.mark.parametrize("name", BARS)
def test_every_bar_with_its_step(name: str) -> None:
    line, standing, calls, caller, (step, found) = BARS[name]
    assert bar_to_recipient(line, met(standing, calls), caller, now=NOW) == TraceStep(step, found, "ten_1")


@pytest.mark.parametrize(
    ("line", "standing", "calls", "caller"),
    [
        (LINE, STRANGER, OPEN, CallerState()),
        (LINE, STRANGER, OPEN, replace(BLOCKED, blocked_until=NOW)),
        (LINE, STRANGER, TO_RECIPIENT, CallerState()),
        (LINE, ENROLLED, ROSTER, CallerState()),
        (LINE, BY_CODE, ROSTER, CallerState()),
        (LINE, ASSIGNED, GIVEN, CallerState()),
        (LINE, replace(BY_CODE, assigned=True), GIVEN, CallerState()),
        (LINE, ALLOWED, ROSTER, CallerState()),
        (LINE, ALLOWED, GIVEN, CallerState()),
        (LINE, ALLOWED, OPEN, BLOCKED),
        (ENROLLED_ONLY, ENROLLED, OPEN, CallerState()),
        (ENROLLED_ONLY, BY_CODE, OPEN, CallerState()),
        (ENROLLED_ONLY, ALLOWED, OPEN, CallerState()),
        (replace(ENROLLED_ONLY, state=NumberState(NOW, enrolled_only_until=NOW)), STRANGER, OPEN, CallerState()),
        (QUIET_LINE, STRANGER, replace(OPEN, quiet_exempt=True), CallerState()),
        (QUIET_LINE, STRANGER, replace(OPEN, quiet=QuietHours.parse("12:00-13:00")), CallerState()),
        (LINE, Standing(to_courier=Verdict.BLOCK), OPEN, CallerState()),
    ],
)
def test_who_is_let_through(line: Line, standing: Standing, calls: TenantCalls, caller: CallerState) -> None:
    assert bar_to_recipient(line, met(standing, calls), caller, now=NOW) is None


WORST = TenantCalls(Access.ASSIGNED, Directions.TO_COURIER, quiet=NIGHT)
ORDER = [
    (ENROLLED_ONLY, BARRED, WORST, BLOCKED, "list"),
    (ENROLLED_ONLY, STRANGER, WORST, BLOCKED, "caller"),
    (ENROLLED_ONLY, STRANGER, WORST, CallerState(), "number"),
    (LINE, STRANGER, WORST, CallerState(), "access"),
    (LINE, STRANGER, replace(WORST, access=Access.OPEN), CallerState(), "direction"),
    (LINE, STRANGER, replace(WORST, access=Access.OPEN, directions=Directions.BOTH), CallerState(), "hours"),
]


@pytest.mark.parametrize(("line", "standing", "calls", "caller", "step"), ORDER)
def test_the_order_in_which_bars_are_told(
    line: Line, standing: Standing, calls: TenantCalls, caller: CallerState, step: str
) -> None:
    barred = bar_to_recipient(line, met(standing, calls), caller, now=NOW)
    assert barred is not None
    assert barred.step == step


def test_a_block_beats_the_roster_and_an_allowance_beats_the_guard_s_block() -> None:
    for standing in (ENROLLED, ASSIGNED, BY_CODE):
        barred = bar_to_recipient(LINE, met(replace(standing, to_recipient=Verdict.BLOCK)), CallerState(), now=NOW)
        assert barred == TraceStep("list", "blocked", "ten_1")
    assert bar_to_recipient(LINE, met(ALLOWED), BLOCKED, now=NOW) is None
    assert bar_to_recipient(LINE, met(ENROLLED), BLOCKED, now=NOW) == TraceStep("caller", "blocked", "ten_1")


@pytest.mark.parametrize(
    ("line", "standing", "calls", "expected"),
    [
        (LINE, STRANGER, OPEN, None),
        (LINE, STRANGER, TO_COURIER, None),
        (LINE, STRANGER, GIVEN, None),
        (LINE, BARRED, OPEN, None),
        (ENROLLED_ONLY, STRANGER, OPEN, None),
        (LINE, Standing(to_courier=Verdict.BLOCK), OPEN, ("list", "blocked")),
        (LINE, STRANGER, TO_RECIPIENT, ("direction", "closed")),
        (LINE, STRANGER, QUIET, ("hours", "quiet")),
        (QUIET_LINE, STRANGER, OPEN, ("hours", "quiet")),
        (QUIET_LINE, Standing(to_courier=Verdict.ALLOW), OPEN, ("hours", "quiet")),
        (QUIET_LINE, Standing(to_courier=Verdict.BLOCK), TO_RECIPIENT, ("list", "blocked")),
    ],
)
def test_what_keeps_a_recipient_from_his_courier(
    line: Line, standing: Standing, calls: TenantCalls, expected: tuple[str, str] | None
) -> None:
    barred = bar_to_courier(line, met(standing, calls, recipient=True), now=NOW)
    assert barred == (None if expected is None else TraceStep(*expected, "ten_1"))


@pytest.mark.parametrize(
    ("standing", "trusted"),
    [
        (STRANGER, False),
        (BARRED, False),
        (Standing(to_courier=Verdict.ALLOW), False),
        (ENROLLED, True),
        (BY_CODE, True),
        (ALLOWED, True),
    ],
)
def test_whom_the_tenant_knows(standing: Standing, trusted: bool) -> None:
    assert is_trusted(met(standing)) is trusted
    assert goes_without_code(LINE, met(standing), CallerState(), now=NOW) is trusted
    dead = replace(met(standing), binding=replace(BOUND, expires_at=NOW))
    assert not goes_without_code(LINE, dead, CallerState(), now=NOW)
    assert goes_without_code(LINE, met(standing, recipient=True), CallerState(), now=NOW)
    assert not goes_without_code(LINE, None, CallerState(), now=NOW)


# -- nobody hears which bar it was ----------------------------------------------------------------------------------


def ruled(question: Question, facts: Facts, thread: Thread) -> Ruling:
    return decide(question, facts, thread=thread, caller_known=True, now=NOW)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("codes", list(Codes))
@pytest.mark.parametrize("tries_used", [0, 1, 2])
@pytest.mark.parametrize("code", [None, "1234"])
def test_words_and_answers_do_not_differ_over_all_bars(
    language: str, codes: Codes, tries_used: int, code: str | None
) -> None:
    thread = Thread(tries_used, tries_used)
    question = Keyed("5678", code, asked=codes is Codes.ASKED)
    rulings = {}
    for name, (line, standing, calls, caller, _) in BARS.items():
        spoken = replace(line, calls=replace(line.calls, language=language, codes=codes))
        rulings[name] = ruled(question, Facts(spoken, met(standing, calls), caller=caller), thread)
        assert not rulings[name].remember_caller
    plain = replace(LINE, calls=PoolCalls(language, codes))
    rulings["a wrong extension"] = ruled(question, Facts(plain), thread)
    rulings["a wrong PIN"] = ruled(Keyed("5678", "0000"), Facts(plain, met()), thread)
    rulings["a dead one"] = ruled(
        question, Facts(plain, replace(met(), binding=replace(BOUND, status=Status.LOCKED))), thread
    )
    if code is None:
        right = ruled(question, Facts(plain, met()), thread)
        rulings["too often today"] = refused(
            right, TraceStep("calls_today", "used_up"), plain, thread, question=question, now=NOW
        )
    assert len({each.decision for each in rulings.values()}) == 1
    assert len({each.thread for each in rulings.values()}) == 1


@pytest.mark.parametrize("known", [STRANGER, ENROLLED, ALLOWED])
def test_a_code_is_asked_for_after_any_extension_that_does_not_connect(known: Standing) -> None:
    """Who is known goes without a code, but not where he is barred: he would hear that the extension is live."""
    plain = replace(LINE, calls=PoolCalls(codes=Codes.ASKED))
    asked = ruled(Keyed("5678"), Facts(plain), Thread())
    assert asked.thread.pending == "5678"
    for line, standing, calls, caller, _ in BARS.values():
        standing = replace(standing, enrolled=known.enrolled or standing.enrolled)
        if standing.to_recipient is None:
            standing = replace(standing, to_recipient=known.to_recipient)
        ruling = ruled(
            Keyed("5678"),
            Facts(replace(line, calls=replace(line.calls, codes=Codes.ASKED)), met(standing, calls), caller=caller),
            Thread(),
        )
        assert isinstance(ruling.decision, Connect) or (ruling.decision, ruling.thread) == (
            asked.decision,
            asked.thread,
        )
    through = ruled(Keyed("5678"), Facts(plain, met(known)), Thread())
    late = refused(through, TraceStep("calls_today", "used_up"), plain, Thread(), question=Keyed("5678"), now=NOW)
    assert (late.decision, late.thread) == (asked.decision, asked.thread)


def test_only_what_was_guessed_is_a_wrong_try() -> None:
    for line, standing, calls, caller, _ in BARS.values():
        assert not ruled(Keyed("5678"), Facts(line, met(standing, calls), caller=caller), Thread()).wrong_try
    assert ruled(Keyed("5678"), Facts(LINE), Thread()).wrong_try
    assert ruled(Keyed("5678", "0000"), Facts(LINE, met()), Thread()).wrong_try


@pytest.mark.parametrize("name", BARS)
def test_who_is_barred_and_tapped_hears_what_a_stranger_hears(name: str) -> None:
    line, standing, calls, caller, _ = BARS[name]
    stranger = ruled(Bare(), Facts(line), Thread())
    barred = ruled(Bare(), Facts(line, passed=met(standing, calls), caller=caller), Thread())
    assert (barred.decision, barred.thread) == (stranger.decision, stranger.thread)


def test_who_was_tapped_and_rang_too_often_today_hears_what_a_stranger_hears() -> None:
    ruling = ruled(Bare(), Facts(LINE, passed=met()), Thread())
    assert ruling.decision == Connect(Party.RECIPIENT, BOUND.id)
    after = refused(ruling, TraceStep("calls_today", "used_up"), LINE, Thread(), question=Bare(), now=NOW)
    stranger = ruled(Bare(), Facts(LINE), Thread())
    assert (after.decision, after.thread) == (stranger.decision, stranger.thread)


def test_a_recipient_whose_courier_may_not_be_rung_hears_what_one_without_a_courier_hears() -> None:
    def back(line: Line, standing: Standing, calls: TenantCalls, contact: Contact | None = CONTACT) -> Ruling:
        own = replace(met(standing, calls, recipient=True), contact=contact)
        return ruled(Bare(), Facts(line, own=(own,)), Thread())

    without = back(LINE, STRANGER, OPEN, None)
    assert isinstance(without.decision, Hangup)
    for line, standing, calls in (
        (LINE, Standing(to_courier=Verdict.BLOCK), OPEN),
        (LINE, STRANGER, TO_RECIPIENT),
        (LINE, STRANGER, QUIET),
        (QUIET_LINE, STRANGER, OPEN),
    ):
        assert back(line, standing, calls).decision == without.decision


# -- the docs -------------------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/calls.rst").read_text("utf-8")


def test_every_step_of_a_trace_is_in_the_docs() -> None:
    calls = [
        node
        for path in (ROOT / "maskservice").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "TraceStep"
    ]
    words = [[each.value for each in call.args[:2] if isinstance(each, ast.Constant)] for call in calls]
    written = DOCS.split("All steps of a trace")[1]
    missing = {word for pair in words for word in pair if f"``{word}``" not in written}
    assert len(words) > 25
    assert missing == set()


def test_the_docs_name_every_setting_and_option() -> None:
    from maskservice.cli import main

    named = set(re.findall(r"``(--[a-z-]+)``", DOCS))
    for group in ("tenant", "pool"):
        command = main.commands[group].commands["calls"]  # type: ignore[attr-defined]
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        assert {each for each in options if each.startswith("--")} - named == {"--json"}
    for setting in (*TenantCalls.__dataclass_fields__, *PoolCalls.__dataclass_fields__):
        assert f"``{setting}``" in DOCS
