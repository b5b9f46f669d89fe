"""``db distribute``: what it says, and on what it says that it was seen to work."""

from __future__ import annotations

import json

from maskservice.storage.db import Database
from tests.databases import opened
from tests.storage.test_distribution import said, stand_in


def test_sqlite_is_refused_with_what_to_do(home, refused):
    assert "MASKSERVICE_DATABASE_URL" in refused("db", "distribute")


def test_a_dry_run_tells_the_plan_and_what_it_was_verified_on(postgres_url, monkeypatch, run):
    monkeypatch.setenv("MASKSERVICE_DATABASE_URL", postgres_url)
    done = run("db", "distribute", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "webhook_receipts" in done.stdout
    assert "would be placed" in done.stdout
    assert "verified on Citus 12.1.12" in done.output
    assert "no CI runs it" in done.output
    assert "The extension citus is not in this database" in done.output


def test_without_the_extension_it_is_refused(postgres_url, monkeypatch, refused):
    monkeypatch.setenv("MASKSERVICE_DATABASE_URL", postgres_url)
    assert "CREATE EXTENSION citus" in refused("db", "distribute")


def test_it_says_what_it_did(postgres_url, monkeypatch, run):
    monkeypatch.setenv("MASKSERVICE_DATABASE_URL", postgres_url)
    database: Database
    with opened(postgres_url) as database:
        stand_in(database)
        done = run("db", "distribute", "--json")
        assert done.exit_code == 0, done.output
        result = json.loads(done.stdout)
        assert (result["citus"], result["workers"]) == ("12.1-1", 2)
        assert result["verified_on"].endswith("by hand")
        assert [each["table"] for each in result["tables"]] == [name for name, _ in said(database)]
        assert {each["state"] for each in result["tables"]} == {"placed"}
        again = run("db", "distribute")
    assert "was placed already" in again.stdout


def test_the_help_says_it_too(run):
    text = " ".join(run("db", "distribute", "--help").stdout.split())
    assert "Verified on Citus 12.1.12" in text
    assert "not in CI" in text
