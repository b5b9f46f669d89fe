"""What the tests of the crypto room share: a ring, and a look into everything an exception carries along."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from maskservice.crypto import KeyRing, NumberCipher

NOW = datetime(2026, 11, 24, 6, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def ring() -> KeyRing:
    return KeyRing.generate(NOW, os.urandom)


@pytest.fixture(scope="session")
def cipher(ring: KeyRing) -> NumberCipher:
    return NumberCipher(ring)


def _carried(error: BaseException | None) -> str:
    """All that a logger or an error report could print of ``error`` and of what is chained to it, suppressed or not."""
    if error is None:
        return ""
    facts = [repr(error), str(error), repr(error.args), repr(getattr(error, "__dict__", {}))]
    facts += [repr(getattr(error, name, "")) for name in ("filename", "object", "doc")]
    return "\n".join(facts) + _carried(error.__cause__) + _carried(error.__context__)


@pytest.fixture(scope="session")
def carried() -> Callable[[BaseException], str]:
    return _carried


@pytest.fixture(scope="session")
def shapes_of() -> Callable[[KeyRing], list[str]]:
    """Every way in which the keys of a ring could be written out."""

    def shapes(ring: KeyRing) -> list[str]:
        found = []
        for key in ring.keys:
            secret = key.secret
            found += [secret.hex(), base64.b64encode(secret).decode(), base64.b64encode(secret).decode()[:12]]
            found += [repr(secret)[2:-1], repr(list(secret))[1:-1]]
        return found

    return shapes
