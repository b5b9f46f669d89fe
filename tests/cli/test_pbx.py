"""``pbx``: secrets shown once, two valid during a rotation, and the file for the simulated PBX."""

from __future__ import annotations

import json
import stat

import pytest


@pytest.fixture(autouse=True)
def _home(home):
    return home


def test_create(result_of):
    made = result_of("pbx", "create", "taipei-1")
    assert set(made) == {"pbx_id", "secret", "secret_id", "name", "dialect", "calls_path", "events_path"}
    assert made["secret"].startswith("whsec_")
    assert made["calls_path"] == f"/v1/pbx/{made['pbx_id']}/calls"
    assert made["dialect"] == "native"


def test_rotation_and_revocation(result_of):
    first = result_of("pbx", "create", "taipei-1")
    second = result_of("pbx", "rotate", "taipei-1")
    assert second["secret"] != first["secret"]

    def valid() -> set[str]:
        (row,) = result_of("pbx", "list")["data"]
        return {each["secret_id"] for each in row["secrets"]}

    assert valid() == {first["secret_id"], second["secret_id"]}
    third = result_of("pbx", "rotate", "taipei-1")
    assert valid() == {second["secret_id"], third["secret_id"]}
    result_of("pbx", "revoke-secret", second["secret_id"])
    assert valid() == {third["secret_id"]}
    assert result_of("pbx", "revoke", "taipei-1") == {"name": "taipei-1", "revoked": True}
    (row,) = result_of("pbx", "list")["data"]
    assert row["revoked_at"] is not None


def test_the_list_shows_no_secret(run, result_of):
    made = result_of("pbx", "create", "taipei-1")
    for extra in ([], ["--json"]):
        listed = run("pbx", "list", *extra).output
        assert made["pbx_id"] in listed
        assert made["secret"] not in listed


def test_for_people(run):
    done = run("pbx", "create", "taipei-1")
    assert "whsec_" in done.stdout
    assert "shown this once" in done.stderr


def test_for_the_simulator(result_of, home):
    path = home / "simulator.json"
    made = result_of("pbx", "create", "simulated", "--for-simulator")
    assert json.loads(path.read_text()) == {"pbx_id": made["pbx_id"], "secret": made["secret"], "url": None}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    again = result_of("pbx", "rotate", "simulated", "--for-simulator")
    assert json.loads(path.read_text())["secret"] == again["secret"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in home.iterdir() if ".new" in each.name] == []


def test_refusals(refused, run):
    run("pbx", "create", "taipei-1")
    assert "maskservice pbx rotate" in refused("pbx", "create", "taipei-1")
    assert "maskservice pbx list" in refused("pbx", "rotate", "nowhere")
    assert "maskservice pbx list" in refused("pbx", "revoke", "nowhere")
    assert "maskservice pbx list" in refused("pbx", "revoke-secret", "sec_nothing")
    assert "is not" in refused("pbx", "create", "p", "--dialect", "martian", code=2)
