"""What is next when a bridge has ended, and what is whispered before one, in every provider's words."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from maskservice.domain.call_policy import TenantCalls
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.domain.prompts import PromptId, say
from maskservice.services import pbxs, tenants
from maskservice.telephony import DIALECTS, Whispering
from tests.telephony.webhooks import NOW, OTHER, RECIPIENT, TOKEN, request, vonage_claims, with_headers
from tests.web.conftest import COURIER, PUBLIC_URL, Site, X
from tests.web.providers import SIGNED_BY, Line, heard, leg_of, plug_in, whisper_of

GOODBYE = say(PromptId.GOODBYE).text
CARE_LINE = "+886223456789"
ASKS_NEXT = sorted(SIGNED_BY)
FETCHES = sorted(name for name in SIGNED_BY if isinstance(DIALECTS[name], Whispering))


@pytest.fixture(params=ASKS_NEXT)
def line(site: Site, request: pytest.FixtureRequest) -> Line:
    site.clock.moment = NOW
    return plug_in(site, request.param)


@pytest.fixture(params=FETCHES)
def fetching(site: Site, request: pytest.FixtureRequest) -> Line:
    """One whose PBX fetches what it says and plays; FreeSWITCH has its own recordings of both."""
    site.clock.moment = NOW
    return plug_in(site, request.param)


def change(line: Line, **calls: Any) -> None:
    """The one tenant of the site, with a care line and these settings."""
    with line.site.app.app_context():
        with line.site.ports.unit() as uow:
            (tenant,) = uow.tenants.all()
        policy = replace(tenant.policy, calls=TenantCalls(**calls))
        tenants.change_tenant(tenant.name, policy=policy, care_line="02-2345-6789", ports=line.site.ports)


def connected(line: Line) -> Any:
    extension = line.site.bind()["extension"]
    answer = line.ask(extension, url=heard(line.ask()).next_url)
    assert heard(answer).rung == line.provider.number(RECIPIENT)
    return answer


def record(line: Line, call: str) -> dict[str, Any]:
    rows = line.site.ask("GET", "/v1/calls").json["data"]
    found: dict[str, Any] = next(row for row in rows if row["pbx_call_id"] == call)
    return found


def test_all_but_those_that_play_their_own_files_are_tried() -> None:
    assert set(DIALECTS) - set(ASKS_NEXT) == {"native", "asterisk", "kamailio"}


def test_a_courier_who_is_busy_leads_to_the_care_line_within_the_call(line: Line, logged: io.StringIO) -> None:
    change(line)
    connected(line)
    back = {line.provider.call_id: "call-2"}
    assert heard(line.ask(caller=RECIPIENT, said=back)).rung == line.provider.number(COURIER)
    assert leg_of(line.after_url) == "2"
    told = [line.report("busy", said=back) for _ in range(1)]
    care = heard(told[0])
    assert (care.rung, care.shown) == (line.provider.number(CARE_LINE), line.provider.number(X))
    assert leg_of(line.after_url) == "3"
    assert record(line, "call-2")["outcome"] == "connecting"
    assert heard(line.report("busy", said=back)).spoken == GOODBYE
    assert record(line, "call-2")["outcome"] == "busy"
    for number in ("987654321", "912345678", "223456789"):
        assert number not in logged.getvalue()


def test_the_same_end_told_again_gets_the_same_answer(line: Line) -> None:
    change(line)
    connected(line)
    back = {line.provider.call_id: "call-2"}
    line.ask(caller=RECIPIENT, said=back)
    place = line.after_url
    told = []
    for _ in range(2):
        line.after_url = place
        told.append(line.report("busy", said=back))
    assert told[0].data == told[1].data
    assert heard(told[1]).rung == line.provider.number(CARE_LINE)
    ends = line.site.client.get("/metrics").text
    assert "maskservice_call_ends_total{" not in ends


def test_after_a_talk_nothing_is_said(line: Line) -> None:
    connected(line)
    over = line.report("completed")
    assert over.status_code in (200, 204)
    if over.data:
        assert heard(over) == heard(line.report("completed"))
        assert (heard(over).spoken, heard(over).rung) == ("", None)
    assert (record(line, "call-1")["outcome"], record(line, "call-1")["duration_s"]) == ("completed", 36)


def test_a_forged_end_is_401_and_ends_nothing(line: Line) -> None:
    change(line)
    connected(line)
    assert line.report("busy", secret=OTHER).status_code == 401
    assert record(line, "call-1")["outcome"] == "connecting"


def test_the_neutral_sentence_is_left_when_the_service_fails(line: Line) -> None:
    connected(line)
    line.site.units.failure = DatabaseUnavailable()
    assert heard(line.report("busy")).spoken == GOODBYE


# Whispers


def test_without_the_setting_nothing_is_whispered(line: Line) -> None:
    assert whisper_of(connected(line)) is None


def test_a_whisper_is_fetched_and_said(fetching: Line, logged: io.StringIO) -> None:
    line = fetching
    change(line, whisper=True)
    address = whisper_of(connected(line))
    assert address is not None
    assert address.startswith(f"{PUBLIC_URL}/v1/pbx/{line.pbx_id}/whisper?")
    said = line.provider.said(caller=None) | {line.provider.called: line.provider.number(RECIPIENT)}
    answer = line.send(address, said)
    assert answer.status_code == 200
    assert heard(answer).spoken.endswith("的物流士來電，關於您的包裹。")
    assert "912345678" not in answer.text + logged.getvalue()
    assert record(line, "call-1")["outcome"] == "connecting"
    for forged in (line.send(address, said, secret=OTHER), line.send(f"{address}&leg=2", said, secret=OTHER)):
        assert (forged.status_code, forged.json["code"]) == (401, "signature_invalid")


def test_to_a_courier_and_a_care_line_nothing_is_whispered(line: Line) -> None:
    change(line, whisper=True)
    connected(line)
    back = {line.provider.call_id: "call-2"}
    assert whisper_of(line.ask(caller=RECIPIENT, said=back)) is None
    assert whisper_of(line.report("busy", said=back)) is None


@pytest.mark.parametrize("query", ["", "?prompt=goodbye&language=zh-TW&shop=55Sy", "?prompt=whisper", "?%00=%ff"])
def test_a_whisper_that_cannot_be_read_is_silence(fetching: Line, query: str) -> None:
    line = fetching
    if line.name == "plivo" and "%" in query:
        pytest.skip("Plivo's package makes no signature of it")
    answer = line.send(f"{PUBLIC_URL}/v1/pbx/{line.pbx_id}/whisper{query}", line.provider.said())
    assert (answer.status_code, heard(answer).spoken) == (200, "")


def test_a_whisper_is_left_out_while_the_database_is_down(fetching: Line) -> None:
    line = fetching
    line.site.units.failure = DatabaseUnavailable()
    answer = line.send(f"{PUBLIC_URL}/v1/pbx/{line.pbx_id}/whisper?prompt=whisper", line.provider.said())
    assert (answer.status_code, heard(answer).spoken) == (200, "")


def test_vonage_fetches_it_by_get(site: Site) -> None:
    """Its method cannot be chosen, and the token has the hash of the query."""
    site.clock.moment = NOW
    line = plug_in(site, "vonage")
    change(line, whisper=True)
    address = f"{whisper_of(connected(line))}&to={RECIPIENT[1:]}&from={X[1:]}&conversation_uuid=CON-1"
    asked = request(address, b"", {}, method="GET")
    said = json.dumps(dict(asked.query), separators=(",", ":")).encode()
    signed = vonage_claims(replace(asked, body=said))
    for secret, status in ((TOKEN, 200), (OTHER, 401)):
        headers = SIGNED_BY["vonage"](replace(asked, body=said), secret)
        assert signed
        sent = with_headers(asked, headers)
        place = address.removeprefix(PUBLIC_URL)
        assert site.client.get(place, headers=sent.headers).status_code == status


def test_a_pbx_that_plays_its_own_files_fetches_none(site: Site) -> None:
    with site.app.app_context():
        made = pbxs.create_pbx("a-1", dialect=DIALECTS["asterisk"], ports=site.ports)
    headers = {"Authorization": f"Bearer {made.secret}"}
    place = f"/v1/pbx/{made.pbx.id}/whisper"
    assert site.client.post(place, data={"call_id": "c"}, headers=headers).status_code == 404
    assert site.client.post(place, data={"call_id": "c"}).status_code == 401


def test_freeswitch_is_told_which_of_its_recordings_is_whispered(site: Site) -> None:
    site.clock.moment = NOW
    line = plug_in(site, "freeswitch")
    change(line, whisper=True)
    root = ElementTree.fromstring(connected(line).data)
    assert root.findtext("variables/mask_whisper") == "zh-TW/whisper"
    back = {line.provider.call_id: "call-2"}
    for answer in (line.ask(caller=RECIPIENT, said=back), line.report("busy", said=back)):
        assert heard(answer).rung is not None
        # unset, so that nothing is left over
        assert ElementTree.fromstring(answer.data).findtext("variables/mask_whisper") == ""


# Recordings


def test_recordings_of_a_pbx_are_played_in_place_of_speech(fetching: Line) -> None:
    line = fetching
    line.site.bind()
    with line.site.app.app_context():
        pbxs.change_pbx(f"雲端 {line.name}", recordings="https://sounds.example.com/mask/", ports=line.site.ports)
    assert "https://sounds.example.com/mask/zh-TW/enter_extension.wav" in line.ask().text
    assert heard(line.ask()).spoken == ""
    with line.site.app.app_context():
        pbxs.change_pbx(f"雲端 {line.name}", recordings=None, ports=line.site.ports)
    assert "sounds.example.com" not in line.ask(said={line.provider.call_id: "call-3"}).text
