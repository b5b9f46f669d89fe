"""``init``: what it makes, and that it can be run again."""

from __future__ import annotations

import stat


def test_from_nothing_and_again(result_of, run, tmp_path):
    home = tmp_path / "home"
    first = result_of("init")
    assert first == {
        "database": f"sqlite+pysqlite:///{home / 'maskservice.db'}",
        "migrated": True,
        "keyring": str(home / "keyring.json"),
        "keyring_created": True,
        "pool": "default",
    }
    assert stat.S_IMODE((home / "keyring.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    ring = (home / "keyring.json").read_bytes()
    assert result_of("init") == {**first, "migrated": False, "keyring_created": False}
    assert (home / "keyring.json").read_bytes() == ring
    assert [each["name"] for each in result_of("pool", "list")["data"]] == ["default"]


def test_for_people(run):
    done = run("init")
    assert "(created)" in done.stdout
    assert "Keep a copy of the key ring" in done.stderr
    assert "Keep a copy" not in run("init").stderr


def test_a_key_ring_open_to_others_is_refused(refused, home):
    (home / "keyring.json").chmod(0o644)
    assert "chmod 600" in refused("init")
