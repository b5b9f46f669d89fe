"""TCP and TLS under a deadline, to public addresses only: what httpcore connects through.

Answers for: every wait of a request being cut at one moment, and the address that is checked being the one that is
connected to. Must not know: HTTP, what is sent.
httpcore's time-outs are per operation, so a server that sends a byte now and then would hold a thread for ever; here
each operation gets what is left until the deadline of the thread's present request.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final

import httpcore

from maskservice.domain.hooks import is_public

_MOST_LOOKUPS: Final = 16


class AddressRefused(Exception):
    """The name leads to an address that is not public."""


class HostUnknown(Exception):
    """The name leads nowhere."""


class Attempt(threading.local):
    """The present request of this thread. ``deadline`` is of ``time.monotonic``; ``connected`` tells that a new
    connection was made for it, ``in_handshake`` that TLS is being agreed on."""

    deadline: float = 0.0
    connected: bool = False
    in_handshake: bool = False

    def begin(self, deadline: float) -> None:
        self.deadline, self.connected, self.in_handshake = deadline, False, False

    def left(self) -> float:
        """Seconds, above 0. Raises httpcore.ReadTimeout where none are left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the budget is used up")
        return left


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline. It is pooled, so the deadline is that of whichever request
    uses it, never its own."""

    def __init__(self, inner: httpcore.NetworkStream, attempt: Attempt) -> None:
        self._inner = inner
        self._attempt = attempt

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 -- httpcore's signature
        return self._inner.read(max_bytes, self._attempt.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 -- httpcore's signature
        self._inner.write(buffer, self._attempt.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 -- httpcore's signature
    ) -> httpcore.NetworkStream:
        self._attempt.in_handshake = True
        secured = self._inner.start_tls(ssl_context, server_hostname, self._attempt.left())
        self._attempt.in_handshake = False
        return DeadlineStream(secured, self._attempt)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class PublicBackend(httpcore.NetworkBackend):
    """Resolves a name once, refuses it where any of its addresses is not public, and connects to what was checked: a
    name that means something else a moment later (DNS rebinding) gains nothing."""

    def __init__(self, attempt: Attempt, *, allow_private: bool) -> None:
        self._attempt = attempt
        self._allow_private = allow_private
        self._sockets = httpcore.SyncBackend()
        self._lookups = threading.BoundedSemaphore(_MOST_LOOKUPS)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 -- httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self._attempt.connected = True
        addresses = self._resolve(host, port)
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise AddressRefused
        for place, address in enumerate(addresses):
            # The first of several may be a black hole: it gets its share of the time, the last all that is left.
            share = self._attempt.left() / (len(addresses) - place)
            try:
                stream = self._sockets.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(addresses) - 1:
                    raise
            else:
                return DeadlineStream(stream, self._attempt)
        raise HostUnknown

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError("only retries would sleep, and there are none")

    def _resolve(self, host: str, port: int) -> Sequence[str]:
        """At most four addresses, in the system's order. The system's resolver knows no deadline, so it works in a
        thread that is left behind when it takes too long; how many of those there may be is bounded."""
        answers: SimpleQueue[Sequence[str]] = SimpleQueue()

        def look() -> None:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                answers.put(list(dict.fromkeys(str(each[4][0]) for each in found)))
            except (OSError, UnicodeError):
                answers.put(())
            finally:
                self._lookups.release()

        if not self._lookups.acquire(timeout=self._attempt.left()):
            raise httpcore.ConnectTimeout
        threading.Thread(target=look, name="hook-lookup", daemon=True).start()
        try:
            addresses = answers.get(timeout=self._attempt.left())
        except Empty:
            raise httpcore.ConnectTimeout from None
        if not addresses:
            raise HostUnknown
        return addresses[:4]
