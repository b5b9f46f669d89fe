"""``calls``: what the operator sees of calls, and what an export leaves on the disk."""

from __future__ import annotations

import csv
import io
import json
import stat
from itertools import count

import pytest

from maskservice.app import create_app
from maskservice.cli.agi import entrance_of
from maskservice.cli.opening import close_app, opened, quiet
from maskservice.domain.call import InboundCall, Outcome
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller, read_phone
from maskservice.services.bindings import CreateBinding, create_binding
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.calls import Webhook, route_call
from maskservice.services.tenants import find_tenant
from maskservice.settings import Settings
from maskservice.telephony.asterisk import event_of
from maskservice.web.call_lines import COLUMNS

X, COURIER, GUESSER = "+886900000000", "+886987654321", "+886911222333"


@pytest.fixture(autouse=True)
def binding_id(home, run, result_of) -> str:
    """A tenant with three calls: one connected and busy, one connected, and one that met nothing."""
    result_of("tenant", "create", "店")
    assert run("numbers", "import", "0900-000000", "--pool", "default").exit_code == 0
    ids = count(1)
    with opened() as ports:
        order = CreateBinding(
            tenant=find_tenant("店", ports=ports), order_id="TW-1", name="陳小美", phone=read_phone("0912-345-678")
        )
        view = create_binding(order, ports).view

        def dial(caller: str, digits: str, call_id: str) -> None:
            call = InboundCall(call_id, read_caller(caller), read_dialled(X), digits)
            route_call(Webhook("pbx_1", f"w-{next(ids)}", call), ports)

        dial(COURIER, view.masked_number.extension, "c-1")
        report_call(CallReport("pbx_1", "c-1", X, Outcome.BUSY), ports)
        dial(COURIER, view.masked_number.extension, "c-2")
        dial(GUESSER, "1", "c-3")
    return str(view.id)


def ids_of(result) -> list[str]:
    return [each["pbx_call_id"] for each in result["data"]]


def test_the_calls_of_a_tenant_and_the_unbound_ones(result_of, binding_id):
    listed = result_of("calls", "list", "--tenant", "店")
    assert (ids_of(listed), listed["more"]) == (["c-2", "c-1"], False)
    unbound = result_of("calls", "list", "--unbound")
    assert ids_of(unbound) == ["c-3"]
    assert unbound["data"][0]["binding_id"] is None
    group = listed["data"][0]["group"]
    for named, found in (
        (["--binding", binding_id], ["c-2", "c-1"]),
        (["--group", group], ["c-2", "c-1"]),
        (["--cause", "busy"], ["c-1"]),
        (["--outcome", "connecting", "--direction", "to_recipient"], ["c-2"]),
        (["--direction", "to_courier"], []),
        (["--number", "0900-000000"], ["c-2", "c-1"]),
        (["--number", "0900-000001"], []),
        (["--since", "2020-01-01T00:00:00+08:00", "--until", "2199-01-01T00:00:00Z"], ["c-2", "c-1"]),
        (["--until", "2020-01-01T00:00:00z"], []),
    ):
        assert ids_of(result_of("calls", "list", "--tenant", "店", *named)) == found, named
    assert ids_of(result_of("calls", "list", "--unbound", "--number", "0900-000000")) == ["c-3"]
    first = result_of("calls", "list", "--tenant", "店", "--limit", "1")
    assert (ids_of(first), first["more"]) == (["c-2"], True)


def test_the_list_for_people(run):
    told = run("calls", "list", "--tenant", "店", "--limit", "1")
    assert "0900-000000" in told.stdout
    assert "…321" in told.stdout
    assert "--until 20" in told.stderr
    assert "No call fits" in run("calls", "list", "--tenant", "店", "--cause", "unwanted").stderr


def test_one_call(run, result_of):
    call = result_of("calls", "list", "--unbound")["data"][0]
    shown = result_of("calls", "show", call["id"])
    assert {name: shown[name] for name in call} == call
    assert (shown["tenant_id"], shown["caller"]) == (None, {"last3": "333"})
    told = run("calls", "show", call["id"]).stdout
    assert "digits: keyed → extension: none" in told


def test_what_asterisk_reports_over_fastagi_is_in_the_record(result_of, binding_id):
    app = create_app(quiet(Settings.load()))
    entrance = entrance_of(app, recorded=False)
    call = InboundCall("a-1", read_caller(COURIER), read_dialled(X), None)
    entrance.route("pbx_1", "a-1:1", call)
    entrance.report("pbx_1", event_of("a-1", to=X, dialstatus="", cause="16", duration_s=""))
    close_app(app)
    call = result_of("calls", "list", "--unbound")["data"][0]
    assert (call["pbx_call_id"], call["outcome"], call["cause"], call["ended_by"]) == (
        "a-1",
        "canceled",
        "caller_canceled",
        "caller",
    )


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_an_export_to_a_file_and_to_standard_output_is_the_same(run, result_of, tmp_path, form):
    file = tmp_path / "calls.out"
    file.write_text("what stood there before")
    summary = result_of("calls", "export", "--tenant", "店", "--format", form, "--output", str(file))
    assert summary == {"calls": 2, "format": form, "file": str(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".calls*")) == []
    told = run("calls", "export", "--tenant", "店", "--format", form)
    assert told.stdout_bytes == file.read_bytes()
    assert told.stderr == "2 calls.\n"
    text = file.read_text("utf-8")
    rows = (
        list(csv.DictReader(io.StringIO(text))) if form == "csv" else [json.loads(each) for each in text.splitlines()]
    )
    assert [row["pbx_call_id"] for row in rows] == ["c-2", "c-1"]


def test_an_export_for_excel_and_one_of_nothing(run):
    assert run("calls", "export", "--unbound", "--bom").stdout_bytes.startswith(b'\xef\xbb\xbf"id"')
    nothing = run("calls", "export", "--unbound", "--cause", "unwanted")
    assert nothing.stdout_bytes == (",".join(f'"{each}"' for each in COLUMNS) + "\r\n").encode()


def test_no_number_but_three_digits_is_told(run):
    shown = [run("calls", "list", whose, *more, "--json") for whose, *more in (("--tenant", "店"), ("--unbound",))]
    shown += [run("calls", "list", whose, *more) for whose, *more in (("--tenant", "店"), ("--unbound",))]
    shown += [run("calls", "export", whose, *more) for whose, *more in (("--tenant", "店"), ("--unbound",))]
    for told in shown:
        assert told.exit_code == 0, told.output
        for number in (COURIER, GUESSER, "+886912345678"):
            assert number[4:-3] not in told.output


def test_a_file_that_cannot_be_written_whole_is_not_there(refused, tmp_path, home):
    kept = tmp_path / "kept.csv"
    kept.write_text("as it was")
    assert "Cannot write" in refused("calls", "export", "--unbound", "--output", str(tmp_path / "none" / "calls.csv"))
    refused("calls", "export", "--tenant", "nobody", "--output", str(kept))
    (home / "maskservice.db").write_bytes(b"no database at all, but a text that is long enough to be read as one")
    refused("calls", "export", "--unbound", "--output", str(kept))
    assert kept.read_text() == "as it was"
    assert {each.name for each in tmp_path.iterdir()} == {"home", "kept.csv"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list"], 2, "--unbound"),
        (["list", "--tenant", "店", "--unbound"], 2, "--unbound"),
        (["export"], 2, "--tenant NAME"),
        (["list", "--tenant", "nobody"], 1, "maskservice tenant list"),
        (["list", "--unbound", "--since", "2026-11-24"], 2, "with its offset"),
        (["list", "--unbound", "--until", "0912345678"], 2, "with its offset"),
        (["list", "--unbound", "--since", "0001-01-01T00:00:00+08:00"], 2, "with its offset"),
        (["list", "--tenant", "店", "--binding", "0912345678"], 2, "an id as the service printed it"),
        (["list", "--tenant", "店", "--group", "0912345678"], 2, "an id as the service printed it"),
        (["list", "--unbound", "--number", "0912345678#12"], 2, "write a virtual number"),
        (["show", "0912345678"], 2, "an id as the service printed it"),
        (["show", "call_069iu6js01tjp6iu9knooodns0001jjvbg2g0"], 1, "maskservice calls list"),
        (["export", "--unbound", "--json"], 2, "--output FILE"),
    ],
)
def test_refusals(refused, arguments, code, said):
    message = refused("calls", *arguments, code=code)
    assert said in " ".join(message.split())
    assert "912345678" not in message


def test_an_attempt_without_a_binding_takes_no_binding_s_filter(refused, binding_id):
    assert "--binding" in refused("calls", "list", "--unbound", "--binding", binding_id, code=2)
