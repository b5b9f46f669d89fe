"""How a call over FreeSWITCH ended: the variables of the caller's channel, read as one end.

Answers for: which end, whose, why and after how long. Must not know: documents, who is told.
Source: signalwire/freeswitch cc93a68: switch_ivr_originate.c sets originate_disposition ('call accepted', 'success' in
other releases, or a cause's name), mod_dptools.c originate_failed_cause, switch_channel.c the times and the causes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from maskservice.telephony.causes import Cause, cause_of_q850, cause_of_word, most_telling
from maskservice.telephony.dialect import CallEventKind, CallSide
from maskservice.telephony.fields import seconds_of, whole_of
from maskservice.telephony.freeswitch_words import (
    BRIDGE_CAUSE,
    BRIDGED_AT,
    DISPOSITION,
    ENDED_AT,
    FAILED_CAUSE,
    HANGUP_CAUSE,
    HANGUP_Q850,
    LAST_BRIDGE_CAUSE,
)
from maskservice.telephony.request import Fields, single

LONGEST_EPOCH: Final = 11  # digits; until the year 5138

_ACCEPTED: Final = frozenset({"call accepted", "success"})
_KINDS: Final[Mapping[Cause, CallEventKind]] = MappingProxyType(
    {
        Cause.BUSY: CallEventKind.BUSY,
        Cause.REJECTED: CallEventKind.BUSY,  # a person declined
        Cause.NO_ANSWER: CallEventKind.NO_ANSWER,
        Cause.UNREACHABLE: CallEventKind.NO_ANSWER,
        Cause.NORMAL_CLEARING: CallEventKind.NO_ANSWER,  # released, and never answered
        Cause.CALLER_CANCELED: CallEventKind.CANCELED,
    }
)


@dataclass(frozen=True, slots=True)
class End:
    """``at`` is aware UTC; ``talk_s`` whole seconds from the bridge to the end, 0 to 86,400. Both None when untold."""

    kind: CallEventKind
    side: CallSide
    cause: Cause
    at: datetime | None = None
    talk_s: int | None = None

    @property
    def connected(self) -> bool:
        return self.kind is CallEventKind.COMPLETED


def end_of(fields: Fields, *, over: bool) -> End:
    """The end that these variables tell of. ``over``: the caller is gone too; otherwise a bridge was tried and failed,
    or its other side hung up.
    """
    disposition = (single(fields, DISPOSITION) or "").strip()
    at, bridged = _epoch_of(single(fields, ENDED_AT)), _epoch_of(single(fields, BRIDGED_AT))
    ended = None if at is None else datetime.fromtimestamp(at, UTC)
    if not disposition:
        return _undialled(fields, ended, over=over)
    if disposition.lower() in _ACCEPTED:
        talk_s = None if at is None or bridged is None else seconds_of(at - bridged)
        why = _cause_of(fields, LAST_BRIDGE_CAUSE, BRIDGE_CAUSE, HANGUP_CAUSE)
        return End(CallEventKind.COMPLETED, CallSide.CALLED, why, ended, talk_s)
    # 'failure' is what stands there until something better is known: the cause says more then.
    why = most_telling(cause_of_word("freeswitch", disposition), _cause_of(fields, FAILED_CAUSE))
    if why is Cause.MAX_DURATION:
        # The time-out of a leg, which the dialplan sets where it whispers: nobody answered, so it ended the ringing.
        return End(CallEventKind.NO_ANSWER, CallSide.CALLED, Cause.NO_ANSWER, ended)
    return End(_KINDS.get(why, CallEventKind.FAILED), CallSide.CALLED, why, ended)


def _undialled(fields: Fields, at: datetime | None, *, over: bool) -> End:
    """Nobody was rung: the caller hung up while he was asked, was refused, or the dialplan would not dial."""
    if not over:
        return End(CallEventKind.FAILED, CallSide.CALLED, Cause.UNKNOWN)
    why = most_telling(_cause_of(fields, HANGUP_CAUSE), cause_of_q850(whole_of(single(fields, HANGUP_Q850))))
    return End(CallEventKind.CANCELED, CallSide.CALLER, why, at)


def _cause_of(fields: Fields, *names: str) -> Cause:
    return most_telling(*(cause_of_word("freeswitch", single(fields, name)) for name in names))


def _epoch_of(text: str | None) -> int | None:
    """Seconds since 1970; None for the 0 of what has not happened."""
    known = text is not None and text.isascii() and text.isdecimal() and len(text) <= LONGEST_EPOCH
    return (int(text) or None) if known and text is not None else None
