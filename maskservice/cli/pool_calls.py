"""``pool calls``: what holds for calls on every number of a pool.

Answers for: options to settings and back. Must not know: what a setting does to a call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from maskservice.cli.hours import Hours
from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, print_facts, print_json
from maskservice.cli.pool import pool
from maskservice.domain.call_policy import LANGUAGES, Codes, PoolCalls
from maskservice.services.pools import pool_named, set_calls


@pool.command(
    epilog=examples(
        "maskservice pool calls parcels                           # show the settings",
        "maskservice pool calls parcels --language en --quiet 21:00-08:00",
        "maskservice pool calls parcels --codes keyed             # wait for 5678*1234, not for 5678 alone",
        "maskservice pool calls parcels --repeat-call",
    )
)
@click.argument("name")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the prompts; zh-TW at first.")
@click.option(
    "--codes",
    type=click.Choice([each.value for each in Codes]),
    help="How a PIN comes in: after a star of the caller's own accord (at first), in one string with the extension, "
    "or asked for.",
)
@click.option(
    "--quiet",
    type=Hours(),
    metavar="21:00-08:00",
    help="Daily hours without calls in Asia/Taipei, for tenants without hours of their own.",
)
@click.option("--no-quiet", is_flag=True, help="None, as at first.")
@click.option(
    "--repeat-call/--no-repeat-call",
    default=None,
    help="Let a courier reach again by the number alone whom he reached within the hour; off at first.",
)
@json_option
def calls(name: str, *, as_json: bool, **given: Any) -> None:
    """Show or change what holds for calls on every number of a pool, from the next call on. What is not named stays."""
    if given["quiet"] is not None and given["no_quiet"]:
        raise click.UsageError("Give --quiet or --no-quiet, not both.")
    changes = {setting: value for setting, value in given.items() if setting != "no_quiet" and value is not None}
    if "codes" in changes:
        changes["codes"] = Codes(changes["codes"])
    if given["no_quiet"]:
        changes["quiet"] = None
    with opened() as ports:
        found = pool_named(name, ports=ports)
        now = found.calls
        if changes:
            now = replace(now, **changes)
            set_calls(name, now, ports=ports)
    if as_json:
        print_json({"pool_id": found.id, "name": found.name, **_facts(now)})
        return
    shown = {**_facts(now), "quiet": now.quiet or "none", "repeat_call": "yes" if now.repeat_call else "no"}
    print_facts(f"Calls of pool {found.name}.", {setting.replace("_", " "): value for setting, value in shown.items()})


def _facts(calls: PoolCalls) -> dict[str, object]:
    return {
        "language": calls.language,
        "codes": calls.codes.value,
        "quiet": None if calls.quiet is None else str(calls.quiet),
        "repeat_call": calls.repeat_call,
    }
