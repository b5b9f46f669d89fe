"""The real service under gunicorn, with a brake for the tests.

Answers for: making it slow on demand. Everything else is the product's own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from maskservice.app import create_app

DELAY_FILE = "MASKSERVICE_TEST_DELAY_FILE"
StartResponse = Callable[..., Any]


def create() -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """For gunicorn."""
    app = create_app()
    delay = Path(os.environ[DELAY_FILE])

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/v1/pbx/") and delay.exists():
            time.sleep(float(delay.read_text()))
        return app(environ, start_response)

    return serve
