"""Bodies of any kind: refused in the two allowed ways, and always answered audibly."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.errors import InvalidContent
from maskservice.telephony import NATIVE, UnreadableBody, WebhookRequest
from maskservice.telephony.native import neutral_hangup

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = ("call_id", "from", "to", "digits", "event", "at", "duration_s")
objects = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, json_values))
bodies = st.binary() | st.text().map(str.encode) | objects.map(lambda value: json.dumps(value).encode())


def asked(sent: bytes) -> WebhookRequest:
    return WebhookRequest("POST", "", {}, (), sent)


@given(sent=bodies)
def test_garbage_is_refused_in_two_ways_only(sent: bytes) -> None:
    for read in (NATIVE.read_call, NATIVE.read_event):
        with suppress(InvalidContent, UnreadableBody):
            read(asked(sent))
    assert json.loads(neutral_hangup(sent))["action"] == "hangup"


@given(caller=st.none() | st.text(), to=st.text(), digits=st.none() | st.text())
def test_texts_of_any_kind_are_read(caller: str | None, to: str, digits: str | None) -> None:
    call = NATIVE.read_call(asked(json.dumps({"call_id": "c-1", "from": caller, "to": to, "digits": digits}).encode()))
    assert call.digits == digits


@given(to=json_values, event=json_values, at=json_values, duration_s=json_values)
def test_a_report_that_names_its_call_is_read_whatever_else_it_says(**said: object) -> None:
    assert NATIVE.read_event(asked(json.dumps({"call_id": "c-1", **said}).encode())).pbx_call_id == "c-1"
