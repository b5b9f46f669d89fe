"""The last net under the no-number rule: what of a log line is cut, and what of ours passes."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator
from urllib.parse import quote
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from maskservice.domain.ids import plain_id, uuid7
from maskservice.logs import line_handler, looks_like_a_number, redact, redact_numbers
from tests.factories import NOW, BindingIdFactory


@pytest.mark.parametrize(
    ("line", "cut"),
    [
        ("0912345678", "•••678"),
        ("from 0912-345-678 to", "from •••678 to"),
        ("0912  345  678", "•••678"),
        ("0912 - 345 - 678", "•••678"),
        ("0912_345_678", "•••678"),
        ("0912/345/678", "•••678"),
        ("0912.345.678", "•••678"),
        ("0912,345,678", "•••678"),
        ("0912\t345\n678", "•••678"),
        ("0912\xa0345\u3000678", "•••678"),
        ("(02) 2345-6789", "(•••789"),
        ("+886 912 345 678", "+•••678"),
        ("phone0912345678x", "phone•••678x"),
        ("phone_0912345678_x", "phone_•••678_x"),
        ("TW-0912345678", "TW-•••678"),
        ("bnd_0912345678", "bnd_•••678"),
        ("電話0912345678號", "電話•••678號"),
        ("０９１２３４５６７８", "•••678"),
        ("٠٩١٢٣٤٥٦٧٨", "•••678"),
        ("GET /v1/%2B886912345678 HTTP/9.9", "GET /v•••678 HTTP/9.9"),
        ("GET /%30%39%31%32%33%34%35%36%37%38", "GET /•••678"),
        ("GET /0912%20345%2D678", "GET /•••678"),
        ("/x?a=0912%2F345%2F678&b=1", "/x?a=•••678&b=1"),
        (quote("０９１２３４５６７８"), "•••678"),
        ("'X-PHONE0912345678'", "'X-PHONE•••678'"),
        ("b'0912345678'", "b'•••678'"),
        ("2026-11-24T07:38:16Z 0912345678", "2026-11-24T07:38:16Z •••678"),
        ("0912345678 2026-11-24", "•••124"),  # a date behind a number is taken for its end: rather too much
        ("127.0.0.1 0912345678", "127.0.0.1 •••678"),
        ("09.12.34.56.78", "•••678"),
        ("550e8400-e29b-41d4-a716-0912345678ab", "•••678"),
        ("0912345678" * 3, "•••678"),
        ("1234567", "•••567"),
    ],
)
def test_what_is_cut(line: str, cut: str) -> None:
    assert redact(line) == cut
    assert looks_like_a_number(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ready",
        "2026-11-24T07:38:16.123456Z",
        "2026-11-24 07:38:16,123",
        "2026-11-24T07:38:16+08:00",
        "2026-11-24",
        "550e8400-e29b-41d4-a716-446655440000",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "Listening at: http://127.0.0.1:18471 (4711)",
        "GET /v1/bindings/<binding_id> 200",
        "maskservice/services/calls.py:123",
        "took 123.4 ms, 123456 rows",
        "psycopg 3.3.9, SQLAlchemy 2.1.9",
        "SQLSTATE 57014",
        "Booting worker with pid: 12345",
    ],
)
def test_what_passes(line: str) -> None:
    assert redact(line) == line
    assert not looks_like_a_number(line)


@given(st.binary(min_size=10, max_size=10), st.sampled_from(["ten", "key", "pool", "pbx", "kek"]))
def test_our_ids_pass(randomness: bytes, prefix: str) -> None:
    plain = plain_id(prefix, uuid7(NOW, randomness))
    assert redact(f"of {plain}.") == f"of {plain}."


def test_ids_that_carry_a_virtual_number_pass() -> None:
    for _ in range(50):
        each = str(BindingIdFactory())
        assert redact(f"({each})") == f"({each})"
        uuid = str(UUID(bytes=secrets.token_bytes(16)))
        assert redact(uuid) == uuid or "09" in uuid or "8869" in uuid


@pytest.fixture
def said() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    library = logging.getLogger("tests.gunicorn")
    library.propagate = False
    library.handlers = [line_handler("json", stream)]
    library.setLevel(logging.INFO)
    yield library, stream
    library.handlers = []


def test_lines_of_libraries_are_cut_too(said: tuple[logging.Logger, io.StringIO]) -> None:
    library, stream = said
    library.warning("Invalid request: %s", "GET /v1/%2B886912345678")
    library.info("extra", extra={"phone": "0912_345_678", "as_number": 912345678, "as_float": 912345678.0})
    library.info("deep", extra={"deep": {"0912345678": ["0912345678", ("0912345678", {"0912345678"})]}})
    try:
        raise ValueError("0912/345/678")
    except ValueError:
        library.exception("failed")
    text = stream.getvalue()
    assert len([json.loads(line) for line in text.splitlines()]) == 4
    for spelling in ("912345678", "912_345", "912/345"):
        assert spelling not in text


def test_our_own_fields_pass() -> None:
    event = {"event": "request", "request_id": "123456789012", "duration_ms": 12345678.9, "pid": 12345678, "n": True}
    assert redact_numbers(structlog.get_logger(), "info", dict(event)) == event


@given(st.text(max_size=60))
def test_cutting_twice_cuts_nothing_more_and_never_fails(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
