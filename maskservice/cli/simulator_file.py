"""``simulator.json`` in the home folder: the credentials of the simulated PBX, so that ``call`` needs no options.

Answers for: the file's form and its mode. Must not know: what is done with the credentials.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from maskservice.settings import Settings
from maskservice.simulator import SimulatorError

FILE_NAME = "simulator.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """``url``: where the service answers; None for the address in the settings."""

    pbx_id: str
    secret: str = field(repr=False)
    url: str | None = None


def write_credentials(settings: Settings, credentials: Credentials) -> Path:
    """Replaces the file in one step, mode 0600; the path. Raises OSError."""
    path = settings.home / FILE_NAME
    draft = settings.home / f".{FILE_NAME}.{secrets.token_hex(8)}.new"
    content = {"pbx_id": credentials.pbx_id, "secret": credentials.secret, "url": credentials.url}
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def read_credentials(settings: Settings) -> Credentials | None:
    """The file's credentials, None without one. Raises SimulatorError where others can read it, or nobody."""
    path = settings.home / FILE_NAME
    if not path.is_file():
        return None
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SimulatorError(f"{path} holds a secret and is open to others; run `chmod 600 {path}`.")
    try:
        content = json.loads(path.read_text("utf-8"))
        url = content.get("url")
        return Credentials(str(content["pbx_id"]), str(content["secret"]), None if url is None else str(url))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SimulatorError(
            f"{path} cannot be read; write it anew with `maskservice pbx create NAME --for-simulator`."
        ) from None
