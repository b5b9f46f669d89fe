"""The recipient's one tap: a link that gives his own phone, for a short time, a pass to one order's courier.

Answers for: making the token, reading it again, and what its page may know. Must not know: addresses, pages, SQL.
A token is the binding's id and a keyed tag, so nothing is stored for it: it lives as long as its binding, and gives
nothing to any phone but the one that the recipient left.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from maskservice.domain.binding import ENDED, Binding
from maskservice.domain.errors import BindingNotLive
from maskservice.domain.ids import PACKED_BYTES, BindingId
from maskservice.domain.prompts import order_tail
from maskservice.services.binding_reads import get_binding
from maskservice.services.endings import settled
from maskservice.services.ports import BlindIndex, Ports
from maskservice.services.records import SealedContent, Tenant
from maskservice.services.taps import PASS_LIFE, Pass

_PURPOSE: Final = "call link"
_TAG_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{52}")
# Anybody who has the link may press its button, any number of times: a pass this young is not written again.
_FRESH: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class CallLink:
    """``token``: 52 characters of the URL-safe base64 alphabet. ``tail``: the order's last four digits, None where it
    has fewer. ``expires_at``: the binding's, which a delivery brings nearer."""

    token: str
    tail: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkedOrder:
    """All that the link's page may show. Neither the extension nor anything that leads to the recipient: the link may
    have been passed on."""

    shop: str
    masked_name: str | None
    tail: str | None
    virtual_number: str


@dataclass(frozen=True, slots=True)
class LinkedPass:
    """The order, and the pass that the recipient's phone has now."""

    order: LinkedOrder
    given: Pass


@dataclass(frozen=True, slots=True)
class _Linked:
    binding: Binding
    content: SealedContent
    order: LinkedOrder


def make_call_link(tenant: Tenant, binding_id: BindingId, *, ports: Ports) -> CallLink:
    """The link of a binding; the same one every time. Like a label it is made for a locked binding too, whose link
    opens when it is unlocked.

    Raises NotFound, and BindingNotLive for a binding that has ended: its link would lead nowhere.
    """
    view = get_binding(tenant, binding_id, ports=ports)
    if view.status in ENDED:
        raise BindingNotLive(f"The binding is {view.status}: its link would lead nowhere. Reopen it for a new one.")
    raw = binding_id.packed
    token = base64.urlsafe_b64encode(raw + _tag(raw, ports.index)).decode("ascii")
    return CallLink(token, order_tail(view.order_id), view.expires_at)


def open_call_link(token: str, *, ports: Ports) -> LinkedOrder | None:
    """What the link is about. None for a token that is not ours and for a binding that is not live, which nobody can
    tell apart. Gives nobody anything: addresses in messages are fetched by machines."""
    linked = _linked(token, ports.clock.now(), ports)
    return None if linked is None else linked.order


def use_call_link(token: str, *, ports: Ports) -> LinkedPass | None:
    """Gives the recipient's own phone its pass to this order's courier: 180 seconds, never longer than the binding. A
    pass that was given less than ten seconds ago is left as it is, so that a button costs one write in that time.

    None as in :func:`open_call_link`.
    """
    now = ports.clock.now()
    linked = _linked(token, now, ports)
    if linked is None:
        return None
    place = linked.binding.id
    with ports.unit(write=False) as uow:
        until = uow.passes.until(place, linked.content.phone_mark)
    newest = min(now + PASS_LIFE, linked.binding.expires_at)
    if until is None or not newest - _FRESH < until <= newest:
        with ports.unit() as uow:
            # Under its lock: whoever changes the recipient's phone withdraws the pass of the phone before, and none
            # must be given after that.
            stored = uow.bindings.get(place, for_update=True)
            if stored is None or stored.content is None or not stored.binding.is_live(now):
                return None
            until = min(now + PASS_LIFE, stored.binding.expires_at)
            uow.passes.give(place, stored.content.phone_mark, expires_at=until)
            uow.commit()
    return LinkedPass(linked.order, Pass(place.virtual_number, until))


def _linked(token: str, now: datetime, ports: Ports) -> _Linked | None:
    place = _read(token, ports.index)
    if place is None:
        return None
    with ports.unit(write=False) as uow:
        found = uow.calls.line_and_binding(place)
    met = None if found is None else found[1]
    if met is None:
        return None
    binding, content = met.stored.binding, met.stored.content
    if binding.needs_end(now):
        with ports.unit() as uow:
            settled(met.stored, uow, now)
    if content is None or not binding.is_live(now):
        return None
    order = LinkedOrder(met.tenant.name, binding.masked_name, order_tail(binding.order_id), place.virtual_number)
    return _Linked(binding, content, order)


def _tag(raw: bytes, index: BlindIndex) -> bytes:
    return index.fingerprint(_PURPOSE, raw)[:_TAG_BYTES]


def _read(token: str, index: BlindIndex) -> BindingId | None:
    """39 bytes fill 52 characters without a bit to spare, so a token has one spelling. Nothing is looked up for one
    whose tag is not ours."""
    if not _TOKEN.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token)
    place, tag = raw[:PACKED_BYTES], raw[PACKED_BYTES:]
    return BindingId.unpack(place) if compare_digest(tag, _tag(place, index)) else None


__all__ = ["CallLink", "LinkedOrder", "LinkedPass", "make_call_link", "open_call_link", "use_call_link"]
