"""Calls as a tenant sees them, their export, and the dry run."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from maskservice.domain.errors import DatabaseUnavailable
from maskservice.services.call_records import EXPORT_PAGE
from maskservice.web.call_lines import COLUMNS, CSV
from tests.web.conftest import COURIER, Site, X


def test_a_call_is_shown_without_numbers(site: Site) -> None:
    made = site.bind()
    site.call()
    site.call(made["extension"])
    page = site.ask("GET", f"/v1/calls?binding_id={made['id']}").json
    found = page["data"][0]
    assert page["next_cursor"] is None
    assert found.keys() == {
        "id", "pbx_call_id", "pbx_id", "binding_id", "direction", "outcome", "caller", "tries_used", "started_at",
        "connected_at", "ringing_at", "answered_at", "ended_at", "duration_s", "trace", "virtual_number", "party",
        "group", "cause", "ended_by", "asked_at", "keyed_at",
    }  # fmt: skip
    assert (found["pbx_call_id"], found["binding_id"], found["direction"]) == ("c-1", made["id"], "to_recipient")
    assert (found["outcome"], found["caller"]) == ("connecting", {"last3": "321"})
    assert {"step": "binding", "found": "active"} in found["trace"]
    answer = site.ask("GET", f"/v1/calls/{found['id']}")
    assert answer.json == found
    assert COURIER[1:] not in answer.text
    assert "912345678" not in answer.text


def test_another_tenants_calls_are_not_there(site: Site) -> None:
    made = site.bind()
    site.call(made["extension"], caller=None)
    call_id = site.ask("GET", "/v1/calls").json["data"][0]["id"]
    stranger = site.another_tenant()
    assert site.ask("GET", f"/v1/calls/{call_id}", key=stranger).status_code == 404
    assert site.ask("GET", f"/v1/calls?binding_id={made['id']}", key=stranger).json["data"] == []


def test_calls_are_walked_by_cursor(site: Site) -> None:
    made = site.bind()
    for place in range(3):
        site.clock.move(seconds=1)
        site.call(made["extension"], call_id=f"c-{place}")
    first = site.ask("GET", "/v1/calls?limit=2").json
    rest = site.ask("GET", f"/v1/calls?limit=2&cursor={first['next_cursor']}").json
    assert [each["pbx_call_id"] for each in first["data"] + rest["data"]] == ["c-2", "c-1", "c-0"]
    assert rest["next_cursor"] is None


def test_a_garbled_binding_id_is_told(site: Site) -> None:
    answer = site.ask("GET", "/v1/calls?binding_id=bnd_x")
    assert answer.json["errors"] == [
        {"pointer": "/binding_id", "code": "id_invalid", "detail": "Send an id as the service gave it."}
    ]


def test_a_dry_run_decides_and_changes_nothing(site: Site) -> None:
    made = site.bind()
    answer = site.ask("POST", "/v1/calls/dry-run", {"from": COURIER, "to": "0900-000000", "digits": made["extension"]})
    assert answer.json["decision"] == {
        "action": "connect", "binding_id": made["id"], "party": "recipient", "caller_id": X,
    }  # fmt: skip
    assert (answer.json["direction"], answer.json["trace"][0]) == ("to_recipient", {"step": "line", "found": "found"})
    assert "912345678" not in answer.text
    assert site.ask("GET", "/v1/calls").json["data"] == []


def test_a_dry_run_of_a_wrong_extension_asks_again(site: Site) -> None:
    site.bind()
    bare = site.ask("POST", "/v1/calls/dry-run", {"to": X}).json["decision"]
    assert (bare["action"], bare["prompt"]["id"], bare["max_digits"], bare["attempts_left"]) == (
        "gather",
        "enter_extension",
        4,
        3,
    )
    wrong = site.ask("POST", "/v1/calls/dry-run", {"to": X, "digits": "12"}).json["decision"]
    assert (wrong["prompt"]["id"], wrong["attempts_left"]) == ("try_again", 2)
    nowhere = site.ask("POST", "/v1/calls/dry-run", {"to": "nowhere"}).json["decision"]
    assert (nowhere["action"], nowhere["reason"], nowhere["prompt"]["id"]) == ("hangup", "unavailable", "goodbye")


def test_a_dry_run_sees_nothing_of_others(site: Site) -> None:
    made = site.bind()
    stranger = site.another_tenant()
    body = {"to": X, "digits": made["extension"]}
    free = next(each for each in ("0000", "0001") if each != made["extension"])
    seen = site.ask("POST", "/v1/calls/dry-run", body, key=stranger).json
    assert seen == site.ask("POST", "/v1/calls/dry-run", body | {"digits": free}, key=stranger).json


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/to", "required"),
        ({"to": 5}, "/to", "wrong_type"),
        ({"to": X, "digits": 5678}, "/digits", "wrong_type"),
        ({"to": X, "from": 886912345678}, "/from", "wrong_type"),
        ({"to": X, "caller": "x"}, "/caller", "unknown_field"),
    ],
)
def test_a_dry_run_that_cannot_be_read_is_422(site: Site, body: Any, pointer: str, code: str) -> None:
    answer = site.ask("POST", "/v1/calls/dry-run", body)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [(pointer, code)]


# -- filters ------------------------------------------------------------------------------------------------------


def test_a_call_tells_its_phases_its_end_and_its_group(site: Site) -> None:
    made = site.bind()
    site.call()
    site.clock.move(seconds=9)
    site.call(made["extension"])
    report = {"call_id": "c-1", "to": X, "event": "no_answer", "at": None, "duration_s": None}
    assert site.pbx_post("events", report).status_code == 204
    found = site.ask("GET", "/v1/calls").json["data"][0]
    assert (found["asked_at"], found["keyed_at"]) == ("2026-11-24T08:00:00Z", "2026-11-24T08:00:09Z")
    assert (found["outcome"], found["cause"], found["ended_by"]) == ("no_answer", "no_answer", "pbx")
    assert (found["party"], found["virtual_number"]) == ("recipient", X)
    site.clock.move(seconds=12)
    site.call(made["extension"], call_id="c-2")
    page = site.ask("GET", f"/v1/calls?group={found['group']}").json["data"]
    assert [each["pbx_call_id"] for each in page] == ["c-2", "c-1"]


def three_calls(site: Site) -> dict[str, Any]:
    """At 8:00:01 a courier who is busy out, at 8:00:02 the recipient who calls back, at 8:00:03 a courier again."""
    made = site.bind()
    for place, caller in enumerate((COURIER, "+886912345678", "+886911222333")):
        site.clock.move(seconds=1)
        site.call(None if place == 1 else made["extension"], call_id=f"c-{place}", caller=caller)
    site.pbx_post("events", {"call_id": "c-0", "to": X, "event": "busy", "at": None, "duration_s": None})
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["c-2", "c-1", "c-0"]),
        ("direction=to_courier", ["c-1"]),
        ("outcome=connecting", ["c-2", "c-1"]),
        ("cause=busy", ["c-0"]),
        ("cause=busy&direction=to_courier", []),
        ("since=2026-11-24T08:00:02Z", ["c-2", "c-1"]),
        ("until=2026-11-24T16:00:02%2B08:00", ["c-0"]),
        ("since=2026-11-24T08:00:02Z&until=2026-11-24T08:00:03Z&limit=1", ["c-1"]),
        ("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59.999999Z", ["c-2", "c-1", "c-0"]),
    ],
)
def test_calls_are_narrowed_in_the_list_and_in_the_export_alike(site: Site, query: str, found: list[str]) -> None:
    three_calls(site)
    listed = site.ask("GET", f"/v1/calls?{query}").json["data"]
    assert [each["pbx_call_id"] for each in listed] == found
    query = query.replace("&limit=1", "")
    exported = site.ask("GET", f"/v1/calls/export?format=ndjson&{query}")
    assert [json.loads(line) for line in exported.text.splitlines()] == listed


@pytest.mark.parametrize("path", ["/v1/calls", "/v1/calls/export"])
def test_every_wrong_filter_is_told_at_once_and_none_is_repeated(site: Site, path: str) -> None:
    wrong = "direction=0912345678&outcome=x&cause=&since=2026-11-24&until=0912345678&group=grp_x&binding_id=0912345678"
    answer = site.ask("GET", f"{path}?{wrong}&0912345678=1")
    assert answer.status_code == 422
    assert {(each["pointer"], each["code"]) for each in answer.json["errors"]} == {
        ("/direction", "unknown_value"),
        ("/outcome", "unknown_value"),
        ("/cause", "unknown_value"),
        ("/since", "not_a_moment"),
        ("/until", "not_a_moment"),
        ("/group", "id_invalid"),
        ("/binding_id", "id_invalid"),
        ("", "unknown_field"),
    }
    assert "912345678" not in answer.text


def test_a_cursor_out_of_all_time_is_no_error(site: Site) -> None:
    three_calls(site)
    assert len(site.ask("GET", "/v1/calls?cursor=_____________________w").json["data"]) == 3


# -- the export ---------------------------------------------------------------------------------------------------


def test_the_export_as_csv(site: Site) -> None:
    three_calls(site)
    answer = site.ask("GET", "/v1/calls/export")
    assert (answer.status_code, answer.content_type) == (200, CSV)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="calls.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row["pbx_call_id"] for row in rows] == ["c-2", "c-1", "c-0"]
    listed = site.ask("GET", "/v1/calls").json["data"]
    for row, call in zip(rows, listed, strict=True):
        assert row["caller_last3"] == call["caller"]["last3"]
        assert row["virtual_number"] == "0900-000000"
        for name in set(COLUMNS) - {"caller_last3", "virtual_number", "trace"}:
            assert row[name] == ("" if call[name] is None else str(call[name])), name
    assert rows[2]["trace"].endswith("binding:active caller:courier")
    marked = site.ask("GET", "/v1/calls/export?bom=1&format=csv")
    assert marked.data == b"\xef\xbb\xbf" + answer.data
    nothing = site.ask("GET", "/v1/calls/export?cause=unwanted")
    assert nothing.text == ",".join(f'"{each}"' for each in COLUMNS) + "\r\n"


def test_no_number_but_three_digits_leaves_in_an_export(site: Site) -> None:
    three_calls(site)
    for form in ("csv", "ndjson"):
        text = site.ask("GET", f"/v1/calls/export?format={form}").text
        assert "321" in text
        for number in ("987654321", "912345678", "911222333"):
            assert number[:-3] not in text


@pytest.mark.parametrize("call_id", ["=1+1", "+886", "-2", "@SUM(A1)", "＝1+1", "|x", 'a"b', "a;=1", "a,=1"])
def test_no_cell_is_a_formula_or_two_cells(site: Site, call_id: str) -> None:
    """The PBX's call id is what whoever runs the PBX, or calls it, makes it."""
    site.call(site.bind()["extension"], call_id=call_id)
    answer = site.ask("GET", "/v1/calls/export")
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert row["pbx_call_id"] == (call_id if call_id[0] == "a" else "'" + call_id)
    for line in answer.text.splitlines():
        assert re.fullmatch(r'("([^"]|"")*",)*"([^"]|"")*"', line)
    for cell in row.values():
        assert cell[:1] not in set("=+-@|＝")
    assert json.loads(site.ask("GET", "/v1/calls/export?format=ndjson").text)["pbx_call_id"] == call_id


def test_another_tenant_exports_nothing_of_ours_and_nobody_what_met_no_binding(site: Site) -> None:
    made = three_calls(site)
    site.call(call_id="lost-1")
    stranger = site.another_tenant()
    for query in ("", f"&binding_id={made['id']}", f"&group={site.ask('GET', '/v1/calls').json['data'][0]['group']}"):
        assert site.ask("GET", f"/v1/calls/export?format=ndjson{query}", key=stranger).data == b""
    assert "lost-1" not in site.ask("GET", "/v1/calls/export").text


def test_a_long_export_is_read_page_by_page(site: Site) -> None:
    made = site.bind()
    for place in range(EXPORT_PAGE + 5):
        site.clock.move(seconds=1)
        site.call(made["extension"], call_id=f"c-{place}")
    opened = site.units.opened
    answer = site.ask("GET", "/v1/calls/export?format=ndjson", buffered=False)
    pieces = iter(answer.response)
    first = next(pieces)
    assert first.count(b"\n") == EXPORT_PAGE
    assert site.units.opened == opened + 2, "the key's owner, and one page"
    assert next(pieces).count(b"\n") == 5
    answer.close()


def test_an_export_that_cannot_begin_is_a_problem_and_one_that_breaks_off_shows(site: Site) -> None:
    made = site.bind()
    for place in range(EXPORT_PAGE + 1):
        site.clock.move(seconds=1)
        site.call(made["extension"], call_id=f"c-{place}")
    answer = site.ask("GET", "/v1/calls/export", buffered=False)
    pieces = iter(answer.response)
    next(pieces)
    site.units.failure = DatabaseUnavailable("It is down.")
    with pytest.raises(DatabaseUnavailable):
        list(pieces)
    answer.close()
    refused = site.ask("GET", "/v1/calls/export")
    assert (refused.status_code, refused.json["code"]) == (503, "database_unavailable")
