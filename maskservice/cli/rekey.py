"""``numbers rekey``: new extensions for every live order on a scanned number, and the list for the platforms.

Answers for: the list being written line by line as each change is final. Must not know: how an extension is found.
"""

from __future__ import annotations

import csv
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, print_json
from maskservice.cli.virtual_numbers import numbers
from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.masked import read_virtual, write_virtual
from maskservice.services.rekeying import Rekeyed, rekey_number

_COLUMNS = ("tenant_id", "order_id", "binding_id", "old", "new")


@numbers.command(
    epilog=examples(
        "maskservice numbers rekey 0900-000000 --output rekeyed.csv",
        "maskservice numbers rekey 0900-000000 --over-ceiling > rekeyed.csv",
    )
)
@click.argument("number")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the list there (appended to); standard output unless given.",
)
@click.option(
    "--over-ceiling", is_flag=True, help="Let the number be denser than its pool allows while the old extensions rest."
)
@json_option
def rekey(number: str, *, output: Path | None, over_ceiling: bool, as_json: bool) -> None:
    """Give every live order on NUMBER a new extension, and list old and new as CSV for the platforms.

    Old extensions rest in quarantine and reach nobody from this moment on. May be interrupted and run again.
    """
    try:
        virtual_number = read_virtual(number)
    except MaskedNumberUnreadable:
        raise click.ClickException("That is no virtual number; write it like 0900-000000, without extension.") from None
    rows: list[dict[str, str]] = []
    with ExitStack() as open_things:
        ports = open_things.enter_context(opened())
        lines = (
            sys.stdout if output is None else open_things.enter_context(output.open("a", newline="", encoding="utf-8"))
        )
        table = None if as_json and output is None else csv.DictWriter(lines, _COLUMNS)
        for change in rekey_number(virtual_number, over_ceiling=over_ceiling, ports=ports):
            row = _row(change)
            if table is not None:
                if not rows:
                    table.writeheader()
                # Written and flushed as it becomes final: an interruption loses no line of what was done.
                table.writerow(row)
                lines.flush()
            rows.append(row)
    if as_json:
        print_json({"virtual_number": virtual_number, "rekeyed": len(rows), "data": rows})
    note(f"{len(rows)} orders on {write_virtual(virtual_number)} have a new extension. Print their labels again.")


def _row(change: Rekeyed) -> dict[str, str]:
    return {
        "tenant_id": change.tenant_id,
        "order_id": change.order_id,
        "binding_id": str(change.binding_id),
        "old": change.old.written,
        "new": change.new.written,
    }
