"""What the demo is played on: a clock that may be moved, and the real application served on a free loopback port.

Answers for: beginning and ending cleanly. Must not know: the story.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from apiflask import APIFlask
from werkzeug.serving import WSGIRequestHandler, make_server


class MovedClock:
    """The machine's clock set back, and moved forward again step by step; never past the machine's own time.

    Set back and not ahead, so that nothing in the database is dated in the future when the clock is real again.
    """

    def __init__(self, *, behind: timedelta) -> None:
        self._behind = behind

    def now(self) -> datetime:
        return datetime.now(UTC) - self._behind

    def move(self, by: timedelta) -> None:
        self._behind = max(self._behind - by, timedelta(0))

    def wait(self, seconds: float) -> None:
        """Time that passes in a call: nobody sits through it."""
        self.move(timedelta(seconds=seconds))

    def set_right(self) -> None:
        self._behind = timedelta(0)


class _SilentRequests(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """The application's own lines are enough."""


@contextmanager
def served(app: APIFlask) -> Iterator[str]:
    """Serves ``app`` in a thread; its address. The port is free again at the end."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_SilentRequests)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="demo-server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
