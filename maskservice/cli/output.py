"""What a command prints: results on stdout, as JSON or for people; messages on stderr.

Answers for: one look for all commands. Must not know: what is printed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

_LONGEST_ROW = 2000

_Command = TypeVar("_Command", bound=Callable[..., Any])


def examples(*lines: str) -> str:
    """The epilog of a command: its examples, a line each, not rewrapped by click."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def json_option(command: _Command) -> _Command:
    """``--json``: the result alone, on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for programs.")(command)


def print_json(result: Mapping[str, object]) -> None:
    click.echo(json.dumps(result, ensure_ascii=False, indent=2))


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """One thing: a title, then its facts, name and value."""
    width = max(len(name) for name in facts)
    click.echo(click.style(title, bold=True))
    for name, value in facts.items():
        click.echo(f"  {click.style(f'{name:<{width}}', dim=True)}  {value}")


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Several things as a table; ``empty`` (on stderr) says what to do without any. No text is read as markup."""
    if not rows:
        note(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row))
    page = console()
    if not page.is_terminal:
        # Whoever reads it through a pipe wants a row a line, however long.
        unbounded = page.options.update(max_width=_LONGEST_ROW)
        page.width = max(page.width, page.measure(table, options=unbounded).maximum)
    page.print(table)


def console(*, stderr: bool = False) -> Console:
    """A rich console on the streams as they are now; plain where they are no terminal."""
    return Console(stderr=stderr, highlight=False, emoji=False)


def note(text: str) -> None:
    """A message for people, on stderr."""
    click.echo(text, err=True)


def warn(text: str) -> None:
    """A message that should be seen, on stderr."""
    click.echo(click.style("Warning: ", fg="yellow", bold=True) + text, err=True)


def when(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with Z, whole seconds."""
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def percent(share: float) -> str:
    """A share in [0, 1] as people say it, never rounded to 0 % or 100 % when it is neither."""
    shown = f"{share * 100:.3g}"
    return "over 99.9 %" if shown == "100" and share < 1 else f"{shown} %"
