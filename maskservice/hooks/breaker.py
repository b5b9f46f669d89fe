"""A hook that fails again and again is not asked for a while, so that it does not eat the threads that answer calls.

Answers for: counting, by hook, in this process alone: each process learns it by itself, at the price of a few seconds.
Must not know: what a failure is, HTTP, the clock.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

FAILURES_IN_A_ROW: Final = 5
PAUSE_S: Final = 30.0
_MOST_KEPT: Final = 10_000


@dataclass(slots=True)
class _State:
    failures: int = 0
    paused_until: float = 0.0


class Breaker:
    """After five failures in a row a hook is paused for 30 s; then one question goes out, and its answer decides.
    Thread-safe. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}

    def admits(self, hook_id: str, now: float) -> bool:
        """Whether the hook may be asked. Where it may after a pause, nobody else may until it has answered."""
        with self._lock:
            state = self._states.get(hook_id)
            if state is None or state.failures < FAILURES_IN_A_ROW:
                return True
            if now < state.paused_until:
                return False
            state.paused_until = now + PAUSE_S
            return True

    def succeeded(self, hook_id: str) -> None:
        with self._lock:
            self._states.pop(hook_id, None)

    def failed(self, hook_id: str, now: float) -> None:
        with self._lock:
            if len(self._states) >= _MOST_KEPT:
                self._states.clear()  # hooks that were changed or removed since are never asked about again
            state = self._states.setdefault(hook_id, _State())
            state.failures += 1
            if state.failures >= FAILURES_IN_A_ROW:
                state.paused_until = now + PAUSE_S
