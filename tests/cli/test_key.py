"""``key``: created, listed without the key, revoked."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _tenant(home, run):
    assert run("tenant", "create", "店").exit_code == 0


def test_life_of_a_key(result_of, run):
    made = result_of("key", "create", "店", "--scope", "labels:read", "--label", "標籤機")
    assert set(made) == {
        "key_id",
        "tenant_id",
        "label",
        "hint",
        "scopes",
        "created_at",
        "revoked_at",
        "api_key",
    }
    assert (made["label"], made["scopes"], made["revoked_at"]) == ("標籤機", ["labels:read"], None)
    listed = run("key", "list", "店", "--json")
    assert made["key_id"] in listed.stdout
    assert made["api_key"] not in listed.stdout
    assert result_of("key", "revoke", made["key_id"]) == {"key_id": made["key_id"], "revoked": True}
    states = {each["key_id"]: each["revoked_at"] is not None for each in result_of("key", "list", "店")["data"]}
    assert states[made["key_id"]] is True
    assert sorted(states.values()) == [False, True]


def test_for_people(run):
    done = run("key", "create", "店")
    assert "msk_" in done.stdout
    assert "shown this once" in done.stderr
    table = run("key", "list", "店").stdout
    assert "valid" in table
    assert "all" in table


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("create", "nobody"), 1, "maskservice tenant list"),
        (("list", "nobody"), 1, "maskservice tenant list"),
        (("revoke", "key_nothing"), 1, "maskservice key list"),
        (("create", "店", "--label", "x" * 61), 2, "60"),
        (("create", "店", "--label", "a\nb"), 2, "printable"),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else None,
)
def test_refusals(refused, arguments, code, said):
    assert said in refused("key", *arguments, code=code)
