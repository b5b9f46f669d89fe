"""``pool``: what a pool gives out, who may use it, and what its density means for a stranger's guess.

Answers for: the odds being told, and a dense pool being a choice that was typed. Must not know: how odds are computed.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from decimal import Decimal

import click

from maskservice.cli.amounts import Amount
from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, percent, print_facts, print_json, print_rows, warn
from maskservice.domain.allocation import (
    DEFAULT_DENSITY,
    DEFAULT_QUARANTINE,
    LONGEST_EXTENSION,
    SHORTEST_EXTENSION,
    PoolPolicy,
)
from maskservice.services.pools import create_pool, list_pools, pool_use, running_low, share_pool

_TRIES_IN_A_CALL = 3


@click.group(
    epilog=examples(
        "maskservice pool create parcels --tenant 示範商店",
        "maskservice pool list",
        "maskservice pool share parcels --tenant 另一家店",
    )
)
def pool() -> None:
    """Sets of virtual numbers."""


@pool.command(
    epilog=examples(
        "maskservice pool create parcels --tenant 示範商店",
        "maskservice pool create quiet --extension-length 6 --check-digit --quarantine 60 --shared",
        "maskservice pool create dense --density 25% --yes      # denser than 10 %: has to be typed",
    )
)
@click.argument("name")
@click.option(
    "--extension-length",
    type=click.IntRange(SHORTEST_EXTENSION, LONGEST_EXTENSION),
    default=SHORTEST_EXTENSION,
    show_default=True,
    help="Digits of an extension.",
)
@click.option(
    "--density",
    type=Amount(most=1),
    metavar="SHARE",
    help="Share of a number's extensions that may be held; 10% unless given.",
)
@click.option("--check-digit", is_flag=True, help="One more digit, which catches a mistyped one.")
@click.option(
    "--quarantine",
    type=click.IntRange(0, 3650),
    default=DEFAULT_QUARANTINE.days,
    show_default=True,
    metavar="DAYS",
    help="How long an ended extension rests.",
)
@click.option(
    "--tenant", "tenants", multiple=True, metavar="NAME", help="Let this tenant use it; may be given several times."
)
@click.option("--shared", is_flag=True, help="Let every tenant use it.")
@click.option("--yes", is_flag=True, help="Do not ask to type a high density again.")
@json_option
def create(
    name: str,
    *,
    extension_length: int,
    density: Decimal | None,
    check_digit: bool,
    quarantine: int,
    tenants: tuple[str, ...],
    shared: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Create a pool; print how many orders a number holds and the odds of a stranger's guess."""
    policy = PoolPolicy(extension_length, density or DEFAULT_DENSITY, check_digit, timedelta(days=quarantine)).checked()
    if policy.density > DEFAULT_DENSITY:
        _insist(policy, ask=not yes)
    with opened() as ports:
        made = create_pool(name, policy=policy, tenants=tenants, shared=shared, ports=ports)
    one, three = policy.chance_of_a_hit(1), policy.chance_of_a_hit(_TRIES_IN_A_CALL)
    if as_json:
        print_json(
            {
                "pool_id": made.id,
                "name": made.name,
                "extension_length": policy.extension_length,
                "dialled_length": policy.dialled_length,
                "density": float(policy.density),
                "ceiling_per_number": policy.ceiling,
                "check_digit": policy.check_digit,
                "quarantine_days": policy.quarantine.days,
                "shared": made.shared,
                "tenants": list(tenants),
                "odds": {"one_guess": one, "three_guesses": three},
            }
        )
    else:
        print_facts(
            f"Pool {made.name} created.",
            {
                "pool_id": made.id,
                "extension": f"{policy.dialled_length} digits"
                + (", the last one a check digit" if policy.check_digit else ""),
                "ceiling": f"{policy.ceiling} extensions a number ({percent(float(policy.density))}), quarantine too",
                "odds": f"a stranger's one guess on a full number reaches somebody with a chance of {percent(one)},",
                "": f"three guesses (one call) with {percent(three)}",
                "quarantine": f"{policy.quarantine.days} days",
                "used by": "every tenant" if shared else ", ".join(tenants) or "nobody yet",
            },
        )
    if not shared and not tenants:
        note("No tenant may use it yet. Next: maskservice pool share NAME --tenant TENANT")


def _insist(policy: PoolPolicy, *, ask: bool) -> None:
    usual = PoolPolicy(policy.extension_length, DEFAULT_DENSITY)
    one, three = policy.chance_of_a_hit(1), policy.chance_of_a_hit(_TRIES_IN_A_CALL)
    usual_one, usual_three = usual.chance_of_a_hit(1), usual.chance_of_a_hit(_TRIES_IN_A_CALL)
    warn(
        f"{percent(float(policy.density))} is denser than {percent(float(DEFAULT_DENSITY))}. "
        f"On a full number one guess of a stranger reaches somebody with a chance of {percent(one)} "
        f"(instead of {percent(usual_one)}), three guesses with {percent(three)} (instead of {percent(usual_three)}). "
        "A longer extension holds more orders at the same odds."
    )
    if ask and sys.stdin.isatty():
        again = click.prompt("Type the density again to choose it", type=Amount(most=1), err=True)
        if again != policy.density:
            raise click.ClickException(
                "That is another density. Nothing was created; choose one and run the command again."
            )


@pool.command("list", epilog=examples("maskservice pool list", "maskservice pool list --json"))
@json_option
def list_(*, as_json: bool) -> None:
    """Show how full every pool is."""
    with opened() as ports:
        uses, pools = pool_use(ports), {each.name: each for each in list_pools(ports)}
    low = {use.name for use in running_low(uses)}
    rows = [
        {
            "name": use.name,
            "pool_id": pools[use.name].id,
            "extension_length": pools[use.name].policy.extension_length,
            "check_digit": pools[use.name].policy.check_digit,
            "shared": pools[use.name].shared,
            "tenants": sorted(pools[use.name].tenant_ids),
            "numbers": use.numbers,
            "held": use.held,
            "capacity": use.capacity,
            "density": float(pools[use.name].policy.density),
            "low": use.name in low,
        }
        for use in uses
        if use.name in pools
    ]
    if as_json:
        print_json({"data": rows})
        return
    shown = [
        (
            row["name"],
            row["numbers"],
            row["held"],
            row["capacity"],
            percent(float(pools[str(row["name"])].policy.density)),
            "LOW: import numbers" if row["low"] else "ok",
        )
        for row in rows
    ]
    print_rows(
        ("name", "numbers", "held", "capacity", "density", "state"),
        shown,
        empty="There is no pool. Next: maskservice init",
    )


@pool.command(epilog=examples("maskservice pool share parcels --tenant 示範商店 --tenant 另一家店"))
@click.argument("name")
@click.option("--tenant", "tenants", multiple=True, required=True, metavar="NAME", help="May be given several times.")
@json_option
def share(name: str, *, tenants: tuple[str, ...], as_json: bool) -> None:
    """Let further tenants use a pool."""
    with opened() as ports:
        share_pool(name, tenants=tenants, ports=ports)
    if as_json:
        print_json({"name": name, "admitted": list(tenants)})
    else:
        click.echo(f"Pool {name} may now be used by {', '.join(tenants)}.")
