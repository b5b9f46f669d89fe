"""The shop's own system: an ordinary client of the published interface.

Answers for: the demo going through the front door. Must not know: the inside of the service.
"""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Any, Self

import click
import httpx

from maskservice.cli.demo.cast import SampleOrder


class Platform:
    """Every refused request ends the demo with what the service said. Use it in a ``with``."""

    def __init__(self, url: str, api_key: str) -> None:
        headers = {"authorization": f"Bearer {api_key}"}
        # trust_env=False: a proxy set for the outside world would swallow requests to 127.0.0.1.
        self._http = httpx.Client(base_url=url, headers=headers, timeout=10.0, trust_env=False)

    def issue(self, order: SampleOrder) -> dict[str, Any]:
        """A masked number for a fresh order id."""
        recipient = {"name": order.name, "phone": order.phone, "address": order.address}
        body = {"order_id": fresh_order_id(), "recipient": recipient, "pool": order.pool}
        return self._ask("POST", "/v1/bindings", 201, json=body)

    def label(self, binding_id: str) -> str:
        return self._text("GET", f"/v1/bindings/{binding_id}/label", 200).text

    def deliver(self, binding_id: str) -> dict[str, Any]:
        return self._ask("POST", f"/v1/bindings/{binding_id}/deliver", 200, json={})

    def binding(self, binding_id: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/bindings/{binding_id}", 200)

    def calls(self, binding_id: str) -> list[dict[str, Any]]:
        """Oldest first."""
        listed: list[dict[str, Any]] = self._ask("GET", "/v1/calls", 200, params={"binding_id": binding_id})["data"]
        return listed[::-1]

    def _ask(self, method: str, path: str, expected: int, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._text(method, path, expected, **given).json()
        return answer

    def _text(self, method: str, path: str, expected: int, **given: Any) -> httpx.Response:
        response = self._http.request(method, path, **given)
        if response.status_code != expected:
            said = response.json().get("detail", "") if "json" in response.headers.get("content-type", "") else ""
            raise click.ClickException(
                f"The service answered {response.status_code} to {method} {path}. {said}".rstrip()
            )
        return response

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


def fresh_order_id() -> str:
    """Never used before, so that the demo can be run again."""
    return f"TW-{secrets.randbelow(10**8):08d}"
