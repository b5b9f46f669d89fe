"""``db distribute``: what it says, and that it says that nobody has seen it on a cluster."""

from __future__ import annotations

import json

from maskservice.storage.db import Database
from tests.databases import opened
from tests.storage.test_distribution import said, stand_in


def test_sqlite_is_refused_with_what_to_do(home, refused):
    assert "MASKSERVICE_DATABASE_URL" in refused("db", "distribute")


def test_a_dry_run_tells_the_plan_and_that_it_was_never_verified(postgres_url, monkeypatch, run):
    monkeypatch.setenv("MASKSERVICE_DATABASE_URL", postgres_url)
    done = run("db", "distribute", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "webhook_receipts" in done.stdout
    assert "would be placed" in done.stdout
    assert "not verified on a real cluster" in done.output
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
        assert (result["citus"], result["workers"], result["verified_on_a_cluster"]) == ("12.1-1", 2, False)
        assert [each["table"] for each in result["tables"]] == [name for name, _ in said(database)]
        assert {each["state"] for each in result["tables"]} == {"placed"}
        again = run("db", "distribute")
    assert "was placed already" in again.stdout


def test_the_help_says_it_too(run):
    text = " ".join(run("db", "distribute", "--help").stdout.split())
    assert "not verified on a real cluster" in text
