"""What the guards cost a look-up: ``benchmarks/guarded.py [--calls N]``, about a minute.

Answers for: CPU of the application for one call that connects (signature, look-up, decision, decryption, record), with
all guards on and with none, in turns within one process, so that a noisy machine makes both slow. On: the caller's and
the number's budgets, reach, calls a day, the couriers given to the binding, a PIN, an entry of the allow list. Off: an
open tenant, and a guard that remembers nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from maskservice.app import create_app, initialise
from maskservice.domain.call_policy import Access
from maskservice.domain.caller_rule import Verdict
from maskservice.domain.guard import CallerState, NumberState
from maskservice.domain.phone import read_phone
from maskservice.services.assigning import assign_couriers
from maskservice.services.bindings import CreateBinding, create_binding
from maskservice.services.caller_rules import SetRule, set_rule
from maskservice.services.pbxs import create_pbx
from maskservice.services.pools import import_numbers
from maskservice.services.records import TenantPolicy
from maskservice.services.roster import add_courier
from maskservice.services.roster_judging import CourierDraft
from maskservice.services.tenants import create_tenant
from maskservice.settings import Settings
from maskservice.telephony import signature
from tests.counting import count_statements
from tests.postgres import PostgresServer

COURIER, PIN = "+886987654321", "482913"
SAVED = Path(__file__).parent / "results" / "guarded.txt"


class NoGuard:
    """Remembers nothing and sends no statement."""

    def hold(self, *_: Any, **__: Any) -> CallerState:
        return CallerState()

    def save(self, *_: Any, **__: Any) -> None: ...

    def count_wrong(self, *_: Any, **__: Any) -> tuple[NumberState, bool]:
        return NumberState(), False


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=1500, help="calls of each kind (default 1500)")
    count = arguments.parse_args().calls
    lines = ["database    guards  statements  CPU µs a call (median of blocks)  ratio"]
    with PostgresServer() as postgres, tempfile.TemporaryDirectory(prefix="maskservice-guarded-") as home:
        for name, url in (("postgresql", postgres.create_database()), ("sqlite", f"sqlite:///{home}/mask.db")):
            lines += _measured(name, url, Path(home) / name, count)
    text = "\n".join(lines)
    print(text)
    SAVED.write_text(text + "\n", encoding="utf-8")
    return 0


def _measured(name: str, url: str, home: Path, count: int) -> list[str]:
    settings = Settings.load(home=home, database_url=url, log_level="ERROR")
    initialise(settings)
    app = create_app(settings)
    database, wiring = app.extensions["maskservice.database"], app.extensions["maskservice"]
    ports, client = wiring.ports, app.test_client()
    with app.app_context():
        import_numbers(["0900-000000"], pool_name="default", ports=ports)
        calls = replace(TenantPolicy().calls, access=Access.ASSIGNED, calls_per_day=1000)
        made = {
            kind: create_tenant(kind, policy=policy, care_line=None, pools=(), ports=ports).tenant
            for kind, policy in (("on", TenantPolicy(calls=calls)), ("off", TenantPolicy()))
        }
        bound = {
            kind: create_binding(
                CreateBinding(tenant, "TW-20231109-001", "陳小美", read_phone("0912-345-678"), None), ports
            ).view
            for kind, tenant in made.items()
        }
        draft = CourierDraft("陳大文", "黑貓", (read_phone(COURIER),), PIN)
        courier = add_courier(made["on"], draft, ports).view.id
        assign_couriers(made["on"], bound["on"].id, [courier], ports=ports)
        set_rule(made["on"], SetRule(read_phone(COURIER), Verdict.ALLOW), ports)
        pbx = create_pbx("bench", ports=ports)
    unit = ports.unit

    def unguarded(*, write: bool = True, whole: bool = False) -> Any:
        uow = unit(write=write, whole=whole)
        uow.guard = NoGuard()
        return uow

    secret = signature.parse_secret(pbx.secret)
    place = iter(range(10**9))

    def call(kind: str) -> None:
        turn = next(place)
        extension = bound[kind].masked_number.extension
        dialled = f"0900000000#{extension}" + (f"*{PIN}" if kind == "on" else "")
        body = json.dumps({"call_id": f"c-{turn}", "from": COURIER, "to": dialled, "digits": None}).encode()
        signed = signature.sign(secret=secret, webhook_id=f"w-{turn}", sent_at=datetime.now(UTC), body=body)
        answer = client.post(
            f"/v1/pbx/{pbx.pbx.id}/calls", data=body, headers={**signed, "Content-Type": "application/json"}
        )
        assert answer.json["action"] == "connect", answer.json

    def switched(kind: str) -> None:
        object.__setattr__(ports, "unit", unit if kind == "on" else unguarded)

    used: dict[str, list[float]] = {"on": [], "off": []}
    statements = {}
    for kind in used:
        switched(kind)
        for _ in range(100):
            call(kind)
        with app.app_context(), count_statements(database) as sent:
            call(kind)
        statements[kind] = len(sent)
    blocks = max(count // 50, 2)
    for _ in range(blocks):
        for kind, times in used.items():
            switched(kind)
            before = time.process_time()
            for _ in range(50):
                call(kind)
            times.append((time.process_time() - before) / 50 * 1e6)
    database.dispose()
    median = {kind: statistics.median(times) for kind, times in used.items()}
    ratio = median["on"] / median["off"]
    return [
        f"{name:<12}{kind:<8}{statements[kind]:<12}{median[kind]:<34.0f}{ratio if kind == 'on' else 1:.2f}"
        for kind in ("off", "on")
    ]


if __name__ == "__main__":
    raise SystemExit(main())
