"""PBX dialects: bytes ↔ domain, pure. ``DIALECTS`` lists them by name.

Answers for: which dialects there are. Must not know: Flask, the database, the services, what a call leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from maskservice.telephony.dialect import CallEvent, CallEventKind, Dialect, UnreadableBody, Written
from maskservice.telephony.native import NATIVE

__all__ = ["DIALECTS", "NATIVE", "CallEvent", "CallEventKind", "Dialect", "UnreadableBody", "Written"]

DIALECTS: Mapping[str, Dialect] = MappingProxyType({NATIVE.name: NATIVE})
