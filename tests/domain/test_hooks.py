"""What a hook may be, and how every answer of one is read."""

from __future__ import annotations

import json

import pytest

from maskservice.domain.hooks import (
    FailurePolicy,
    HookFailure,
    HookKind,
    HookReply,
    HookVerdict,
    Reading,
    connects,
    hook_faults,
    is_public,
    read_reply,
)

BEFORE, LATE = HookKind.BEFORE_CONNECT, HookKind.OUT_OF_SESSION
UNREADABLE = Reading(HookVerdict.FAILED, HookFailure.UNREADABLE)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, HookVerdict.ALLOWED), (201, HookVerdict.ALLOWED), (204, HookVerdict.ALLOWED), (299, HookVerdict.ALLOWED),
        (403, HookVerdict.VETO),
        (100, HookVerdict.FAILED), (302, HookVerdict.FAILED), (401, HookVerdict.FAILED), (404, HookVerdict.FAILED),
        (429, HookVerdict.FAILED), (500, HookVerdict.FAILED), (503, HookVerdict.FAILED), (999, HookVerdict.FAILED),
    ],
)  # fmt: skip
def test_before_a_connect_the_status_is_the_answer(status: int, verdict: HookVerdict) -> None:
    assert read_reply(BEFORE, HookReply(status, b"\xff whatever")).verdict is verdict


@pytest.mark.parametrize("kind", HookKind)
@pytest.mark.parametrize("failure", HookFailure)
def test_no_answer_is_a_failure_with_its_reason(kind: HookKind, failure: HookFailure) -> None:
    assert read_reply(kind, HookReply(None, failure=failure)) == Reading(HookVerdict.FAILED, failure)


@pytest.mark.parametrize(
    ("reading", "policy", "goes_through"),
    [
        (Reading(HookVerdict.ALLOWED), FailurePolicy.REFUSE, True),
        (Reading(HookVerdict.VETO), FailurePolicy.CONNECT, False),
        (UNREADABLE, FailurePolicy.CONNECT, True),
        (UNREADABLE, FailurePolicy.REFUSE, False),
        (UNREADABLE, None, False),
    ],
)
def test_a_veto_is_a_veto_and_the_policy_is_for_failures(
    reading: Reading, policy: FailurePolicy | None, *, goes_through: bool
) -> None:
    assert connects(reading, policy) is goes_through


@pytest.mark.parametrize(
    ("said", "reading"),
    [
        ({"action": "care_line"}, Reading(HookVerdict.CARE_LINE)),
        ({"action": "hangup"}, Reading(HookVerdict.HANGUP)),
        ({"action": "hangup", "more": 1}, Reading(HookVerdict.HANGUP)),
        ({"action": "play", "prompt": " 包裹已於昨日送達。 "}, Reading(HookVerdict.PLAY, message="包裹已於昨日送達。")),
        ({"action": "play", "prompt": "訂單尾號1234已取消"}, Reading(HookVerdict.PLAY, message="訂單尾號1234已取消")),
        ({"action": "play", "prompt": "x" * 200}, Reading(HookVerdict.PLAY, message="x" * 200)),
        ({"action": "play", "prompt": "x" * 201}, UNREADABLE),
        ({"action": "play", "prompt": "  "}, UNREADABLE),
        ({"action": "play", "prompt": "a\nb"}, UNREADABLE),
        ({"action": "play", "prompt": "a\u202eb"}, UNREADABLE),
        ({"action": "play", "prompt": 5}, UNREADABLE),
        ({"action": "play"}, UNREADABLE),
        ({"action": "connect", "to": "+886912345678"}, UNREADABLE),
        ({"action": None}, UNREADABLE),
        ({}, UNREADABLE),
        ([], UNREADABLE),
        ("care_line", UNREADABLE),
        (None, UNREADABLE),
    ],
)
def test_out_of_session_the_action_is_the_answer(said: object, reading: Reading) -> None:
    assert read_reply(LATE, HookReply(200, json.dumps(said).encode())) == reading


@pytest.mark.parametrize(
    "prompt",
    [
        "請撥 0912-345-678",
        "請撥０９１２３４５６７８",
        "電話零九一二三四五六七八",
        "call +886 912 345 678",
        "02-2345-6789",
    ],
)
def test_a_number_is_never_spoken(prompt: str) -> None:
    reply = HookReply(200, json.dumps({"action": "play", "prompt": prompt}).encode())
    assert read_reply(LATE, reply) == Reading(HookVerdict.FAILED, HookFailure.NUMBER_IN_PROMPT)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"[" * 100_000, b'{"action": "hangup"', b"NaN", b"\x1f\x8b"])
def test_garbage_is_a_failure(body: bytes) -> None:
    assert read_reply(LATE, HookReply(200, body)) == UNREADABLE


@pytest.mark.parametrize("status", [201, 204, 302, 403, 500])
def test_out_of_session_only_200_says_something(status: int) -> None:
    assert read_reply(LATE, HookReply(status, b'{"action": "hangup"}')) == UNREADABLE


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "https://a.example/", "https://a.example:8443/x?y=1", "HTTPS://a.example/", "https://[::1]/",
     "https://xn--fiqs8s.example/%E8%A8%82", "https://a.example/" + "x" * 400],
)  # fmt: skip
def test_an_https_address_is_taken(url: str) -> None:
    assert hook_faults(BEFORE, url, FailurePolicy.CONNECT) == ()


@pytest.mark.parametrize(
    "url",
    ["", "a.example", "http://a.example/", "ftp://a.example/", "https://", "https:///x", "https://u:p@a.example/",
     "https://a.example/#x", "https://a.example:99999/", "https://a.example:x/", "https://a.example:0/",
     "https://a.example:/", "https://a b/", "https://訂單.example/", "https://a.example/\r\nX: y", "https://[::1/",
     "https://a.example/" + "x" * 500, "https://a.example\\@b.example/", "file:///etc/passwd"],
)  # fmt: skip
def test_any_other_address_is_refused(url: str) -> None:
    (fault,) = hook_faults(BEFORE, url, FailurePolicy.CONNECT)
    assert (fault.pointer, fault.code) == ("/url", "invalid_url")


def test_the_policy_belongs_to_the_kind_and_all_faults_are_told() -> None:
    assert [each.pointer for each in hook_faults(BEFORE, "http://x", None)] == ["/url", "/on_failure"]
    assert [each.code for each in hook_faults(LATE, "https://a.example", FailurePolicy.REFUSE)] == ["not_used"]
    assert hook_faults(LATE, "https://a.example", None) == ()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("64:ff9b::808:808", True),
        ("10.0.0.1", False), ("172.16.0.1", False), ("192.168.1.1", False), ("127.0.0.1", False), ("0.0.0.0", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("224.0.0.1", False), ("240.0.0.1", False),
        ("255.255.255.255", False), ("198.18.0.1", False), ("192.0.2.1", False),
        ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fd00::1", False), ("fec0::1", False),
        ("ff02::1", False), ("::ffff:10.0.0.1", False), ("::ffff:8.8.8.8", True), ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False), ("2001:0:a00:1::1", False), ("localhost", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public
