"""One vocabulary of causes: from Q.850, from SIP, from the providers' words."""

from __future__ import annotations

import pytest

from maskservice.telephony.causes import (
    Q850,
    SIP,
    WORDS,
    Cause,
    cause_of_q850,
    cause_of_sip,
    cause_of_word,
    most_telling,
)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (1, Cause.UNALLOCATED_NUMBER),
        (3, Cause.NO_ROUTE),
        (16, Cause.NORMAL_CLEARING),
        (17, Cause.BUSY),
        (18, Cause.UNREACHABLE),
        (19, Cause.NO_ANSWER),
        (20, Cause.UNREACHABLE),
        (21, Cause.REJECTED),
        (22, Cause.NUMBER_CHANGED),
        (27, Cause.DESTINATION_OUT_OF_ORDER),
        (28, Cause.INVALID_NUMBER),
        (34, Cause.CONGESTION),
        (38, Cause.NETWORK_FAILURE),
        (41, Cause.TEMPORARY_FAILURE),
        (57, Cause.NOT_ALLOWED),
        (88, Cause.INCOMPATIBLE),
        (102, Cause.TIMEOUT),
        (111, Cause.PROTOCOL_ERROR),
        (127, Cause.UNKNOWN),
        (0, Cause.UNKNOWN),
        (999, Cause.UNKNOWN),
        (None, Cause.UNKNOWN),
    ],
)
def test_q850(value: int | None, cause: Cause) -> None:
    assert cause_of_q850(value) is cause


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (200, Cause.NORMAL_CLEARING),
        (403, Cause.NOT_ALLOWED),
        (404, Cause.UNALLOCATED_NUMBER),
        (408, Cause.TIMEOUT),
        (410, Cause.NUMBER_CHANGED),
        (480, Cause.UNREACHABLE),
        (484, Cause.INVALID_NUMBER),
        (486, Cause.BUSY),
        (487, Cause.CALLER_CANCELED),
        (488, Cause.INCOMPATIBLE),
        (503, Cause.CONGESTION),
        (603, Cause.REJECTED),
        (607, Cause.UNWANTED),
        (499, Cause.PROTOCOL_ERROR),
        (599, Cause.TEMPORARY_FAILURE),
        (699, Cause.BUSY),
        (100, Cause.UNKNOWN),
        (302, Cause.UNKNOWN),
        (0, Cause.UNKNOWN),
        (9999, Cause.UNKNOWN),
        (None, Cause.UNKNOWN),
    ],
)
def test_sip(status: int | None, cause: Cause) -> None:
    assert cause_of_sip(status) is cause


@pytest.mark.parametrize(
    ("dialect", "word", "cause"),
    [
        ("twilio", "no-answer", Cause.NO_ANSWER),
        ("signalwire", "busy", Cause.BUSY),
        ("telnyx", "canceled", Cause.CALLER_CANCELED),
        ("plivo", "timeout", Cause.NO_ANSWER),
        ("plivo", "USER_BUSY", Cause.BUSY),
        ("plivo", "cancel", Cause.CALLER_CANCELED),
        ("vonage", "rejected", Cause.REJECTED),
        ("vonage", "unanswered", Cause.NO_ANSWER),
        ("jambonz", "busy", Cause.BUSY),
        ("native", "no_answer", Cause.NO_ANSWER),
        ("asterisk", "CONGESTION", Cause.CONGESTION),
        ("freeswitch", "ALLOTTED_TIMEOUT", Cause.MAX_DURATION),
        ("freeswitch", "DECLINE", Cause.REJECTED),
        ("freeswitch", "GATEWAY_DOWN", Cause.NETWORK_FAILURE),
        ("freeswitch", "BUSY_EVERYWHERE", Cause.BUSY),
        ("twilio", "failed", Cause.UNKNOWN),
        ("twilio", "ringing", Cause.UNKNOWN),
        ("nobody", "busy", Cause.UNKNOWN),
        ("twilio", None, Cause.UNKNOWN),
        ("twilio", 17, Cause.UNKNOWN),
    ],
)
def test_words(dialect: str, word: object, cause: Cause) -> None:
    assert cause_of_word(dialect, word) is cause


def test_every_cause_has_a_source() -> None:
    named = {*Q850.values(), *SIP.values(), *(cause for words in WORDS.values() for cause in words.values())}
    # What the service decides itself no PBX says.
    assert named | {Cause.UNKNOWN, Cause.REFUSED} == set(Cause)
    assert Cause.REFUSED not in named
    assert 18 <= len(Cause) <= 24


def test_the_first_known_cause_tells_most() -> None:
    assert most_telling(Cause.UNKNOWN, Cause.BUSY, Cause.REJECTED) is Cause.BUSY
    assert most_telling() is most_telling(Cause.UNKNOWN) is Cause.UNKNOWN
