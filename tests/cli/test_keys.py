"""``keys``: rotation in two steps, ids only."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(autouse=True)
def _home(home):
    return home


def test_list_shows_ids_and_no_key(run, result_of, home):
    held = json.loads((home / "keyring.json").read_text())["keys"]
    rows = result_of("keys", "list")["data"]
    assert [each["id"] for each in rows] == [each["id"] for each in held]
    assert [each["primary"] for each in rows] == [True, False, False]
    for extra in ([], ["--json"]):
        printed = run("keys", "list", *extra).output
        for key in held:
            assert key["id"] in printed
            assert key["key"] not in printed


def test_rotation(result_of, run, home):
    tenant = result_of("tenant", "create", "店", "--care-line", "02-2345-6789")["tenant_id"]
    added = run("keys", "add", "--json")
    new = json.loads(added.stdout)
    assert new["primary"] is False
    assert "restart every server" in added.stderr
    assert f"maskservice keys promote {new['id']}" in added.stderr
    assert [each["id"] for each in result_of("keys", "list")["data"] if each["primary"]] != [new["id"]]
    promoted = run("keys", "promote", new["id"], "--json")
    assert json.loads(promoted.stdout)["id"] == new["id"]
    assert "Restart every server" in promoted.stderr
    assert [each["id"] for each in result_of("keys", "list")["data"] if each["primary"]] == [new["id"]]
    # The old key stays: what was written with it opens, and the database knows both.
    assert result_of("tenant", "list")["data"][0]["tenant_id"] == tenant
    for key in json.loads((home / "keyring.json").read_text())["keys"]:
        assert key["key"] not in added.output + promoted.output


def test_promote_refuses_what_is_no_wrapping_key(refused, home):
    for entry in json.loads((home / "keyring.json").read_text())["keys"][1:]:
        assert "maskservice keys list" in refused("keys", "promote", entry["id"])
    message = refused("keys", "promote", "c2VjcmV0LWtleS1ieS1taXN0YWtl")
    assert "c2VjcmV0" not in message


@pytest.mark.parametrize("source", ["mounted:{path}", "env:{text}", "{text}"])
def test_a_ring_that_is_no_file_of_ours_is_not_written(source, refused, home, monkeypatch):
    path = home / "keyring.json"
    text = path.read_text()
    monkeypatch.setenv("MASKSERVICE_KEYRING", source.format(path=path, text=text))
    message = refused("keys", "add")
    assert "MASKSERVICE_KEYRING" in message
    assert path.read_text() == text
    assert json.loads(text)["keys"][0]["key"] not in message


def test_no_ring(refused, home):
    (home / "keyring.json").unlink()
    for arguments in (("list",), ("add",), ("promote", "kek-x")):
        assert "maskservice init" in refused("keys", *arguments)
