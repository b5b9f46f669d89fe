"""``call``: against a running service, and what it says without credentials."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.cli.conftest import free_port

COURIER, RECIPIENT = "0987654321", "0912-345-678"


@pytest.fixture
def masked(start, home, run, result_of, monkeypatch) -> str:
    """A masked number of a service that runs."""
    bind = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("MASKSERVICE_BIND", bind)
    api_key = result_of("tenant", "create", "店")["api_key"]
    assert run("numbers", "import", "0900-000000", "--pool", "default").exit_code == 0
    assert run("pbx", "create", "simulated", "--for-simulator").exit_code == 0
    start("serve", MASKSERVICE_WORKERS="1").answers(f"http://{bind}")
    body = {"order_id": "TW-1", "recipient": {"name": "陳小美", "phone": RECIPIENT}}
    answer = httpx.post(
        f"http://{bind}/v1/bindings", json=body, headers={"authorization": f"Bearer {api_key}"}, trust_env=False
    )
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["masked_number"]
    return number


@pytest.mark.slow
def test_every_way_of_calling(masked, run, result_of, refused):
    virtual, _, extension = masked.partition("#")

    told = run("call", COURIER, masked, "--callback")
    assert told.exit_code == 0, told.output
    assert extension in told.stdout
    assert "請輸入包裹標籤上的分機號碼" in told.stdout
    assert told.stdout.count("neither saw the other's number") == 2
    assert "345" not in told.stdout

    first, back = result_of("call", COURIER, masked, "--callback")["calls"]
    assert [step.get("heard", step.get("pressed")) for step in first["steps"]] == ["enter_extension", f"{extension}#"]
    assert (first["ending"], first["called"]["phone_shows"], first["called"]["number"]) == (
        "completed",
        "+886900000000",
        "•••678",
    )
    assert (back["caller"]["role"], back["called"]["number"], back["steps"]) == ("recipient", "•••321", [])

    (alone,) = result_of("call", RECIPIENT, virtual)["calls"]
    assert (alone["caller"]["role"], alone["called"]["number"]) == ("recipient", "•••321")

    (dialled,) = result_of("call", COURIER, masked, "--dial-string")["calls"]
    assert (dialled["steps"], dialled["ending"]) == ([], "completed")

    (missed,) = result_of("call", COURIER, masked, "--no-answer")["calls"]
    assert missed["ending"] == "no_answer"
    (busy,) = result_of("call", COURIER, masked, "--busy")["calls"]
    assert busy["ending"] == "busy"

    wrong = [digits for digits in ("0001", "0002", "0003", "0004") if digits != extension][:3]
    keyed = [text for digits in wrong for text in ("--keys", digits)]
    (refusal,) = result_of("call", "withheld", virtual, *keyed)["calls"]
    assert (refusal["ending"], refusal["reason"], refusal["caller"]["number"]) == ("refused", "unavailable", None)
    assert [step["sent"] for step in refusal["steps"] if "sent" in step] == wrong

    (late,) = result_of("call", COURIER, virtual, "--keys", "", "--keys", extension)["calls"]
    assert late["ending"] == "completed"

    assert "nobody can call back" in refused("call", "withheld", virtual, *keyed, "--callback")


@pytest.mark.slow
def test_credentials_of_every_kind(masked, run, result_of, refused, home, monkeypatch):
    held = json.loads((home / "simulator.json").read_text())
    (home / "simulator.json").unlink()
    given = ("--pbx", held["pbx_id"], "--secret", held["secret"])
    assert result_of("call", COURIER, masked, *given)["calls"][0]["ending"] == "completed"
    monkeypatch.setenv("MASKSERVICE_SIMULATOR_PBX", held["pbx_id"])
    monkeypatch.setenv("MASKSERVICE_SIMULATOR_SECRET", held["secret"])
    assert result_of("call", COURIER, masked)["calls"][0]["ending"] == "completed"
    wrong = "whsec_" + "A" * 43 + "="
    message = refused("call", COURIER, masked, "--secret", wrong)
    assert "401" in message
    assert wrong not in message
    assert "Nothing answers" in refused("call", COURIER, masked, "--url", f"http://127.0.0.1:{free_port()}")


def test_with_a_database_the_command_that_gives_credentials_is_named(refused, home):
    message = refused("call", COURIER, "0900-000000#5678")
    assert "maskservice pbx create simulated --for-simulator" in message
    assert "simulator.json" in message


def test_without_a_database_there_is_another_way(refused):
    message = refused("call", COURIER, "0900-000000#5678")
    assert "--pbx" in message
    assert "maskservice demo" in message


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ('{"pbx_id": "pbx_1", "secret": "whsec_geheim"}', 0o644, "chmod 600"),
        ("no json, geheim", 0o600, "--for-simulator"),
        ('{"secret": "geheim"}', 0o600, "--for-simulator"),
        ('["geheim"]', 0o600, "--for-simulator"),
        ('{"pbx_id": "pbx_1", "secret": "geheim"}', 0o600, "whsec_"),
    ],
    ids=["open to others", "no json", "a part is missing", "another shape", "no secret"],
)
def test_a_file_of_no_use(content, mode, said, refused, home):
    path = home / "simulator.json"
    path.write_text(content)
    path.chmod(mode)
    message = refused("call", COURIER, "0900-000000#5678")
    assert said in message
    assert "geheim" not in message


def test_mistakes_of_the_command_line(refused, home):
    assert "go together" in refused("call", COURIER, "0900-000000#5678", "--pbx", "pbx_1", code=2)
    given = ("--pbx", "pbx_1", "--secret", "whsec_" + "A" * 43 + "=")
    message = refused("call", "09876", "0900-000000#5678", *given, code=2)
    assert "withheld" in message
    assert "09876" not in message.replace("0987654321", "")
    assert "keys 0-9" in refused("call", COURIER, "0900-000000#5678", "--keys", "12a", *given)
    assert "http://127.0.0.1:8000" in refused("call", COURIER, "0900-000000#5678", "--url", "geheim", *given)
