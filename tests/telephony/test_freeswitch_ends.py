"""How a call over FreeSWITCH ended, by the variables of the caller's channel; synthetic."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import CallEventKind, CallSide
from maskservice.telephony.freeswitch import FREESWITCH
from tests.telephony.httapi import AFTER_BRIDGE, FIRST, UUID, asked, reported
from tests.telephony.webhooks import X


@pytest.mark.parametrize(
    ("said", "kind", "cause", "seconds"),
    [
        ("dispo=USER_BUSY failed=USER_BUSY", "busy", Cause.BUSY, None),
        ("dispo=CALL_REJECTED", "busy", Cause.REJECTED, None),
        ("dispo=NO_ANSWER", "no_answer", Cause.NO_ANSWER, None),
        ("dispo=NO_USER_RESPONSE", "no_answer", Cause.UNREACHABLE, None),
        ("dispo=NORMAL_CLEARING", "no_answer", Cause.NORMAL_CLEARING, None),
        ("dispo=UNALLOCATED_NUMBER", "failed", Cause.UNALLOCATED_NUMBER, None),
        ("dispo=failure failed=GATEWAY_DOWN", "failed", Cause.NETWORK_FAILURE, None),
        ("dispo=SOMETHING_NEW", "failed", Cause.UNKNOWN, None),
        ("dispo=ORIGINATOR_CANCEL hangup=ORIGINATOR_CANCEL", "canceled", Cause.CALLER_CANCELED, None),
        ("", "failed", Cause.UNKNOWN, None),
        ("exiting=true dispo=USER_BUSY until=1036", "busy", Cause.BUSY, None),
        ("exiting=true dispo=call+accepted from=1000 until=1036 last=NORMAL_CLEARING hangup=ORIGINATOR_CANCEL",
         "completed", Cause.NORMAL_CLEARING, 36),
        ("exiting=true dispo=SUCCESS from=0 until=1036 bridge=ALLOTTED_TIMEOUT", "completed", Cause.MAX_DURATION, None),
        ("exiting=true dispo=success from=2000 until=1036", "completed", Cause.UNKNOWN, None),
        ("exiting=true dispo=success from=x until=999999999999999", "completed", Cause.UNKNOWN, None),
    ],
)  # fmt: skip
def test_how_a_bridge_ended(said: str, kind: str, cause: Cause, seconds: int | None) -> None:
    event = FREESWITCH.read_event(asked(reported(said), what="events"))
    assert (event.pbx_call_id, event.virtual_number, event.side) == (UUID, X, CallSide.CALLED)
    assert (event.event, event.cause, event.duration_s) == (CallEventKind(kind), cause, seconds)
    assert event.at == (datetime.fromtimestamp(1036, UTC) if "until=1036" in said else None)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("", Cause.UNKNOWN),
        (" hangup=NORMAL_CLEARING q850=16", Cause.NORMAL_CLEARING),
        (" hangup=STRANGE q850=38", Cause.NETWORK_FAILURE),
        (" hangup=USER_BUSY hangup=NO_ANSWER", Cause.UNKNOWN),
    ],
)
def test_a_caller_who_left_before_anybody_was_rung(said: str, cause: Cause) -> None:
    event = FREESWITCH.read_event(asked(reported("exiting=true" + said), what="events"))
    assert (event.event, event.side, event.cause) == (CallEventKind.CANCELED, CallSide.CALLER, cause)


def test_before_a_connect_the_called_number_is_x_itself() -> None:
    event = FREESWITCH.read_event(asked(FIRST + "&exiting=true", what="events"))
    assert (event.virtual_number, event.event, event.side) == (X, CallEventKind.CANCELED, CallSide.CALLER)
    other = AFTER_BRIDGE.replace("&mask_x=%2B886900000000", "")
    assert FREESWITCH.read_event(asked(other, what="events")).virtual_number is None
