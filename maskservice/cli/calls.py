"""``calls``: the records of calls, for the operator: of one tenant, or of the attempts that met no binding.

Answers for: options to a filter, rows to a table or a file. Must not know: how calls are stored. ``call`` is another
command: the simulated PBX.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import console, examples, json_option, note, print_facts, print_json, print_rows, when
from maskservice.cli.whole_file import whole_file
from maskservice.domain.call import Direction, Outcome
from maskservice.domain.causes import Cause
from maskservice.domain.errors import MaskedNumberUnreadable, NotFound
from maskservice.domain.ids import AttemptGroupId, BindingId, CallId
from maskservice.domain.masked import read_virtual, write_virtual
from maskservice.services.call_filter import CallFilter
from maskservice.services.call_records import export_calls, get_any_call, list_calls
from maskservice.services.ports import Ports
from maskservice.services.records import CallRecord, Tenant
from maskservice.services.tenants import find_tenant
from maskservice.web.call_answers import call_answer
from maskservice.web.call_lines import csv_lines, ndjson_lines

_T = TypeVar("_T")
_Command = TypeVar("_Command", bound=Callable[..., Any])


class Moment(click.ParamType[datetime]):
    """RFC 3339 with its offset. What was typed is not repeated."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.fromisoformat(str(value).upper())
            moment = None if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            self.fail("write a moment with its offset, such as 2026-11-24T08:00:00+08:00", param, ctx)
        return moment


class Read(click.ParamType[Any]):
    """What ``read`` makes of a text; ``hint`` says how it is written. What was typed is not repeated."""

    def __init__(self, name: str, read: Callable[[str], object], hint: str) -> None:
        self.name, self._read, self._hint = name, read, hint

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except (NotFound, MaskedNumberUnreadable):
            self.fail(self._hint, param, ctx)


def _words(kind: type[StrEnum]) -> click.Choice[Any]:
    return click.Choice([str(each) for each in kind])


_AN_ID = "give an id as the service printed it"
_FILTERS = (
    click.option("--tenant", metavar="NAME", help="Calls that met this tenant's bindings."),
    click.option("--unbound", is_flag=True, help="Attempts that met no binding; no tenant sees these."),
    click.option("--since", type=Moment(), metavar="MOMENT", help="Calls that began then or later."),
    click.option("--until", type=Moment(), metavar="MOMENT", help="Calls that began before then."),
    click.option("--direction", type=_words(Direction), help="Who called whom."),
    click.option("--outcome", type=_words(Outcome), metavar="WORD", help="How far they came, such as no_answer."),
    click.option("--cause", type=_words(Cause), metavar="WORD", help="Why they ended; docs/operations.rst lists them."),
    click.option("--binding", type=Read("id", BindingId.parse, _AN_ID), metavar="ID", help="Calls that met it."),
    click.option(
        "--group", type=Read("id", AttemptGroupId.parse, _AN_ID), metavar="ID", help="Redials of one attempt."
    ),
    click.option(
        "--number",
        type=Read("number", read_virtual, "write a virtual number like 0900-000000, without extension"),
        metavar="NUMBER",
        help="Calls to this virtual number.",
    ),
)


def _filters(command: _Command) -> _Command:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _word(kind: Callable[[str], _T], text: str | None) -> _T | None:
    return None if text is None else kind(text)


def _which(*, number: str | None, **given: Any) -> CallFilter:
    return CallFilter(
        binding=given["binding"],
        direction=_word(Direction, given["direction"]),
        outcome=_word(Outcome, given["outcome"]),
        cause=_word(Cause, given["cause"]),
        since=given["since"],
        until=given["until"],
        group=given["group"],
        virtual_number=number,
    )


def _whose(tenant: str | None, *, unbound: bool, ports: Ports) -> Tenant | None:
    """The tenant, or None for the attempts that met nobody's binding."""
    return None if tenant is None or unbound else find_tenant(tenant, ports=ports)


def _require_one(tenant: str | None, *, unbound: bool, binding: BindingId | None) -> None:
    if (tenant is None) is not unbound:
        raise click.UsageError("Give --tenant NAME, or --unbound for the attempts that met no binding.")
    if unbound and binding is not None:
        raise click.UsageError("An attempt that met no binding has none: leave --binding out.")


@click.group(
    epilog=examples(
        "maskservice calls list --tenant 示範商店 --outcome no_answer",
        "maskservice calls list --unbound --number 0900-000000      # who guesses on this number?",
        "maskservice calls export --tenant 示範商店 --since 2026-11-01T00:00:00+08:00 --output calls.csv",
    )
)
def calls() -> None:
    """Records of calls. Of callers they hold the last three digits."""


@calls.command(
    "list",
    epilog=examples(
        "maskservice calls list --tenant 示範商店",
        "maskservice calls list --tenant 示範商店 --binding bnd_… --json",
        "maskservice calls list --unbound --since 2026-11-24T00:00:00+08:00 --limit 200",
    ),
)
@_filters
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@json_option
def list_(tenant: str | None, *, unbound: bool, limit: int, as_json: bool, **given: Any) -> None:
    """Show the newest calls first."""
    _require_one(tenant, unbound=unbound, binding=given["binding"])
    with opened() as ports:
        whose = _whose(tenant, unbound=unbound, ports=ports)
        page = list_calls(whose, limit=limit, before=None, which=_which(**given), ports=ports)
    if as_json:
        print_json({"data": [call_answer(each) for each in page.rows], "more": page.next is not None})
        return
    columns = ("started", "number", "caller", "direction", "outcome", "cause", "ended by", "talk", "call")
    print_rows(columns, [_row(each) for each in page.rows], empty="No call fits. Take a filter away.")
    if page.next is not None:
        last = page.rows[-1].id.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        note(f"There are older ones: --until {last}, or 'maskservice calls export' for all.")


@calls.command(epilog=examples("maskservice calls show call_069iu6js01tjp6iu9knooodns0001jjvbg2g0"))
@click.argument("call_id", metavar="ID", type=Read("id", CallId.parse, _AN_ID))
@json_option
def show(call_id: CallId, *, as_json: bool) -> None:
    """Show a call with its whole decision trace, whosever it is."""
    with opened() as ports:
        record = get_any_call(call_id, ports=ports)
    told = {**call_answer(record), "tenant_id": record.tenant_id, "pool_id": record.pool_id}
    if as_json:
        print_json(told)
        return
    facts = {name: "–" if value is None else value for name, value in told.items() if name not in ("id", "trace")}
    facts["caller"] = _tail(record)
    facts["trace"] = " → ".join(f"{step.step}: {step.found}" for step in record.trace)
    print_facts(str(record.id), facts)


@calls.command(
    epilog=examples(
        "maskservice calls export --tenant 示範商店 --output calls.csv --bom      # opens in Excel",
        "maskservice calls export --tenant 示範商店 --format ndjson | gzip > calls.ndjson.gz",
        "maskservice calls export --unbound --cause refused --output attempts.csv",
    )
)
@_filters
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "ndjson"]),
    default="csv",
    show_default=True,
    help="A table, or one JSON object a line.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write there, whole or not at all; standard output unless given.",
)
@click.option("--bom", is_flag=True, help="Begin a CSV with a byte order mark, by which Excel knows UTF-8.")
@json_option
def export(
    tenant: str | None,
    *,
    unbound: bool,
    form: str,
    output: Path | None,
    bom: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write all calls that fit, newest first, as CSV or as one JSON object a line.

    A tenant's calls are written as the tenant may see them. With --json a summary is printed, so --output is needed.
    """
    _require_one(tenant, unbound=unbound, binding=given["binding"])
    if as_json and output is None:
        raise click.UsageError("With --json give --output FILE: standard output holds the summary.")
    with opened() as ports, _counted() as counted:
        whose = _whose(tenant, unbound=unbound, ports=ports)
        pages = counted(export_calls(whose, which=_which(**given), ports=ports))
        lines = csv_lines(pages, bom=bom) if form == "csv" else ndjson_lines(pages)
        if output is None:
            for piece in lines:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            with whole_file(output) as file:
                file.writelines(lines)
    if as_json:
        print_json({"calls": counted.calls, "format": form, "file": str(output)})
    else:
        note(f"{counted.calls} calls" + ("." if output is None else f" in {output}."))


class _Count:
    """Counts the calls of pages as they pass, and tells of it where somebody looks on."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.calls = 0
        self._tell = tell

    def __call__(self, pages: Iterator[Sequence[CallRecord]]) -> Iterator[Sequence[CallRecord]]:
        for page in pages:
            yield page
            self.calls += len(page)
            self._tell(f"{self.calls} calls …")


@contextmanager
def _counted() -> Iterator[_Count]:
    if not sys.stderr.isatty():
        yield _Count(lambda _: None)
        return
    with console(stderr=True).status("Exporting …") as status:
        yield _Count(status.update)


def _row(record: CallRecord) -> tuple[object, ...]:
    return (
        when(record.id.started_at),
        write_virtual(record.id.virtual_number),
        _tail(record),
        record.direction or "–",
        record.outcome,
        record.cause or "–",
        record.ended_by or "–",
        "–" if record.duration_s is None else f"{record.duration_s} s",
        record.id,
    )


def _tail(record: CallRecord) -> str:
    return "withheld" if record.caller_tail is None else f"…{record.caller_tail}"
