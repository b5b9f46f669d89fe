"""``numbers restrict``: a number for enrolled callers only, by hand.

Answers for: telling until when. Must not know: who is enrolled.
"""

from __future__ import annotations

from datetime import timedelta

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, print_json, when
from maskservice.cli.virtual_numbers import numbers
from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.masked import read_virtual, write_virtual
from maskservice.services.restricting import restrict_number, restricted_until


@numbers.command(
    epilog=examples(
        "maskservice numbers restrict 0900-000000                 # show whether it is",
        "maskservice numbers restrict 0900-000000 --hours 12",
        "maskservice numbers restrict 0900-000000 --off",
    )
)
@click.argument("number")
@click.option("--hours", type=click.IntRange(1, 8760), metavar="N", help="Enrolled callers only, for so long from now.")
@click.option("--off", is_flag=True, help="Everybody again.")
@json_option
def restrict(number: str, *, hours: int | None, off: bool, as_json: bool) -> None:
    """Let only couriers on a roster, callers on an allow list and the recipients' call-backs through on NUMBER.

    Strangers hear what a wrong extension sounds like. For a number that is being scanned; 'numbers rekey' ends a scan.
    """
    if hours is not None and off:
        raise click.UsageError("Give --hours or --off, not both.")
    try:
        virtual_number = read_virtual(number)
    except MaskedNumberUnreadable:
        raise click.ClickException("That is no virtual number; write it like 0900-000000, without extension.") from None
    with opened() as ports:
        if hours is None and not off:
            until = restricted_until(virtual_number, ports=ports)
        else:
            length = None if hours is None else timedelta(hours=hours)
            until = restrict_number(virtual_number, length=length, ports=ports)
    if as_json:
        print_json({"virtual_number": virtual_number, "enrolled_only_until": when(until)})
        return
    state = "takes every caller" if until is None else f"takes enrolled callers only, until {when(until)}"
    click.echo(f"{write_virtual(virtual_number)} {state}.")
