"""A tenant's hooks: set, listed, removed, tried out.

Answers for: a secret being shown once, address and secret being sealed. Must not know: HTTP, SQL, when a call asks
(``hooking.py``).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from maskservice.domain.errors import FieldError, InvalidContent, NotFound
from maskservice.domain.hooks import (
    FailurePolicy,
    HookKind,
    HookReply,
    HookRequest,
    Reading,
    hook_faults,
    read_reply,
)
from maskservice.domain.ids import new_plain_id
from maskservice.services.content import holds_mobile
from maskservice.services.hook_records import Hook
from maskservice.services.pbxs import SECRET_PREFIX
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Tenant

_SECRET_BYTES: Final = 32
_NUMBER_IN_URL = FieldError("/url", "number_in_url", "What reads as a phone number may not stand in an address.")
_NONE = "There is no hook of this kind."


@dataclass(frozen=True, slots=True)
class HookView:
    """A hook as its tenant sees it. ``secret`` only where it was just made."""

    id: str
    kind: HookKind
    url: str = field(repr=False)
    on_failure: FailurePolicy | None
    changed_at: datetime
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a hook answered to a sample: its status, None where it gave none, how that reads, and the seconds it
    took."""

    reply: HookReply
    reading: Reading


def faults_of(kind: HookKind, url: str, on_failure: FailurePolicy | None) -> tuple[FieldError, ...]:
    """Everything that is wrong with a hook as it is to be set."""
    return hook_faults(kind, url, on_failure) + ((_NUMBER_IN_URL,) if holds_mobile(url) else ())


def set_hook(
    tenant: Tenant,
    kind: HookKind,
    *,
    url: str,
    on_failure: FailurePolicy | None,
    new_secret: bool = False,
    ports: Ports,
) -> HookView:
    """Registers a hook or changes it. The first time, and with ``new_secret``, it gets a secret, which is told this
    once; otherwise it keeps its own. Raises InvalidContent with every fault."""
    faults = faults_of(kind, url, on_failure)
    if faults:
        raise InvalidContent(faults)
    now = ports.clock.now()
    with ports.unit() as uow:
        last = uow.hooks.hold(tenant.id, kind)
        keeps = last is not None and not new_secret
        secret = open_hook(last, ports)[1] if last is not None and keeps else _new_secret(ports)
        # A new id a change: what a process remembers of the old address (its failures) is not the new one's.
        hook_id = new_plain_id("hook", now, ports.randomness.randbytes(10))
        row = ports.cipher.new_row(tenant.id, hook_id)
        hook = Hook(
            id=hook_id,
            tenant_id=tenant.id,
            kind=kind,
            wrapped_key=row.wrapped_key,
            url=row.seal("url", url),
            secret=row.seal("secret", secret),
            on_failure=on_failure,
            changed_at=now,
        )
        uow.hooks.put(hook)
        uow.commit()
    return HookView(hook_id, kind, url, on_failure, now, None if keeps else secret)


def list_hooks(tenant: Tenant, *, ports: Ports) -> Sequence[HookView]:
    """In the order of their kinds, without secrets."""
    with ports.unit(write=False) as uow:
        found = uow.hooks.of_tenant(tenant.id)
    return [HookView(each.id, each.kind, open_hook(each, ports)[0], each.on_failure, each.changed_at) for each in found]


def remove_hook(tenant: Tenant, kind: HookKind, *, ports: Ports) -> None:
    """From the next call on nothing is asked. Raises NotFound."""
    with ports.unit() as uow:
        if not uow.hooks.remove(tenant.id, kind):
            raise NotFound(_NONE)
        uow.commit()


def try_hook(tenant: Tenant, kind: HookKind, *, ports: Ports) -> Trial:
    """Asks the hook with a sample, also while it is paused. Raises NotFound."""
    with ports.unit(write=False) as uow:
        hook = _found(tenant, kind, uow)
    now = ports.clock.now()
    url, secret = open_hook(hook, ports)
    name = new_plain_id("test", now, ports.randomness.randbytes(10))
    sample = {
        "type": f"call.{kind}",
        "test": True,
        "call_id": None,
        "binding_id": None,
        "order_id": "TEST-0000",
        "virtual_number": None,
        "caller": {"last3": "000"},
        "at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    reply = ports.hook_line.ask(
        HookRequest(hook.id, url, secret, name, now, json.dumps(sample).encode(), although_paused=True)
    )
    return Trial(reply, read_reply(kind, reply))


def open_hook(hook: Hook, ports: Ports) -> tuple[str, str]:
    """Its address and its secret in the open. Raises KeyMissing, SealBroken."""
    row = ports.cipher.open_row(hook.tenant_id, hook.id, hook.wrapped_key)
    return row.open("url", hook.url), row.open("secret", hook.secret)


def _found(tenant: Tenant, kind: HookKind, uow: UnitOfWork) -> Hook:
    hook = uow.hooks.get(tenant.id, kind)
    if hook is None:
        raise NotFound(_NONE)
    return hook


def _new_secret(ports: Ports) -> str:
    return SECRET_PREFIX + base64.b64encode(ports.randomness.randbytes(_SECRET_BYTES)).decode("ascii")
