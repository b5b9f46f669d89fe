"""Which calls are one attempt: a handset that was not connected dials again by itself.

Answers for: the span within which a call belongs to the one before, and the name of a group that a call founds. Must
not know: how the call before is found.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from maskservice.domain.ids import CallId, uuid7

REDIAL_WITHIN: Final = timedelta(seconds=30)
"""From the beginning of one call to the beginning of the next of the same caller to the same binding."""


def group_founded_by(call_id: CallId, binding: UUID | None) -> UUID:
    """The key of the group that a call founds when it is the first: the same at every asking, so that a leg written
    twice founds one.

    A call founds one group before it meets a binding and another with each binding: whoever joined the first was a
    stranger to the binding, and stays so. The key sorts by the call's start.
    """
    if binding is None:
        return call_id.key
    return uuid7(call_id.started_at, hashlib.sha256(call_id.key.bytes + binding.bytes).digest())
