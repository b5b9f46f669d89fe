"""gunicorn's thread worker, with two of its habits taken away: waiting for a client without end, and repeating to him
and to the log what he sent.

Answers for: how long a client may take, and the answer to what is no HTTP. Must not know: the application, settings.
Named in ``config/gunicorn.conf.py``.
"""

from __future__ import annotations

import errno
import json
import secrets
import select
import socket
import time
from typing import Any, Final

from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.http.body import ChunkedReader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

READ_S: Final = 10.0
"""Seconds for a request, headers and body; more while it comes in at SLOWEST bytes a second."""
SLOWEST: Final = 16 * 1024
STALL_S: Final = 10.0
"""Seconds without a byte after which a request is given up, however much came before."""
WRITE_S: Final = 30.0
"""Seconds for the client to take one piece of an answer."""

# An answer that the application cannot be allowed to send, and a wrong setting, are parse errors to gunicorn too.
_OUR_FAULT: Final = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)


class PatientSocket(socket.socket):
    """A client's connection that is patient up to a point. Past it the client counts as gone, as if he had reset it:
    that is what gunicorn passes over in silence and what werkzeug answers 400."""

    _end: float = 0.0
    _read: int = 0

    def begin(self) -> None:
        """A request begins, and its time."""
        self._end, self._read = time.monotonic() + READ_S, 0

    def setblocking(self, flag: bool, /) -> None:
        """gunicorn calls it before each request; blocking means: at most WRITE_S."""
        self.settimeout(WRITE_S if flag else 0.0)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        own = self.gettimeout()
        if own:
            left = min(own, STALL_S, self._end + self._read / SLOWEST - time.monotonic())
            ready = select.poll()
            ready.register(self, select.POLLIN)
            if left <= 0 or not ready.poll(left * 1000):
                raise ConnectionResetError(errno.ECONNRESET, "the client did not send in time")
        received = super().recv(bufsize, flags)
        self._read += len(received)
        return received

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        try:
            super().sendall(data, flags)
        except TimeoutError:
            late = ConnectionResetError(errno.ECONNRESET, "the client did not take the answer in time")
        else:
            return
        raise late


class _BodyReader:
    """A body's reader. A malformed chunk counts as a client that went away, which werkzeug answers 400; gunicorn's own
    exception is none that an application could know."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def read(self, size: int) -> bytes:
        try:
            received: bytes = self._reader.read(size)
        except errors.ParseException:
            broken = ConnectionResetError(errno.ECONNRESET, "the body's chunks cannot be read")
        else:
            return received
        raise broken


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """See the module. TLS of gunicorn's own would bypass the socket above: it belongs to the proxy in front."""

    def handle(self, conn: Any) -> Any:
        """One request, in a thread of the pool."""
        if type(conn.sock) is socket.socket:
            conn.sock = PatientSocket(fileno=conn.sock.detach())
        if isinstance(conn.sock, PatientSocket):
            conn.sock.begin()
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """One request that was read as far as its body."""
        if req.body is not None and isinstance(req.body.reader, ChunkedReader):
            req.body.reader = _BodyReader(req.body.reader)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 -- gunicorn's
        """Answers what is no HTTP, or what failed before the application saw it, as a problem. gunicorn's own answer is
        a page that repeats the request, and so do its log lines: here neither holds a word of it."""
        # Here and not above: this module is loaded before the fork, and the metrics' folder must be clean by then.
        from maskservice.web.problems import BY_CODE, PROBLEM_JSON, TYPE_PREFIX, where

        code = _code(exc)
        kind, detail = BY_CODE[code]
        request_id = secrets.token_hex(12)
        # The exception's text may be the request line; its traceback ends with that text.
        facts: dict[str, object] = {"error": type(exc).__name__, "request_id": request_id}
        if kind.status >= 500:
            self.log.error("request failed outside of the application", extra={**facts, "where": where(exc)})
        else:
            self.log.warning("request refused: no HTTP that is served here", extra=facts)
        problem = {
            "type": f"{TYPE_PREFIX}{code}",
            "title": kind.title,
            "status": kind.status,
            "detail": detail,
            "code": code,
            "request_id": request_id,
        }
        body = json.dumps(problem).encode("ascii")
        head = (
            f"HTTP/1.1 {kind.status} {kind.title}\r\nContent-Type: {PROBLEM_JSON}\r\nContent-Length: {len(body)}\r\n"
            f"X-Request-Id: {request_id}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
            "Connection: close\r\n\r\n"
        )
        try:
            client.sendall(head.encode("ascii") + body)
        except OSError:
            self.log.debug("the client was gone before the refusal")


def _code(exc: BaseException) -> str:
    if isinstance(exc, errors.LimitRequestLine):
        return "uri_too_long"
    if isinstance(exc, errors.LimitRequestHeaders):
        return "headers_too_large"
    client_s = isinstance(exc, errors.ParseException) and not isinstance(exc, _OUR_FAULT)
    return "bad_request" if client_s else "internal_error"
