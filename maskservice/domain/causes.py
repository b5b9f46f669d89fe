"""Why a call ended and who ended it, in one vocabulary for every PBX and for what the service decides itself.

Answers for: the words, which of two causes says more, and who ended a call by its outcome and cause. Must not know: a
PBX's own words (``telephony/causes.py`` maps them), storage.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from maskservice.domain.outcome import Outcome


class Cause(StrEnum):
    """Why a call ended. ``REFUSED``: the service answered with the neutral sentence. ``UNKNOWN`` is what nobody said,
    or said in a word that is not known here."""

    NORMAL_CLEARING = "normal_clearing"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    CALLER_CANCELED = "caller_canceled"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNALLOCATED_NUMBER = "unallocated_number"
    NUMBER_CHANGED = "number_changed"
    INVALID_NUMBER = "invalid_number"
    NO_ROUTE = "no_route"
    DESTINATION_OUT_OF_ORDER = "destination_out_of_order"
    CONGESTION = "congestion"
    NETWORK_FAILURE = "network_failure"
    TEMPORARY_FAILURE = "temporary_failure"
    TIMEOUT = "timeout"
    MAX_DURATION = "max_duration"
    NOT_ALLOWED = "not_allowed"
    UNWANTED = "unwanted"
    INCOMPATIBLE = "incompatible"
    PROTOCOL_ERROR = "protocol_error"
    UNKNOWN = "unknown"


class EndedBy(StrEnum):
    """Who ended a call. ``SERVICE``: we refused it. ``PBX``: the network or a timer, the ring time-out among them."""

    CALLER = "caller"
    CALLED = "called"
    SERVICE = "service"
    PBX = "pbx"


OF_THE_LINE: Final = frozenset(
    {
        Cause.CONGESTION,
        Cause.NETWORK_FAILURE,
        Cause.TEMPORARY_FAILURE,
        Cause.TIMEOUT,
        Cause.MAX_DURATION,
        Cause.PROTOCOL_ERROR,
    }
)
"""What cuts a call off whatever either party does. It is true of the whole call, whichever side's leg reports it."""

_WEIGHT: Final = {Cause.UNKNOWN: 0, Cause.NORMAL_CLEARING: 1, Cause.CALLER_CANCELED: 2}
_TELLS_NOTHING: Final = frozenset({Cause.UNKNOWN, Cause.NORMAL_CLEARING})
_BY_CAUSE: Final = {
    Cause.BUSY: EndedBy.CALLED,
    Cause.REJECTED: EndedBy.CALLED,
    Cause.UNWANTED: EndedBy.CALLED,
    Cause.CALLER_CANCELED: EndedBy.CALLER,
    Cause.REFUSED: EndedBy.SERVICE,
}
_BY_OUTCOME: Final = {
    Outcome.UNAVAILABLE: EndedBy.SERVICE,
    Outcome.CANCELED: EndedBy.CALLER,
    Outcome.BUSY: EndedBy.CALLED,
    Outcome.NO_ANSWER: EndedBy.PBX,
    Outcome.FAILED: EndedBy.PBX,
}
_OF_OUTCOME: Final = {
    Outcome.COMPLETED: Cause.NORMAL_CLEARING,
    Outcome.BUSY: Cause.BUSY,
    Outcome.NO_ANSWER: Cause.NO_ANSWER,
    Outcome.CANCELED: Cause.CALLER_CANCELED,
    Outcome.UNAVAILABLE: Cause.REFUSED,
}


def cause_of_end(outcome: Outcome, told: Cause = Cause.UNKNOWN) -> Cause:
    """The cause of a call that ended so: what the PBX told, where that says more than the outcome does.

    A call that was cancelled or not answered is no normal clearing, also where the PBX clears the leg with Q.850 16.
    """
    return _OF_OUTCOME.get(outcome, Cause.UNKNOWN) if told in _TELLS_NOTHING else told


def weightier(first: Cause, second: Cause) -> Cause:
    """The one that says more; ``first`` where neither does."""
    return second if _WEIGHT.get(second, 3) > _WEIGHT.get(first, 3) else first


def ender_of(outcome: Outcome, cause: Cause) -> EndedBy | None:
    """Who ended a call with this final outcome. None after a talk: no PBX says in its report which of the two hung
    up."""
    if cause in _TELLS_NOTHING:
        return _BY_OUTCOME.get(outcome)
    return _BY_CAUSE.get(cause, EndedBy.PBX)


__all__ = ["OF_THE_LINE", "Cause", "EndedBy", "cause_of_end", "ender_of", "weightier"]
