"""``tenant`` and ``key``: shapes, policies, and secrets shown once."""

from __future__ import annotations

import pytest

TENANT_KEYS = {
    "tenant_id",
    "name",
    "created_at",
    "grace_hours",
    "max_life_days",
    "contact_hours",
    "countries",
    "mask",
    "latin_mask",
    "care_line",
}


@pytest.fixture(autouse=True)
def _home(home):
    return home


def test_create(result_of):
    made = result_of("tenant", "create", "示範商店")
    assert set(made) == TENANT_KEYS | {"key_id", "api_key", "scopes", "pools"}
    assert made["tenant_id"].startswith("ten_")
    assert made["api_key"].startswith("msk_")
    assert made["scopes"] == sorted(
        [
            "bindings:write", "bindings:read", "labels:read", "resolutions:read", "calls:read", "calls:write",
            "couriers:read", "couriers:write", "settings:read", "settings:write", "hooks:read", "hooks:write",
        ]
    )  # fmt: skip
    assert (made["grace_hours"], made["max_life_days"], made["mask"], made["care_line"]) == (72, 60, "O", False)


def test_create_for_people_says_that_the_key_is_shown_once(run):
    done = run("tenant", "create", "示範商店")
    assert done.exit_code == 0
    assert "msk_" in done.stdout
    assert "shown this once" in done.stderr


def test_create_with_everything(result_of, run):
    assert run("pool", "create", "parcels").exit_code == 0
    made = result_of(
        "tenant",
        "create",
        "店",
        "--pool",
        "parcels",
        "--scope",
        "labels:read",
        "--care-line",
        "02-2345-6789",
        "--country",
        "hk",
        "--grace-hours",
        "0",
        "--max-life-days",
        "90",
        "--contact-hours",
        "24",
        "--mask",
        "○",
        "--latin-mask",
        "#",
    )
    assert made["scopes"] == ["labels:read"]
    assert made["pools"] == ["parcels"]
    shown = {name: made[name] for name in TENANT_KEYS - {"tenant_id", "created_at"}}
    assert shown == {
        "name": "店",
        "grace_hours": 0,
        "max_life_days": 90,
        "contact_hours": 24,
        "countries": ["HK"],
        "mask": "○",
        "latin_mask": "#",
        "care_line": True,
    }
    assert result_of("pool", "list")["data"][1]["tenants"] == [made["tenant_id"]]


def test_masks_come_from_the_settings(result_of, monkeypatch):
    monkeypatch.setenv("MASKSERVICE_MASK", "Ｘ")
    assert result_of("tenant", "create", "店")["mask"] == "Ｘ"


def test_the_care_line_is_never_printed(run, result_of):
    done = run("tenant", "create", "店", "--care-line", "0912-345-678")
    listed = run("tenant", "list", "--json")
    for text in (done.output, listed.output):
        assert "345" not in text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("create", "店", "--care-line", "0912-345-67"), 1, "care line: The number has too few"),
        (("create", " "), 1, "name: A name has 1 to 60"),
        (("create", "店", "--pool", "nowhere"), 1, "maskservice pool create"),
        (("create", "店", "--country", "XX"), 2, "two letters"),
        (("create", "店", "--mask", "OO"), 2, "one visible character"),
        (("create", "店", "--mask", "\u0301"), 2, "one visible character"),
        (("create", "店", "--scope", "everything"), 2, "is not one of"),
        (("create", "店", "--grace-hours", "-1"), 2, "range"),
        (("change", "店", "--grace-hours", "1"), 1, "maskservice tenant list"),
        (("change", "店"), 2, "Name what is to change"),
        (("change", "店", "--care-line", "02-2345-6789", "--no-care-line"), 2, "not both"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else None,
)
def test_refusals(refused, arguments, code, said):
    message = refused("tenant", *arguments, code=code)
    assert said in message
    assert "345" not in message


def test_a_name_is_taken_once(run, refused):
    assert run("tenant", "create", "店").exit_code == 0
    assert "Choose another name" in refused("tenant", "create", "店")


def test_change_keeps_what_is_not_named(result_of):
    made = result_of("tenant", "create", "店", "--country", "HK", "--care-line", "02-2345-6789", "--mask", "○")
    after = result_of("tenant", "change", "店", "--grace-hours", "0")
    assert after == {**{name: made[name] for name in TENANT_KEYS}, "grace_hours": 0}
    after = result_of("tenant", "change", made["tenant_id"], "--no-care-line", "--no-countries")
    assert (after["care_line"], after["countries"], after["grace_hours"]) == (False, [], 0)
    assert result_of("tenant", "list") == {"data": [after]}


def test_list_for_people(run):
    assert "maskservice tenant create" in run("tenant", "list").stderr
    run("tenant", "create", "[red]店[/]")
    assert "[red]店[/]" in run("tenant", "list").stdout
