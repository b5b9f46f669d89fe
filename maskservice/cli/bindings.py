"""``bindings``: orders bound by the thousand, from a platform's export.

Answers for: what an operator types and sees meanwhile. Must not know: how an order is bound, where rows go.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from maskservice.cli.batch_sending import Send, directly, over_http
from maskservice.cli.import_results import Result, ResultsFile, result_of
from maskservice.cli.orders_file import OrderLine, read_orders
from maskservice.cli.output import console, examples, json_option, note, print_json
from maskservice.cli.serve import url_of
from maskservice.settings import Settings

_LINES_SHOWN: Final = 20
_MOST_BYTES: Final = 8 * 1024 * 1024


@click.group(epilog=examples("maskservice bindings import orders.csv --api-key msk_…"))
def bindings() -> None:
    """Orders and their masked numbers."""


@bindings.command(
    "import",
    epilog=examples(
        "maskservice bindings import orders.csv --url https://mask.example.com --api-key msk_…",
        "MASKSERVICE_IMPORT_API_KEY=msk_… maskservice bindings import orders.csv --pool parcels",
        "maskservice bindings import orders.csv --tenant 示範商店      # on the database itself",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--url",
    envvar="MASKSERVICE_IMPORT_URL",
    metavar="URL",
    help="The service, or MASKSERVICE_IMPORT_URL; where it is served by these settings unless given.",
)
@click.option(
    "--api-key",
    envvar="MASKSERVICE_IMPORT_API_KEY",
    metavar="msk_…",
    help="Or MASKSERVICE_IMPORT_API_KEY, which `ps` never shows.",
)
@click.option("--tenant", metavar="NAME", help="Without a service: on the database that the settings name.")
@click.option("--pool", metavar="NAME", help="For lines that name none themselves.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the masked numbers go; FILE.results.csv unless given.",
)
@click.option("--encoding", metavar="NAME", help="Such as big5; found out unless given.")
@click.option(
    "--rows", "size", type=click.IntRange(1, 10_000), default=1_000, show_default=True, help="Rows a request."
)
@json_option
@click.pass_context
def import_(
    ctx: click.Context,
    file: Path,
    *,
    url: str | None,
    api_key: str | None,
    tenant: str | None,
    pool: str | None,
    results: Path | None,
    encoding: str | None,
    size: int,
    as_json: bool,
) -> None:
    """Bind every order of a CSV and write its masked number, or its error, into a results file.

    The first line names the columns, in Chinese or English: 訂單編號 收件人 電話 地址 託運單號, order_id name
    phone address waybill. May be interrupted and run again: lines that have their number are passed over, all
    others are asked again, and no order gets two. Exit code 1 while some line has no number.
    """
    if (tenant is None) == (api_key is None):
        raise click.UsageError("Give --api-key for a service, or --tenant to work on the database itself.")
    found = read_orders(file, encoding=encoding)
    if found.ignored:
        note(f"{found.ignored} columns are not read.")
    way = directly(tenant) if tenant is not None else over_http(url or url_of(Settings.load().bind), api_key or "")
    with ResultsFile(results or file.with_name(f"{file.stem}.results.csv")) as kept, way as send:
        done = {line for line, result in kept.bound.items()}
        orders = [order for order in found.orders if not (order.line in done and _same(kept.bound[order.line], order))]
        with _bar(len(found.orders), len(found.orders) - len(orders)) as advance:
            for part in _parts(orders, pool, size):
                kept.add(_ask(send, part))
                advance(len(part))
    told = [kept.results[order.line] for order in found.orders if order.line in kept.results]
    _tell(told, passed_over=len(found.orders) - len(orders), as_json=as_json)
    if any(not result.is_bound for result in told):
        ctx.exit(1)


def _same(result: Result, order: OrderLine) -> bool:
    """The file may have been changed since: a line counts as done for the order that it was done for."""
    return result.order_id == order.order_id


Part = Sequence[tuple[OrderLine, bytes]]


def _parts(orders: Sequence[OrderLine], pool: str | None, size: int) -> Iterator[Part]:
    part: list[tuple[OrderLine, bytes]] = []
    room = _MOST_BYTES
    for order in orders:
        row = orjson.dumps({"pool": pool, **order.row} if pool else order.row)
        if part and (len(part) == size or room < len(row)):
            yield part
            part, room = [], _MOST_BYTES
        part.append((order, row))
        room -= len(row) + 1
    if part:
        yield part


def _ask(send: Send, part: Part) -> list[Result]:
    answers = send([row for _, row in part])
    return [result_of(order.line, order.order_id, answer) for (order, _), answer in zip(part, answers, strict=True)]


def _tell(results: Sequence[Result], *, passed_over: int, as_json: bool) -> None:
    statuses = Counter(result.status for result in results)
    failed = [result for result in results if not result.is_bound]
    if as_json:
        print_json(
            {
                "lines": len(results),
                "bound": len(results) - len(failed),
                "passed_over": passed_over,
                "failed": len(failed),
                "failed_lines": [{"line": each.line, "status": each.status, "code": each.code} for each in failed],
            }
        )
        return
    click.echo(
        f"{len(results) - len(failed)} of {len(results)} orders have their masked number "
        f"({passed_over} had it from an earlier run, {statuses[200]} of all were bound before); {len(failed)} failed."
    )
    for each in failed[:_LINES_SHOWN]:
        note(f"  line {each.line}: {each.code}")
    if len(failed) > _LINES_SHOWN:
        note(f"  … and {len(failed) - _LINES_SHOWN} more; the results file has them all.")


class _Rate(ProgressColumn):
    """Orders a second, over the last few steps."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


@contextmanager
def _bar(total: int, done: int) -> Iterator[Callable[[int], None]]:
    """What to call with the number of lines that were done; a bar where somebody looks on."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True)) as bar:
        task = bar.add_task("Binding", total=total, completed=done)
        yield lambda lines: bar.advance(task, lines)
