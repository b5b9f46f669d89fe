"""``plan``: what an installation needs, from orders a day to machines, as a table or as JSON.

Answers for: reading the demand, showing the plan with the measured figures behind it. Must not know: any formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from maskservice.cli.amounts import Amount
from maskservice.cli.output import console, examples, json_option, percent, print_json
from maskservice.domain.allocation import DEFAULT_DENSITY, DEFAULT_QUARANTINE, SHORTEST_EXTENSION, PoolPolicy
from maskservice.domain.demand import Demand
from maskservice.domain.measured import MACHINE, MEASURED, Measured
from maskservice.domain.planning import Kept, Odds, Plan
from maskservice.domain.planning import plan as planned
from maskservice.services.expiry import IDEMPOTENCY_KEPT, RECEIPTS_KEPT

KEPT = Kept(receipts=RECEIPTS_KEPT, idempotency_keys=IDEMPOTENCY_KEPT)

_WIDTHS = 32, 13, 29  # 80 columns with what stands between and before them

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _option(name: str, *, default: str, metavar: str, explained: str) -> Callable[[_Command], _Command]:
    return click.option(name, type=Amount(), default=default, show_default=True, metavar=metavar, help=explained)


@click.command(
    epilog=examples(
        "maskservice plan --orders-per-day 50000",
        "maskservice plan --orders-per-day 500000 --extension-length 6 --density 1%",
        "maskservice plan --orders-per-day 700000 --life 14 --quarantine 60",
        "maskservice plan --orders-per-day 500000 --json",
    )
)
@click.option(
    "--orders-per-day", type=int, required=True, metavar="N", help="Orders that get a masked number in a day."
)
@_option("--life", default="10", metavar="DAYS", explained="From creation to the end: delivery time and grace.")
@click.option(
    "--quarantine",
    type=click.IntRange(0, 3650),
    default=DEFAULT_QUARANTINE.days,
    show_default=True,
    metavar="DAYS",
    help="How long an ended extension rests.",
)
@click.option(
    "--extension-length",
    type=int,
    default=SHORTEST_EXTENSION,
    show_default=True,
    metavar="N",
    help="Its digits: 4 to 8.",
)
@_option(
    "--density",
    default=str(DEFAULT_DENSITY),
    metavar="SHARE",
    explained="Share of a number's extensions that may be held, quarantine included.",
)
@_option("--calls-per-order", default="0.5", metavar="N", explained="Calls that an order leads to, on average.")
@_option(
    "--busy-hour-share",
    default="0.12",
    metavar="SHARE",
    explained="Share of a day's calls and orders in its busiest hour.",
)
@_option(
    "--talk-seconds", default="60", metavar="S", explained="How long a call holds its line, prompt and ringing too."
)
@_option("--blocking", default="0.01", metavar="SHARE", explained="Share of calls that may find all lines busy.")
@click.option(
    "--call-months",
    type=int,
    default=12,
    show_default=True,
    metavar="N",
    help="Months of call records and purged bindings kept.",
)
@click.option("--cores-per-node", type=int, default=8, show_default=True, metavar="N", help="Cores of one machine.")
@json_option
def plan(
    *,
    orders_per_day: int,
    life: Decimal,
    quarantine: int,
    extension_length: int,
    density: Decimal,
    as_json: bool,
    **rest: Any,
) -> None:
    """What a size needs: virtual numbers, odds of a guess, database, trunk lines, workers, nodes.

    Plan for the busiest day: Double-11 has 1.4 times a normal day's orders. Nothing is opened or changed;
    docs/planning.rst explains each formula.
    """
    policy = PoolPolicy(extension_length, density, quarantine=timedelta(days=quarantine))
    made = planned(Demand(orders_a_day=orders_per_day, life_days=life, policy=policy, **rest), kept=KEPT)
    if as_json:
        print_json(_for_programs(made))
    else:
        _show(made)


def _for_programs(made: Plan) -> dict[str, object]:
    demand = made.demand
    return {
        "demand": {
            "orders_per_day": demand.orders_a_day,
            "life_days": float(demand.life_days),
            "quarantine_days": demand.policy.quarantine.days,
            "extension_length": demand.policy.extension_length,
            "density": float(demand.policy.density),
            "caller_tries": demand.guard.caller_tries,
            "calls_per_order": float(demand.calls_per_order),
            "busy_hour_share": float(demand.busy_hour_share),
            "talk_seconds": float(demand.talk_seconds),
            "blocking": float(demand.blocking),
            "call_months": demand.call_months,
            "cores_per_node": demand.cores_per_node,
        },
        "slots": asdict(made.slots),
        "odds": asdict(made.odds),
        "odds_when_full": asdict(made.odds_when_full),
        "database_bytes": {
            **asdict(made.storage),
            "steady": made.storage.steady,
        },
        "traffic": asdict(made.traffic),
        "machines": asdict(made.machines),
        "measured": {
            name: {"what": each.what, "value": float(each.value), "unit": each.unit, "source": each.source}
            for name, each in _figures()
        },
        "measured_on": MACHINE,
    }


def _figures() -> list[tuple[str, Measured]]:
    return [(each.name, getattr(MEASURED, each.name)) for each in fields(MEASURED)]


def _show(made: Plan) -> None:
    demand, slots, traffic, machines, size = made.demand, made.slots, made.traffic, made.machines, made.storage
    policy = demand.policy
    _section(
        f"{demand.orders_a_day:,} orders a day",
        [
            ("virtual numbers", f"{slots.numbers:,}", f"at the ceiling of {slots.ceiling:,}"),
            ("virtual numbers, advised", f"{slots.numbers_advised:,}", "below the alarm at 80 % of it"),
            ("live bindings", f"{slots.live:,}", f"{_plain(demand.life_days)} days of life"),
            ("held slots", f"{slots.held:,}", f"and {policy.quarantine.days} days of quarantine"),
        ],
    )
    _section(
        "A stranger's random guess reaches a live recipient",
        [
            ("one guess", *_chances(made, "one_guess")),
            ("three guesses, one call", *_chances(made, "three_guesses")),
            (f"{demand.guard.caller_tries} guesses, then blocked", *_chances(made, "within_budget")),
        ],
    )
    _section(
        "Database, with indexes",
        [
            ("bindings", _size(size.bindings), "live and resting"),
            ("purged bindings", _size(size.purged_bindings), f"{_size(size.purged_bindings_a_month)} a month"),
            ("contacts", _size(size.contacts), "who last called"),
            (
                "call records",
                _size(size.call_records),
                f"{demand.call_months} months of {_size(size.call_records_a_month)}",
            ),
            ("webhook receipts", _size(size.receipts), f"kept {KEPT.receipts.days} days"),
            ("idempotency keys", _size(size.idempotency_keys), f"kept {KEPT.idempotency_keys.days} days"),
            ("together", _size(size.steady), "without WAL and dead rows"),
        ],
    )
    _section(
        "Busy hour",
        [
            (
                "creates a second",
                f"{traffic.creates_a_second:,.1f}",
                f"{percent(float(demand.busy_hour_share))} of a day's orders",
            ),
            ("calls a second", f"{traffic.calls_a_second:,.1f}", f"{_plain(demand.calls_per_order)} an order"),
            ("erlangs", f"{traffic.erlangs:,.1f}", f"calls at once, {_plain(demand.talk_seconds)} s each"),
            ("trunk lines", f"{traffic.lines:,}", f"{percent(float(demand.blocking))} blocked (Erlang B)"),
            ("trunk channels", f"{traffic.channels:,}", "two legs a call"),
        ],
    )
    _section(
        "Machines at half load",
        [
            ("busy cores, application", f"{machines.application_cores:,.3f}", "in the busy hour, on average"),
            ("busy cores, database", f"{machines.database_cores:,.3f}", "the same"),
            ("workers", f"{machines.workers:,}", "processes of serve"),
            ("application nodes", f"{machines.application_nodes:,}", f"of {demand.cores_per_node} cores, one to spare"),
            ("database nodes", f"{machines.database_nodes:,}", "standby not counted"),
            ("PBX nodes", f"{machines.pbx_nodes:,}", "signalling alone, no audio"),
        ],
    )
    _section(
        "Measured figures behind it",
        [(each.what, f"{_plain(each.value)} {each.unit}", each.source) for _, each in _figures()],
    )
    click.echo(f"Measured on {MACHINE}.")
    click.echo("docs/planning.rst explains each formula.")


def _chances(made: Plan, name: str) -> tuple[str, str]:
    def chance(odds: Odds) -> str:
        return percent(getattr(odds, name))

    return chance(made.odds), f"{chance(made.odds_when_full)} if full of live orders"


def _section(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=_WIDTHS[0])
    table.add_column(width=_WIDTHS[1], justify="right")
    table.add_column(width=_WIDTHS[2], style="dim")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    page = console()
    page.print(Text(title, style="bold"))
    page.print(Padding(table, (0, 0, 0, 2)))
    page.print()


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _size(count: int) -> str:
    """Decimal units, as disks are sold."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"
