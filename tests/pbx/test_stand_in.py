"""Calls through a B2BUA in Python alone, which speaks the native dialect: SIP where no PBX can be installed.

SDP goes straight through it, so each phone sees the other's media address: that is not searched for here. Everything
else of a message is, and numbers and names are searched for in the SDP too.
"""

from __future__ import annotations

import pytest

from tests.pbx.leaks import Side, leaks
from tests.pbx.proxy_lab import ProxyLab
from tests.pbx.service import NATIONAL_X, X
from tests.pbx.test_kamailio import REFUSED, other_than


@pytest.mark.parametrize("dialled", ["0900000000*{}", "0900000000%23{}"])
def test_the_caller_hangs_up(stand_in: ProxyLab, dialled: str) -> None:
    order = stand_in.order()
    courier = stand_in.courier().dials(dialled.format(order.extension)).is_answered().waits(200).hangs_up()
    _, rung = stand_in.play(courier, stand_in.recipient(order).is_called().rings().answers().is_hung_up())
    assert f"<sip:{X}@127.0.0.1".encode() in rung.received[0], "X is what the recipient's phone shows"
    assert stand_in.service.last_outcome(order, expected="completed") == "completed"
    assert "Traceback" not in stand_in.asterisk.log


def test_the_recipient_hangs_up(stand_in: ProxyLab) -> None:
    order = stand_in.order()
    courier = stand_in.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().is_hung_up()
    stand_in.play(courier, stand_in.recipient(order).is_called().rings().answers().waits(200).hangs_up_on_caller())
    assert stand_in.service.last_outcome(order, expected="completed") == "completed"
    assert "Traceback" not in stand_in.asterisk.log


def test_a_wrong_extension_and_none(stand_in: ProxyLab) -> None:
    order = stand_in.order()
    for dialled in (NATIONAL_X, f"{NATIONAL_X}*{other_than(order.extension)}"):
        stand_in.play_refused(stand_in.courier().dials(dialled).is_refused(REFUSED), silent=stand_in.recipient(order))
    assert stand_in.service.calls(order) == []


def test_the_recipient_calls_back(stand_in: ProxyLab) -> None:
    order = stand_in.order()
    courier = stand_in.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(486)
    stand_in.play(courier, stand_in.recipient(order).is_called().rings().replies("486 Busy Here"))
    assert stand_in.service.last_outcome(order, expected="busy") == "busy"
    recipient = stand_in.recipient(order).dials(NATIONAL_X).is_answered().waits(200).hangs_up()
    stand_in.play(recipient, stand_in.again(courier).is_called().rings().answers().is_hung_up())


def test_a_release_in_mid_call_lets_it_go_on_and_refuses_the_next(stand_in: ProxyLab) -> None:
    order = stand_in.order()
    dialled = f"{NATIONAL_X}*{order.extension}"
    courier = stand_in.courier().dials(dialled).is_answered().waits(900).hangs_up()
    recipient = stand_in.recipient(order).is_called().rings().answers().is_hung_up()
    stand_in.play_with(courier, recipient, during=lambda: stand_in.service.release(order))
    stand_in.play_refused(stand_in.again(courier).dials(dialled).is_refused(REFUSED), silent=stand_in.recipient(order))


def test_the_service_is_down(stand_in: ProxyLab) -> None:
    order = stand_in.order()
    stand_in.asterisk.plan["service"] = "http://127.0.0.1:9/v1/pbx/pbx_1"
    caller = stand_in.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(503)
    stand_in.play_refused(caller, silent=stand_in.recipient(order))


def test_its_log_holds_no_number(stand_in: ProxyLab) -> None:
    order = stand_in.order()
    courier = stand_in.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(100).hangs_up()
    stand_in.play(courier, stand_in.recipient(order).is_called().rings().answers().is_hung_up())
    assert leaks([stand_in.asterisk.log.encode()], of=Side((courier.number, order.recipient))) == []
