"""One question to one hook: a signed POST over a kept connection, and a complete answer within the budget or why not.

Answers for: the budget, the size, no redirect being followed, no failure being raised. Must not know: calls, what an
answer means, which hook belongs to whom.
httpcore is used directly, the engine under httpx: its network backend is public there, and it follows, decodes and
remembers nothing.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpcore

from maskservice import __version__
from maskservice.domain.hooks import BUDGET_S, HookFailure, HookReply, HookRequest
from maskservice.hooks.breaker import Breaker
from maskservice.hooks.network import AddressRefused, Attempt, HostUnknown, PublicBackend
from maskservice.telephony.signature import parse_secret, sign

LONGEST_ANSWER: Final = 16 * 1024
_KEPT_ALIVE: Final = 32
_IDLE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Pool:
    pid: int
    connections: httpcore.ConnectionPool


class HttpsHookLine:
    """Thread-safe, one a process. Connections are made on the first question after a fork and kept between questions.
    What is remembered of failing hooks is this process's own.

    ``allow_private``: also to addresses that are not public, for a hook in the operator's own network. ``ca_file``: PEM
    certificates that are trusted beside the usual ones. ``now`` is for tests of pauses.
    """

    def __init__(
        self, *, allow_private: bool = False, ca_file: Path | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._allow_private = allow_private
        self._ca_file = ca_file
        self._now = now
        self._lock = threading.Lock()
        self._attempt = Attempt()
        self._breaker = Breaker()
        self._pool: _Pool | None = None

    def ask(self, request: HookRequest) -> HookReply:
        """The answer, or the failure that stands for it; ``seconds`` never exceeds the budget by more than a
        scheduling delay. Raises ValueError only for a secret that is none of ours, OSError for a ca_file that is
        gone."""
        if not self._breaker.admits(request.hook_id, self._now()) and not request.although_paused:
            return HookReply(None, failure=HookFailure.PAUSED)
        pool = self._connections()
        started = time.monotonic()
        reply = self._tried(pool, request, deadline=started + BUDGET_S)
        # A server that says it is broken is one: it may have taken its whole second to say so.
        if reply.status is None or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._breaker.failed(request.hook_id, self._now())
        else:
            self._breaker.succeeded(request.hook_id)
        return replace(reply, seconds=time.monotonic() - started)

    def close(self) -> None:
        """Closes kept connections; the next question makes new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and pool.pid == os.getpid():
            pool.connections.close()

    def _tried(self, pool: httpcore.ConnectionPool, request: HookRequest, *, deadline: float) -> HookReply:
        reply = self._once(pool, request, deadline=deadline)
        # A kept connection that the server had just closed says nothing of the server. The question keeps its id.
        if reply.failure is HookFailure.CONNECTION and not self._attempt.connected:
            reply = self._once(pool, request, deadline=deadline)
        return reply

    def _once(self, pool: httpcore.ConnectionPool, request: HookRequest, *, deadline: float) -> HookReply:
        self._attempt.begin(deadline)
        signed = sign(
            secret=parse_secret(request.secret),
            webhook_id=request.webhook_id,
            sent_at=request.sent_at,
            body=request.body,
        )
        headers = {
            **signed,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"maskservice/{__version__}",
        }
        try:
            wait = {"pool": self._attempt.left()}
            with pool.stream(
                "POST", request.url, headers=list(headers.items()), content=request.body, extensions={"timeout": wait}
            ) as response:
                return self._read(response)
        except httpcore.TimeoutException:
            return _failed(HookFailure.TIMEOUT)
        except AddressRefused:
            return _failed(HookFailure.PRIVATE_ADDRESS)
        except HostUnknown:
            return _failed(HookFailure.UNKNOWN_HOST)
        except (httpcore.RemoteProtocolError, httpcore.LocalProtocolError, httpcore.UnsupportedProtocol) as broken:
            # A connection that ends before a word of the answer is gone, not garbled.
            is_gone = isinstance(broken, httpcore.RemoteProtocolError) and "without sending a response" in str(broken)
            return _failed(HookFailure.CONNECTION if is_gone else HookFailure.UNREADABLE)
        except (httpcore.NetworkError, httpcore.ConnectionNotAvailable, OSError):
            return _failed(HookFailure.TLS if self._attempt.in_handshake else HookFailure.CONNECTION)

    def _read(self, response: httpcore.Response) -> HookReply:
        body = bytearray()
        for part in response.iter_stream():
            body += part
            if len(body) > LONGEST_ANSWER:
                return _failed(HookFailure.TOO_LARGE)
        return HookReply(response.status, bytes(body))

    def _connections(self) -> httpcore.ConnectionPool:
        with self._lock:
            if self._pool is None or self._pool.pid != os.getpid():
                # After a fork the parent's connections are not ours to use, nor to close.
                self._pool = _Pool(os.getpid(), self._new_pool())
            return self._pool.connections

    def _new_pool(self) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=_trusting(self._ca_file),
            max_connections=None,
            max_keepalive_connections=_KEPT_ALIVE,
            keepalive_expiry=_IDLE_S,
            network_backend=PublicBackend(self._attempt, allow_private=self._allow_private),
        )


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    # Here and not above: of httpx only this is used, by the few processes whose tenants have hooks.
    import httpx

    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _failed(why: HookFailure) -> HookReply:
    return HookReply(None, failure=why)
