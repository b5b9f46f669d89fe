"""Why a call ended: from the PBXs' words to those of ``domain/causes.py``.

Answers for: what SIP, Q.850 and the providers' words mean. Must not know: what an ended call leads to.
Sources: ITU-T Q.850 (05/2018) table 1, RFC 3398 section 8.2.6.1 (SIP to ISUP), RFC 3261 section 21, FreeSWITCH's names
of the Q.850 causes (switch_channel.c, CAUSE_CHART), which Plivo uses too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from maskservice.domain.causes import Cause

__all__ = [
    "Q850",
    "SIP",
    "WORDS",
    "Cause",
    "cause_of_q850",
    "cause_of_sip",
    "cause_of_word",
    "most_telling",
]

Q850: Final[Mapping[int, Cause]] = MappingProxyType(
    {
        1: Cause.UNALLOCATED_NUMBER,
        2: Cause.NO_ROUTE,
        3: Cause.NO_ROUTE,
        16: Cause.NORMAL_CLEARING,
        17: Cause.BUSY,
        18: Cause.UNREACHABLE,
        19: Cause.NO_ANSWER,
        20: Cause.UNREACHABLE,
        21: Cause.REJECTED,
        22: Cause.NUMBER_CHANGED,
        25: Cause.NO_ROUTE,
        26: Cause.NORMAL_CLEARING,
        27: Cause.DESTINATION_OUT_OF_ORDER,
        28: Cause.INVALID_NUMBER,
        29: Cause.REJECTED,
        31: Cause.NORMAL_CLEARING,
        34: Cause.CONGESTION,
        38: Cause.NETWORK_FAILURE,
        41: Cause.TEMPORARY_FAILURE,
        42: Cause.CONGESTION,
        44: Cause.CONGESTION,
        47: Cause.CONGESTION,
        50: Cause.NOT_ALLOWED,
        52: Cause.NOT_ALLOWED,
        53: Cause.NOT_ALLOWED,
        54: Cause.NOT_ALLOWED,
        55: Cause.NOT_ALLOWED,
        57: Cause.NOT_ALLOWED,
        58: Cause.INCOMPATIBLE,
        63: Cause.TEMPORARY_FAILURE,
        65: Cause.INCOMPATIBLE,
        66: Cause.INCOMPATIBLE,
        69: Cause.INCOMPATIBLE,
        79: Cause.INCOMPATIBLE,
        87: Cause.NOT_ALLOWED,
        88: Cause.INCOMPATIBLE,
        95: Cause.PROTOCOL_ERROR,
        96: Cause.PROTOCOL_ERROR,
        97: Cause.PROTOCOL_ERROR,
        98: Cause.PROTOCOL_ERROR,
        99: Cause.PROTOCOL_ERROR,
        100: Cause.PROTOCOL_ERROR,
        101: Cause.PROTOCOL_ERROR,
        102: Cause.TIMEOUT,
        111: Cause.PROTOCOL_ERROR,
        127: Cause.UNKNOWN,
    }
)
"""Cause values of Q.850. 26 (non-selected user clearing) is another handset having answered."""

SIP: Final[Mapping[int, Cause]] = MappingProxyType(
    {
        200: Cause.NORMAL_CLEARING,
        400: Cause.PROTOCOL_ERROR,
        401: Cause.NOT_ALLOWED,
        402: Cause.NOT_ALLOWED,
        403: Cause.NOT_ALLOWED,
        404: Cause.UNALLOCATED_NUMBER,
        405: Cause.PROTOCOL_ERROR,
        406: Cause.INCOMPATIBLE,
        407: Cause.NOT_ALLOWED,
        408: Cause.TIMEOUT,
        410: Cause.NUMBER_CHANGED,
        415: Cause.INCOMPATIBLE,
        420: Cause.PROTOCOL_ERROR,
        480: Cause.UNREACHABLE,
        481: Cause.PROTOCOL_ERROR,
        482: Cause.NO_ROUTE,
        483: Cause.NO_ROUTE,
        484: Cause.INVALID_NUMBER,
        485: Cause.INVALID_NUMBER,
        486: Cause.BUSY,
        487: Cause.CALLER_CANCELED,
        488: Cause.INCOMPATIBLE,
        500: Cause.TEMPORARY_FAILURE,
        501: Cause.INCOMPATIBLE,
        502: Cause.NETWORK_FAILURE,
        503: Cause.CONGESTION,
        504: Cause.TIMEOUT,
        513: Cause.PROTOCOL_ERROR,
        600: Cause.BUSY,
        603: Cause.REJECTED,
        604: Cause.UNALLOCATED_NUMBER,
        606: Cause.INCOMPATIBLE,
        607: Cause.UNWANTED,
        608: Cause.UNWANTED,
    }
)
"""Final answers to an INVITE. 607 and 608: RFC 8197, RFC 8688."""

_COMMON: Final = {
    "completed": Cause.NORMAL_CLEARING,
    "answered": Cause.NORMAL_CLEARING,
    "busy": Cause.BUSY,
    "no-answer": Cause.NO_ANSWER,
    "canceled": Cause.CALLER_CANCELED,
    "cancelled": Cause.CALLER_CANCELED,
}
_FREESWITCH: Final = {
    "UNALLOCATED_NUMBER": Cause.UNALLOCATED_NUMBER,
    "NO_ROUTE_TRANSIT_NET": Cause.NO_ROUTE,
    "NO_ROUTE_DESTINATION": Cause.NO_ROUTE,
    "NORMAL_CLEARING": Cause.NORMAL_CLEARING,
    "USER_BUSY": Cause.BUSY,
    "NO_USER_RESPONSE": Cause.UNREACHABLE,
    "NO_ANSWER": Cause.NO_ANSWER,
    "SUBSCRIBER_ABSENT": Cause.UNREACHABLE,
    "USER_NOT_REGISTERED": Cause.UNREACHABLE,
    "CALL_REJECTED": Cause.REJECTED,
    "FACILITY_REJECTED": Cause.REJECTED,
    "DECLINE": Cause.REJECTED,
    "BUSY_EVERYWHERE": Cause.BUSY,
    "NO_PICKUP": Cause.NO_ANSWER,
    "NUMBER_CHANGED": Cause.NUMBER_CHANGED,
    "DOES_NOT_EXIST_ANYWHERE": Cause.UNALLOCATED_NUMBER,
    "EXCHANGE_ROUTING_ERROR": Cause.NO_ROUTE,
    "INVALID_GATEWAY": Cause.NO_ROUTE,
    "DESTINATION_OUT_OF_ORDER": Cause.DESTINATION_OUT_OF_ORDER,
    "INVALID_NUMBER_FORMAT": Cause.INVALID_NUMBER,
    "NORMAL_UNSPECIFIED": Cause.NORMAL_CLEARING,
    "NORMAL_CIRCUIT_CONGESTION": Cause.CONGESTION,
    "SWITCH_CONGESTION": Cause.CONGESTION,
    "REQUESTED_CHAN_UNAVAIL": Cause.CONGESTION,
    "NETWORK_OUT_OF_ORDER": Cause.NETWORK_FAILURE,
    "GATEWAY_DOWN": Cause.NETWORK_FAILURE,
    "NORMAL_TEMPORARY_FAILURE": Cause.TEMPORARY_FAILURE,
    "SERVICE_UNAVAILABLE": Cause.TEMPORARY_FAILURE,
    "SYSTEM_SHUTDOWN": Cause.TEMPORARY_FAILURE,
    "FACILITY_NOT_SUBSCRIBED": Cause.NOT_ALLOWED,
    "BEARERCAPABILITY_NOTAUTH": Cause.NOT_ALLOWED,
    "OUTGOING_CALL_BARRED": Cause.NOT_ALLOWED,
    "INCOMING_CALL_BARRED": Cause.NOT_ALLOWED,
    "BEARERCAPABILITY_NOTAVAIL": Cause.INCOMPATIBLE,
    "BEARERCAPABILITY_NOTIMPL": Cause.INCOMPATIBLE,
    "CHAN_NOT_IMPLEMENTED": Cause.INCOMPATIBLE,
    "FACILITY_NOT_IMPLEMENTED": Cause.INCOMPATIBLE,
    "SERVICE_NOT_IMPLEMENTED": Cause.INCOMPATIBLE,
    "INCOMPATIBLE_DESTINATION": Cause.INCOMPATIBLE,
    "NOT_ACCEPTABLE": Cause.INCOMPATIBLE,
    "RECOVERY_ON_TIMER_EXPIRE": Cause.TIMEOUT,
    "MEDIA_TIMEOUT": Cause.NETWORK_FAILURE,
    "PROGRESS_TIMEOUT": Cause.TIMEOUT,
    "ORIGINATOR_CANCEL": Cause.CALLER_CANCELED,
    "LOSE_RACE": Cause.NORMAL_CLEARING,
    "ALLOTTED_TIMEOUT": Cause.MAX_DURATION,
    "UNWANTED": Cause.UNWANTED,
    "PROTOCOL_ERROR": Cause.PROTOCOL_ERROR,
}
_TWIML: Final = MappingProxyType(_COMMON)

WORDS: Final[Mapping[str, Mapping[str, Cause]]] = MappingProxyType(
    {
        "native": MappingProxyType(
            {
                "completed": Cause.NORMAL_CLEARING,
                "busy": Cause.BUSY,
                "no_answer": Cause.NO_ANSWER,
                "canceled": Cause.CALLER_CANCELED,
            }
        ),
        "twilio": _TWIML,
        "signalwire": _TWIML,
        "telnyx": _TWIML,
        "plivo": MappingProxyType(
            _COMMON | _FREESWITCH | {"timeout": Cause.NO_ANSWER, "cancel": Cause.CALLER_CANCELED}
        ),
        "vonage": MappingProxyType(
            _COMMON | {"unanswered": Cause.NO_ANSWER, "timeout": Cause.NO_ANSWER, "rejected": Cause.REJECTED}
        ),
        "jambonz": MappingProxyType(_COMMON),
        "freeswitch": MappingProxyType(_FREESWITCH),
        "asterisk": MappingProxyType(
            {
                "ANSWER": Cause.NORMAL_CLEARING,
                "BUSY": Cause.BUSY,
                "NOANSWER": Cause.NO_ANSWER,
                "CANCEL": Cause.CALLER_CANCELED,
                "CONGESTION": Cause.CONGESTION,
                "CHANUNAVAIL": Cause.NETWORK_FAILURE,
                "DONTCALL": Cause.REJECTED,
                "TORTURE": Cause.REJECTED,
                "INVALIDARGS": Cause.PROTOCOL_ERROR,
            }
        ),
    }
)
"""The providers' own words for an end, by dialect. What is no end (``ringing``) or says no cause (``failed``) is left
out.
"""


def cause_of_q850(value: int | None) -> Cause:
    """By the Q.850 cause value, 1 to 127."""
    return Cause.UNKNOWN if value is None else Q850.get(value, Cause.UNKNOWN)


def cause_of_sip(status: int | None) -> Cause:
    """By the final SIP status; a status that is not named counts as its class's first (RFC 3261 section 8.1.3.2)."""
    if status is None or not 200 <= status <= 699:
        return Cause.UNKNOWN
    by_class = {2: Cause.NORMAL_CLEARING, 4: Cause.PROTOCOL_ERROR, 5: Cause.TEMPORARY_FAILURE, 6: Cause.BUSY}
    return SIP.get(status, by_class.get(status // 100, Cause.UNKNOWN))


def cause_of_word(dialect: str, word: object) -> Cause:
    """By a provider's own word, read in any case only where the provider writes it so."""
    return WORDS.get(dialect, {}).get(word, Cause.UNKNOWN) if isinstance(word, str) else Cause.UNKNOWN


def most_telling(*causes: Cause) -> Cause:
    """The first that is known: name the most exact source first."""
    return next((cause for cause in causes if cause is not Cause.UNKNOWN), Cause.UNKNOWN)
