"""A server that misbehaves, and the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maskservice.hooks import HttpsHookLine
from tests.hooks.server import HookServer, hook_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HookServer]:
    with hook_server(tmp_path) as running:
        yield running


@pytest.fixture
def line(server: HookServer) -> Iterator[HttpsHookLine]:
    """The real one, as an operator with an authority and a network of his own configures it."""
    made = HttpsHookLine(allow_private=True, ca_file=server.ca_file)
    yield made
    made.close()
