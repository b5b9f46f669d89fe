"""``numbers``: virtual numbers brought into a pool.

Answers for: where lines come from and which of them were refused, by source and line, never by what stood there: it
could be somebody's phone. Must not know: how a number is read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from maskservice.cli.opening import opened
from maskservice.cli.output import console, examples, json_option, note, print_json, print_rows, when
from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.masked import read_virtual, write_virtual
from maskservice.services.pools import import_numbers, list_numbers
from maskservice.services.restricting import restricted_numbers

_BATCH = 500
_WORTH_A_BAR = 2_000
_LINES_SHOWN = 20
_ARGUMENT = "argument "


@dataclass(frozen=True, slots=True)
class Source:
    """One argument: its name for people, and its lines."""

    name: str
    lines: list[str] = field(repr=False)

    def batches(self) -> Iterator[tuple[int, list[str]]]:
        """A transaction's worth of lines, and how many were before: a long import must keep no other writer waiting."""
        for start in range(0, len(self.lines), _BATCH):
            yield start, self.lines[start : start + _BATCH]


@click.group(
    epilog=examples(
        "maskservice numbers import 0900-000000 0900-000001 --pool default", "maskservice numbers list --pool default"
    )
)
def numbers() -> None:
    """Virtual numbers of the pools."""


@numbers.command(
    "import",
    epilog=examples(
        "maskservice numbers import numbers.txt --pool parcels        # one number a line, # begins a comment",
        "maskservice numbers import 0900-000000 +886900000001 --pool default",
        "zcat numbers.gz | maskservice numbers import - --pool parcels --json",
    ),
)
@click.argument("given", nargs=-1, required=True, metavar="FILE…|NUMBER…")
@click.option("--pool", "pool_name", required=True, metavar="NAME", help="The pool they go to.")
@json_option
@click.pass_context
def import_(ctx: click.Context, given: tuple[str, ...], *, pool_name: str, as_json: bool) -> None:
    """Add virtual numbers to a pool. Known ones stay where they are; bad ones are reported by their line.

    May be run again with the same file. Exit code 1 when nothing was added and something was refused.
    """
    sources = _sources(given)
    added = known = 0
    refused: list[tuple[str, int]] = []
    with opened() as ports, _bar(sum(len(source.lines) for source in sources)) as advance:
        for source in sources:
            for start, lines in source.batches():
                part = import_numbers(lines, pool_name=pool_name, ports=ports)
                added, known = added + len(part.added), known + len(part.known)
                refused += [(source.name, start + line) for line in part.refused]
                advance(len(lines))
    if as_json:
        told = [{"source": name, "line": line} for name, line in refused]
        print_json(
            {
                "pool": pool_name,
                "added": added,
                "known": known,
                "refused": len(refused),
                "refused_lines": told,
            }
        )
    else:
        click.echo(f"{added} added, {known} known already, {len(refused)} refused (pool {pool_name}).")
    for name, line in refused[:_LINES_SHOWN]:
        where = name if name.startswith(_ARGUMENT) else f"{name}, line {line}"
        note(f"  refused: {where}: no virtual number; write it like 0900-000000, without extension.")
    if len(refused) > _LINES_SHOWN:
        note(f"  … and {len(refused) - _LINES_SHOWN} more; --json lists them all.")
    if refused and not added:
        ctx.exit(1)


@numbers.command(
    "list", epilog=examples("maskservice numbers list --pool default", "maskservice numbers list --pool default --json")
)
@click.option("--pool", "pool_name", required=True, metavar="NAME", help="The pool to look at.")
@json_option
def list_(*, pool_name: str, as_json: bool) -> None:
    """Show a pool's virtual numbers, how many extensions of each are held, and which take enrolled callers only."""
    with opened() as ports:
        pool, found = list_numbers(pool_name, ports=ports)
        restricted = restricted_numbers(pool.id, ports=ports)
    ceiling = pool.policy.ceiling
    if as_json:
        rows = [
            {
                "virtual_number": number,
                "written": write_virtual(number),
                "held": held,
                "ceiling": ceiling,
                "enrolled_only_until": when(restricted.get(number)),
            }
            for number, held in found
        ]
        print_json({"data": rows})
        return
    empty = "This pool has no number yet. Next: maskservice numbers import FILE --pool NAME"
    print_rows(
        ("number", "E.164", "held", "ceiling", "enrolled callers only until"),
        [(write_virtual(n), n, held, ceiling, when(restricted.get(n)) or "–") for n, held in found],
        empty=empty,
    )


def _sources(given: tuple[str, ...]) -> list[Source]:
    """Every argument as a source of lines. What is neither a file nor a number is refused before anything is opened."""
    sources = []
    for place, text in enumerate(given, start=1):
        if text == "-":
            sources.append(Source("stdin", sys.stdin.read().splitlines()))
        elif _is_file(text):
            # Spreadsheets write a byte order mark; what is no UTF-8 cannot be a number and is refused as a line.
            sources.append(Source(text, Path(text).read_text("utf-8-sig", "replace").splitlines()))
        elif _may_be_a_number(text):
            sources.append(Source(f"{_ARGUMENT}{place}", [text]))
        else:
            raise click.UsageError(
                f"Argument {place} is neither a file that is there nor a number. A file holds one number a line."
            )
    return sources


def _may_be_a_number(text: str) -> bool:
    try:
        read_virtual(text)
    except MaskedNumberUnreadable:
        # A mistyped number is a refused line; a mistyped file name is a mistake of the command line.
        return sum(each.isdigit() for each in text) >= 4 and not any(each.isalpha() or each in "/\\" for each in text)
    return True


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # longer than a name may be
        return False


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """What to call with the number of lines that were done; a bar where somebody looks on and it takes long enough."""
    if total < _WORTH_A_BAR or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing", total=total)
        yield lambda lines: bar.advance(task, lines)
