"""What is counted: requests, calls by outcome, how long look-ups take.

Answers for: names, labels and buckets; no label ever holds a number, an id or a path. Must not know: a database
(``metrics_state.py`` asks).
Several processes share their counts through files when ``PROMETHEUS_MULTIPROC_DIR`` is set before the start.
"""

from __future__ import annotations

from typing import Final

from flask import current_app
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

EXTENSION: Final = "maskservice.metrics"
# From an index read on the same machine to a database that is about to be given up on.
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The counts of one application."""

    def __init__(self, *, metrics_dir: str | None = None) -> None:
        self._metrics_dir = metrics_dir
        self._own = registry = CollectorRegistry()
        self._requests = Counter(
            "maskservice_http_requests", "Requests answered.", ("route", "method", "status"), registry=registry
        )
        self._request_seconds = Histogram(
            "maskservice_http_request_duration_seconds",
            "Time from a request to its answer.",
            ("route", "method"),
            buckets=SECONDS,
            registry=registry,
        )
        self._calls = Counter(
            "maskservice_calls",
            "Legs of calls answered, by what was decided.",
            ("outcome", "direction"),
            registry=registry,
        )
        self._retries = Counter("maskservice_call_retries", "Webhooks that were sent again.", registry=registry)
        self._events = Counter("maskservice_call_events", "Events that a PBX reported.", ("event",), registry=registry)
        self._ends = Counter(
            "maskservice_call_ends",
            "Calls that a PBX reported ended, once each.",
            ("outcome", "cause"),
            registry=registry,
        )
        self._alarms = Counter(
            "maskservice_guard_alarms",
            "Callers blocked, numbers whose budget is used up or that are scanned.",
            ("alarm",),
            registry=registry,
        )
        self._hooks = Counter(
            "maskservice_hook_answers",
            "Tenants' hooks asked by calls, by what they said.",
            ("kind", "verdict", "failure"),
            registry=registry,
        )
        self._hook_seconds = Histogram(
            "maskservice_hook_duration_seconds",
            "Time that a call waited for a hook.",
            ("kind",),
            buckets=SECONDS,
            registry=registry,
        )
        self._lookup_seconds = Histogram(
            "maskservice_call_lookup_duration_seconds",
            "Time to authenticate, decide and remember one leg of a call.",
            buckets=SECONDS,
            registry=registry,
        )

    def saw_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """``route`` is the template of the matched rule."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route, method).observe(seconds)

    def saw_call(self, *, outcome: str, direction: str, replayed: bool, seconds: float) -> None:
        """One leg; a retried webhook counts as a retry only."""
        if replayed:
            self._retries.inc()
        else:
            self._calls.labels(outcome, direction).inc()
        self._lookup_seconds.observe(seconds)

    def saw_event(self, event: str) -> None:
        self._events.labels(event).inc()

    def saw_alarm(self, alarm: str) -> None:
        self._alarms.labels(alarm).inc()

    def saw_hook(self, *, kind: str, verdict: str, failure: str | None, seconds: float) -> None:
        """``failure``: why the verdict is none of the hook's own."""
        self._hooks.labels(kind, verdict, failure or "none").inc()
        self._hook_seconds.labels(kind).observe(seconds)

    def saw_end(self, *, outcome: str, cause: str) -> None:
        """``cause``: one of the normalised causes."""
        self._ends.labels(outcome, cause).inc()

    def exposition(self, *state: Collector) -> bytes:
        """The text of a scrape: the counts of all processes, with what ``state`` finds now."""
        registry = CollectorRegistry()
        if self._metrics_dir is not None:
            MultiProcessCollector(registry, path=self._metrics_dir)  # type: ignore[no-untyped-call]
        for collector in state:
            registry.register(collector)
        text: bytes = generate_latest(registry)
        return text if self._metrics_dir is not None else generate_latest(self._own) + text


def metrics() -> Metrics:
    """The counts of the application that serves this request."""
    found: Metrics = current_app.extensions[EXTENSION]
    return found
