"""A file that is written whole or not at all.

Answers for: nobody ever finding half a file under the name. Must not know: what is written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes its name, with mode 0600 and in the place of what stood there, only when the block ends
    well. Raises ClickException where the folder cannot be written to."""
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise click.ClickException(f"Cannot write {path}: {reason}. Choose another --output.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
