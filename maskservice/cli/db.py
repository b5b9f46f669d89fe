"""``db``: the database as a whole.

Answers for: saying what was done to it. Must not know: how.
"""

from __future__ import annotations

import click
from flask import Flask

from maskservice.app import open_database
from maskservice.cli.opening import quiet
from maskservice.cli.output import examples, json_option, note, print_json, print_rows, warn
from maskservice.settings import Settings
from maskservice.storage.distribution import CannotDistribute, Distribution, Placement, Step
from maskservice.storage.distribution import distribute as spread

VERIFIED = "Citus 12.1.12 with PostgreSQL 15 on 2026-11-24, by hand"
_ADVICE = f"Distribution was verified on {VERIFIED}; no CI runs it. Try it on a copy of your database first."


@click.group(epilog=examples("maskservice db distribute --dry-run"))
def db() -> None:
    """The database as a whole."""


@db.command(
    epilog=examples(
        "maskservice db distribute --dry-run        # what would be done; changes nothing",
        "maskservice db distribute",
        "maskservice db distribute --json",
    )
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@json_option
def distribute(*, dry_run: bool, as_json: bool) -> None:
    """Spread the tables of a fresh or existing database over a Citus cluster.

    Rows on the way of a call go by their virtual number, orders by their tenant, what is small is copied to every
    node. Stop the servers meanwhile: each table is locked while its rows move. A run that was cut off is taken up by
    the next one; a table that is placed already is left alone. After every upgrade run it again.

    Verified on Citus 12.1.12 with PostgreSQL 15 on 2026-11-24, by hand and not in CI: try it on a copy first.
    """
    database = open_database(quiet(Settings.load()))
    database.init_app(Flask("maskservice"))
    try:
        done = spread(database, dry_run=dry_run, progress=lambda placement: note(f"{placement.table} …"))
    except CannotDistribute as why:
        raise click.ClickException(str(why)) from None
    except KeyboardInterrupt:
        raise click.ClickException("Stopped between two tables. Run this again: it goes on there.") from None
    finally:
        database.dispose()
    if as_json:
        print_json(
            {
                "citus": done.citus,
                "workers": done.workers,
                "dry_run": dry_run,
                "verified_on": VERIFIED,
                "tables": [_fields(step, dry_run=dry_run) for step in done.steps],
            }
        )
        return
    print_rows(
        ("table", "kind", "by", "together with", "state"),
        [tuple(each or "" for each in _fields(step, dry_run=dry_run).values()) for step in done.steps],
        empty="There is no table.",
    )
    _tell(done, dry_run=dry_run)


def _fields(step: Step, *, dry_run: bool) -> dict[str, str | None]:
    placement: Placement = step.placement
    state = "was placed already" if step.before else "would be placed" if dry_run else "placed"
    return {
        "table": placement.table,
        "kind": placement.kind,
        "by": placement.column,
        "together_with": placement.together_with,
        "state": state,
    }


def _tell(done: Distribution, *, dry_run: bool) -> None:
    if done.citus is None:
        note("The extension citus is not in this database: without --dry-run this would be refused.")
    elif not done.workers:
        warn("There is no worker node: everything lies on the coordinator. 'SELECT citus_add_node(…)' adds one.")
    if not dry_run:
        note("Set for this role in this database: citus.enable_deadlock_prevention = off.")
    if not dry_run and any(step.done for step in done.steps):
        note("Restart servers and workers. docs/scaling.rst says what differs on a cluster.")
    note(_ADVICE)
