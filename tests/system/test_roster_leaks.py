"""A roster's whole life over HTTP and the command line, failures included, and then a search of everything that was
written or said for a number, a name or a PIN."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.installation import Installation, install, leaks, order, serving
from tests.system.test_no_leak import Said, dump_of, national

COURIER, SECOND, LISTED, BAD, BLOCKED, TYPED = (
    "+886912876543", "+886955667788", "+886987123654", "+886933221100", "+886977111222", "+886966554433",
)  # fmt: skip
NUMBERS = (COURIER, SECOND, LISTED, BAD, BLOCKED, TYPED)
NAMES = ("歐陽曉雯", "司徒敬堯", "上官若蘭")
GIVEN_PIN = "50821673"


def live(client: httpx.Client) -> list[str]:
    """Add, refuse, list, change, import, assign, block, renew, remove; the PINs that were made."""

    def ask(method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        answer = client.request(method, path, json=body, **more) if body is not None else client.request(
            method, path, **more
        )  # fmt: skip
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    name, second, third = NAMES
    new = {"name": name, "carrier": "黑貓", "phones": [national(COURIER)], "pin": "auto"}
    made = ask("POST", "/v1/couriers", new, status=201, headers={"Idempotency-Key": "k"})
    pins = [made["pin"], ask("POST", "/v1/couriers", new, status=201, headers={"Idempotency-Key": "k"})["pin"]]
    path = f"/v1/couriers/{made['id']}"
    ask("POST", "/v1/couriers", new, status=409)
    ask("POST", "/v1/couriers", {**new, "carrier": national(BAD), "phones": [BAD * 2], "pin": BAD}, status=422)
    ask("POST", "/v1/couriers", {BAD: name, "name": [name], "phones": [[BAD]], "pin": 1}, status=422)
    ask("PATCH", path, {"phones": [national(COURIER), SECOND], "pin": GIVEN_PIN})
    ask("PATCH", path, {"phones": [national(BAD) + "0"], "name": "\u0000" + name}, status=422)
    rows = [
        {"name": second, "carrier": "新竹", "phones": [LISTED], "pin": "auto"},
        {"name": second, "carrier": national(BAD), "phones": [national(BAD) + "#12"]},
        {"name": third, "carrier": "新竹", "phones": [], "pin": GIVEN_PIN},
        BAD,
    ]
    pins.append(ask("POST", "/v1/couriers/import", rows)[0]["courier"]["pin"])
    csv = {"Content-Type": "text/csv"}
    text = f"姓名,物流商,電話\n{third},{national(BAD)},{national(BAD)}\n{second},新竹,{national(LISTED)}\n"
    ask("POST", "/v1/couriers/import", headers=csv, content=text.encode("cp950"))
    ask("POST", "/v1/couriers/import", headers=csv, content=f"{third},{national(BAD)}\n".encode(), status=422)
    ask("GET", "/v1/couriers?carrier=" + national(BAD))
    ask("GET", "/v1/couriers/" + national(BAD), status=404)
    bound = ask("POST", "/v1/bindings", order(1), status=201)["id"]
    ask("PUT", f"/v1/bindings/{bound}/couriers", {"couriers": [made["id"]]})
    ask("PUT", f"/v1/bindings/{bound}/couriers", {"couriers": [national(BAD)]}, status=422)
    rule = {"phone": national(BLOCKED), "verdict": "block"}
    ask("POST", "/v1/caller-rules", rule, status=201)
    ask("POST", "/v1/caller-rules", {**rule, "binding_id": bound}, status=201)
    ask("POST", "/v1/caller-rules", {**rule, "phone": BAD + "1", "verdict": BAD, "binding_id": BAD}, status=422)
    for listed in ("/v1/couriers", path, "/v1/caller-rules", f"/v1/bindings/{bound}/couriers", "/metrics"):
        client.get(listed).raise_for_status()
    pins.append(ask("POST", f"{path}/pin")["pin"])
    ask("DELETE", path, status=204)
    return pins


def command_line(installation: Installation, folder: Path) -> bytes:
    """What the commands print, but a PIN that was asked for."""
    roster = folder / "roster.csv"
    roster.write_text(
        f"姓名,物流商,電話\n{NAMES[2]},黑貓,{national(COURIER)}\n{NAMES[2]},{national(BAD)},{national(BAD)}9\n", "utf-8"
    )
    tenant = ("--tenant", "示範商店")
    commands = (
        ("courier", "add", NAMES[0], *tenant, "--carrier", "黑貓", "--phone", national(TYPED)),
        ("courier", "add", NAMES[0], *tenant, "--carrier", national(BAD), "--phone", national(BAD) + "1"),
        ("courier", "import", str(roster), *tenant, "--results", str(folder / "results.csv")),
        ("courier", "import", str(roster), *tenant, "--json"),
        ("courier", "list", *tenant),
        ("caller", "block", national(BLOCKED), *tenant),
        ("caller", "allow", national(BAD) + "1", *tenant),
        ("caller", "list", *tenant),
    )
    said = b""
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "maskservice", *command],
            env={**installation.environment, "MASKSERVICE_LOG_LEVEL": "DEBUG"},
            capture_output=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        assert b"Traceback" not in done.stderr
        said += done.stdout + done.stderr
    return said + (folder / "results.csv").read_bytes()


@pytest.mark.slow
def test_no_number_name_or_pin_is_left_anywhere(
    tmp_path: Path, database_url: str, request: pytest.FixtureRequest
) -> None:
    installation = install(tmp_path / "home", database_url)
    said = Said()
    with (
        serving(installation) as server,
        httpx.Client(
            base_url=server.url, headers=installation.headers, event_hooks={"response": [said.hook]}
        ) as client,
    ):
        made = live(client)
        printed = command_line(installation, tmp_path)
        # While the server runs, so that SQLite's WAL holds what was written last.
        stored = dump_of(database_url, lambda: request.getfixturevalue("postgres_server"))
        log = server.log.read_bytes()
    assert len(stored) > 10_000
    everything = [*said.parts, printed, stored, log]
    assert [leaks(part, NUMBERS) for part in everything if leaks(part, NUMBERS)] == []
    names = [name.encode(encoding) for name in NAMES for encoding in ("utf-8", "cp950")]
    assert [name for part in everything for name in names if name in part] == []
    # Said once, to whoever set it, and kept nowhere.
    assert sum(GIVEN_PIN.encode() in part for part in said.parts) == 1
    assert GIVEN_PIN.encode() not in stored + log + printed
    assert made[0] == made[1]
    # Six digits may stand in any column of figures by chance: the parts that hold none of the kind are looked at.
    assert [pin for pin in made if f'"{pin}"'.encode() in log + printed] == []
