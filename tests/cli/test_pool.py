"""``pool``: the odds are told, and a dense pool is a choice that was typed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time

import pytest


@pytest.fixture(autouse=True)
def _home(home):
    return home


def test_create(result_of, run):
    run("tenant", "create", "店")
    made = result_of("pool", "create", "parcels", "--tenant", "店")
    odds = made.pop("odds")
    assert made.pop("pool_id").startswith("pool_")
    assert made == {
        "name": "parcels",
        "extension_length": 4,
        "dialled_length": 4,
        "density": 0.1,
        "ceiling_per_number": 1000,
        "check_digit": False,
        "quarantine_days": 30,
        "shared": False,
        "tenants": ["店"],
    }
    assert odds["one_guess"] == pytest.approx(0.1)
    # Without replacement: 1 - (9000/10000)(8999/9999)(8998/9998)
    assert odds["three_guesses"] == pytest.approx(1 - 0.9 * (8999 / 9999) * (8998 / 9998))


def test_create_with_everything(result_of):
    made = result_of(
        "pool",
        "create",
        "p",
        "--extension-length",
        "6",
        "--density",
        "2.5%",
        "--check-digit",
        "--quarantine",
        "0",
        "--shared",
    )
    assert (made["dialled_length"], made["ceiling_per_number"], made["quarantine_days"], made["shared"]) == (
        7,
        25000,
        0,
        True,
    )


def test_the_odds_are_told_to_people(run):
    done = run("pool", "create", "p", "--shared")
    assert "1000 extensions a number (10 %)" in done.stdout
    assert "chance of 10 %" in done.stdout
    assert "27.1 %" in done.stdout
    assert "Warning" not in done.stderr


def test_a_pool_nobody_may_use_says_so(run):
    assert "maskservice pool share" in run("pool", "create", "p").stderr


def test_a_dense_pool_is_warned_of(run):
    done = run("pool", "create", "p", "--density", "0.3", "--shared")
    assert done.exit_code == 0
    assert "Warning" in done.stderr
    assert "30 %" in done.stderr
    assert "65.7 %" in done.stderr
    assert "instead of 27.1 %" in done.stderr


@pytest.mark.parametrize(
    ("density", "said"),
    [
        ("0", "above 0"),
        ("-1", "above 0"),
        ("1.01", "at most 1"),
        ("many", "0.1 or 10%"),
        ("nan", "above 0"),
        ("101%", "at most 1"),
    ],
)
def test_densities_of_no_use(refused, density, said):
    assert said in refused("pool", "create", "p", "--density", density, code=2)


def test_other_refusals(refused, run):
    assert "at least one extension" in refused("pool", "create", "p", "--density", "0.00001")
    assert "maskservice tenant list" in refused("pool", "create", "p", "--tenant", "nobody")
    assert "Choose another name" in refused("pool", "create", "default")
    assert "range" in refused("pool", "create", "p", "--extension-length", "3", code=2)
    assert "maskservice pool list" in refused("pool", "share", "nowhere", "--tenant", "店")


def typed_at_a_terminal(arguments: list[str], typed: str) -> tuple[int, str]:
    """Runs the command at a pseudo-terminal; types once it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "maskservice", *arguments], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen, end = b"", time.monotonic() + 20
    while time.monotonic() < end:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        seen += chunk
        if typed and b"Type the density again" in seen:
            os.write(ours, typed.encode() + b"\n")
            typed = ""
    os.close(ours)
    return process.wait(20), seen.decode()


@pytest.mark.parametrize(("again", "code"), [("0.3", 0), ("30%", 0), ("0.2", 1)])
def test_at_a_terminal_a_high_density_is_typed_twice(again, code, result_of):
    done, seen = typed_at_a_terminal(["pool", "create", "dense", "--density", "30%", "--shared"], again)
    assert "Type the density again" in seen
    assert done == code, seen
    assert any(each["name"] == "dense" for each in result_of("pool", "list")["data"]) is (code == 0)


@pytest.mark.parametrize("extra", [["--density", "30%", "--yes"], ["--density", "10%"], []], ids=" ".join)
def test_at_a_terminal_nothing_is_asked_where_it_need_not(extra):
    done, seen = typed_at_a_terminal(["pool", "create", "p", "--shared", *extra], "")
    assert done == 0, seen
    assert "Type the density" not in seen


def test_list_and_share(result_of, run):
    run("pool", "create", "p")
    tenant = result_of("tenant", "create", "店")["tenant_id"]
    assert result_of("pool", "share", "p", "--tenant", "店") == {"name": "p", "admitted": ["店"]}
    run("numbers", "import", "0900-000000", "--pool", "p")
    rows = {each["name"]: each for each in result_of("pool", "list")["data"]}
    assert set(rows) == {"default", "p"}
    assert rows["p"].pop("pool_id").startswith("pool_")
    assert rows["p"] == {
        "name": "p",
        "extension_length": 4,
        "check_digit": False,
        "shared": False,
        "tenants": [tenant],
        "numbers": 1,
        "held": 0,
        "capacity": 1000,
        "density": 0.1,
        "low": False,
    }
    assert rows["default"]["low"] is True
    assert "LOW" in run("pool", "list").stdout
