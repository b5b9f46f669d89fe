"""PINs: the mark by which one is found.

Answers for: a PIN being kept as its mark only. Must not know: what a PIN may be, SQL.
"""

from __future__ import annotations

from maskservice.services.ports import Ports

_MARK_BYTES = 16


def pin_mark(pin: str, ports: Ports) -> bytes:
    """16 bytes that stand for a PIN. No tenant is in it: a call's one look-up must know the mark before the tenant."""
    return ports.index.fingerprint("pin", pin.encode())[:_MARK_BYTES]
