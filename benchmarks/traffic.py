"""The requests that the benchmarks send, made and signed beforehand.

Answers for: bodies, headers and signatures by the published contract. Must not know: how they are sent or answered.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx

from benchmarks.machine import wire
from maskservice.telephony import signature
from tests.system.installation import Installation

Made = Mapping[str, Any]
"""A binding as it was answered."""


@dataclass(slots=True)
class Requests:
    """Of one installation. Every request is another one: ids, orders and phones are never used twice."""

    place: Installation
    _turn: Any = field(default_factory=lambda: count(1))

    def row(self, pool: str = "p") -> dict[str, Any]:
        turn = next(self._turn)
        mobile = f"09{random.randrange(10, 89)}-{random.randrange(1000):03d}-{random.randrange(1000):03d}"
        recipient = {"name": "陳小美", "phone": mobile, "address": "台北市大安區敦化南路1段111號"}
        return {"order_id": f"TW-20261124-{turn:08d}", "recipient": recipient, "pool": pool, "waybill": f"H{turn:010d}"}

    def create(self, pool: str = "p") -> bytes:
        return wire("POST", "/v1/bindings", _json(self.row(pool)), self.place.headers)

    def batch(self, rows: int, pool: str = "p") -> bytes:
        body = b"\n".join(_json(self.row(pool)) for _ in range(rows))
        headers = {**self.place.headers, "Content-Type": "application/x-ndjson"}
        return wire("POST", "/v1/bindings/batch", body, headers)

    def call(self, made: Made) -> bytes:
        """A call whose dialled string carries the extension: one leg."""
        return self.leg(f"{made['virtual_number']}#{made['extension']}", name=f"call-{next(self._turn):010d}")

    def two_legs(self, made: Made) -> tuple[bytes, bytes]:
        """A call to the bare number, and the extension that is then keyed."""
        name, caller = f"call-{next(self._turn):010d}", self.caller()
        first = self.leg(made["virtual_number"], name=name, caller=caller)
        return first, self.leg(made["virtual_number"], name=name, caller=caller, digits=made["extension"])

    def event(self, made: Made, name: str) -> bytes:
        told = {"call_id": name, "to": made["virtual_number"], "event": "answered", "duration_s": None}
        return self._signed("events", {**told, "at": datetime.now(UTC).isoformat().replace("+00:00", "Z")})

    def label(self, made: Made) -> bytes:
        return wire("GET", f"/v1/bindings/{made['id']}/label", b"", self.place.headers)

    def caller(self) -> str:
        return f"+8869{random.randrange(10_000_000, 89_999_999)}"

    def leg(self, dialled: str, *, name: str, caller: str | None = None, digits: str | None = None) -> bytes:
        return self._signed(
            "calls", {"call_id": name, "from": caller or self.caller(), "to": dialled, "digits": digits}
        )

    def _signed(self, what: str, content: Mapping[str, Any]) -> bytes:
        body = _json(content)
        secret = signature.parse_secret(self.place.pbx_secret)
        webhook_id = f"msg-{next(self._turn):012d}"
        headers = signature.sign(secret=secret, webhook_id=webhook_id, sent_at=datetime.now(UTC), body=body)
        return wire("POST", f"/v1/pbx/{self.place.pbx_id}/{what}", body, headers)


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def webhook(
    client: httpx.Client,
    place: Installation,
    webhook_id: str,
    what: str,
    content: Mapping[str, str | None],
    status: int,
) -> httpx.Response:
    """A signed webhook, sent and answered. Raises RuntimeError for another status."""
    body = _json(content)
    secret = signature.parse_secret(place.pbx_secret)
    headers = signature.sign(secret=secret, webhook_id=webhook_id, sent_at=datetime.now(UTC), body=body)
    headers["Content-Type"] = "application/json"
    return good(client.post(f"/v1/pbx/{place.pbx_id}/{what}", content=body, headers=headers), status)


def good(answer: httpx.Response, status: int) -> httpx.Response:
    """The answer. Raises RuntimeError where it has another status."""
    if answer.status_code != status:
        raise RuntimeError(f"a bad answer: {answer.status_code} {answer.text[:600]}")
    return answer


def bodies_of(answers: Sequence[bytes]) -> list[dict[str, Any]]:
    return [json.loads(answer) for answer in answers]
