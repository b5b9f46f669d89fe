"""A service that says what a test wants it to: the extremes of the contract, and what a service taken over would say.

Answers for: showing what the dialplan makes of an answer. Must not know: the real service.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.pbx.service import free_tcp_port

Answer = dict[str, Any] | bytes


class _Patient(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A PBX that no longer waits for its answer is what some tests are about."""


class ScriptedService:
    """The first call gets the first of ``answers`` on every leg, and so on; the last one stays. Sent as JSON, or as it
    is where it is bytes. ``asked`` and ``told`` are the bodies that came in, for calls and for events. A call is
    answered after ``delay_s`` seconds, each question after its own where there are several. A leg that tells how a
    bridge ended gets the end of the call, unless the call's answer is a list, of one a leg.
    """

    def __init__(self, answers: Sequence[Answer | list[Answer]], *, delay_s: float | Sequence[float] = 0.0) -> None:
        self.asked: list[bytes] = []
        self.told: list[bytes] = []
        self._delays_s = [delay_s] if isinstance(delay_s, float) else [*delay_s]
        self.port = free_tcp_port()
        ours, lock = self, threading.Lock()
        calls: list[str] = []

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    sent = ours._sent(self.path, body, calls, answers)
                if self.path.endswith("/calls"):
                    time.sleep(ours._delays_s[min(len(ours.asked), len(ours._delays_s)) - 1])
                self.send_response(200)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = _Patient(("127.0.0.1", self.port), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_told(self, part: bytes, *, seconds: float = 4.0) -> bytes:
        """The first event with this in its body, once it came."""
        end = time.monotonic() + seconds
        while True:
            found = next((body for body in list(self.told) if part in body), None)
            if found is not None:
                return found
            assert time.monotonic() < end, f"not told of {part!r}: {self.told}"
            time.sleep(0.02)

    def _sent(self, path: str, body: bytes, calls: list[str], answers: Sequence[Answer | list[Answer]]) -> bytes:
        if not path.endswith("/calls"):
            self.told.append(body)
            return b""
        self.asked.append(body)
        call_id = parse_qs(body.decode()).get("call_id", [""])[0]
        if call_id not in calls:
            calls.append(call_id)
        answer = answers[min(calls.index(call_id), len(answers) - 1)]
        if isinstance(answer, list):
            leg = sum(parse_qs(each.decode()).get("call_id") == [call_id] for each in self.asked)
            answer = answer[min(leg, len(answer)) - 1]
        elif b"&dialstatus=" in body or b"&leg=2&event=" in body:
            return b'{"action":"hangup"}'
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def __enter__(self) -> ScriptedService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
