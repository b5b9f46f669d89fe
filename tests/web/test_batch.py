"""POST /v1/bindings/batch: every row answered in order, in the form that was sent; defined answers to bad input."""

from __future__ import annotations

import io
import json
import threading
import tracemalloc
from queue import SimpleQueue
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from maskservice.domain.errors import DatabaseUnavailable
from maskservice.services import pools
from maskservice.services.records import Scope
from maskservice.web.row_splitting import MOST_ROWS
from maskservice.web.wiring import MOST_BATCHES, MOST_CHUNKS, wiring_of
from tests.web.conftest import Site, order

PATH = "/v1/bindings/batch"
LINES = "application/x-ndjson"


def send(site: Site, body: object, content_type: str = "application/json", **more: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {more.pop('key', site.api_key)}"}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.client.post(PATH, data=raw, content_type=content_type, headers=headers, **more)


def lines(*rows: object) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def statuses(answer: TestResponse) -> list[int]:
    assert answer.status_code == 200, answer.text
    rows = answer.json if answer.mimetype == "application/json" else [json.loads(x) for x in answer.text.splitlines()]
    assert [row["index"] for row in rows] == list(range(len(rows)))
    assert all(("binding" in row) == (row["status"] < 400) for row in rows)
    assert all(("problem" in row) == (row["status"] >= 400) for row in rows)
    assert all(row["problem"]["status"] == row["status"] for row in rows if "problem" in row)
    return [row["status"] for row in rows]


def codes(answer: TestResponse) -> list[str | None]:
    statuses(answer)
    rows = answer.json if answer.mimetype == "application/json" else [json.loads(x) for x in answer.text.splitlines()]
    return [row.get("problem", {}).get("code") for row in rows]


def test_an_array_for_an_array_and_lines_for_lines(site: Site) -> None:
    bad = {"order_id": "bad", "recipient": {"name": "", "phone": "0204-123456"}, "surplus": 1}
    answer = send(site, [order("a"), bad, order("b", waybill="H1"), order("a")])
    assert answer.content_type == "application/json"
    assert statuses(answer) == [201, 422, 201, 200]
    first = answer.json[0]["binding"]
    assert first == site.ask("GET", f"/v1/bindings/{first['id']}").json
    assert first == answer.json[3]["binding"]
    alone = site.ask("POST", "/v1/bindings", bad).json
    problem = answer.json[1]["problem"]
    assert {**problem, "request_id": ""} == {**alone, "request_id": ""}
    answer = send(site, lines(order("a"), b"", bad, order("c")) + b"\n", LINES)
    assert answer.content_type == "application/x-ndjson"
    assert statuses(answer) == [200, 422, 201]


@pytest.mark.parametrize(
    "bad",
    [
        {}, {"order_id": 5}, {"order_id": "x", "recipient": {"name": "王", "phone": "0900-000000"}, "pool": "nowhere"},
        {"order_id": "x", "recipient": {"name": "王", "phone": "0900-000000"}, "expires_in": 61, "expires_at": "now"},
        {"order_id": "x", "recipient": {"phone": "0800-000-000"}, "expires_in": 999_999_999, "pool": "nowhere"},
        {"order_id": "x", "recipient": {"phone": "0900000000"}, "expires_at": "2020-01-01T00:00:00Z", "pool": 7},
        {"order_id": "x", "recipient": {"name": "王", "phone": "0912-345-678"}, "expires_in": 300, "0912345678": 1},
        {"order_id": "a\nb", "recipient": {"name": "王", "phone": "12"}},
    ],
)  # fmt: skip
def test_a_refused_row_says_what_a_single_create_says(site: Site, bad: dict[str, Any]) -> None:
    alone = site.ask("POST", "/v1/bindings", bad)
    assert alone.status_code == 422
    for answer in (send(site, [order("a"), bad]), send(site, lines(order("a"), bad), LINES)):
        row = answer.json[1] if answer.mimetype == "application/json" else json.loads(answer.text.splitlines()[1])
        told = {(each["pointer"], each["code"]) for each in row["problem"]["errors"]}
        assert told == {(each["pointer"], each["code"]) for each in alone.json["errors"]}
        assert "0912345678" not in answer.text


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/json", 400, "malformed_json"),
        (b"", LINES, 400, "malformed_json"),
        (b"\n\n", LINES, 400, "malformed_json"),
        (b'[{"order_id":"a"}', "application/json", 400, "malformed_json"),
        (b'[{"order_id":"\xff"}]', "application/json", 400, "malformed_json"),
        (b"[1,]", "application/json", 400, "malformed_json"),
        (b"{}\n{}", "application/json", 422, "invalid_content"),
        (b"{}", "application/json", 422, "invalid_content"),
        (b"[{}]", LINES, 422, "invalid_content"),
        (b"[]", "text/plain", 415, "unsupported_media_type"),
        (b"[]", "application/json; charset=big5", 415, "unsupported_media_type"),
        (b"{}", "application/x-ndjson; charset=big5", 415, "unsupported_media_type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"[" + b"{}," * MOST_ROWS + b"{}]", "application/json", 413, "too_many_rows"),
        (b"{}\n" * (MOST_ROWS + 1), LINES, 413, "too_many_rows"),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_what_is_refused_as_a_whole(site: Site, body: bytes, content_type: str, status: int, code: str) -> None:
    good = json.dumps(order("good")).encode()
    if status == 413:  # a good row among them is not done either
        body = b"[" + good + b"," + body[1:] if content_type == "application/json" else good + b"\n" + body
    answer = send(site, body, content_type)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    assert site.ask("GET", "/v1/bindings").json["data"] == []
    # Every refusal has given its place back.
    assert statuses(send(site, [order("good")])) == [201]


def test_no_rows_are_no_rows(site: Site) -> None:
    answer = send(site, b" [ ] ")
    assert (answer.status_code, answer.data) == (200, b"[]")


def test_a_row_that_cannot_be_read_spoils_no_other(site: Site) -> None:
    rows = [
        order("a"), b'{"order_id": "\xe9\x99"}', b"{", b"7", b"null", b'["x"]',
        json.dumps(order("large", metadata={"x": "9" * 10_000_000})).encode(), order("b"),
    ]  # fmt: skip
    answer = send(site, lines(*rows), LINES)
    assert statuses(answer) == [201, 400, 400, 422, 422, 422, 413, 201]
    assert codes(answer)[1:3] == ["malformed_json", "malformed_json"]
    answer = send(site, [order("a"), 7, None, ["x"], order("large", metadata={"x": "9" * 10_000_000}), order("c")])
    assert statuses(answer) == [200, 422, 422, 422, 413, 201]
    assert codes(answer)[4] == "request_too_large"


def test_a_body_above_the_limit_is_refused_with_and_without_a_length(site: Site) -> None:
    body = b"[" + b" " * (16 * 1024 * 1024) + b"]"
    assert send(site, body).json["code"] == "request_too_large"

    answer = site.client.post(
        PATH,
        input_stream=io.BytesIO(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {site.api_key}"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert (answer.status_code, answer.json["code"]) == (413, "request_too_large")
    assert statuses(send(site, [order("a")])) == [201]


def test_scope_and_key(site: Site) -> None:
    assert send(site, [], key="nonsense").status_code == 401
    assert send(site, [], key=site.key(Scope.BINDINGS_READ)).status_code == 403
    assert send(site, [], query_string={"a": "b"}).status_code == 422


def test_a_pool_that_runs_full_and_is_mended(site: Site) -> None:
    """One number with a ceiling of 1,000: rows past it are 503, and sending it all again completes it."""
    rows = [order(f"o-{n}") for n in range(1300)]
    answer = send(site, lines(*rows), LINES)
    found = statuses(answer)
    assert (found.count(201), found.count(503)) == (1000, 300)
    assert set(codes(answer)) == {None, "pool_exhausted"}
    with site.app.app_context():
        pools.import_numbers(["0900-000001"], pool_name="default", ports=site.ports)
    again = statuses(send(site, rows))
    assert (again.count(200), again.count(201)) == (1000, 300)


def test_while_the_database_is_away_rows_are_503_and_may_be_sent_again(site: Site) -> None:
    rows = [order(f"o-{n}") for n in range(1200)]
    client = site.client
    answer = client.post(PATH, json=rows, headers={"Authorization": f"Bearer {site.api_key}"}, buffered=False)
    pieces = iter(answer.response)
    told = next(pieces)
    site.units.failure = DatabaseUnavailable("away")
    told += next(pieces)
    site.units.failure = None
    told += next(pieces)
    answer.close()
    found = json.loads(told)
    assert [row["status"] for row in found] == [201] * 500 + [503] * 500 + [201] * 200
    assert {row["problem"]["code"] for row in found[500:1000]} == {"database_unavailable"}
    with site.app.app_context():
        pools.import_numbers(["0900-000001"], pool_name="default", ports=site.ports)
    assert statuses(send(site, rows)) == [200] * 500 + [201] * 500 + [200] * 200


def test_a_client_that_goes_away_leaves_whole_rows_or_none(site: Site) -> None:
    rows = [order(f"o-{n}") for n in range(1400)]
    with site.app.app_context():
        pools.import_numbers(["0900-000001"], pool_name="default", ports=site.ports)
    answer = site.client.post(PATH, json=rows, headers={"Authorization": f"Bearer {site.api_key}"}, buffered=False)
    first = next(iter(answer.response))
    answer.close()
    told = json.loads(first + b"]")
    assert [row["status"] for row in told] == [201] * 500
    again = send(site, rows)
    assert statuses(again) == [200] * 500 + [201] * 900
    assert [row["binding"] for row in again.json[:500]] == [row["binding"] for row in told]


def test_only_so_many_batches_at_once(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.api_key}"}
    open_ones = [
        site.client.post(PATH, json=[order(f"o-{n}")], headers=headers, buffered=False) for n in range(MOST_BATCHES)
    ]
    refused = send(site, [order("x")])
    assert (refused.status_code, refused.json["code"]) == (503, "too_many_batches")
    assert refused.headers["Retry-After"] == "1"
    for each in open_ones:
        each.close()
    assert statuses(send(site, [order("x")])) == [201]


def test_only_so_many_chunks_are_in_the_making(site: Site) -> None:
    chunks = wiring_of(site.app).chunks
    for _ in range(MOST_CHUNKS):
        assert chunks.acquire(blocking=False)
    answers: SimpleQueue[TestResponse] = SimpleQueue()
    batch = threading.Thread(target=lambda: answers.put(send(site, [order("x")])))
    batch.start()
    batch.join(0.3)
    assert answers.empty()
    chunks.release()
    assert statuses(answers.get(timeout=10)) == [201]
    batch.join()
    # The place was given back, before the client has read anything of the answer.
    assert chunks.acquire(blocking=False)


def test_a_bug_in_the_middle_is_each_row_s_problem(site: Site, logged: Any) -> None:
    headers = {"Authorization": f"Bearer {site.api_key}"}
    answer = site.client.post(PATH, json=[order(f"o-{n}") for n in range(501)], headers=headers, buffered=False)
    pieces = iter(answer.response)
    next(pieces)
    site.units.failure = ZeroDivisionError("0912-345-678")
    last = next(pieces)
    answer.close()
    assert json.loads(last[1:-1])["problem"]["code"] == "internal_error"
    assert "ZeroDivisionError" in logged.getvalue()
    assert "0912-345-678" not in logged.getvalue()


def test_what_is_logged_counts_rows(site: Site, logged: Any) -> None:
    send(site, [order("a"), order("a"), {}])
    line = next(json.loads(line) for line in logged.getvalue().splitlines() if '"batch"' in line)
    assert (line["rows"], line["created"], line["known"], line["refused"], line["unanswered"]) == (3, 1, 1, 1, 0)


def test_answers_fit_the_description(site: Site) -> None:
    spec = site.client.get("/openapi.json").json
    operation = spec["paths"][PATH]["post"]
    content = operation["responses"]["200"]["content"]["application/json"]
    assert LINES in operation["responses"]["200"]["content"]
    assert LINES in operation["requestBody"]["content"]
    answer = send(site, [order("a"), {}, order("a", recipient={"phone": "0911-111-111"})])
    assert statuses(answer) == [201, 422, 409]
    Draft202012Validator({**content["schema"], "components": spec["components"]}).validate(answer.json)


def test_memory_stays_bounded(site: Site) -> None:
    """Ten thousand rows, refused so that no database's cache grows: what stays at the peak is the body and a chunk."""
    body = lines(*({"order_id": f"o-{n}", "note": "x" * 500} for n in range(MOST_ROWS)))
    tracemalloc.start()
    answer = site.client.post(
        PATH, data=body, content_type=LINES, headers={"Authorization": f"Bearer {site.api_key}"}, buffered=False
    )
    told = sum(piece.count(b"\n") for piece in answer.response)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    answer.close()
    assert told == MOST_ROWS
    assert peak < len(body) * 2 + 6_000_000, peak
