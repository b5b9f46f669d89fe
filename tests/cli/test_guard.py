"""``pool guard`` and ``numbers rekey``: thresholds that are told, a list that platforms can read."""

from __future__ import annotations

import csv

import pytest

from maskservice.app import create_app
from maskservice.domain.phone import read_phone
from maskservice.services import tenants
from maskservice.services.bindings import CreateBinding, create_binding
from maskservice.settings import Settings


@pytest.fixture(autouse=True)
def _home(home):
    return home


@pytest.fixture
def bound(run, monkeypatch):
    """Three orders on one number."""
    run("tenant", "create", "店")
    run("numbers", "import", "0900-000000", "--pool", "default")
    app = create_app(Settings.load())
    with app.app_context():
        ports = app.extensions["maskservice"].ports
        tenant = tenants.list_tenants(ports)[0]
        views = [
            create_binding(CreateBinding(tenant, str(place), "陳小美", read_phone("0912345678")), ports).view
            for place in range(3)
        ]
    app.extensions["maskservice.database"].dispose()
    return views


def test_the_guard_is_shown_with_what_it_leaves_to_a_stranger(result_of, run):
    shown = result_of("pool", "guard", "default")
    assert (shown["caller_tries"], shown["window_minutes"], shown["first_block_minutes"]) == (10, 60, 15)
    assert shown["chance_before_the_first_block"] == pytest.approx(1 - 0.9**10)
    assert "65.1" in run("pool", "guard", "default").stdout


def test_thresholds_are_changed_and_put_back(result_of):
    changed = result_of("pool", "guard", "default", "--caller-tries", "3", "--window", "30")
    assert (changed["caller_tries"], changed["window_minutes"]) == (3, 30)
    assert result_of("pool", "guard", "default") == changed
    assert result_of("pool", "guard", "default", "--number-tries", "50")["caller_tries"] == 3
    assert result_of("pool", "guard", "default", "--defaults")["caller_tries"] == 10


@pytest.mark.parametrize(
    "arguments",
    [("nowhere",), ("default", "--first-block", "60", "--longest-block", "15"), ("default", "--window", "0")],
)
def test_a_guard_that_cannot_be_is_refused(run, arguments):
    done = run("pool", "guard", *arguments)
    assert done.exit_code in (1, 2)
    assert "Traceback" not in done.output


def test_rekey_writes_old_and_new_for_the_platforms(bound, run, tmp_path):
    target = tmp_path / "rekeyed.csv"
    run("numbers", "rekey", "0900-000000", "--output", str(target))
    with target.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["old"] for row in rows] == [view.masked_number.written for view in bound]
    assert {row["order_id"]: row["old"] for row in rows} == {
        str(place): view.masked_number.written for place, view in enumerate(bound)
    }
    assert not {row["new"] for row in rows} & {row["old"] for row in rows}


def test_rekey_as_json_and_on_standard_output(bound, result_of, run):
    assert result_of("numbers", "rekey", "0900000000")["rekeyed"] == 3
    assert run("numbers", "rekey", "0900-000000").stdout.splitlines()[0] == "tenant_id,order_id,binding_id,old,new"


@pytest.mark.parametrize("number", ["0900-000009", "0900-000000#5678", "x"])
def test_rekey_of_no_number_of_ours_is_refused(run, number):
    done = run("numbers", "rekey", number)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
