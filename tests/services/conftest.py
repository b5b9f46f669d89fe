"""The use cases over the real storage and the real cipher, on both databases, with a clock that the test moves."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

import pytest

from maskservice.crypto.blind_index import BlindIndex
from maskservice.crypto.cipher import NumberCipher
from maskservice.crypto.keyring import KeyRing
from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.call import Answer, Bridge, BridgeEnd, InboundCall
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller, read_phone
from maskservice.services import binding_steps, bindings, pools, tenants
from maskservice.services.calls import Routed, Webhook, route_call
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant, TenantPolicy
from maskservice.services.views import BindingView
from maskservice.storage.db import Database
from tests.fakes import Chance, MovableClock

X = "+886900000000"
RING = KeyRing.generate(datetime(2026, 1, 1, tzinfo=UTC), secrets.token_bytes)


@dataclass
class Shop:
    """A tenant with a pool of one number, and the calls that its couriers and recipients make."""

    ports: Ports
    clock: MovableClock
    tenant: Tenant
    database: Database
    _ids: count[int] = field(default_factory=lambda: count(1))

    def order(
        self, order_id: str = "TW-20231109-001", *, name: str = "陳小美", phone: str = "0912-345-678", **more: object
    ) -> bindings.CreateBinding:
        address = more.pop("address", "台北市大安區敦化南路1段111號")
        return bindings.CreateBinding(
            tenant=more.pop("tenant", self.tenant),
            order_id=order_id,
            name=name,
            phone=read_phone(phone),
            address=address,
            **more,  # type: ignore[arg-type]
        )

    def bind(self, order_id: str = "TW-20231109-001", **more: object) -> BindingView:
        return bindings.create_binding(self.order(order_id, **more), self.ports).view  # type: ignore[arg-type]

    def leg(
        self,
        caller: str | None,
        dialled: str,
        digits: str | None = None,
        *,
        call: str | None = None,
        webhook: str | None = None,
        pbx: str = "pbx_1",
        bridge_ended: BridgeEnd | None = None,
    ) -> Routed:
        call = call or f"c-{next(self._ids)}"
        inbound = InboundCall(call, read_caller(caller), read_dialled(dialled), digits, bridge_ended)
        return route_call(Webhook(pbx, webhook or f"w-{next(self._ids)}", inbound), self.ports)

    def reach(self, caller: str | None, extension: str, dialled: str = "0900000000") -> Answer:
        """The whole dialogue: dial, be asked, key."""
        call = f"c-{next(self._ids)}"
        self.leg(caller, dialled, call=call)
        return self.leg(caller, dialled, extension, call=call).answer

    def release(self, view: BindingView) -> None:
        binding_steps.release_binding(self.tenant, view.id, ports=self.ports)

    def another(self, name: str, **policy: object) -> Tenant:
        made = tenants.create_tenant(
            name, policy=replace(TenantPolicy(), **policy), care_line=None, pools=(), ports=self.ports
        )  # type: ignore[arg-type]
        return made.tenant


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def ports(database: Database, clock: MovableClock) -> Ports:
    return Ports(
        clock=clock, randomness=Chance(), cipher=NumberCipher(RING), index=BlindIndex(RING), unit=database.unit
    )


@pytest.fixture
def shop(ports: Ports, clock: MovableClock, database: Database) -> Shop:
    pools.create_pool("default", policy=PoolPolicy(), tenants=(), shared=True, ports=ports)
    pools.import_numbers(["0900-000000"], pool_name="default", ports=ports)
    made = tenants.create_tenant("示範商店", policy=TenantPolicy(), care_line=None, pools=(), ports=ports)
    return Shop(ports, clock, made.tenant, database)


def number(answer: Answer) -> str | None:
    """Who is rung, None where nobody is."""
    return answer.to.reveal() if isinstance(answer, Bridge) else None
