"""What a tenant is shown of its binding: the facts of the contract's answer, with the label opened and everything
else masked.

Answers for: opening a stored binding for its tenant, and a snapshot that can be stored and shown again. Must not
know: JSON field order, HTTP.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from maskservice.domain.binding import Binding, Status
from maskservice.domain.call_policy import Access, BindingRules, Directions
from maskservice.domain.ids import BindingId
from maskservice.domain.label import recipient_line
from maskservice.domain.masked import MaskedNumber
from maskservice.services.ports import NumberCipher
from maskservice.services.records import SealedContent, StoredBinding


@dataclass(frozen=True, slots=True)
class BindingView:
    """``recipient_name``, ``label`` and ``address`` are None after the purge; ``warnings`` are stable codes."""

    id: BindingId
    order_id: str
    status: Status
    masked_number: MaskedNumber
    recipient_name: str | None
    address: str | None
    label: str | None
    waybill: str | None
    metadata: dict[str, Any] | None
    created_at: datetime
    expires_at: datetime
    delivered_at: datetime | None
    reopened_from: BindingId | None
    rekeyed_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    call_rules: BindingRules | None = None

    def snapshot(self) -> str:
        """The view as a text from which :meth:`from_snapshot` makes it again."""
        return json.dumps(
            {
                "id": str(self.id),
                "order_id": self.order_id,
                "status": self.status,
                "extension": self.masked_number.extension,
                "recipient_name": self.recipient_name,
                "address": self.address,
                "label": self.label,
                "waybill": self.waybill,
                "metadata": self.metadata,
                "created_at": self.created_at.isoformat(),
                "expires_at": self.expires_at.isoformat(),
                "delivered_at": self.delivered_at.isoformat() if self.delivered_at else None,
                "reopened_from": str(self.reopened_from) if self.reopened_from else None,
                "warnings": self.warnings,
                "call_rules": None if self.call_rules is None else asdict(self.call_rules),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_snapshot(cls, text: str) -> BindingView:
        facts = json.loads(text)
        binding_id = BindingId.parse(facts["id"])
        return cls(
            id=binding_id,
            order_id=facts["order_id"],
            status=Status(facts["status"]),
            masked_number=MaskedNumber(binding_id.virtual_number, facts["extension"]),
            recipient_name=facts["recipient_name"],
            address=facts["address"],
            label=facts["label"],
            waybill=facts["waybill"],
            metadata=facts["metadata"],
            created_at=datetime.fromisoformat(facts["created_at"]),
            expires_at=datetime.fromisoformat(facts["expires_at"]),
            delivered_at=datetime.fromisoformat(facts["delivered_at"]) if facts["delivered_at"] else None,
            reopened_from=BindingId.parse(facts["reopened_from"]) if facts["reopened_from"] else None,
            warnings=tuple(facts["warnings"]),
            # Answers of a version before this one have none.
            call_rules=_rules_of(facts.get("call_rules")),
        )


def _rules_of(facts: dict[str, str | None] | None) -> BindingRules | None:
    if facts is None:
        return None
    access, directions = facts["access"], facts["directions"]
    return BindingRules(
        None if access is None else Access(access), None if directions is None else Directions(directions)
    )


def compose_view(
    binding: Binding,
    *,
    now: datetime,
    address: str | None,
    metadata: dict[str, Any] | None,
    warnings: tuple[str, ...] = (),
) -> BindingView:
    """A view from parts that are open already. ``address`` is the full one: the courier needs it, the label prints
    it."""
    label = None
    if binding.masked_name is not None:
        label = recipient_line(
            masked_name=binding.masked_name, masked_number=binding.masked_number.written, address=address
        )
    return BindingView(
        id=binding.id,
        order_id=binding.order_id,
        status=binding.status_at(now),
        masked_number=binding.masked_number,
        recipient_name=binding.masked_name,
        address=address,
        label=label,
        waybill=binding.waybill,
        metadata=metadata,
        created_at=binding.created_at,
        expires_at=binding.expires_at,
        delivered_at=binding.delivered_at,
        reopened_from=binding.reopened_from,
        rekeyed_at=binding.rekeyed_at,
        warnings=warnings,
        call_rules=binding.call_rules,
    )


def open_view(stored: StoredBinding, *, cipher: NumberCipher, now: datetime) -> BindingView:
    """A view of a stored binding. Raises KeyMissing, SealBroken."""
    content = stored.content
    if content is None:
        return compose_view(stored.binding, now=now, address=None, metadata=None)
    address, metadata = _open_address_and_metadata(stored.binding, content, cipher)
    return compose_view(stored.binding, now=now, address=address, metadata=metadata)


def _open_address_and_metadata(
    binding: Binding, content: SealedContent, cipher: NumberCipher
) -> tuple[str | None, dict[str, Any] | None]:
    if content.address is None and content.metadata is None:
        return None, None
    row = cipher.open_row(binding.tenant_id, str(binding.id), content.wrapped_key)
    address = row.open("address", content.address) if content.address is not None else None
    metadata = json.loads(row.open("metadata", content.metadata)) if content.metadata is not None else None
    return address, metadata


@dataclass(frozen=True, slots=True)
class Bound:
    """``created`` is False when the order had its live binding already; ``replayed`` when an Idempotency-Key gave
    the first answer again."""

    view: BindingView
    created: bool
    replayed: bool = False
