"""A way to tenants' servers that answers what the test wants, and does something meanwhile.

Answers for: what was asked. Must not know: what is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from maskservice.domain.hooks import HookReply, HookRequest
from tests.services.conftest import Shop


class ScriptedLine:
    """Answers one after the other; the last one stays. ``meanwhile`` runs while a question is out."""

    def __init__(self, *replies: HookReply) -> None:
        self.replies = list(replies) or [HookReply(204)]
        self.asked: list[HookRequest] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def ask(self, request: HookRequest) -> HookReply:
        self.asked.append(request)
        self.meanwhile()
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def asking(shop: Shop, line: ScriptedLine) -> ScriptedLine:
    """The shop asks through this line from now on."""
    shop.ports = replace(shop.ports, hook_line=line)
    return line
