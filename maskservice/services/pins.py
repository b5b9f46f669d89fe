"""PINs: the mark by which one is found, and making one that nobody of the tenant has.

Answers for: a PIN being kept as its mark only. Must not know: what a PIN may be (``domain.roster``), SQL.
"""

from __future__ import annotations

from collections.abc import Callable

from maskservice.domain.errors import PinTaken
from maskservice.domain.roster import MADE_PINS, is_trivial, made_pin
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.ports import Ports, UnitOfWork

# With 10^5 couriers a draw hits a taken PIN once in ten: twenty draws fail once in 10^20.
MOST_DRAWS = 20
_MARK_BYTES = 16

Draw = Callable[[int], int]
"""The n-th number below 10^6 to make a PIN of."""


def pin_mark(pin: str, ports: Ports) -> bytes:
    """16 bytes that stand for a PIN.

    No tenant is in it, unlike what is sealed: a call brings the PIN behind the extension, and its one look-up finds
    binding, tenant and courier together, so the mark must be known before the tenant is. What this tells to one who
    holds the database without the keys: that two couriers of different tenants have the same PIN.
    """
    return ports.index.fingerprint("pin", pin.encode())[:_MARK_BYTES]


def drawn_at_random(ports: Ports) -> Draw:
    return lambda _: ports.randomness.below(MADE_PINS)


def drawn_for(request: IdempotentRequest, tenant_id: str, ports: Ports) -> Draw:
    """The same for the same request: its first answer can be given again though no PIN is kept. The fingerprint is
    keyed, so nobody without the key ring can tell what it gives."""
    parts = (tenant_id.encode(), request.key.encode(), request.route.encode(), request.body)

    def draw(attempt: int) -> int:
        print_ = ports.index.fingerprint("made pin", *parts, attempt.to_bytes(1, "big"))
        return int.from_bytes(print_, "big") % MADE_PINS

    return draw


def free_pin(tenant_id: str, draw: Draw, uow: UnitOfWork, ports: Ports) -> str:
    """A PIN that is not trivial and that nobody of the tenant has; the roster is held. Raises PinTaken where nearly
    all are taken."""
    for attempt in range(MOST_DRAWS):
        pin = made_pin(draw(attempt))
        if not is_trivial(pin) and uow.couriers.pin_owner(tenant_id, pin_mark(pin, ports)) is None:
            return pin
    raise PinTaken("No free PIN was found. Take some back, or set one yourself: a PIN may have up to 8 digits.")


def pin_of(mark: bytes | None, draw: Draw, ports: Ports) -> str | None:
    """The drawn PIN that this mark stands for, if it is one of those."""
    pins = (made_pin(draw(attempt)) for attempt in range(MOST_DRAWS))
    return None if mark is None else next((pin for pin in pins if pin_mark(pin, ports) == mark), None)


__all__ = ["MOST_DRAWS", "Draw", "drawn_at_random", "drawn_for", "free_pin", "pin_mark", "pin_of"]
