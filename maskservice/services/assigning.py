"""Which couriers are given to a binding.

Answers for: a tenant giving its own couriers to its own bindings. Must not know: HTTP, SQL, whether the binding asks
for them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from maskservice.domain.binding import ENDED
from maskservice.domain.errors import BindingNotLive, FieldError, InvalidContent, NotFound
from maskservice.domain.ids import BindingId, read_plain_id
from maskservice.domain.roster import MOST_ASSIGNED
from maskservice.services.endings import load_own
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.roster import COURIER_PREFIX


def assign_couriers(
    tenant: Tenant, binding_id: BindingId, courier_ids: Sequence[str], *, ports: Ports
) -> Sequence[str]:
    """Gives these couriers, and no others, to the binding; their ids, sorted and each once. None takes all back.

    Raises NotFound for the binding, BindingNotLive where it has ended, InvalidContent at /couriers/N for what is no
    courier on the tenant's roster.
    """
    with ports.unit() as uow:
        stored = load_own(tenant.id, binding_id, uow, ports.clock.now(), change=True)
        if stored.binding.status in ENDED:
            raise BindingNotLive("The binding has ended: nobody can be given to it any more.")
        # A courier who is being removed meanwhile must not be assigned behind his removal's back.
        uow.couriers.hold(tenant.id)
        _require_known(courier_ids, uow.couriers.several(tenant.id, {each for each in courier_ids if _is_id(each)}))
        assigned = sorted(set(courier_ids))
        uow.assignments.replace(binding_id, assigned)
        uow.commit()
    return assigned


def assigned_couriers(tenant: Tenant, binding_id: BindingId, *, ports: Ports) -> Sequence[str]:
    """The ids of the couriers that were given to the binding. Raises NotFound."""
    with ports.unit(write=False) as uow:
        stored = uow.bindings.get(binding_id)
        if stored is None or stored.binding.tenant_id != tenant.id:
            raise NotFound("There is no such binding.")
        return uow.assignments.of_binding(binding_id)


def _is_id(text: str) -> bool:
    """Only what is one is asked for: any other text may hold what a database refuses."""
    try:
        read_plain_id(COURIER_PREFIX, text)
    except NotFound:
        return False
    return True


def _require_known(courier_ids: Sequence[str], known: Collection[str]) -> None:
    errors: list[FieldError] = []
    if len(courier_ids) > MOST_ASSIGNED:
        errors.append(FieldError("/couriers", "too_long", f"A binding has at most {MOST_ASSIGNED} couriers."))
    errors += [
        FieldError(f"/couriers/{place}", "unknown_courier", "There is no such courier on your roster.")
        for place, each in enumerate(courier_ids)
        if each not in known
    ]
    if errors:
        raise InvalidContent(tuple(errors))


__all__ = ["assign_couriers", "assigned_couriers"]
