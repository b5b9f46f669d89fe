"""The PBXs that send: how each speaks, what it signs with, and which of them this process has met.

Answers for: nothing that is kept in memory deciding by itself. Must not know: the database, a dialect's format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from maskservice.telephony import Dialect, WebhookRequest

_MOST_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Sender:
    """The PBX that a request names: how it speaks, the keys that it may have signed with, where its recordings lie, and
    how often it had been changed when that was read (None: unknown PBX)."""

    dialect: Dialect
    keys: tuple[bytes, ...] = field(repr=False)
    recordings: str = ""
    revision: int | None = None

    def verify(self, webhook: WebhookRequest, *, now: datetime) -> str:
        """The webhook id of a request that this PBX signed. Raises SignatureInvalid."""
        return self.dialect.verify(webhook, secrets=self.keys, now=now)


class KnownSenders:
    """Senders as they were read last. A call that was checked by one of them is answered only where the call's own read
    finds the PBX at the same revision. Where it finds another one, where nothing was read, and where the signature or
    the body does not fit, the webhook is checked again by what the database says."""

    def __init__(self) -> None:
        self._kept: dict[str, Sender] = {}

    def get(self, pbx_id: str) -> Sender | None:
        return self._kept.get(pbx_id)

    def forget(self, pbx_id: str) -> None:
        self._kept.pop(pbx_id, None)

    def keep(self, pbx_id: str, sender: Sender) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[pbx_id] = sender
