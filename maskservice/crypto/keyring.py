"""Where a key ring comes from and how its file is written.

Answers for: reading a ring from a file, a mounted secret or an inline text, refusing a file that others can read, and
writing without ever losing a key. Must not know: the settings (a source comes in as a text), the database, what the
keys encrypt.
"""

from __future__ import annotations

import base64
import errno
import os
import re
import secrets
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from maskservice.crypto.ring import KeyRing, KeyUse, RingKey, attempted, key_tag
from maskservice.domain.errors import KeyRingInvalid

__all__ = ["KeyRing", "KeyUse", "RingKey", "create_keyring_file", "key_tag", "read_keyring", "replace_keyring_file"]

_OWNER_ONLY = (0o600, 0o400)
_LARGEST_BYTES = 1 << 20
# Neither an address with a password (``:`` and ``@``), nor JSON, nor base64 of a key, nor hex of one.
_PATH_TO_SHOW = re.compile(r"[\w./~+ -]{1,255}")
_KEY_BY_MISTAKE = re.compile(r"[A-Za-z0-9+_-]{40,}")


def read_keyring(source: str) -> KeyRing:
    """Read the key ring that ``source`` names.

    - a path: a regular file, no symbolic link, owned by us or root, mode 0600 or 0400;
    - ``mounted:/run/secrets/keyring``: a secret that a platform mounts; links are followed and the mode is the
      platform's business;
    - the JSON itself (it begins with ``{``, or with ``env:``), or ``base64:`` and the JSON in base64.

    Raises KeyRingInvalid with a sentence that says what to do; never the content, and never a source that may be a
    key by mistake.
    """
    source = source.strip()
    scheme, _, rest = source.partition(":")
    if not source:
        raise KeyRingInvalid(
            "No key ring is named; set MASKSERVICE_KEYRING to its path, or run `maskservice init`, which makes one."
        )
    if source.startswith("{"):
        where, text = "the inline key ring", source
    elif scheme == "env":
        where, text = "the inline key ring", rest
    elif scheme == "base64":
        where = "the base64 key ring"
        raw = attempted(lambda: base64.b64decode("".join(rest.split()), validate=True), ValueError)
        if raw is None:
            raise KeyRingInvalid("What follows 'base64:' is not base64; make it with `base64 -w0 keyring.json`.")
        text = _as_text(raw, where)
    elif scheme == "mounted":
        where = _shown(rest)
        text = _as_text(_read_file(rest, where=where, mounted=True), where)
    else:
        where = _shown(source)
        text = _as_text(_read_file(source, where=where, mounted=False), where)
    try:
        return KeyRing.parse(text)
    except KeyRingInvalid as error:
        raise KeyRingInvalid(f"In {where}: {error.detail}") from None


def create_keyring_file(path: str | Path, ring: KeyRing) -> None:
    """Write a new key ring file with mode 0600: whole and on the disk, or not at all. What exists is never touched.

    Raises KeyRingInvalid where something is at ``path`` already or the folder cannot be written.
    """
    path = Path(path)
    with _written_beside(path, ring, mode=0o600) as draft:
        try:
            # A hard link, not a rename: it is as atomic and fails where the name is taken.
            os.link(draft, path, follow_symlinks=False)
        except FileExistsError:
            raise KeyRingInvalid(
                f"{_shown(path)} exists already and is not overwritten: its keys may be in use."
            ) from None


def replace_keyring_file(path: str | Path, ring: KeyRing, *, retired: Collection[str] = ()) -> None:
    """Put ``ring`` in the place of the key ring file at ``path`` in one step, keeping its mode.

    A key that the file holds and ``ring`` does not is a key lost for good: it has to be named in ``retired``. That
    also catches a second rotation that was made from an older reading of the file. Raises KeyRingInvalid, and the
    file is as it was.
    """
    path = Path(path)
    before = read_keyring(os.fspath(path))
    lost = [key.id for key in before.keys if key not in ring.keys and key.id not in retired]
    if lost:
        raise KeyRingInvalid(
            f"{_shown(path)} holds keys that the new key ring would lose: {', '.join(lost)}. Read it again and repeat."
        )
    with _written_beside(path, ring, mode=stat.S_IMODE(path.stat().st_mode)) as draft:
        draft.replace(path)


@contextmanager
def _written_beside(path: Path, ring: KeyRing, *, mode: int) -> Iterator[Path]:
    """Give a synced draft in the folder of ``path``; afterwards remove what is left of it and sync the folder."""
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}.new"
    reason = ""
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(ring.dump().encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        yield draft
        # Before the folder is synced, so that a power cut does not bring a second copy of the keys back.
        draft.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        reason = _reason(error)
    finally:
        attempted(lambda: draft.unlink(missing_ok=True), OSError, ValueError)
    if reason:
        raise KeyRingInvalid(
            f"The key ring file {_shown(path)} cannot be written: {reason}; its folder has to exist "
            "and be ours to write."
        )


def _read_file(path: str, *, where: str, mounted: bool) -> bytes:
    # O_NONBLOCK: a pipe at that path must be refused, not waited for. The checks are on the open file, so nothing can
    # be swapped in between.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if mounted else os.O_NOFOLLOW)
    problem, raw = "", b""
    try:
        opened = os.open(path, flags)
        try:
            problem = _fault(os.fstat(opened), where=where, mounted=mounted)
            if not problem:
                with os.fdopen(opened, "rb", closefd=False) as file:
                    raw = file.read(_LARGEST_BYTES + 1)
        finally:
            os.close(opened)
    except FileNotFoundError:
        problem = (
            f"There is no key ring at {where}; run `maskservice init`, which makes one, or set MASKSERVICE_KEYRING."
        )
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.ELOOP:
            problem = (
                f"{where} is a symbolic link; name the file itself, or put mounted: before a mounted secret's path."
            )
        else:
            problem = f"The key ring at {where} cannot be read: {_reason(error)}."
    if not problem and len(raw) > _LARGEST_BYTES:
        problem = f"{where} is larger than 1 MiB and no key ring."
    if problem:
        raise KeyRingInvalid(problem)
    return raw


def _fault(found: os.stat_result, *, where: str, mounted: bool) -> str:
    if not stat.S_ISREG(found.st_mode):
        return f"{where} is not a regular file; name the key ring's file."
    if mounted:
        return ""
    if found.st_uid not in (os.geteuid(), 0):
        return (
            f"{where} belongs to the user id {found.st_uid}; run as that user, or give the file to this one with "
            f"`chown {os.geteuid()} {where}`."
        )
    if stat.S_IMODE(found.st_mode) not in _OWNER_ONLY:
        return (
            f"{where} has the mode {stat.S_IMODE(found.st_mode):04o} and may be open to others; "
            f"run `chmod 600 {where}`."
        )
    return ""


def _as_text(raw: bytes, where: str) -> str:
    text = attempted(lambda: raw.decode("utf-8-sig"), UnicodeDecodeError)
    if text is None:
        raise KeyRingInvalid(f"In {where}: the key ring is not UTF-8 text; restore it from its backup.")
    return text


def _shown(path: str | Path) -> str:
    # A key or a whole ring that was put where a path belongs must not come back in the message.
    text = os.fspath(path)
    return text if _PATH_TO_SHOW.fullmatch(text) and not _KEY_BY_MISTAKE.fullmatch(text) else "the path that was given"


def _reason(error: Exception) -> str:
    # Only the system's own words: str(error) repeats the path, which _shown may have held back.
    return (os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "the path is not valid").lower()
