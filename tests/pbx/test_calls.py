"""Calls through a real Asterisk with the docs' dialplan, by both entrances; each connected one is searched."""

from __future__ import annotations

import re

import pytest

from tests.pbx.lab import Lab
from tests.pbx.service import NATIONAL_X, Order, X

BOTH = pytest.mark.parametrize("by", ["http", "agi"])
# From the answer to the first key: the question to the service and the start of the prompt.
ASKED_MS = 700
# From the last key to the ringing of the other phone.
ROUTED_MS = 800


def order_with_repeated_digit(lab: Lab) -> Order:
    """55 or the like in the extension: with SIPp's own recordings the second of them would be lost."""
    for _ in range(60):
        order = lab.order()
        if re.search(r"(.)\1", order.extension):
            return order
    raise AssertionError("sixty extensions without a repeated digit")


def other_than(extension: str) -> str:
    return f"{(int(extension) + 5000) % 10_000:04d}"


@BOTH
def test_the_right_extension_is_keyed(lab: Lab, by: str) -> None:
    order = order_with_repeated_digit(lab)
    courier = lab.courier(by=by).dials(NATIONAL_X).is_answered().waits(ASKED_MS).keys(order.extension)
    courier.waits(ROUTED_MS + 300).hangs_up()
    recipient = lab.recipient(order).is_called().rings().waits(200).answers().is_hung_up()
    _, rung = lab.play(courier, recipient)
    assert f"<sip:{X}@127.0.0.1>".encode() in rung.received[0], "X is what the recipient's phone shows"
    assert lab.service.last_outcome(order, expected="completed") == "completed"


@BOTH
def test_three_wrong_extensions_end_in_the_neutral_sentence(lab: Lab, by: str) -> None:
    order = lab.order()
    wrong = other_than(order.extension)
    courier = lab.courier(by=by).dials(NATIONAL_X).is_answered()
    for _ in range(3):
        courier.waits(ASKED_MS).keys(wrong)
    lab.play_refused(courier.is_hung_up(), silent=lab.recipient(order))
    assert lab.service.calls(order) == []


def test_a_wrong_extension_and_then_the_right_one(lab: Lab) -> None:
    order = lab.order()
    courier = lab.courier().dials(NATIONAL_X).is_answered().waits(ASKED_MS).keys(other_than(order.extension))
    courier.waits(ASKED_MS).keys(order.extension).waits(ROUTED_MS).hangs_up()
    lab.play(courier, lab.recipient(order).is_called().rings().answers().is_hung_up())


def test_digits_by_sip_info(lab: Lab) -> None:
    order = lab.order()
    courier = lab.courier().dials(NATIONAL_X).is_answered().waits(ASKED_MS).keys(order.extension, by_info=True)
    lab.play(courier.waits(ROUTED_MS).hangs_up(), lab.recipient(order).is_called().rings().answers().is_hung_up())


@pytest.mark.parametrize(
    ("by", "dialled"),
    [
        ("http", "0900000000*{}"),
        ("http", "0900000000%23{}"),
        ("http", "0900000000#{}"),
        ("http", "0900000000{}"),
        ("http", "+886900000000*{}"),
        ("agi", "0900000000%23{}"),
    ],
)
def test_the_extension_in_the_dialled_string(lab: Lab, by: str, dialled: str) -> None:
    order = lab.order()
    courier = lab.courier(by=by).dials(dialled.format(order.extension)).is_answered().waits(200).hangs_up()
    lab.play(courier, lab.recipient(order).is_called().rings().answers().is_hung_up())


@BOTH
def test_the_recipient_calls_back(lab: Lab, by: str) -> None:
    order = lab.order()
    courier = lab.courier(by=by).dials(f"{NATIONAL_X}*{order.extension}").is_refused(486)
    lab.play(courier, lab.recipient(order).is_called().rings().replies("486 Busy Here"))
    recipient = lab.recipient(order).dials(NATIONAL_X).is_answered().waits(200).hangs_up()
    _, rung = lab.play(recipient, lab.again(courier).is_called().rings().answers().is_hung_up())
    assert f"<sip:{X}@127.0.0.1>".encode() in rung.received[0]


@BOTH
def test_the_recipient_of_two_couriers_hears_a_menu(lab: Lab, by: str) -> None:
    first = lab.order(order_id=f"TW-MENU-{by}-1111")
    second = lab.order(order_id=f"TW-MENU-{by}-2222", recipient=first.recipient)
    couriers = []
    for order in (first, second):
        courier = lab.courier(by=by).dials(f"{NATIONAL_X}*{order.extension}").is_refused(486)
        lab.play(courier, lab.recipient(order).is_called().replies("486 Busy Here"))
        couriers.append(courier)
    # The most recent is key 1; the key interrupts the menu.
    recipient = (
        lab.recipient(first).dials(NATIONAL_X).is_answered().waits(ASKED_MS).keys("2").waits(ROUTED_MS).hangs_up()
    )
    lab.play(recipient, lab.again(couriers[0]).is_called().rings().answers().is_hung_up())


@pytest.mark.parametrize(
    ("reply", "caller_gets", "outcome"),
    [
        ("486 Busy Here", 486, "busy"),
        ("603 Decline", 403, "busy"),
        ("480 Temporarily Unavailable", 480, "no_answer"),
        ("404 Not Found", 404, "failed"),
        ("503 Service Unavailable", 503, "failed"),
    ],
)
def test_the_recipient_s_phone_refuses(lab: Lab, reply: str, caller_gets: int, outcome: str) -> None:
    order = lab.order()
    courier = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(caller_gets)
    lab.play(courier, lab.recipient(order).is_called().replies(reply))
    assert lab.service.last_outcome(order, expected=outcome) == outcome


def test_who_was_asked_first_hears_the_sentence_when_the_phone_is_busy(lab: Lab) -> None:
    order = lab.order()
    courier = lab.courier(by="agi").dials(NATIONAL_X).is_answered().waits(ASKED_MS).keys(order.extension).is_hung_up()
    lab.play(courier, lab.recipient(order).is_called().replies("486 Busy Here"))
    assert lab.service.last_outcome(order, expected="busy") == "busy"


def test_a_redirect_of_the_recipient_s_phone_is_not_followed(lab: Lab) -> None:
    order = lab.order()
    courier = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(603)
    lab.play(courier, lab.recipient(order).is_called().replies("302 Moved Temporarily"))
    assert lab.service.last_outcome(order, expected="busy") != "completed"


@BOTH
def test_the_caller_gives_up_while_it_rings(lab: Lab, by: str) -> None:
    order = lab.order()
    courier = lab.courier(by=by).dials(f"{NATIONAL_X}*{order.extension}").hears_ringing().waits(200).gives_up()
    lab.play(courier, lab.recipient(order).is_called().rings().sees_it_given_up())
    assert lab.service.last_outcome(order, expected="canceled") == "canceled"


@BOTH
def test_who_was_asked_hangs_up_while_it_rings(lab: Lab, by: str) -> None:
    """He has been answered by the prompt, so he ends with a BYE; the recipient's phone is told to stop."""
    order = lab.order()
    courier = lab.courier(by=by).dials(NATIONAL_X).is_answered().waits(ASKED_MS).keys(order.extension)
    lab.play(courier.waits(ROUTED_MS).hangs_up(), lab.recipient(order).is_called().rings().sees_it_given_up())
    assert lab.service.last_outcome(order, expected="canceled") == "canceled"


def test_what_follows_within_a_call_is_masked_too(lab: Lab) -> None:
    """A re-INVITE that tells all it can, and its answer."""
    order = lab.order()
    courier = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(200).negotiates_again()
    recipient = lab.recipient(order).is_called().rings().answers().is_hung_up()
    lab.play(courier.waits(200).hangs_up(), recipient)


@BOTH
def test_the_caller_hangs_up_while_being_asked(lab: Lab, by: str) -> None:
    order = lab.order()
    lab.play_refused(
        lab.courier(by=by).dials(NATIONAL_X).is_answered().waits(300).hangs_up(), silent=lab.recipient(order)
    )
    lab.until_quiet()


@BOTH
def test_the_recipient_hangs_up_first(lab: Lab, by: str) -> None:
    order = lab.order()
    courier = lab.courier(by=by).dials(f"{NATIONAL_X}*{order.extension}").is_answered().is_hung_up()
    recipient = lab.recipient(order).is_called().rings().answers().waits(300).hangs_up_on_caller()
    lab.play(courier, recipient)
    assert lab.service.last_outcome(order, expected="completed") == "completed"


def test_a_withheld_caller_reaches_the_recipient_who_cannot_call_back(lab: Lab) -> None:
    order = lab.order()
    courier = lab.courier(withheld=True).dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
    _, rung = lab.play(courier, lab.recipient(order).is_called().answers().is_hung_up())
    assert f"<sip:{X}@127.0.0.1>".encode() in rung.received[0], "never withheld, whoever calls"
    lab.play_refused(lab.recipient(order).dials(NATIONAL_X).is_answered().is_hung_up(), silent=lab.again(courier))


def test_a_release_in_mid_call_lets_it_go_on_and_refuses_the_next(lab: Lab) -> None:
    order = lab.order()
    dialled = f"{NATIONAL_X}*{order.extension}"
    courier = lab.courier().dials(dialled).is_answered().waits(1800).hangs_up()
    recipient = lab.recipient(order).is_called().rings().answers().is_hung_up()

    def release() -> None:
        lab.service.release(order)
        assert lab.asterisk.channels() == 2

    lab.play_with(courier, recipient, during=release)
    late = lab.again(courier).dials(dialled).is_answered().waits(300).hangs_up()
    lab.play_refused(late, silent=lab.recipient(order))


def test_a_number_that_is_not_ours(lab: Lab) -> None:
    lab.play_refused(lab.courier().dials("0900999999").is_answered().is_hung_up(), silent=lab.stranger())
