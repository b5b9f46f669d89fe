from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from maskservice.simulator import (
    CallStory,
    Ending,
    Exchange,
    Heard,
    Pickup,
    Pressed,
    Role,
    SimulatedPbx,
    SimulatorError,
)
from maskservice.simulator.answers import GatherTerms
from maskservice.simulator.pbx import press
from tests.simulator.service_by_contract import (
    COURIER,
    RECIPIENT,
    SECRET,
    ServiceByContract,
    X,
    client,
    connect,
    gather,
    hangup,
    parse_at,
)


def pbx(service: ServiceByContract, **options: Any) -> SimulatedPbx:
    return SimulatedPbx("http://mask.test", "pbx_1", SECRET, http=client(service.reply), retry_pause_s=0, **options)


def answering(content: object) -> SimulatedPbx:
    """A PBX whose service always answers this."""
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=content)))
    return SimulatedPbx("http://mask.test", "pbx_1", SECRET, http=http, retry_pause_s=0)


def told(story: CallStory) -> list[tuple[str, str | None]]:
    return [(step.prompt_id, None) if isinstance(step, Heard) else (step.keys, step.sent) for step in story.steps]


def test_a_courier_hears_the_prompt_keys_the_extension_and_is_connected() -> None:
    service = ServiceByContract()
    story = pbx(service).call("0987654321", "0900-000000#5678", talk_s=42)
    assert told(story) == [("enter_extension", None), ("5678#", "5678")]
    first, second = service.legs
    assert first == {"call_id": story.call_id, "from": COURIER, "to": X, "digits": None}
    assert second == first | {"digits": "5678"}
    assert story.called is not None
    assert story.called.reveal() == RECIPIENT
    assert (story.dialled, story.called_shows) == ("0900-000000", X)
    assert (story.ending, story.talked_s, story.called_is) == (Ending.COMPLETED, 42, Role.RECIPIENT)
    assert story.neither_saw_the_other


def test_the_reports_of_an_answered_call() -> None:
    service = ServiceByContract()
    now = datetime.now(UTC)
    pbx(service, clock=lambda: now).call("0987654321", "0900-000000#5678", ring_s=6, talk_s=42)
    assert [(event["event"], event["duration_s"]) for event in service.events] == [
        ("ringing", None),
        ("answered", None),
        ("completed", 42),
    ]
    assert {(event["call_id"], event["to"]) for event in service.events} == {(service.legs[0]["call_id"], X)}
    after = [round((parse_at(event["at"]) - now).total_seconds()) for event in service.events]
    assert after == [0, 6, 48]


def test_time_is_spent_where_the_clock_can_be_moved() -> None:
    service, moved = ServiceByContract(), [datetime.now(UTC)]

    def wait(seconds: float) -> None:
        moved[0] += timedelta(seconds=seconds)

    started = moved[0]
    pbx(service, clock=lambda: moved[0], wait=wait).call("0987654321", "0900-000000#5678", ring_s=6, talk_s=42)
    assert moved[0] == started + timedelta(seconds=48)
    assert [round((parse_at(event["at"]) - started).total_seconds()) for event in service.events] == [0, 6, 48]


def test_the_extension_may_go_along_in_the_dial_string() -> None:
    service = ServiceByContract()
    story = pbx(service).call("0987654321", "0900-000000轉5678", in_dial_string=True)
    assert service.legs == [{"call_id": story.call_id, "from": COURIER, "to": "0900000000#5678", "digits": None}]
    assert (story.steps, story.dialled, story.ending) == ((), "0900-000000#5678", Ending.COMPLETED)


def test_an_extension_that_went_along_is_not_keyed_again() -> None:
    service = ServiceByContract()
    pbx(service).call("0987654321", "0900-000000#0000", in_dial_string=True, keys=["5678"])
    assert [leg["digits"] for leg in service.legs] == [None, "5678"]


def test_a_wrong_extension_then_the_right_one() -> None:
    story = pbx(ServiceByContract()).call("0987654321", "0900-000000", keys=["0000", "5678"])
    assert told(story) == [("enter_extension", None), ("0000#", "0000"), ("try_again", None), ("5678#", "5678")]
    assert [step.attempts_left for step in story.steps if isinstance(step, Heard)] == [3, 2]
    assert story.ending is Ending.COMPLETED


def test_three_wrong_tries_end_the_call() -> None:
    service = ServiceByContract()
    story = pbx(service).call("0987654321", "0900-000000", keys=["0000", "1111", "2222", "5678"])
    assert [leg["digits"] for leg in service.legs] == [None, "0000", "1111", "2222"]
    assert (story.ending, story.reason, story.called, story.called_shows) == (Ending.REFUSED, "unavailable", None, None)
    assert story.steps[-1] == Heard("goodbye", "zh-TW", "您撥的號碼目前無法接通，謝謝您的來電。")
    assert service.events == []


def test_silence_runs_out_of_time_at_every_prompt() -> None:
    service = ServiceByContract()
    story = pbx(service).call("0987654321", "0900-000000")
    assert [leg["digits"] for leg in service.legs] == [None, None, None, None]
    assert [step for step in story.steps if isinstance(step, Pressed)] == [Pressed("", None)] * 3


def test_a_silence_in_between() -> None:
    story = pbx(ServiceByContract()).call("0987654321", "0900-000000", keys=["", "5678"])
    assert story.ending is Ending.COMPLETED


def test_a_recipient_calls_back_and_chooses_from_the_menu() -> None:
    service = ServiceByContract()
    story = pbx(service).call("0912345678", "0900-000000", keys=["2"], caller_is=Role.RECIPIENT)
    assert told(story) == [("choose_order", None), ("2", "2")]
    assert story.called is not None
    assert (story.called.reveal(), story.called_is, story.called_shows) == (COURIER, Role.COURIER, X)
    assert story.neither_saw_the_other


@pytest.mark.parametrize(("caller", "sent"), [(None, None), ("anonymous", "anonymous"), ("0987-654-321", COURIER)])
def test_the_caller_on_the_wire(caller: str | None, sent: str | None) -> None:
    service = ServiceByContract()
    story = pbx(service).call(caller, "0900-000000#5678")
    assert {leg["from"] for leg in service.legs} == {sent}
    assert (story.caller is None) == (sent != COURIER)


def test_what_cannot_be_read_is_dialled_as_it_stands() -> None:
    service = ServiceByContract()
    story = pbx(service).call("0987654321", "hello")
    assert (service.legs[0]["to"], story.dialled, story.virtual_number) == ("hello", "hello", None)
    assert story.ending is Ending.REFUSED


@pytest.mark.parametrize(
    ("answer", "events", "ending"),
    [
        (False, ["ringing", "no_answer"], Ending.NO_ANSWER),
        (Pickup.NO_ANSWER, ["ringing", "no_answer"], Ending.NO_ANSWER),
        (Pickup.BUSY, ["busy"], Ending.BUSY),
        (Pickup.FAILED, ["failed"], Ending.FAILED),
        (Pickup.CANCELED, ["ringing", "canceled"], Ending.CANCELED),
        (lambda number: number != RECIPIENT, ["ringing", "no_answer"], Ending.NO_ANSWER),
        (lambda number: Pickup.BUSY if number == RECIPIENT else True, ["busy"], Ending.BUSY),
    ],
)
def test_other_ends(answer: Any, events: list[str], ending: Ending) -> None:
    service = ServiceByContract()
    story = pbx(service).call("0987654321", "0900-000000#5678", answer=answer)
    assert [event["event"] for event in service.events] == events
    assert (story.ending, story.talked_s) == (ending, None)


def test_nobody_rings_longer_than_the_service_allows() -> None:
    service = ServiceByContract(connect_changes={"ring_timeout_s": 5})
    story = pbx(service).call("0987654321", "0900-000000#5678", ring_s=6)
    assert (story.ending, story.rang_s) == (Ending.NO_ANSWER, 5)


def test_nobody_talks_longer_than_the_service_allows() -> None:
    service = ServiceByContract(connect_changes={"max_duration_s": 60})
    story = pbx(service).call("0987654321", "0900-000000#5678", talk_s=61)
    assert (story.talked_s, story.cut_off, service.events[-1]["duration_s"]) == (60, True, 60)


def test_post_dial_digits_are_kept() -> None:
    service = ServiceByContract(connect_changes={"post_dial_digits": "123"})
    assert pbx(service).call("0987654321", "0900-000000#5678").post_dial_digits == "123"


@pytest.mark.parametrize("seen", [COURIER, "+886912000111"])
def test_a_leak_is_seen(seen: str) -> None:
    service = ServiceByContract(connect_changes={"caller_id": seen})
    assert pbx(service).call("0987654321", "0900-000000#5678").neither_saw_the_other is (seen != COURIER)


@pytest.mark.parametrize(
    ("keys", "max_digits", "pressed", "sent"),
    [
        ("5678", 4, "5678#", "5678"),
        ("5678#", 4, "5678#", "5678"),
        ("56", 4, "56#", "56"),
        ("56789", 4, "56789#", "5678"),
        ("56#78", 4, "56#78", "56"),
        ("#", 4, "#", ""),
        ("2", 1, "2", "2"),
        ("25", 1, "25", "2"),
        ("", 4, "", None),
        ("*1", 4, "*1#", "*1"),
    ],
)
def test_keys(keys: str, max_digits: int, pressed: str, sent: str | None) -> None:
    terms = GatherTerms(max_digits=max_digits, finish_on_key="#", timeout_s=8, attempts_left=3)
    assert press(keys, terms) == Pressed(pressed, sent)


def test_without_a_finish_key_every_key_is_a_digit() -> None:
    terms = GatherTerms(max_digits=4, finish_on_key="", timeout_s=8, attempts_left=3)
    assert press("56", terms) == Pressed("56", "56")


@pytest.mark.parametrize("keys", [["56a"], ["5678", "５"], ["+1"]])
def test_a_telephone_has_no_other_keys(keys: list[str]) -> None:
    with pytest.raises(SimulatorError, match="keys 0-9"):
        pbx(ServiceByContract()).call("0987654321", "0900-000000", keys=keys)


def test_every_request_is_recorded_and_shows_no_number() -> None:
    record: list[Exchange] = []
    pbx(ServiceByContract(), record=record).call("0987654321", "0900-000000#5678")
    assert [(each.path, each.status) for each in record] == [("calls", 200)] * 2 + [("events", 204)] * 3
    assert json.loads(record[1].answer)["connect"]["to"] == RECIPIENT
    assert "912345678" not in repr(record)
    assert "987654321" not in repr(record)


def test_every_leg_is_another_webhook() -> None:
    service = ServiceByContract()
    pbx(service).call("0987654321", "0900-000000#5678")
    assert len(set(service.webhook_ids)) == 5


BROKEN: dict[str, tuple[object, str]] = {
    "no JSON object": ([1], "contract"),
    "an unknown action": ({"call_id": "c-1", "action": "dance"}, "union_tag_invalid"),
    "another call's answer": (hangup("c-2"), "another call_id"),
    "a number in national form": (connect("c-1", "0912345678"), r"/connect/to \(string_pattern_mismatch\)"),
    "no caller id": (connect("c-1", RECIPIENT, caller_id=None), r"/connect/caller_id \(string_type\)"),
    "nothing to hear": (hangup("c-1") | {"prompt": {"id": "a", "language": "en", "text": ""}}, "/prompt/text"),
    "a gather without terms": ({**gather("c-1", "enter_extension"), "gather": {}}, r"/gather/max_digits \(missing\)"),
    "asking for ever": (gather("c-1", "try_again", left=1), "does not come to an end"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_an_answer_that_breaks_the_contract_is_no_call(content: object, said: str) -> None:
    with pytest.raises(SimulatorError, match=said) as refused:
        answering(content).call("0987654321", "0900-000000#5678", call_id="c-1")
    assert "912345678" not in str(refused.value)
    assert refused.value.__context__ is None


@pytest.mark.parametrize("secret", ["", "whsec_", "secret", SECRET[:-3]])
def test_a_garbled_secret_is_refused_before_any_call(secret: str) -> None:
    with pytest.raises(SimulatorError, match="maskservice pbx create") as refused:
        SimulatedPbx("http://mask.test", "pbx_1", secret)
    assert len(secret) < 10 or secret not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["", "mask.test", "ftp://mask.test", "http://", "http://[", "http://mask.test:x", "http://a:0"]
)
def test_a_garbled_address_is_refused_before_any_call(address: str) -> None:
    with pytest.raises(SimulatorError, match=r"like http://127\.0\.0\.1:8000"):
        SimulatedPbx(address, "pbx_1", SECRET)
