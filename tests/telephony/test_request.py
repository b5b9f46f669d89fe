from __future__ import annotations

import pytest

from maskservice.telephony.dialect import Links, UnreadableBody
from maskservice.telephony.request import Fields, WebhookRequest, single

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def request(
    body: bytes = b"", *, headers: dict[str, str] | None = None, query: Fields = (), url: str = "https://a.tw/"
) -> WebhookRequest:
    return WebhookRequest("POST", url, FORM if headers is None else headers, query, body)


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_headers_are_found_in_any_case(name: str) -> None:
    assert request().header(name) == FORM["Content-Type"]


@pytest.mark.parametrize("headers", [{}, {"X-A": ""}, {"X-A": "1", "x-a": "1"}, {"X-B": "1"}])
def test_a_header_that_is_absent_empty_or_there_twice_is_none(headers: dict[str, str]) -> None:
    assert request(headers=headers).header("X-A") is None


@pytest.mark.parametrize(
    ("query", "leg"),
    [
        ([], 1),
        ([("leg", "2")], 2),
        ([("leg", "99")], 99),
        ([("leg", "100")], 1),
        ([("leg", "0")], 1),
        ([("leg", "-1")], 1),
        ([("leg", "")], 1),
        ([("leg", "２")], 1),
        ([("leg", "2"), ("leg", "3")], 1),
        ([("Leg", "2")], 1),
        ([("leg", "²")], 1),
    ],
)
def test_the_leg_is_what_our_own_answers_write(query: list[tuple[str, str]], leg: int) -> None:
    assert request(query=query).leg == leg


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", ()),
        (b"a=1&b=&a=2", (("a", "1"), ("b", ""), ("a", "2"))),
        (b"To=%2B886900000000&Name=%E9%99%B3+x", (("To", "+886900000000"), ("Name", "陳 x"))),
        (b"&".join(b"a=1" for _ in range(200)), (("a", "1"),) * 200),
        (b"a=" + b"1" * (65_536 - 2), (("a", "1" * (65_536 - 2)),)),
    ],
    ids=range(5),
)
def test_forms_are_read(body: bytes, fields: Fields) -> None:
    assert request(body).form() == fields
    assert request(body, headers={"content-type": FORM["Content-Type"] + "; charset=UTF-8"}).form() == fields


@pytest.mark.parametrize(
    "body",
    [b"&".join(b"a=1" for _ in range(201)), b"a=" + b"1" * 65_535, b"a=\xe9", b"a=%e9", "a=陳".encode()],
    ids=range(5),
)
def test_other_forms_are_refused_and_nothing_of_them_repeated(body: bytes) -> None:
    with pytest.raises(UnreadableBody) as refused:
        request(body).form()
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data"}])
def test_only_what_says_it_is_a_form_is_one(headers: dict[str, str]) -> None:
    with pytest.raises(UnreadableBody):
        request(b"a=1", headers=headers).form()


def test_json_objects_are_read_within_bounds() -> None:
    assert request(b'{"a": {"b": 1}}').json_object() == {"a": {"b": 1}}
    for body in (b"", b"[]", b"1", b'{"a": "\\ud800"}', b"\xff", b'{"a":"' + b"x" * 65_536 + b'"}', b'{"a":' * 5000):
        with pytest.raises(UnreadableBody) as refused:
            request(body).json_object()
        assert refused.value.__context__ is None


def test_it_shows_nothing_of_its_content() -> None:
    sent = request(b"From=0912345678", headers={"X-From": "0912345678"}, url="https://a.tw/?from=0912345678")
    assert repr(sent) == str(sent) == "WebhookRequest(15 bytes)"


def test_a_field_counts_where_it_is_there_once() -> None:
    fields = (("a", "1"), ("b", "2"), ("b", "2"))
    assert [single(fields, name) for name in "abc"] == ["1", None, None]


def test_links_are_made_of_the_public_address() -> None:
    links = Links.of("https://mask.example.com/", "pbx_1", leg=3)
    assert links.calls_url == "https://mask.example.com/v1/pbx/pbx_1/calls"
    assert links.events_url == "https://mask.example.com/v1/pbx/pbx_1/events"
    assert links.next_leg_url == "https://mask.example.com/v1/pbx/pbx_1/calls?leg=4"
    assert Links("c", "e", 99).next_leg_url == "c?leg=99"
