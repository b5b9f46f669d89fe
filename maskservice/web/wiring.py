"""What the composition root hands to the web: the use cases' ports, the readiness checks, and limits.

Answers for: the one place where a request finds them. Must not know: how any of it was made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Final

from flask import Flask, current_app

from maskservice.services.ports import Ports
from maskservice.web.senders import KnownSenders

EXTENSION: Final = "maskservice"
DEFAULT_MAX_BODY_BYTES: Final = 64 * 1024
DEFAULT_MAX_BATCH_BYTES: Final = 16 * 1024 * 1024
MOST_BATCHES: Final = 4
"""Batches that one process works on at the same time: each holds its body, and half of the usual threads are left for
calls."""
MOST_CHUNKS: Final = 2
"""Chunks of rows that are in the making at the same time: while one waits for the database another one computes. More
would share the same core, hold more memory, and leave calls a smaller part of it."""
DEFAULT_PUBLIC_URL: Final = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be well before requests are taken. ``detail`` names what mends it, empty when all is well."""

    name: str
    ok: bool
    detail: str = ""


def _metrics_dir() -> str | None:
    # The variable is prometheus_client's own: at import it decides whether values live in files that processes share.
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR") or None


@dataclass(frozen=True, slots=True)
class Wiring:
    """``readiness`` never raises. ``metrics_dir``: the folder shared by a server's processes, None for one.
    ``public_url``: the address that PBXs call and links lead to, with no slash at its end; signatures cover it.
    """

    ports: Ports
    readiness: Callable[[], Sequence[Check]]
    metrics_dir: str | None = field(default_factory=_metrics_dir)
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    public_url: str = DEFAULT_PUBLIC_URL
    max_batch_bytes: int = DEFAULT_MAX_BATCH_BYTES
    batches: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_BATCHES))
    senders: KnownSenders = field(default_factory=KnownSenders)
    chunks: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_CHUNKS))


def wiring() -> Wiring:
    """The wiring of the application that serves this request."""
    return wiring_of(current_app)


def wiring_of(app: Flask) -> Wiring:
    """The wiring of this application."""
    found: Wiring = app.extensions[EXTENSION]
    return found


def ports() -> Ports:
    return wiring().ports
