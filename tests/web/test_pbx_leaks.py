"""No real number where none belongs, in any provider's dialect: prompts, menus, whispers, call-backs, care line, ends.

A connect holds the one number that is to be rung, and no other; all else holds none.
"""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from maskservice.domain.call_policy import TenantCalls
from maskservice.services import tenants
from tests.telephony.webhooks import NOW, RECIPIENT
from tests.web.conftest import COURIER, Site, X
from tests.web.providers import SIGNED_BY, Line, heard, plug_in, whisper_of

SECOND_COURIER, CARE_LINE = "+886911222333", "+886223456789"
REAL = (RECIPIENT, COURIER, SECOND_COURIER, CARE_LINE)


def digits(number: str) -> str:
    """What every writing of it has in common."""
    return number.removeprefix("+886")


@pytest.fixture(params=sorted(SIGNED_BY))
def line(site: Site, request: pytest.FixtureRequest) -> Line:
    site.clock.moment = NOW
    line = plug_in(site, request.param)
    with site.app.app_context():
        with site.ports.unit() as uow:
            (tenant,) = uow.tenants.all()
        policy = replace(tenant.policy, calls=TenantCalls(whisper=True))
        tenants.change_tenant(tenant.name, policy=policy, care_line="02-2345-6789", ports=site.ports)
    return line


def a_day(line: Line) -> list[TestResponse]:
    """Two orders of one recipient, two couriers, wrong digits, a menu, a busy courier, whispers and ends."""
    heard_by_pbx: list[TestResponse] = []

    def ask(call: str, keys: str | None = None, **more: object) -> TestResponse:
        answer = line.ask(keys, said={line.provider.call_id: call}, **more)
        heard_by_pbx.append(answer)
        return answer

    extensions = [line.site.bind(order_id=order)["extension"] for order in ("TW-1111", "TW-2222")]
    first = ask("call-1")
    again = ask("call-1", "0", url=heard(first).next_url)
    bridged = ask("call-1", extensions[0], url=heard(again).next_url)
    whisper = whisper_of(bridged) if line.name != "freeswitch" else None
    if whisper is not None:
        said = line.provider.said(caller=None) | {line.provider.called: line.provider.number(RECIPIENT)}
        heard_by_pbx.append(line.send(whisper, said))
    heard_by_pbx += [line.report(what) for what in ("busy", "completed", "caller_ended")]
    line.site.clock.move(seconds=1)
    ask("call-2", extensions[1], url=heard(ask("call-2", caller=SECOND_COURIER)).next_url, caller=SECOND_COURIER)
    menu = ask("call-3", caller=RECIPIENT)
    chosen = ask("call-3", "2", url=heard(menu).next_url, caller=RECIPIENT)
    assert heard(chosen).rung == line.provider.number(COURIER)
    heard_by_pbx.append(line.report("busy", said={line.provider.call_id: "call-3"}))
    for place in range(4):
        ask("call-4", "9", url=f"{line.calls_url}?leg={place + 2}", caller=None)
    heard_by_pbx.append(line.send(line.calls_url, {"nonsense": RECIPIENT}))
    heard_by_pbx.append(line.send(line.calls_url, line.provider.said(RECIPIENT), secret=b"x" * 32))
    return heard_by_pbx


def test_nothing_tells_a_number_but_a_connect_its_one(line: Line, logged: io.StringIO) -> None:
    rung = set()
    for answer in a_day(line):
        text = answer.text
        called = heard(answer).rung if answer.status_code == 200 and answer.data else None
        if called is not None:
            rung.add(called)
            assert text.count(called) == 1
            text = text.replace(called, "")
        assert [number for number in REAL if digits(number) in text] == []
    expected = {RECIPIENT, COURIER} | (set() if line.name == "freeswitch" else {CARE_LINE})
    assert expected <= {f"+{number.removeprefix('+')}" for number in rung}
    told = [line.site.ask("GET", path).text for path in ("/v1/calls", "/v1/calls/export?format=csv", "/v1/bindings")]
    told += [line.site.client.get("/metrics").text, logged.getvalue()]
    for text in told:
        assert X in text or text
        assert [number for number in REAL if digits(number) in text] == []
