"""The command line as a whole: help of everything, and refusals that are never tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import maskservice
from maskservice.cli import main
from maskservice.cli.output import percent
from maskservice.cli.refusals import said
from maskservice.domain.errors import FieldError, InvalidContent, MaskServiceError, NameTaken


def walk(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            found += walk(each, (*path, name))
    return found


PATHS = walk(main)


def command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


def test_the_contract_s_commands_are_there():
    for path in (
        "demo",
        "init",
        "tenant create",
        "pool create",
        "numbers import",
        "pbx create",
        "serve",
        "worker",
        "call",
        "key create",
        "key list",
        "key revoke",
        "keys list",
        "keys add",
        "keys promote",
        "pbx rotate",
        "pbx revoke",
    ):
        assert tuple(path.split()) in PATHS


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_needs_no_database_and_shows_examples(path, tmp_path):
    home = tmp_path / "home"
    done = CliRunner().invoke(main, [*path, "--help"])
    assert done.exit_code == 0
    assert "Examples:\n" in done.stdout
    assert "maskservice " in done.stdout.split("Examples:")[1]
    assert not home.exists()


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_option_is_explained(path):
    for parameter in command_at(path).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts}"


NO_RESULT = {("demo",), ("serve",), ("agi",)}


@pytest.mark.parametrize("path", [path for path in PATHS if path not in NO_RESULT], ids=" ".join)
def test_what_prints_a_result_takes_json(path):
    command = command_at(path)
    if not isinstance(command, click.Group):
        assert any("--json" in each.opts for each in command.params)


def test_module_and_version():
    done = subprocess.run([sys.executable, "-m", "maskservice", "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert maskservice.__version__ in done.stdout


NEEDING_A_DATABASE = [
    ("tenant", "list"),
    ("tenant", "create", "店"),
    ("tenant", "change", "店", "--grace-hours", "1"),
    ("key", "list", "店"),
    ("key", "create", "店"),
    ("key", "revoke", "key_x"),
    ("pool", "list"),
    ("pool", "create", "p"),
    ("pool", "share", "p", "--tenant", "店"),
    ("numbers", "list", "--pool", "default"),
    ("numbers", "import", "0900-000000", "--pool", "default"),
    ("pbx", "list"),
    ("pbx", "create", "p"),
    ("pbx", "rotate", "p"),
    ("pbx", "revoke", "p"),
    ("pbx", "revoke-secret", "sec_x"),
    ("worker", "--once"),
]


@pytest.mark.parametrize("arguments", NEEDING_A_DATABASE, ids=" ".join)
def test_without_a_key_ring_the_command_that_makes_one_is_named(arguments, refused):
    assert "maskservice init" in refused(*arguments)


@pytest.mark.parametrize("arguments", NEEDING_A_DATABASE, ids=" ".join)
def test_without_tables_the_command_that_makes_them_is_named(arguments, refused, home):
    for each in home.glob("maskservice.db*"):
        each.unlink()
    assert "maskservice init" in refused(*arguments)


@pytest.mark.parametrize("arguments", NEEDING_A_DATABASE, ids=" ".join)
def test_with_another_key_ring_the_missing_key_is_named(arguments, refused, home, tmp_path, monkeypatch, run):
    key_ids = [each["id"] for each in json.loads((home / "keyring.json").read_text())["keys"]]
    monkeypatch.setenv("MASKSERVICE_HOME", str(tmp_path / "other"))
    assert run("init").exit_code == 0
    monkeypatch.setenv("MASKSERVICE_HOME", str(home))
    monkeypatch.setenv("MASKSERVICE_KEYRING", str(tmp_path / "other" / "keyring.json"))
    message = refused(*arguments)
    for key_id in key_ids:
        assert key_id in message


@pytest.mark.parametrize(
    "arguments", [*NEEDING_A_DATABASE, ("init",), ("serve",), ("demo",), ("keys", "list")], ids=" ".join
)
def test_settings_that_cannot_be_used_are_told_all_at_once(arguments, refused, monkeypatch):
    monkeypatch.setenv("MASKSERVICE_THREADS", "many")
    monkeypatch.setenv("MASKSERVICE_COLOUR", "geheim")
    message = refused(*arguments)
    assert "MASKSERVICE_THREADS" in message
    assert "MASKSERVICE_COLOUR" in message
    assert "many" not in message
    assert "geheim" not in message


@pytest.mark.parametrize("url", ["mysql://u:geheim@host/db", "sqlite://", "geheim"])
@pytest.mark.parametrize("arguments", [("init",), ("tenant", "list"), ("serve",)], ids=" ".join)
def test_a_database_address_of_no_use(arguments, url, refused, home, monkeypatch):
    monkeypatch.setenv("MASKSERVICE_DATABASE_URL", url)
    message = refused(*arguments)
    assert "MASKSERVICE_DATABASE_URL" in message
    assert "geheim" not in message


def test_a_database_that_is_down(refused, home, monkeypatch):
    monkeypatch.setenv("MASKSERVICE_DATABASE_URL", "postgresql://u:geheim@127.0.0.1:1/db")
    message = refused("tenant", "list")
    assert "MASKSERVICE_DATABASE_URL" in message
    assert "geheim" not in message


def test_a_home_that_cannot_be_made(refused, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MASKSERVICE_HOME", str(tmp_path / "file" / "home"))
    assert "exists and is yours" in refused("init")


def test_a_reader_that_is_gone_is_no_error(home):
    line = f"{sys.executable} -m maskservice --help | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, env=dict(os.environ))
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (InvalidContent((FieldError("/care_line", "x", "No."),)), "care line: No."),
        (InvalidContent((FieldError("/a", "x", "No."), FieldError("/b/c", "x", "Nor."))), "  a: No.\n  b c: Nor."),
        (NameTaken("There is one."), "There is one. Choose another name"),
        (MaskServiceError(), "Internal error."),
    ],
    ids=["one field", "several", "next step", "no detail"],
)
def test_a_refusal_in_words(refusal, text):
    assert text in said(refusal)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.1, "10 %"), (0.271, "27.1 %"), (0.000001, "0.0001 %"), (1.0, "100 %"), (0.99999, "over 99.9 %"), (0, "0 %")],
)
def test_shares_are_not_rounded_to_nothing_or_all(share, text):
    assert percent(share) == text


def test_the_package_s_files_are_small():
    folder = Path(main.callback.__code__.co_filename).parent if main.callback else Path()
    for each in folder.rglob("*.py"):
        assert len(each.read_text("utf-8").splitlines()) < 300, each
