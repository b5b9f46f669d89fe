"""What a tenant has set about calls, changed in one place for the command line and for the platform itself.

Answers for: two changes at once both holding. Must not know: HTTP, SQL, what a setting does to a call.
"""

from __future__ import annotations

from collections.abc import Callable

from maskservice.domain.call_policy import TenantCalls
from maskservice.domain.errors import NotFound
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.tenants import tenant_named


def tenant_by_name(name: str, *, ports: Ports) -> Tenant:
    """By name or id. Raises NotFound."""
    with ports.unit(write=False) as uow:
        return tenant_named(name, uow)


def change_tenant_calls(tenant_id: str, change: Callable[[TenantCalls], TenantCalls], *, ports: Ports) -> TenantCalls:
    """Applies ``change`` to what is set now, which is locked meanwhile: what it does not touch stays as another request
    may just have set it. It holds from the next call on. Raises InvalidContent with every value out of range,
    NotFound."""
    with ports.unit() as uow:
        tenant = uow.tenants.get(tenant_id, for_update=True)
        if tenant is None:
            raise NotFound("There is no tenant of this id.")
        calls = change(tenant.policy.calls).checked()
        uow.tenants.replace_calls(tenant.id, calls)
        uow.commit()
    return calls


__all__ = ["change_tenant_calls", "tenant_by_name"]
