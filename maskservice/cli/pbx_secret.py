"""Where a provider's secret comes from: a hidden prompt, standard input or a file.

Answers for: a secret never standing on the command line, in a shell's history or on a screen. Must not know: what is
done with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click

PROMPT = "prompt"
_LONGEST_FILE = 4096

_Command = TypeVar("_Command", bound=Callable[..., Any])


class SecretForm(Protocol):
    """Whose the secret of a dialect is, and what its owner calls it."""

    @property
    def ours(self) -> bool: ...

    @property
    def name(self) -> str: ...

    @property
    def found_at(self) -> str: ...


def secret_from_option(command: _Command) -> _Command:
    """``--secret-from``: where a provider's secret is read."""
    return click.option(
        "--secret-from",
        metavar="prompt|-|FILE",
        help="Where to read the provider's secret: a hidden prompt (default), - for standard input, or a file. "
        "Never give it as an argument.",
    )(command)


def pasted(form: SecretForm, source: str | None) -> str | None:
    """The provider's secret without the white space around it; None where the service makes the secret itself.

    Raises UsageError for a source that is not asked for and for a file that cannot be read.
    """
    if form.ours:
        if source is not None:
            raise click.UsageError("The service makes the secret of this dialect itself: leave --secret-from out.")
        return None
    if source is None or source == PROMPT:
        text: str = click.prompt(f"{form.name} ({form.found_at})", hide_input=True, err=True)
        return text.strip()
    try:
        with click.open_file(source, encoding="utf-8", errors="replace") as file:
            content: str = file.read(_LONGEST_FILE)
    except OSError as failure:
        reason = os.strerror(failure.errno) if failure.errno else type(failure).__name__
    else:
        return content.strip()
    # The name is not repeated: it may be the secret itself, given in the wrong place.
    raise click.UsageError(f"--secret-from names a file that cannot be read: {reason}. Leave it out to be asked.")
