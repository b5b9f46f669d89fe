"""``tenant calls``: who may call a tenant's recipients, which way, when, how long, how often.

Answers for: options to settings and back. Must not know: what a setting does to a call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from maskservice.cli.hours import Hours
from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, print_facts, print_json
from maskservice.cli.tenant import tenant
from maskservice.domain.call_policy import CALLS_RANGE, RING_RANGE_S, TALK_RANGE_S, Access, Directions, TenantCalls
from maskservice.domain.call_policy import QuietHours as Quiet
from maskservice.services.call_settings import change_tenant_calls, tenant_by_name

_FEWEST_MINUTES, _MOST_MINUTES = TALK_RANGE_S[0] // 60, TALK_RANGE_S[1] // 60


@tenant.command(
    epilog=examples(
        "maskservice tenant calls 示範商店                         # show the settings",
        "maskservice tenant calls 示範商店 --access enrolled       # couriers on the roster only",
        "maskservice tenant calls 示範商店 --quiet 21:00-08:00 --calls-per-day 20 --whisper",
        "maskservice tenant calls 示範商店 --no-quiet              # not even the pool's quiet hours hold",
    )
)
@click.argument("name")
@click.option(
    "--access",
    type=click.Choice([each.value for each in Access]),
    help="Who reaches a recipient: anyone with the extension, couriers on the roster, or those given to the order.",
)
@click.option(
    "--directions", type=click.Choice([each.value for each in Directions]), help="Which way calls go; both at first."
)
@click.option("--ring-seconds", type=click.IntRange(*RING_RANGE_S), metavar="N", help="How long it rings; 30 at first.")
@click.option(
    "--max-minutes",
    type=click.IntRange(_FEWEST_MINUTES, _MOST_MINUTES),
    metavar="N",
    help="When a talk is ended; 30 at first.",
)
@click.option(
    "--calls-per-day",
    type=click.IntRange(*CALLS_RANGE),
    metavar="N",
    help="How often one order's recipient is rung in a day of Asia/Taipei.",
)
@click.option("--no-calls-per-day", is_flag=True, help="As often as it takes, as at first.")
@click.option("--quiet", type=Hours(), metavar="21:00-08:00", help="Daily hours without calls in Asia/Taipei.")
@click.option("--no-quiet", is_flag=True, help="No quiet hours, also where the pool has some.")
@click.option("--quiet-as-pool", is_flag=True, help="The pool's quiet hours, as at first.")
@click.option("--whisper/--no-whisper", default=None, help="Tell the recipient before the talk who calls.")
@json_option
def calls(name: str, *, as_json: bool, **given: Any) -> None:
    """Show or change what a tenant has set about calls. It holds from the next call on, for every order.

    What is not named stays. The platform can do the same by PATCH /v1/settings/calls.
    """
    changes = _changes(given)
    with opened() as ports:
        found = tenant_by_name(name, ports=ports)
        now = found.policy.calls
        if changes:
            now = change_tenant_calls(found.id, lambda before: replace(before, **changes), ports=ports)
    if as_json:
        print_json({"tenant_id": found.id, "name": found.name, **_facts(now)})
    else:
        print_facts(f"Calls of tenant {found.name}.", _for_people(now))


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    quiet: Quiet | None = given["quiet"]
    if sum((quiet is not None, given["no_quiet"], given["quiet_as_pool"])) > 1:
        raise click.UsageError("Give one of --quiet, --no-quiet and --quiet-as-pool.")
    if given["calls_per_day"] is not None and given["no_calls_per_day"]:
        raise click.UsageError("Give --calls-per-day or --no-calls-per-day, not both.")
    named: dict[str, Any] = {
        "access": given["access"] and Access(given["access"]),
        "directions": given["directions"] and Directions(given["directions"]),
        "ring_timeout_s": given["ring_seconds"],
        "max_duration_s": given["max_minutes"] and given["max_minutes"] * 60,
        "calls_per_day": given["calls_per_day"],
        "whisper": given["whisper"],
    }
    changes = {setting: value for setting, value in named.items() if value is not None}
    if given["no_calls_per_day"]:
        changes["calls_per_day"] = None
    if quiet is not None or given["no_quiet"] or given["quiet_as_pool"]:
        changes |= {"quiet": quiet, "quiet_exempt": given["no_quiet"]}
    return changes


def _facts(calls: TenantCalls) -> dict[str, object]:
    """The names of the API."""
    return {
        "access": calls.access.value,
        "directions": calls.directions.value,
        "ring_timeout_s": calls.ring_timeout_s,
        "max_duration_s": calls.max_duration_s,
        "calls_per_day": calls.calls_per_day,
        "quiet": None if calls.quiet is None else str(calls.quiet),
        "quiet_exempt": calls.quiet_exempt,
        "whisper": calls.whisper,
    }


def _for_people(calls: TenantCalls) -> dict[str, object]:
    quiet = "none, also where the pool has some" if calls.quiet_exempt else calls.quiet or "as the pool has set"
    minutes, seconds = divmod(calls.max_duration_s, 60)
    return {
        "access": calls.access.value,
        "directions": calls.directions.value,
        "ring": f"{calls.ring_timeout_s} s",
        "longest talk": f"{minutes} min {seconds} s" if seconds else f"{minutes} min",
        "calls per day": calls.calls_per_day or "any number",
        "quiet hours": quiet,
        "whisper": "yes" if calls.whisper else "no",
    }
