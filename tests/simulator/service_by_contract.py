"""A tiny service that answers by the contract alone: a stand-in for the real one, so that the simulator is judged by
the contract.

Signatures are checked by the ``standardwebhooks`` package, not by our own code. It knows one order of one recipient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

from maskservice.telephony.signature import new_secret_text

X, EXTENSION = "+886900000000", "5678"
COURIER, RECIPIENT = "+886987654321", "+886912345678"
SECRET = new_secret_text(bytes(range(32)))

Reply = tuple[int, dict[str, Any] | None]


def prompt(prompt_id: str, text: str = "您好。", language: str = "zh-TW") -> dict[str, str]:
    return {"id": prompt_id, "language": language, "text": text}


def gather(call_id: str, prompt_id: str, *, left: int = 3, max_digits: int = 4) -> dict[str, Any]:
    terms = {"max_digits": max_digits, "finish_on_key": "#", "timeout_s": 8, "attempts_left": left}
    return {"call_id": call_id, "action": "gather", "prompt": prompt(prompt_id), "gather": terms, "more": "is welcome"}


def connect(call_id: str, to: str, **changes: Any) -> dict[str, Any]:
    terms = {"to": to, "caller_id": X, "post_dial_digits": None, "ring_timeout_s": 30, "max_duration_s": 1800}
    return {"call_id": call_id, "action": "connect", "connect": terms | changes}


def hangup(call_id: str) -> dict[str, Any]:
    text = "您撥的號碼目前無法接通，謝謝您的來電。"
    return {"call_id": call_id, "action": "hangup", "reason": "unavailable", "prompt": prompt("goodbye", text)}


@dataclass
class ServiceByContract:
    """Three tries for the extension; a recipient who calls back gets a menu of two. ``legs`` and ``events`` are what
    came in, in order; a request sent again under its webhook id counts once and gets the same answer.
    """

    legs: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    webhook_ids: list[str] = field(default_factory=list)
    connect_changes: dict[str, Any] = field(default_factory=dict)
    _given: dict[str, Reply] = field(default_factory=dict)

    def reply(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        root, _, kind = path.rpartition("/")
        if root != "/v1/pbx/pbx_1":
            return 404, {"title": "Not found"}
        try:
            content = Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError:
            return 401, {"code": "signature_invalid", "detail": "No signature matches."}
        webhook_id = headers["webhook-id"]
        self.webhook_ids.append(webhook_id)
        if webhook_id not in self._given:
            self._given[webhook_id] = self._event(content) if kind == "events" else (200, self._leg(content))
        return self._given[webhook_id]

    def _event(self, content: dict[str, Any]) -> Reply:
        self.events.append(content)
        return 204, None

    def _leg(self, content: dict[str, Any]) -> dict[str, Any]:
        self.legs.append(content)
        call_id = content["call_id"]
        legs = [leg for leg in self.legs if leg["call_id"] == call_id]
        if not content["to"].startswith((X, "0900000000")):
            return hangup(call_id)
        if content["from"] == RECIPIENT:
            return self._call_back(call_id, content["digits"], len(legs))
        keyed = content["digits"] if len(legs) > 1 else content["to"].partition("#")[2]
        if keyed == EXTENSION:
            return connect(call_id, RECIPIENT, **self.connect_changes)
        left = 3 - (len(legs) - 1) - (1 if len(legs) == 1 and keyed else 0)
        return (
            hangup(call_id)
            if left == 0
            else gather(call_id, "enter_extension" if left == 3 else "try_again", left=left)
        )

    def _call_back(self, call_id: str, digits: str | None, leg: int) -> dict[str, Any]:
        if leg == 1:
            return gather(call_id, "choose_order", max_digits=1)
        return connect(call_id, COURIER) if digits == "2" else hangup(call_id)


def client(reply: Callable[[str, dict[str, str], bytes], Reply]) -> httpx.Client:
    """An HTTP client whose other end is ``reply``."""

    def answer(request: httpx.Request) -> httpx.Response:
        status, content = reply(request.url.path, dict(request.headers), request.read())
        return httpx.Response(status, json=content) if content is not None else httpx.Response(status)

    return httpx.Client(transport=httpx.MockTransport(answer))


def parse_at(text: str) -> datetime:
    """A contract time: RFC 3339 in UTC with Z."""
    assert text.endswith("Z")
    return datetime.fromisoformat(text).astimezone(UTC)
