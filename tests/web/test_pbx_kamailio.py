"""Kamailio's routing script at the running service; with a real Kamailio in tests/pbx."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from werkzeug.test import TestResponse

from maskservice.domain.errors import DatabaseUnavailable
from maskservice.services import pbxs
from maskservice.services.pbxs import NewSecret
from maskservice.telephony import DIALECTS
from tests.web.conftest import COURIER, Site, X

ID = "0f" * 32
REFUSAL = {"call_id": ID, "action": "hangup"}


@pytest.fixture
def kamailio(site: Site) -> NewSecret:
    with site.app.app_context():
        return pbxs.create_pbx("kamailio-1", dialect=DIALECTS["kamailio"], ports=site.ports)


def send(
    site: Site, pbx: NewSecret, said: Mapping[str, str], *, what: str = "calls", bearer: str | None = None
) -> TestResponse:
    headers = {"Authorization": f"Bearer {pbx.secret if bearer is None else bearer}"}
    return site.client.post(f"/v1/pbx/{pbx.pbx.id}/{what}", data=said, headers=headers)


def call(extension: str, call_id: str = ID) -> dict[str, str]:
    return {"call_id": call_id, "from": COURIER, "to": f"sip:0900000000*{extension}@192.0.2.10:5060"}


def test_a_call_from_its_invite_to_its_record(site: Site, kamailio: NewSecret) -> None:
    asked = call(site.bind()["extension"])
    answers = [send(site, kamailio, asked) for _ in range(2)]
    assert answers[0].data == answers[1].data
    assert (answers[0].json["action"], answers[0].json["to"], answers[0].json["caller_id"]) == (
        "connect",
        "+886912345678",
        X,
    )
    for event in ({"event": "answered"}, {"event": "ended", "duration_s": "36"}, {"event": "ended"}):
        assert send(site, kamailio, asked | event, what="events").status_code == 204
    (record,) = site.ask("GET", "/v1/calls").json["data"]
    assert (record["outcome"], record["duration_s"]) == ("completed", 36)


def test_no_extension_and_a_wrong_one_are_refused_alike(site: Site, kamailio: NewSecret) -> None:
    extension = site.bind()["extension"]
    wrong = f"{(int(extension) + 1) % 10_000:04d}"
    for dialled in ("", wrong):
        asked = call(dialled, (dialled or "a").encode().hex().ljust(64, "0"))
        assert send(site, kamailio, asked).json == REFUSAL | {"call_id": asked["call_id"]}
        assert send(site, kamailio, asked | {"event": "refused"}, what="events").status_code == 204


@pytest.mark.parametrize("what", ["calls", "events"])
def test_another_secret_is_401(site: Site, kamailio: NewSecret, what: str) -> None:
    assert send(site, kamailio, call("5678"), what=what, bearer=site.pbx.secret).status_code == 401
    assert "maskservice_calls_total{" not in site.client.get("/metrics").text


def test_whatever_fails_the_script_is_told_to_refuse(site: Site, kamailio: NewSecret) -> None:
    assert send(site, kamailio, {"call_id": ID}).json == REFUSAL
    assert send(site, kamailio, {}).json == REFUSAL | {"call_id": ""}
    # Without the database nobody knows its dialect: it is answered as an Asterisk, and reads the one word it looks for.
    site.units.failure = DatabaseUnavailable()
    assert send(site, kamailio, call("5678")).json["action"] == "hangup"
    assert send(site, kamailio, call("5678"), what="events").status_code == 503
