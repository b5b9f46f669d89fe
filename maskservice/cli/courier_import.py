"""``courier import``: a roster from a spreadsheet.

Answers for: problems told by their line and never by what stood there, and a file of results that only its owner reads,
since made PINs are in it. Must not know: how a row is read or judged.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from maskservice.cli.courier import courier, facts, tenant_of, tenant_option
from maskservice.cli.opening import opened
from maskservice.cli.output import console, examples, json_option, note, print_json
from maskservice.cli.refusals import said
from maskservice.domain.phone import read_phone
from maskservice.domain.roster_csv import RosterRow, decode_roster, read_roster
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.roster_import import RowOutcome, import_couriers
from maskservice.services.roster_judging import CourierDraft

_WORTH_A_BAR = 500
_ROWS_SHOWN = 20
_COLUMNS = ("line", "result", "courier_id", "pin", "problem")


@courier.command(
    "import",
    epilog=examples(
        "maskservice courier import roster.csv --tenant 示範商店",
        "maskservice courier import roster.csv --tenant 示範商店 --results results.csv      # made PINs are in it",
        "cat roster.csv | maskservice courier import - --tenant 示範商店 --json",
    ),
)
@click.argument("file", metavar="FILE.csv|-")
@tenant_option
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a line for each row: what became of it, and a PIN that was made. Must not be there yet.",
)
@json_option
@click.pass_context
def import_(ctx: click.Context, file: str, *, tenant_name: str, results: Path | None, as_json: bool) -> None:
    """Put a list of couriers on the roster, or bring it up to date: the same file again changes nothing.

    The first line names the columns: name 姓名, carrier 物流商, phone 電話 (several parted by ; or in phone2 電話2 …),
    pin 密碼 (digits, or auto). UTF-8 or Big5. Bad rows are told by their line; the others are taken.

    Exit code 1 when nothing was taken and something was refused.
    """
    rows = read_roster(decode_roster(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()))
    outcomes: list[tuple[RosterRow, RowOutcome]] = []
    with opened() as ports, _results(results) as lines:
        tenant = tenant_of(tenant_name, ports)
        table = None if lines is None else csv.writer(lines)
        if table is not None:
            table.writerow(_COLUMNS)
        for row, outcome in _imported(tenant, rows, ports):
            outcomes.append((row, outcome))
            if table is not None and lines is not None:
                # Flushed as it becomes final: an interruption loses no PIN that was made.
                table.writerow(_line(row, outcome))
                lines.flush()
    added = sum(outcome.created for _, outcome in outcomes)
    refused = [(row, outcome) for row, outcome in outcomes if outcome.refusal is not None]
    known = len(outcomes) - added - len(refused)
    if as_json:
        told = [_told(row, outcome) for row, outcome in outcomes]
        print_json({"added": added, "known": known, "refused": len(refused), "data": told})
    else:
        click.echo(f"{added} added, {known} known already, {len(refused)} refused (tenant {tenant_name}).")
    _complain(refused)
    if results is None and not as_json and any(outcome.courier and outcome.courier.pin for _, outcome in outcomes):
        note(
            "PINs were made or set and are not shown here: take --results FILE next time, or 'maskservice courier pin'."
        )
    if refused and not added and not known:
        ctx.exit(1)


def _imported(tenant: Tenant, rows: Sequence[RosterRow], ports: Ports) -> Iterator[tuple[RosterRow, RowOutcome]]:
    drafts = [CourierDraft(row.name, row.carrier, tuple(map(read_phone, row.phones)), row.pin) for row in rows]
    outcomes = zip(rows, import_couriers(tenant, drafts, ports), strict=True)
    if len(rows) < _WORTH_A_BAR or not sys.stderr.isatty():
        yield from outcomes
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing", total=len(rows))
        for each in outcomes:
            bar.advance(task)
            yield each


@contextmanager
def _results(path: Path | None) -> Iterator[TextIO | None]:
    """A new file that only its owner reads."""
    if path is None:
        yield None
        return
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        detail = "The file of --results is there already, perhaps with PINs in it. Name a new one."
        raise click.ClickException(detail) from None
    with os.fdopen(number, "w", newline="", encoding="utf-8") as lines:
        yield lines


def _result(outcome: RowOutcome) -> str:
    if outcome.refusal is not None:
        return "refused"
    return "added" if outcome.created else "known"


def _line(row: RosterRow, outcome: RowOutcome) -> tuple[object, ...]:
    made = outcome.courier
    problem = "" if outcome.refusal is None else said(outcome.refusal).replace("\n", " ")
    return (row.line, _result(outcome), made.id if made else "", (made.pin if made else None) or "", problem)


def _told(row: RosterRow, outcome: RowOutcome) -> dict[str, object]:
    told: dict[str, object] = {"line": row.line, "result": _result(outcome)}
    if outcome.courier is not None:
        told["courier"] = {**facts(outcome.courier), "pin": outcome.courier.pin}
    if outcome.refusal is not None:
        told |= {"code": outcome.refusal.code, "problem": said(outcome.refusal)}
    return told


def _complain(refused: Sequence[tuple[RosterRow, RowOutcome]]) -> None:
    for row, outcome in refused[:_ROWS_SHOWN]:
        if outcome.refusal is not None:
            note(f"  refused: line {row.line}: {said(outcome.refusal)}")
    if len(refused) > _ROWS_SHOWN:
        note(f"  … and {len(refused) - _ROWS_SHOWN} more; --results and --json list them all.")
