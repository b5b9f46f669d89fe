"""``pbx``: secrets shown once, two valid during a rotation, and the file for the simulated PBX."""

from __future__ import annotations

import json
import re
import stat

import pytest

from maskservice.telephony import DIALECTS


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
    assert "leave --secret-from out" in refused("pbx", "create", "p", "--secret-from", "-", code=2)
    assert "leave --dialect" in refused("pbx", "create", "p", "--dialect", "plivo", "--for-simulator", code=2)
    assert "maskservice pbx list" in refused("pbx", "setup", "nowhere")


TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC_KEY = "A" * 43 + "="
PROVIDERS = sorted(name for name, dialect in DIALECTS.items() if not dialect.secret_form.ours)


def token_of(dialect: str) -> str:
    return PUBLIC_KEY if dialect == "telnyx" else TOKEN


@pytest.mark.parametrize("dialect", PROVIDERS)
def test_a_provider_s_pbx_is_created_with_its_secret_and_told_what_to_configure(run, monkeypatch, dialect):
    monkeypatch.setenv("MASKSERVICE_PUBLIC_URL", "https://mask.example.com/")
    done = run("pbx", "create", "cloud", "--dialect", dialect, typed=f" {token_of(dialect)}\n")
    assert done.exit_code == 0, done.output
    form = DIALECTS[dialect].secret_form
    assert f"{form.name} ({form.found_at})" in done.stderr
    (pbx_id,) = set(re.findall(r"pbx_[0-9a-v]{26}", done.stdout))
    for what in ("calls", "events"):
        assert f"https://mask.example.com/v1/pbx/{pbx_id}/{what}" in done.stdout
    assert token_of(dialect) not in done.output
    assert "shown this once" not in done.stderr
    assert "Warning" not in done.stderr
    again = run("pbx", "setup", "cloud").stdout
    assert again.strip()
    assert again in done.stdout


def test_a_freeswitch_is_told_what_to_paste_with_the_secret_once(run, monkeypatch):
    monkeypatch.setenv("MASKSERVICE_PUBLIC_URL", "https://mask.example.com/")
    done = run("pbx", "create", "fs-1", "--dialect", "freeswitch")
    assert done.exit_code == 0, done.output
    (pbx_id,) = set(re.findall(r"pbx_[0-9a-v]{26}", done.stdout))
    (credentials,) = re.findall(r'name="gateway-credentials" value="([^"]+)"', done.stdout)
    (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", done.stdout))
    assert credentials == f"{pbx_id}:{secret}"
    assert f"https://mask.example.com/v1/pbx/{pbx_id}/calls" in done.stdout
    assert "shown this once" in done.stderr
    again = run("pbx", "setup", "fs-1").stdout
    assert "whsec_" not in again
    assert '<extension name="connect">' in again


def test_a_provider_s_secret_may_come_from_a_file_or_standard_input(run, result_of, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    made = result_of("pbx", "create", "cloud", "--dialect", "twilio", "--secret-from", str(file))
    assert set(made) == {"pbx_id", "secret_id", "name", "dialect", "calls_path", "events_path"}
    second = result_of("pbx", "rotate", "cloud", "--secret-from", "-", typed=TOKEN[::-1])
    (row,) = result_of("pbx", "list")["data"]
    assert row["dialect"] == "twilio"
    assert {each["secret_id"] for each in row["secrets"]} == {made["secret_id"], second["secret_id"]}
    assert "twilio" in run("pbx", "list").stdout


@pytest.mark.parametrize("typed", ["short\n", "two words that are long enough\n", "\xe9" * 20 + "\n", ""])
def test_a_secret_that_cannot_be_one_is_refused_without_repeating_it(run, typed):
    done = run("pbx", "create", "cloud", "--dialect", "plivo", "--secret-from", "-", typed=typed)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "Auth Token of Plivo Console" in done.stderr
    assert not typed.strip() or typed.strip() not in done.stderr
    assert "no PBX yet" in run("pbx", "list").stderr


def test_a_secret_is_never_an_argument(run):
    assert run("pbx", "create", "cloud", TOKEN, "--dialect", "twilio").exit_code == 2
    misplaced = run("pbx", "create", "cloud", "--dialect", "twilio", "--secret-from", TOKEN)
    assert misplaced.exit_code == 2
    assert TOKEN not in misplaced.output
    assert "no PBX yet" in run("pbx", "list").stderr


def test_an_address_that_no_provider_reaches_is_warned_of(run):
    done = run("pbx", "create", "cloud", "--dialect", "twilio", typed=TOKEN + "\n")
    assert "MASKSERVICE_PUBLIC_URL" in done.stderr
    assert "MASKSERVICE_PUBLIC_URL" in run("pbx", "setup", "cloud").stderr
    assert "MASKSERVICE_PUBLIC_URL" not in run("pbx", "create", "native").stderr


def test_set_up_again_holds_no_secret(run, result_of):
    made = result_of("pbx", "create", "taipei-1")
    for extra in ([], ["--json"]):
        again = run("pbx", "setup", "taipei-1", *extra)
        assert made["secret"] not in again.output
        assert made["pbx_id"] in again.stdout
    assert result_of("pbx", "setup", "taipei-1")["dialect"] == "native"


@pytest.mark.parametrize(
    "url",
    [
        "mask.example.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?a=1",
        "https://x#y",
        "https://x y",
        "https://x/\n",
    ],
)
def test_a_public_url_that_can_be_read_in_two_ways_is_refused(refused, monkeypatch, url):
    monkeypatch.setenv("MASKSERVICE_PUBLIC_URL", url)
    assert "MASKSERVICE_PUBLIC_URL: write it as https://" in refused("pbx", "list")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "https://mask.example.com", "https://x.tw/mask", "https://[::1]:8443"]
)
def test_a_plain_public_url_is_taken(run, monkeypatch, url):
    monkeypatch.setenv("MASKSERVICE_PUBLIC_URL", url)
    assert f"POST {url}/v1/pbx/" in run("pbx", "create", "taipei-1").stdout


SOUNDS = "https://sounds.example.com/mask"


def test_a_provider_s_recordings_are_named_and_taken_back(run, result_of, refused):
    made = run(
        "pbx", "create", "cloud", "--dialect", "twilio", "--secret-from", "-", "--recordings", SOUNDS + "/", typed=TOKEN
    )
    assert made.exit_code == 0, made.output

    def kept() -> str | None:
        (row,) = result_of("pbx", "list")["data"]
        return row["recordings"]

    assert kept() == SOUNDS
    assert result_of("pbx", "change", "cloud", "--spoken")["recordings"] is None
    assert kept() is None
    assert SOUNDS in run("pbx", "change", "cloud", "--recordings", SOUNDS).output
    assert kept() == SOUNDS
    for wrong in ("ftp://x/y", "https://u:p@x/y", "https://x/y?z", "https://x/<Play>", "x" * 300, "https://"):
        assert "like https://sounds" in refused("pbx", "change", "cloud", "--recordings", wrong)
    assert kept() == SOUNDS
    assert "maskservice pbx list" in refused("pbx", "change", "nowhere", "--spoken")
    assert "either" in refused("pbx", "change", "cloud", code=2)
    assert "either" in refused("pbx", "change", "cloud", "--spoken", "--recordings", SOUNDS, code=2)


@pytest.mark.parametrize("dialect", ["native", "asterisk", "freeswitch", "kamailio"])
def test_a_pbx_that_plays_its_own_files_is_given_no_address(refused, dialect):
    said = refused("pbx", "create", "own", "--dialect", dialect, "--recordings", SOUNDS, code=2)
    assert "maskservice prompts" in said
