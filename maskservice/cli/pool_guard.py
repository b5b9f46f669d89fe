"""``pool guard``: a pool's thresholds against guessing, and what they mean for a stranger.

Answers for: naming each threshold, telling the chance that it leaves. Must not know: how it is computed.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, percent, print_facts, print_json
from maskservice.cli.pool import pool
from maskservice.domain.guard import GuardPolicy
from maskservice.services.pools import pool_named, set_guard
from maskservice.services.records import Pool

_COUNT = click.IntRange(1, 1_000_000)
_MINUTES = click.IntRange(1, 43_200)


@pool.command(
    "guard",
    epilog=examples(
        "maskservice pool guard parcels                          # show the thresholds",
        "maskservice pool guard parcels --caller-tries 5 --first-block 30",
        "maskservice pool guard parcels --enroll-on-scan --scan-rest-hours 12",
        "maskservice pool guard parcels --defaults",
    ),
)
@click.argument("name")
@click.option("--caller-tries", type=_COUNT, help="Wrong tries of one caller within the window until he is blocked.")
@click.option("--withheld-tries", type=_COUNT, help="The same for all withheld callers of one PBX together.")
@click.option(
    "--number-tries", type=_COUNT, help="Wrong tries on one number within the window until tries get shorter."
)
@click.option("--window", type=_MINUTES, metavar="MINUTES", help="The window that wrong tries are counted in.")
@click.option("--first-block", type=_MINUTES, metavar="MINUTES", help="The first block; each further one is doubled.")
@click.option("--longest-block", type=_MINUTES, metavar="MINUTES", help="No block is longer.")
@click.option("--reach-per-day", type=_COUNT, help="Different orders that a stranger may reach in a day.")
@click.option("--scan-callers", type=_COUNT, help="Different callers with wrong tries on one number that are a scan.")
@click.option(
    "--enroll-on-scan/--no-enroll-on-scan",
    default=None,
    help="Whether a scanned number then takes enrolled and allowed callers only; off unless set.",
)
@click.option(
    "--scan-rest-hours", type=click.IntRange(1, 720), metavar="HOURS", help="For how long it does; 6 unless set."
)
@click.option("--defaults", is_flag=True, help="Back to the defaults; other options go over them.")
@json_option
def guard(name: str, *, scan_rest_hours: int | None, defaults: bool, as_json: bool, **given: int | None) -> None:
    """Show or change a pool's guard against guessing. Changes hold from the next call on, for all processes."""
    changes: dict[str, Any] = {
        threshold: timedelta(minutes=value) if threshold in ("window", "first_block", "longest_block") else value
        for threshold, value in given.items()
        if value is not None
    }
    if scan_rest_hours is not None:
        changes["scan_rest"] = timedelta(hours=scan_rest_hours)
    with opened() as ports:
        found = pool_named(name, ports=ports)
        if changes or defaults:
            policy = replace(GuardPolicy() if defaults else found.guard, **changes)
            set_guard(name, policy, ports=ports)
            found = replace(found, guard=policy)
    _show(found, as_json=as_json)


def _show(found: Pool, *, as_json: bool) -> None:
    policy = found.guard
    chance = policy.chance_within_budget(float(found.policy.density))
    thresholds = {
        each.name + ("_minutes" if isinstance(getattr(policy, each.name), timedelta) else ""): _plain(
            getattr(policy, each.name)
        )
        for each in fields(policy)
    }
    if as_json:
        print_json({"name": found.name, **thresholds, "chance_before_the_first_block": chance})
        return
    print_facts(
        f"Guard of pool {found.name}.",
        {
            **{threshold.replace("_", " "): _for_people(value) for threshold, value in thresholds.items()},
            "odds": f"a stranger reaches somebody on a full number before his first block with {percent(chance)}",
        },
    )


def _for_people(value: object) -> object:
    return ("yes" if value else "no") if isinstance(value, bool) else value


def _plain(value: object) -> object:
    return int(value / timedelta(minutes=1)) if isinstance(value, timedelta) else value
