"""A batch over a connection that breaks: what was told is kept, the rest is whole or absent, again completes it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.system.installation import Installation, Server, install, order, serving

NUMBERS = ("0900-000000", "0900-000001", "0900-000002")


def connect(server: Server, installation: Installation, body: bytes, *, of: int) -> socket.socket:
    """Sends a request whose body is said to be ``of`` bytes long."""
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=20)
    head = (
        "POST /v1/bindings/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        f"Authorization: Bearer {installation.api_key}\r\nContent-Length: {of}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


@pytest.mark.slow
def test_a_batch_that_breaks_off(tmp_path: Path, sqlite_url: str) -> None:
    installation = install(tmp_path / "home", sqlite_url, numbers=NUMBERS)
    rows = [json.dumps(order(place)).encode() for place in range(2500)]
    body = b"\n".join(rows)
    with serving(installation, workers=1) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        client.headers.update(installation.headers)
        # The request breaks: nothing of it was done.
        connect(server, installation, body[: len(body) // 2], of=len(body)).close()
        assert client.get("/v1/bindings").json()["data"] == []
        # The answer breaks: the client reads the first rows' answers and goes away.
        connection = connect(server, installation, body, of=len(body))
        received = b""
        while received.count(b'"status":201') < 100:
            piece = connection.recv(4096)
            assert piece, received
            received += piece
        connection.close()
        # The last line may be cut off, and the first ones stand between heads of chunks.
        lines = received[: received.rfind(b"\n")].splitlines()
        told = [json.loads(line) for line in lines if line.startswith(b'{"index"') and line.endswith(b"}}")]
        assert len(told) >= 90
        # Again: it is completed, and what was told is as it was.
        headers = {"Content-Type": "application/x-ndjson"}
        answer = client.post("/v1/bindings/batch", content=body, headers=headers)
        again = [json.loads(line) for line in answer.text.splitlines()]
        assert len(again) == len(rows)
        assert {row["status"] for row in again} <= {200, 201}
        for row in told:
            assert again[row["index"]] == row | {"status": 200}
        assert len({row["binding"]["masked_number"] for row in again}) == len(rows)
