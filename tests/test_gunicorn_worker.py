"""The shipped worker under a real gunicorn: no echo of what is no HTTP, and no thread lost to a client that stalls."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from maskservice.gunicorn_worker import READ_S
from tests.system.installation import Installation, Server, install, order, serving

NUMBER = "912345678"
HALF = b"POST /v1/pbx/pbx_x/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    home = tmp_path_factory.mktemp("worker")
    return install(home, f"sqlite:///{home / 'maskservice.db'}")


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with serving(installation, workers=1, MASKSERVICE_THREADS="2") as running:
        yield running


def connect(server: Server) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def to_the_end(client: socket.socket) -> bytes:
    """All that comes until the server closes, as it must where the next request's start is not known."""
    answer = b""
    while piece := client.recv(65536):
        answer += piece
    return answer


def raw(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    with connect(server) as client:
        client.sendall(sent)
        answer = to_the_end(client)
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (f"GET /v1/0{NUMBER}-x\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (f"GET /v1/%2B886{NUMBER}\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (f"GET /v1/%2B886{NUMBER} HTTP/9.9\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (f"GET /v1/x0{NUMBER}y HTTZ/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (f"G{NUMBER} 0{NUMBER} HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (f"GET /healthz HTTP/1.1\r\nHost: x\r\nphone0{NUMBER} : 1\r\n\r\n", 400, "bad_request"),
        (f"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Phone=0{NUMBER}\r\n\r\n", 400, "bad_request"),
        (f"GET /healthz HTTP/1.1\r\nHost: x\r\nX: \x000{NUMBER}\r\n\r\n", 400, "bad_request"),
        (f"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: 0{NUMBER}\r\n\r\n", 400, "bad_request"),
        (f"GET /?a={f'0{NUMBER}' * 500} HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (f"GET / HTTP/1.1\r\nHost: x\r\nX: {f'0{NUMBER}' * 900}\r\n\r\n", 431, "headers_too_large"),
        ("GET / HTTP/1.1\r\n" + f"X: 0{NUMBER}\r\n" * 200 + "\r\n", 431, "headers_too_large"),
    ],
)
def test_what_is_no_http_is_a_problem_without_an_echo(server: Server, sent: str, status: int, code: str) -> None:
    found, headers, body = raw(server, sent.encode("latin1"))
    problem = json.loads(body)
    assert (found, problem["status"], problem["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == problem["request_id"]
    assert NUMBER not in body.decode()
    lines = [json.loads(line) for line in server.log.read_text("utf-8").splitlines()]
    line = next(line for line in lines if line.get("request_id") == problem["request_id"])
    assert line["level"] == "warning"
    assert NUMBER not in server.log.read_text("utf-8")
    assert "HTTZ" not in server.log.read_text("utf-8")


@pytest.mark.parametrize("chunks", ["ZZ\r\n", f"5\r\nabcde{NUMBER}\r\n", f"{NUMBER}912345678912\r\n"])
def test_a_body_whose_chunks_are_none_is_a_problem(installation: Installation, server: Server, chunks: str) -> None:
    head = (
        f"POST /v1/bindings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {installation.api_key}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    found, _, body = raw(server, (head + chunks).encode())
    assert (found, json.loads(body)["code"]) == (400, "bad_request")
    assert NUMBER not in server.log.read_text("utf-8")
    assert '"level": "error"' not in server.log.read_text("utf-8")


@pytest.mark.slow
def test_clients_that_stall_cost_a_thread_for_a_while_only(server: Server) -> None:
    """Two threads, two half-sent bodies without any key: the third client waits, and is answered."""
    with ExitStack() as open_ones:
        stalled = [open_ones.enter_context(connect(server)) for _ in range(2)]
        for each in stalled:
            each.sendall(HALF)
        time.sleep(0.5)
        began = time.monotonic()
        assert httpx.get(f"{server.url}/healthz", timeout=READ_S + 10).status_code == 200
        assert time.monotonic() - began < READ_S + 3
        for each in stalled:
            assert to_the_end(each).startswith(b"HTTP/1.1 400")
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.mark.slow
def test_a_client_that_drips_is_given_up_too(server: Server) -> None:
    with connect(server) as client:
        began = time.monotonic()
        client.sendall(HALF)
        ended = False
        while not ended and time.monotonic() - began < READ_S * 2:
            time.sleep(0.5)
            try:
                client.sendall(b"1")
                client.settimeout(0.01)
                ended = bool(client.recv(1))
            except TimeoutError:
                continue
            except OSError:
                ended = True
        assert READ_S - 1 < time.monotonic() - began < READ_S + 3


def test_a_body_that_takes_its_time_is_read(installation: Installation, server: Server) -> None:
    body = json.dumps(order("slow")).encode()
    head = (
        f"POST /v1/bindings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {installation.api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with connect(server) as client:
        for piece in (head[:30].encode(), head[30:].encode(), body[:20], body[20:]):
            client.sendall(piece)
            time.sleep(0.3)
        assert client.recv(65536).startswith(b"HTTP/1.1 201")


def test_one_connection_serves_many_requests_and_files(server: Server) -> None:
    with httpx.Client(base_url=server.url) as client:
        for path in ("/healthz", "/docs", "/static/swagger-ui/docs.css", "/openapi.json", "/healthz"):
            assert client.get(path).status_code == 200
        large = next((Path(__file__).parent.parent / "maskservice/web/static").rglob("*bundle.js"))
        path = "/static" + str(large).partition("/static")[2]
        assert client.get(path).content == large.read_bytes()
