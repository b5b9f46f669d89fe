"""The name under which ``dialect.py`` was first written; what imports it is to import that instead.

Answers for: nothing of its own. Must not know: anything.
"""

from maskservice.telephony.dialect import (
    NOTHING_TO_SAY,
    CallEvent,
    CallEventKind,
    CallSide,
    Dialect,
    Links,
    SecretForm,
    UnreadableBody,
    Written,
)

__all__ = [
    "NOTHING_TO_SAY",
    "CallEvent",
    "CallEventKind",
    "CallSide",
    "Dialect",
    "Links",
    "SecretForm",
    "UnreadableBody",
    "Written",
]
