"""Asterisk's dialplan at the running service; with a real Asterisk in tests/pbx."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from werkzeug.test import TestResponse

from maskservice.domain.errors import DatabaseUnavailable
from maskservice.services import pbxs
from maskservice.services.pbxs import NewSecret
from maskservice.telephony import DIALECTS
from tests.web.conftest import COURIER, Site, X


@pytest.fixture
def asterisk(site: Site) -> NewSecret:
    with site.app.app_context():
        return pbxs.create_pbx("asterisk-1", dialect=DIALECTS["asterisk"], ports=site.ports)


def send(
    site: Site, pbx: NewSecret, said: Mapping[str, str], *, what: str = "calls", bearer: str | None = None
) -> TestResponse:
    headers = {"Authorization": f"Bearer {pbx.secret if bearer is None else bearer}"}
    return site.client.post(f"/v1/pbx/{pbx.pbx.id}/{what}", data=said, headers=headers)


CALL = {"call_id": "a-1.2", "from": COURIER, "to": "0900000000", "digits": "", "leg": "1"}


def test_a_call_from_its_first_ring_to_its_record(site: Site, asterisk: NewSecret) -> None:
    extension = site.bind()["extension"]
    asked = send(site, asterisk, CALL)
    assert (asked.status_code, asked.json["action"], asked.json["max_digits"]) == (200, "gather", "4")
    keyed = [send(site, asterisk, CALL | {"digits": extension, "leg": "2"}) for _ in range(2)]
    assert keyed[0].data == keyed[1].data
    assert (keyed[0].json["to"], keyed[0].json["caller_id"]) == ("+886912345678", X)
    ended = {"call_id": "a-1.2", "to": "0900000000", "dialstatus": "ANSWER", "cause": "16", "duration_s": "36"}
    for _ in range(2):
        assert send(site, asterisk, ended, what="events").status_code == 204
    (record,) = site.ask("GET", "/v1/calls").json["data"]
    assert (record["outcome"], record["duration_s"], record["tries_used"]) == ("completed", 36, 0)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        # ${ANSWEREDTIME} is all that Asterisk says of the answer.
        (("ANSWER", "16", "36"), ("completed", "normal_clearing", None, "2026-11-24T08:00:05Z")),
        (("NOANSWER", "16", ""), ("no_answer", "no_answer", "pbx", None)),
        (("CANCEL", "16", ""), ("canceled", "caller_canceled", "caller", None)),
        (("CHANUNAVAIL", "1", ""), ("failed", "unallocated_number", "pbx", None)),
        (("CHANUNAVAIL", "21", ""), ("busy", "rejected", "called", None)),
        (("CONGESTION", "34", ""), ("failed", "congestion", "pbx", None)),
    ],
)
def test_why_and_by_whom_it_ended_is_kept(
    site: Site, asterisk: NewSecret, said: tuple[str, ...], told: tuple[str | None, ...]
) -> None:
    send(site, asterisk, CALL | {"digits": site.bind()["extension"]})
    site.clock.move(seconds=41)
    report = dict(zip(("dialstatus", "cause", "duration_s"), said, strict=True))
    assert send(site, asterisk, {"call_id": "a-1.2", "to": "0900000000"} | report, what="events").status_code == 204
    (record,) = site.ask("GET", "/v1/calls").json["data"]
    assert tuple(record[name] for name in ("outcome", "cause", "ended_by", "answered_at")) == told


@pytest.mark.parametrize("bearer", ["", "whsec_", "garbage", "whsec_" + "A" * 43 + "=", "\xe9"])
@pytest.mark.parametrize("what", ["calls", "events"])
def test_another_secret_is_401(site: Site, asterisk: NewSecret, what: str, bearer: str) -> None:
    assert send(site, asterisk, CALL, what=what, bearer=bearer).status_code == 401
    assert send(site, asterisk, CALL, what=what, bearer=site.pbx.secret).status_code == 401
    assert "maskservice_calls_total{" not in site.client.get("/metrics").text


def test_whatever_fails_the_dialplan_is_told_to_say_goodbye(site: Site, asterisk: NewSecret) -> None:
    neutral = {"action": "hangup", "prompt": "goodbye", "play": "mask/goodbye", "language": "zh-TW"}
    assert send(site, asterisk, {"call_id": "a-1.2"}).json == {"call_id": "a-1.2", **neutral}
    assert send(site, asterisk, {}).json == {"call_id": "", **neutral}
    site.units.failure = DatabaseUnavailable()
    assert send(site, asterisk, CALL).json == {"call_id": "a-1.2", **neutral}
    assert send(site, asterisk, CALL, what="events").status_code == 503
