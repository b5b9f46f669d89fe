"""PBX dialects: bytes ↔ domain, pure. ``DIALECTS`` lists them by name.

Answers for: which dialects there are, and which of them a request looks like. Must not know: Flask, the database, the
services, what a call leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from maskservice.telephony import jambonz, plivo, signalwire, telnyx, twilio
from maskservice.telephony.asterisk import ASTERISK
from maskservice.telephony.causes import Cause
from maskservice.telephony.dialect import (
    CallEvent,
    CallEventKind,
    CallSide,
    Dialect,
    Links,
    SecretForm,
    UnreadableBody,
    Whispering,
    Written,
)
from maskservice.telephony.freeswitch import FREESWITCH
from maskservice.telephony.jambonz import JAMBONZ
from maskservice.telephony.kamailio import KAMAILIO
from maskservice.telephony.native import NATIVE
from maskservice.telephony.plivo import PLIVO
from maskservice.telephony.request import WebhookRequest
from maskservice.telephony.signalwire import SIGNALWIRE
from maskservice.telephony.signature import SECRET_PREFIX
from maskservice.telephony.telnyx import TELNYX
from maskservice.telephony.twilio import TWILIO
from maskservice.telephony.vonage import VONAGE
from maskservice.telephony.whisper import read_whisper

__all__ = [
    "DIALECTS",
    "NATIVE",
    "CallEvent",
    "CallEventKind",
    "CallSide",
    "Cause",
    "Dialect",
    "Links",
    "SecretForm",
    "UnreadableBody",
    "WebhookRequest",
    "Whispering",
    "Written",
    "likely_dialect",
    "read_whisper",
]

_ALL: tuple[Dialect, ...] = (
    NATIVE,
    TWILIO,
    SIGNALWIRE,
    TELNYX,
    PLIVO,
    VONAGE,
    JAMBONZ,
    ASTERISK,
    FREESWITCH,
    KAMAILIO,
)

# SignalWire's requests may bear Twilio's header too, so it is asked for first. A bearer is Vonage's token, or our own
# secret as a dialplan sends it; HTTP basic is mod_httapi's.
_MARKS: tuple[tuple[str, Dialect], ...] = (
    (signalwire.SIGNATURE_HEADER, SIGNALWIRE),
    (signalwire.SHA256_HEADER, SIGNALWIRE),
    (twilio.SIGNATURE_HEADER, TWILIO),
    (telnyx.SIGNATURE_HEADER, TELNYX),
    (plivo.SIGNATURE_HEADER, PLIVO),
    (jambonz.SIGNATURE_HEADER, JAMBONZ),
    ("Authorization", VONAGE),
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({each.name: each for each in _ALL})


def likely_dialect(request: WebhookRequest) -> Dialect:
    """The dialect that the request's headers look like, the native one where they look like none.

    Proves nothing, and serves one end: the neutral hangup in words that the PBX understands while the database, which
    alone knows its dialect, cannot be asked. A Kamailio looks like an Asterisk, and refuses at Asterisk's hangup too.
    """
    authorization = (request.header("Authorization") or "").lower()
    if authorization.startswith(f"bearer {SECRET_PREFIX}"):
        return ASTERISK
    if authorization.startswith("basic "):
        return FREESWITCH
    return next((dialect for header, dialect in _MARKS if request.header(header) is not None), NATIVE)
