"""The whole life of a binding over HTTP, failures included, and then a search of everything that was written or said
for a real number."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from maskservice.app import create_app
from maskservice.services import expiry
from maskservice.simulator import SimulatedPbx
from tests.hooks.server import HookServer, hook_server
from tests.postgres import PostgresServer
from tests.system.installation import Installation, install, leaks, order, pbx_of, serving, settings_of

RECIPIENT, CHANGED, COURIER, CARE, REFUSED, GUESSER, TAPPER = (
    "+886912876543", "+886955667788", "+886987123654", "+886287651234", "+886933221100", "+886977111222",
    "+886966554433",
)  # fmt: skip
NUMBERS = (RECIPIENT, CHANGED, COURIER, CARE, REFUSED, GUESSER, TAPPER)


@dataclass
class Said:
    """Everything the service said to anybody but the PBX, headers (with their Location) and bodies."""

    parts: list[bytes] = field(default_factory=list)

    def hook(self, answer: httpx.Response) -> None:
        answer.read()
        head = b"\n".join(name + b": " + value for name, value in answer.headers.raw)
        self.parts.append(head + b"\n" + answer.content)


def national(e164: str) -> str:
    return "0" + e164.removeprefix("+886")


def live(client: httpx.Client, pbx: SimulatedPbx) -> None:
    """Create, refuse, print, look, call both ways, tap, guess, change, deliver, lock, reopen, release."""

    def post(path: str, body: Any = None, **more: Any) -> httpx.Response:
        return client.post(path, json=body, **more)

    made = post(
        "/v1/bindings",
        order(1, phone=national(RECIPIENT), waybill="H1", metadata={"note": "易碎"}),
        headers={"Idempotency-Key": "k"},
    ).json()
    binding = f"/v1/bindings/{made['id']}"
    masked = made["masked_number"]
    post(
        "/v1/bindings",
        order(1, phone=national(RECIPIENT), waybill="H1", metadata={"note": "易碎"}),
        headers={"Idempotency-Key": "k"},
    )
    post("/v1/bindings", order(1, phone=national(REFUSED)))  # another phone: 409
    for wrong in (
        order(2, phone=national(REFUSED) + "#12"),
        order(2, phone=f"{national(REFUSED)}/{national(RECIPIENT)}"),
        order(2, phone=REFUSED, extra=REFUSED),
        {**order(2), "recipient": {"name": REFUSED, "phone": [REFUSED]}},
        {**order(2), "expires_at": REFUSED, "pool": REFUSED},
        {**order("x" * 300), "waybill": REFUSED * 9},
    ):
        assert post("/v1/bindings", wrong).status_code == 422
    for body in (
        b'{"recipient": {"phone": "' + national(REFUSED).encode(),
        b"\xff\xfe" + REFUSED.encode(),
        b"[" + REFUSED.encode() + b"]",
    ):
        assert client.post("/v1/bindings", content=body, headers={"Content-Type": "application/json"}).status_code in (
            400,
            422,
        )
    assert client.post("/v1/bindings", content=REFUSED, headers={"Content-Type": "text/plain"}).status_code == 415
    assert (
        post(
            "/v1/bindings", order(3, phone=national(REFUSED)), headers={"Authorization": "Bearer " + national(REFUSED)}
        ).status_code
        == 401
    )
    address = {"name": "王大明", "phone": national(CHANGED), "address": f"高雄市苓雅區1號 {national(REFUSED)}"}
    assert post("/v1/bindings", {**order(4), "recipient": address}).json()["warnings"]
    for path in (
        binding,
        f"{binding}/label",
        "/v1/labels?order_id=TW-1",
        "/v1/bindings?limit=10",
        "/v1/bindings?order_id=TW-1",
        "/metrics",
        "/readyz",
        "/openapi.json",
    ):
        assert client.get(path).status_code == 200, path
    assert post("/v1/resolutions", {"masked_number": masked}).status_code == 200
    assert post("/v1/resolutions", {"masked_number": national(REFUSED)}).status_code in (404, 422)

    for body in (
        {"caller": REFUSED * 2, "waybill": REFUSED},
        {"caller": [REFUSED], "masked_number": national(REFUSED)},
        {"caller": national(REFUSED), "binding_id": REFUSED, REFUSED: REFUSED},
    ):
        assert post("/v1/calls", body).status_code == 422
    assert post("/v1/calls", {"caller": national(TAPPER), "waybill": national(REFUSED)}).status_code == 404
    assert post("/v1/calls", {"caller": national(TAPPER), "waybill": "H1"}).status_code == 200
    assert pbx.call(TAPPER, masked.partition("#")[0]).connected
    assert pbx.call(RECIPIENT, masked.partition("#")[0]).connected
    link = post(f"{binding}/call-link").json()["url"]
    for form in ("svg", "png"):
        assert client.get(f"{binding}/call-link.{form}").status_code == 200
    for answer in (client.get(link), client.post(link), client.get(f"{link}?lang=en")):
        assert answer.status_code == 200
    assert client.get(f"/c/{national(REFUSED)}").status_code == 404
    pbx.call(COURIER, masked)
    assert pbx.call(RECIPIENT, masked.partition("#")[0]).as_dict(reveal=True)
    pbx.call(COURIER, masked, in_dial_string=True, answer=False)
    pbx.call(GUESSER, masked.partition("#")[0], keys=["0000", national(GUESSER), "1"])
    pbx.call(None, masked)
    for body in (
        {"from": national(GUESSER), "to": masked},
        {"from": GUESSER, "to": GUESSER, "digits": national(GUESSER)},
    ):
        assert post("/v1/calls/dry-run", body).status_code == 200
    calls = client.get("/v1/calls").json()["data"]
    assert len(calls) >= 3
    client.get(f"/v1/calls/{calls[0]['id']}")
    for query in ("", "bom=1", "format=ndjson", f"group={calls[0]['group']}"):
        assert len(client.get(f"/v1/calls/export?{query}").content) > 200
    assert client.get("/v1/calls/export", params={"cause": REFUSED, "since": REFUSED, REFUSED: "1"}).status_code == 422

    assert client.patch(binding, json={"recipient": {"phone": national(CHANGED)}}).status_code == 200
    assert client.patch(binding, json={"recipient": {"phone": REFUSED * 3}}).status_code == 422
    pbx.call(COURIER, masked)
    assert post(f"{binding}/lock", {"reason": f"來電 {national(GUESSER)}"}).status_code == 200
    assert post(f"{binding}/unlock").status_code == 200
    assert post(f"{binding}/deliver").status_code == 200
    reopened = post(f"{binding}/reopen").json()
    assert client.delete(f"/v1/bindings/{reopened['id']}").status_code == 204
    assert client.get("/v1/bindings/" + national(REFUSED)).status_code == 404
    assert client.get("/v1/bindings", params={"order_id": "none", "waybill": "none"}).status_code == 200
    client.get("/metrics")


def told_by_the_command_line(installation: Installation) -> list[bytes]:
    """What an operator is told of calls, those that met nobody's binding among them."""
    told = []
    for whose in (("--tenant", installation.tenant_id), ("--unbound",)):
        for command in (("list",), ("list", "--json"), ("export",), ("export", "--format", "ndjson")):
            line = [sys.executable, "-m", "maskservice", "calls", command[0], *whose, *command[1:]]
            done = subprocess.run(line, env=installation.environment, capture_output=True, check=True)
            assert len(done.stdout) > 200, line
            told.append(done.stdout + done.stderr)
    return told


def live_with_hooks(client: httpx.Client, pbx: SimulatedPbx, hooks: HookServer) -> None:
    """Calls that are allowed, vetoed, failed, played to and forwarded, with a server that is told of each; it even says
    a number that it should not."""
    for kind, path in (("before_connect", "/allow"), ("out_of_session", "/say")):
        policy = {"on_failure": "refuse"} if kind == "before_connect" else {}
        body = {"url": hooks.url(path, host=REFUSED), **policy}
        assert client.put(f"/v1/hooks/{kind}", json={**body, "on_failure": REFUSED}).status_code == 422
        assert client.put(f"/v1/hooks/{kind}", json={**policy, "url": REFUSED}).status_code == 422
        assert client.put(f"/v1/hooks/{kind}", json={**body, "url": hooks.url(path)}).status_code == 200
        assert client.post(f"/v1/hooks/{kind}/test").json()["status"] in (200, 204)
    made = client.post("/v1/bindings", json=order(9, phone=national(RECIPIENT))).json()
    number, masked = made["masked_number"].partition("#")[0], made["masked_number"]
    assert pbx.call(COURIER, masked, in_dial_string=True).connected
    assert pbx.call(RECIPIENT, number).connected
    for path in ("/veto", "/error", "/redirect", "/garbage"):
        client.put("/v1/hooks/before_connect", json={"url": hooks.url(path), "on_failure": "refuse"})
        assert not pbx.call(COURIER, masked, in_dial_string=True).connected
    assert client.delete(f"/v1/bindings/{made['id']}").status_code == 204
    for said, forwards in (
        ({"action": "play", "prompt": "包裹已送達"}, False),
        ({"action": "play", "prompt": f"請撥 {national(REFUSED)}"}, False),
        ({"action": "care_line"}, True),
        ({"action": "hangup", "to": REFUSED}, False),
        (REFUSED.encode(), False),
    ):
        hooks.said = said
        for caller in (COURIER, RECIPIENT):
            assert pbx.call(caller, masked, in_dial_string=True).connected is forwards
        assert pbx.call(RECIPIENT, number).connected is forwards
        assert not pbx.call(GUESSER, masked, in_dial_string=True).connected
    kinds = {str(each.content["type"]) for each in hooks.received}
    assert kinds == {"call.before_connect", "call.out_of_session"}
    client.get("/v1/hooks")
    client.get("/v1/calls")


def dump_of(url: str, server: Callable[[], PostgresServer]) -> bytes:
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(part.read_bytes() for part in sorted(path.parent.glob(path.name + "*")))
    return server().dump(url)


@pytest.mark.slow
def test_no_real_number_is_left_anywhere(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> None:
    installation = install(tmp_path / "home", database_url, care_line=national(CARE))
    said = Said()
    with (
        hook_server(tmp_path) as hooks,
        serving(
            installation, MASKSERVICE_HOOKS_ALLOW_PRIVATE="true", MASKSERVICE_HOOKS_CA_FILE=str(hooks.ca_file)
        ) as server,
        httpx.Client(
            base_url=server.url, headers=installation.headers, event_hooks={"response": [said.hook]}
        ) as client,
        pbx_of(installation, server) as pbx,
    ):
        live(client, pbx)
        live_with_hooks(client, pbx, hooks)
        # While the server runs, so that SQLite's WAL holds what was written last.
        stored = dump_of(database_url, lambda: request.getfixturevalue("postgres_server"))
        log = server.log.read_bytes()
    assert b"request" in log
    assert len(stored) > 10_000
    said.parts += told_by_the_command_line(installation)
    assert [(leaks(part, NUMBERS), part) for part in said.parts if leaks(part, NUMBERS)] == []
    assert leaks(log, NUMBERS) == []
    for each in hooks.received:
        assert leaks(each.body + repr(each).encode(), NUMBERS) == []
    assert leaks(stored, NUMBERS) == []
    after_purge(installation, lambda: dump_of(database_url, lambda: request.getfixturevalue("postgres_server")))


def after_purge(installation: Installation, dump: Callable[[], bytes]) -> None:
    """At the end of the quarantine the names and addresses are gone as well, masked ones included."""
    from datetime import UTC, datetime, timedelta

    class Later:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(days=200)

    app = create_app(settings_of(installation.home, installation.database_url), clock=Later())
    with app.app_context():
        ports = app.extensions["maskservice"].ports
        while expiry.work_round(ports).busy:
            pass
    app.extensions["maskservice.database"].dispose()
    left = dump()
    for gone in ("陳小美", "陳O美", "王大明", "王O明", "敦化南路", "易碎"):
        if installation.database_url.startswith("postgresql") or gone not in ("陳O美", "王O明"):
            assert gone.encode() not in left, gone
    assert leaks(left, NUMBERS) == []


def test_the_search_itself_finds_what_it_should() -> None:
    """A test that cannot fail proves nothing: each spelling is found when it is there."""
    import base64

    samples = {
        "national": b"0912876543",
        "hyphens": b"x0912-876-543y",
        "E.164": b"+886912876543",
        "digits": b"886912876543",
        "subscriber": b"912876543",
        "hex": b"0912876543".hex().encode(),
    }
    for name, sample in samples.items():
        assert leaks(b"abc" + sample + b"def", [RECIPIENT]), name
    for shift in range(3):
        assert leaks(base64.b64encode(b"z" * shift + b"0912876543" + b"tail"), [RECIPIENT])
        assert leaks(
            json.dumps({"x": base64.b64encode(b"z" * shift + b"+886912876543").decode()}).encode(), [RECIPIENT]
        )
    assert leaks(b"0900-000000#5678 0987-000000", [RECIPIENT]) == []
