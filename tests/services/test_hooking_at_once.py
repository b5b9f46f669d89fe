"""Calls at the same time on a real hook: one that hangs costs each call its own second and no more, and no other call
anything."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from flask import Flask

from maskservice.domain.hooks import BUDGET_S, FailurePolicy, HookKind
from maskservice.hooks import HttpsHookLine
from maskservice.services import call_records
from maskservice.services.hooks import set_hook
from maskservice.storage.db import Database
from tests.hooks.server import hook_server
from tests.services.conftest import Shop, number

COURIER, RECIPIENT = "+886987654321", "+886912345678"
CALLS = 20


def test_twenty_calls_on_a_hanging_hook(shop: Shop, database_app: tuple[Flask, Database], tmp_path: Path) -> None:
    app, _ = database_app
    view, other = shop.bind(), shop.another("另一家")
    elsewhere = shop.bind("TW-2", tenant=other, phone="0922-333-444")
    took: dict[str, list[float]] = {"hooked": [], "other": [], "paused": []}
    rung: list[str | None] = []
    with hook_server(tmp_path) as server:
        line = HttpsHookLine(allow_private=True, ca_file=server.ca_file)
        shop.ports = replace(shop.ports, hook_line=line)
        set_hook(
            shop.tenant,
            HookKind.BEFORE_CONNECT,
            url=server.url("/hang"),
            on_failure=FailurePolicy.CONNECT,
            ports=shop.ports,
        )

        def call(which: str, extension: str, caller: str) -> None:
            with app.app_context():
                before = time.monotonic()
                answer = shop.leg(caller, f"0900000000#{extension}").answer
                took[which].append(time.monotonic() - before)
                rung.append(number(answer))

        threads = [
            threading.Thread(target=call, args=("hooked", view.masked_number.extension, COURIER)) for _ in range(CALLS)
        ] + [
            threading.Thread(target=call, args=("other", elsewhere.masked_number.extension, f"+88697711{place:04d}"))
            for place in range(5)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        # Known to hang by now: the next call does not wait for it.
        call("paused", view.masked_number.extension, COURIER)
        line.close()
    assert sorted(filter(None, rung)) == [RECIPIENT] * (CALLS + 1) + ["+886922333444"] * 5
    # Beside the budget stands the database, which twenty-five calls share.
    assert max(took["hooked"]) < BUDGET_S + 1.5
    assert max(took["other"]) < 1.0
    assert max(took["paused"]) < 0.5
    found = call_records.list_calls(shop.tenant, limit=50, before=None, ports=shop.ports).rows
    assert len(found) == CALLS + 1
    assert {each.trace[-1].found for each in found} == {"failed"}
