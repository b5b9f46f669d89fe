"""Hooks as a tenant sets them: told once, sealed, its own."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from maskservice.domain.errors import InvalidContent, NotFound
from maskservice.domain.hooks import FailurePolicy, HookFailure, HookKind, HookReply, HookVerdict
from maskservice.services import tenants
from maskservice.services.hooks import list_hooks, remove_hook, set_hook, try_hook
from tests.services.conftest import Shop
from tests.services.hook_lines import ScriptedLine, asking

BEFORE, LATE = HookKind.BEFORE_CONNECT, HookKind.OUT_OF_SESSION
URL = "https://hooks.example.com/connect?token=abc"


def test_the_secret_is_told_once_and_kept_over_a_change(shop: Shop) -> None:
    first = set_hook(shop.tenant, BEFORE, url=URL, on_failure=FailurePolicy.CONNECT, ports=shop.ports)
    assert first.secret is not None
    assert first.secret.startswith("whsec_")
    line = asking(shop, ScriptedLine())
    changed = set_hook(shop.tenant, BEFORE, url=URL + "d", on_failure=FailurePolicy.REFUSE, ports=shop.ports)
    assert changed.secret is None
    (listed,) = list_hooks(shop.tenant, ports=shop.ports)
    assert (listed.url, listed.on_failure, listed.secret) == (URL + "d", FailurePolicy.REFUSE, None)
    try_hook(shop.tenant, BEFORE, ports=shop.ports)
    assert (line.asked[-1].secret, line.asked[-1].hook_id) == (first.secret, changed.id)
    renewed = set_hook(
        shop.tenant, BEFORE, url=URL, on_failure=FailurePolicy.CONNECT, new_secret=True, ports=shop.ports
    )
    assert renewed.secret not in (None, first.secret)


def test_address_and_secret_are_sealed(shop: Shop) -> None:
    made = set_hook(shop.tenant, BEFORE, url=URL, on_failure=FailurePolicy.CONNECT, ports=shop.ports)
    with shop.database.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM tenant_hooks")).all()
    stored = b"".join(bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode() for cell in row)
    assert b"hooks.example.com" not in stored
    assert (made.secret or "whsec_").removeprefix("whsec_").encode() not in stored
    assert "token" not in repr(made)


def test_faults_are_all_told(shop: Shop) -> None:
    with pytest.raises(InvalidContent) as refusal:
        set_hook(shop.tenant, BEFORE, url="http://x/0912345678", on_failure=None, ports=shop.ports)
    assert [each.code for each in refusal.value.errors] == ["invalid_url", "required", "number_in_url"]
    assert list_hooks(shop.tenant, ports=shop.ports) == []


def test_a_hook_is_its_tenant_s_own(shop: Shop) -> None:
    other = shop.another("另一家")
    set_hook(shop.tenant, BEFORE, url=URL, on_failure=FailurePolicy.CONNECT, ports=shop.ports)
    assert list_hooks(other, ports=shop.ports) == []
    for step in (remove_hook, try_hook):
        with pytest.raises(NotFound):
            step(other, BEFORE, ports=shop.ports)
    remove_hook(shop.tenant, BEFORE, ports=shop.ports)
    with pytest.raises(NotFound):
        remove_hook(shop.tenant, BEFORE, ports=shop.ports)


def test_a_trial_asks_with_a_sample_also_while_paused(shop: Shop) -> None:
    set_hook(shop.tenant, LATE, url=URL, on_failure=None, ports=shop.ports)
    line = asking(shop, ScriptedLine(HookReply(200, b'{"action": "hangup"}', seconds=0.25)))
    trial = try_hook(shop.tenant, LATE, ports=shop.ports)
    assert (trial.reading.verdict, trial.reply.status, trial.reply.seconds) == (HookVerdict.HANGUP, 200, 0.25)
    (asked,) = line.asked
    assert asked.although_paused
    assert json.loads(asked.body)["test"] is True
    line.replies = [HookReply(None, failure=HookFailure.PRIVATE_ADDRESS)]
    assert try_hook(shop.tenant, LATE, ports=shop.ports).reading.failure is HookFailure.PRIVATE_ADDRESS


def test_a_change_of_the_tenant_keeps_its_hooks(shop: Shop) -> None:
    set_hook(shop.tenant, LATE, url=URL, on_failure=None, ports=shop.ports)
    tenants.change_tenant("示範商店", care_line="02-2345-6789", ports=shop.ports)
    (found,) = tenants.list_tenants(shop.ports)
    assert found.hooks == {LATE}
