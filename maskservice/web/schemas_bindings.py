"""The bodies of the binding routes.

Answers for: which fields there are, which are required, which may be null. Must not know: whether a phone may be
bound.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from maskservice.web.schemas import Address, Body, Metadata, Moment, Name, OrderId, Phone, PoolName, Seconds, Waybill
from maskservice.web.schemas_settings import CallRulesBody


class RecipientBody(Body):
    name: Name
    phone: Phone
    address: Address | None = None


class CreateBindingBody(Body):
    """Give ``expires_in`` or ``expires_at``, or neither for the tenant's default."""

    order_id: OrderId
    recipient: RecipientBody
    pool: PoolName = "default"
    expires_in: Seconds | None = None
    expires_at: Moment | None = None
    waybill: Waybill | None = None
    metadata: Metadata | None = None
    call_rules: CallRulesBody | None = None


class ChangeRecipientBody(Body):
    """What is not named stays. ``address`` null takes it away."""

    # A default factory says "may be left out" without making null a value: `model_fields_set` tells what was named.
    name: Name = Field(default_factory=str)
    phone: Phone = Field(default_factory=str)
    address: Address | None = None


class ChangeBindingBody(Body):
    """What is not named stays; null takes ``waybill``, ``metadata`` or ``call_rules`` away. ``call_rules`` are
    replaced as a whole."""

    recipient: ChangeRecipientBody = Field(default_factory=ChangeRecipientBody)
    waybill: Waybill | None = None
    metadata: Metadata | None = None
    expires_in: Seconds | None = None
    expires_at: Moment | None = None
    call_rules: CallRulesBody | None = None


class DeliverBody(Body):
    """``delivered_at`` is now when it is left out."""

    delivered_at: Moment | None = None


class LockBody(Body):
    reason: (
        Annotated[str, Field(max_length=200, description="Why; kept sealed.", examples=["收件人要求暫停"])] | None
    ) = None


class UnlockBody(Body):
    """Nothing to say."""


class ReopenBody(Body):
    """The new binding's life: the tenant's default when both are left out."""

    expires_in: Seconds | None = None
    expires_at: Moment | None = None
