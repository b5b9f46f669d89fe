"""The FastAGI server: accepts Asterisk's connections within bounds and keeps blocking work in threads.

Answers for: limits, a quiet end for whatever comes in, stopping. Must not know: AGI's words, what a call is.
AGI is not encrypted: listen on loopback or inside a VPN only.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import structlog

from maskservice.agi.conversation import Entrance, converse
from maskservice.agi.wire import LONGEST_LINE, AgiBroken, AgiWire, CallerGone

_log = structlog.get_logger("maskservice.agi")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Limits:
    """``sessions``: calls that are being asked at once; one more is closed at once and the dialplan says the neutral
    sentence. ``threads``: decisions at once. ``decision_s``: seconds that one may take, waiting for a thread included.
    ``session_s``: seconds that one connection may live.
    """

    sessions: int = 1000
    threads: int = 16
    decision_s: float = 3.0
    session_s: float = 600.0


class AgiServer:
    """Use :func:`serve` for a program; this is for what has an event loop already."""

    def __init__(self, entrance: Entrance, *, limits: Limits | None = None) -> None:
        self._entrance, self._limits = entrance, limits or Limits()
        self._threads = ThreadPoolExecutor(self._limits.threads, thread_name_prefix="agi")
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens, and gives the port (of use where ``port`` is 0). Raises OSError where it cannot."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=LONGEST_LINE)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self, *, grace_s: float = 5.0) -> None:
        """Takes no more calls, gives those under way ``grace_s`` seconds, then closes them."""
        if self._server is not None:
            self._server.close()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=grace_s)
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._sessions) >= self._limits.sessions:
            _log.warning("agi_full")
            writer.close()
            return
        session = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._limits.session_s):
                await converse(AgiWire(reader, writer), self._entrance, self._run)
        except CallerGone:
            _log.info("agi_caller_gone")
        except AgiBroken as broken:
            _log.warning("agi_broken", why=str(broken))
        except TimeoutError:
            _log.warning("agi_broken", why="the session or a decision took too long")
        except Exception as error:
            # Whatever it is ends this call only, and nothing of it goes to the wire or, but for its class, to the log.
            _log.error("agi_failed", error=type(error).__name__)
        finally:
            writer.close()

    async def _run(self, function: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._limits.decision_s):
            return await loop.run_in_executor(self._threads, function)


def serve(
    entrance: Entrance,
    *,
    host: str = "127.0.0.1",
    port: int = 4573,
    limits: Limits | None = None,
    listening: Callable[[int], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM. ``listening`` is told the port. Raises OSError where it cannot listen there."""

    async def main() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, stopping.set)
        server = AgiServer(entrance, limits=limits)
        bound = await server.start(host, port)
        if listening is not None:
            listening(bound)
        await stopping.wait()
        await server.stop()

    asyncio.run(main())
