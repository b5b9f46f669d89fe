"""The web over the real use cases, storage and cipher, on SQLite, with a clock and failures that the test decides."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from maskservice.crypto.blind_index import BlindIndex
from maskservice.crypto.cipher import NumberCipher
from maskservice.crypto.keyring import KeyRing
from maskservice.domain.allocation import PoolPolicy
from maskservice.logs import configure_logging
from maskservice.services import pbxs, pools, tenants
from maskservice.services.pbxs import NewSecret
from maskservice.services.ports import OpenUnit, Ports, UnitOfWork
from maskservice.services.records import Scope, TenantPolicy
from maskservice.storage.db import Database
from maskservice.telephony.signature import parse_secret, sign
from maskservice.web import Check, Wiring, new_api, register
from tests.fakes import Chance, MovableClock

X = "+886900000000"
PHONE = "0912-345-678"
COURIER = "+886987654321"
PUBLIC_URL = "https://mask.example.com"
RING = KeyRing.generate(datetime(2026, 1, 1, tzinfo=UTC), secrets.token_bytes)


@dataclass
class Units:
    """Opens units until it is told to fail."""

    inner: OpenUnit
    failure: Exception | None = None
    opened: int = 0

    def __call__(self, *, write: bool = True, whole: bool = False) -> UnitOfWork:
        self.opened += 1
        if self.failure is not None:
            raise self.failure
        return self.inner(write=write, whole=whole)


@dataclass
class Site:
    """A running service with one tenant, one PBX, and a pool of two numbers."""

    app: APIFlask
    ports: Ports
    clock: MovableClock
    units: Units
    api_key: str
    pbx: NewSecret
    checks: list[Check] = field(default_factory=lambda: [Check("database", True)])
    _ids: count[int] = field(default_factory=lambda: count(1))

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def ask(self, method: str, path: str, content: object = None, *, key: str | None = "", **more: Any) -> TestResponse:
        """``key``: the tenant's when left out, none for None."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key or self.api_key}")
        if content is not None:
            more |= {"data": json.dumps(content), "content_type": "application/json"}
        return self.client.open(path, method=method, headers=headers, **more)

    def bind(self, order_id: str = "TW-20231109-001", **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/v1/bindings", order(order_id, **more))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json
        return found

    def pbx_post(self, what: str, content: object, *, webhook_id: str | None = None, **more: Any) -> TestResponse:
        """``what``: calls or events, correctly signed."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        signed = sign(
            secret=parse_secret(more.pop("secret", self.pbx.secret)),
            webhook_id=webhook_id or f"w-{next(self._ids)}",
            sent_at=self.clock.now(),
            body=body,
        )
        headers = {**signed, "Content-Type": "application/json", **more.pop("headers", {})}
        pbx_id = more.pop("pbx_id", self.pbx.pbx.id)
        return self.client.post(f"/v1/pbx/{pbx_id}/{what}", data=body, headers=headers, **more)

    def call(
        self, digits: str | None = None, *, call_id: str = "c-1", caller: str | None = COURIER, **more: Any
    ) -> Any:
        content = {"call_id": call_id, "from": caller, "to": X, "digits": digits}
        return self.pbx_post("calls", content, **more).json

    def key(self, *scopes: Scope) -> str:
        with self.app.app_context():
            return tenants.issue_key("示範商店", scopes=scopes, ports=self.ports)[1]

    def another_tenant(self, name: str = "另一家店") -> str:
        with self.app.app_context():
            return tenants.create_tenant(
                name, policy=TenantPolicy(), care_line=None, pools=(), ports=self.ports
            ).api_key


def order(order_id: str = "TW-20231109-001", **more: Any) -> dict[str, Any]:
    recipient = {"name": "陳小美", "phone": PHONE, "address": "台北市大安區敦化南路1段111號"} | more.pop(
        "recipient", {}
    )
    return {"order_id": order_id, "recipient": recipient, **more}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What is logged, in the form that the service logs in: one JSON object a line."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(level="DEBUG", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def site(sqlite_url: str, clock: MovableClock) -> Iterator[Site]:
    app = new_api()
    database = Database(sqlite_url)
    database.init_app(app)
    units = Units(database.unit)
    ports = Ports(clock=clock, randomness=Chance(), cipher=NumberCipher(RING), index=BlindIndex(RING), unit=units)
    checks = [Check("database", True)]
    register(app, Wiring(ports=ports, readiness=lambda: checks, public_url=PUBLIC_URL))
    with app.app_context():
        pools.create_pool("default", policy=PoolPolicy(), tenants=(), shared=True, ports=ports)
        pools.import_numbers(["0900-000000"], pool_name="default", ports=ports)
        made = tenants.create_tenant("示範商店", policy=TenantPolicy(), care_line=None, pools=(), ports=ports)
        pbx = pbxs.create_pbx("機房一", ports=ports)
    yield Site(app, ports, clock, units, made.api_key, pbx, checks)
    database.dispose()
