"""A tenant's hooks: what may be asked of its own server during a call, and how its answer is read.

Answers for: the kinds, the failure policy, which addresses may be asked, and the one reading of every possible answer.
Must not know: how a question travels, which call it is about (``hook_rules.py``), where hooks are stored.
"""

from __future__ import annotations

import ipaddress
import json
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from maskservice.domain.errors import FieldError
from maskservice.domain.typed_numbers import hide_numbers

LONGEST_URL: Final = 500
LONGEST_MESSAGE: Final = 200
BUDGET_S: Final = 1.0
"""Seconds that a hook has for everything, from the look-up of its name to the last byte of its answer."""


# Statuses of RFC 9110.
_ALLOWS: Final = range(200, 300)
_VETOES: Final = 403
_ACTS: Final = 200


class HookKind(StrEnum):
    """``BEFORE_CONNECT`` is asked before anybody is rung; ``OUT_OF_SESSION`` when somebody whom the tenant knows calls
    about a binding that has ended."""

    BEFORE_CONNECT = "before_connect"
    OUT_OF_SESSION = "out_of_session"


class FailurePolicy(StrEnum):
    """What becomes of a call whose ``before_connect`` hook gave no answer. Out of session it is always the neutral
    sentence."""

    CONNECT = "connect"
    REFUSE = "refuse"


class HookVerdict(StrEnum):
    """What a hook said, as the trace tells it."""

    ALLOWED = "allowed"
    VETO = "veto"
    PLAY = "play"
    CARE_LINE = "care_line"
    HANGUP = "hangup"
    FAILED = "failed"


class HookFailure(StrEnum):
    """Why there was no answer of use; for logs, metrics and the tenant's own test."""

    TIMEOUT = "timeout"
    UNKNOWN_HOST = "unknown_host"
    PRIVATE_ADDRESS = "private_address"
    CONNECTION = "connection"
    TLS = "tls"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    NUMBER_IN_PROMPT = "number_in_prompt"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One question, signed as in Standard Webhooks when it is sent. ``hook_id`` changes with every change of the hook.
    ``webhook_id`` names the question, also when it is sent twice. ``although_paused``: a test by hand goes out whatever
    failed before."""

    hook_id: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    webhook_id: str
    sent_at: datetime
    body: bytes = field(repr=False)
    although_paused: bool = False


@dataclass(frozen=True, slots=True)
class HookReply:
    """What came back. ``status`` is None exactly where ``failure`` says why there is none. ``seconds``: how long it
    took. The body may hold anything, so it is never shown."""

    status: int | None
    body: bytes = field(default=b"", repr=False)
    failure: HookFailure | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """``failure`` is set exactly for FAILED, ``message`` exactly for PLAY."""

    verdict: HookVerdict
    failure: HookFailure | None = None
    message: str | None = None


def read_reply(kind: HookKind, reply: HookReply) -> Reading:
    """The answer as it counts; never raises. What is no complete answer of the agreed form is FAILED."""
    if reply.status is None:
        return _failed(reply.failure or HookFailure.UNREADABLE)
    if kind is HookKind.BEFORE_CONNECT:
        if reply.status in _ALLOWS:
            return Reading(HookVerdict.ALLOWED)
        return Reading(HookVerdict.VETO) if reply.status == _VETOES else _failed(HookFailure.UNREADABLE)
    return _read_action(reply.body) if reply.status == _ACTS else _failed(HookFailure.UNREADABLE)


def _read_action(body: bytes) -> Reading:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return _failed(HookFailure.UNREADABLE)
    match content:
        case {"action": "play", "prompt": str(message)}:
            return _read_message(message)
        case {"action": "care_line"}:
            return Reading(HookVerdict.CARE_LINE)
        case {"action": "hangup"}:
            return Reading(HookVerdict.HANGUP)
    return _failed(HookFailure.UNREADABLE)


def _read_message(text: str) -> Reading:
    """A sentence fit to be spoken: 1 to 200 characters, one line, and nothing that reads as a phone number, since
    whoever calls would be told it."""
    message = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(message) <= LONGEST_MESSAGE or any(unicodedata.category(each)[0] == "C" for each in message):
        return _failed(HookFailure.UNREADABLE)
    if hide_numbers(message) != message:
        return _failed(HookFailure.NUMBER_IN_PROMPT)
    return Reading(HookVerdict.PLAY, message=message)


def _failed(why: HookFailure) -> Reading:
    return Reading(HookVerdict.FAILED, why)


def connects(reading: Reading, policy: FailurePolicy | None) -> bool:
    """Whether a call goes through after this reading of a ``before_connect`` hook."""
    return reading.verdict is HookVerdict.ALLOWED or (
        reading.verdict is HookVerdict.FAILED and policy is FailurePolicy.CONNECT
    )


_HTTPS_ONLY = FieldError("/url", "invalid_url", "Write it as https://hooks.example.com/path, without user or fragment.")
_POLICY_NEEDED = FieldError("/on_failure", "required", "Say what a hook that does not answer means: connect or refuse.")
_NO_POLICY = FieldError(
    "/on_failure", "not_used", "Out of session the fallback is always the neutral sentence: leave this out."
)


def hook_faults(kind: HookKind, url: str, on_failure: FailurePolicy | None) -> tuple[FieldError, ...]:
    """Everything that is wrong with a hook as it is to be set. Names are resolved when the hook is asked, and only
    then: what a name means today says nothing of tomorrow."""
    faults = []
    if not _is_https(url):
        faults.append(_HTTPS_ONLY)
    if kind is HookKind.BEFORE_CONNECT and on_failure is None:
        faults.append(_POLICY_NEEDED)
    if kind is HookKind.OUT_OF_SESSION and on_failure is not None:
        faults.append(_NO_POLICY)
    return tuple(faults)


def _is_https(url: str) -> bool:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}#'):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or parts.netloc.endswith(":"):
        return False
    return port is None or port > 0


_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open Internet, also when it is an IPv4 address in IPv6's clothes (mapped,
    6to4, NAT64). Source: the special-purpose registries of IANA, as :mod:`ipaddress` holds them."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if found.is_site_local or found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved and not found.is_unspecified
