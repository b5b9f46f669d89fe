"""Calls as a tenant sees them: one tap, records, their export, and the dry run.

Answers for: HTTP in, HTTP out; the numbers of a tap and a dry run come in the body, never in an address. Must not
know: rules.
"""

from __future__ import annotations

from itertools import chain

from apiflask import APIBlueprint
from flask import Response, jsonify, stream_with_context

from maskservice.domain.call import InboundCall
from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.ids import CallId
from maskservice.domain.masked import Dialled, read_dialled
from maskservice.domain.phone import read_caller
from maskservice.services.call_records import dry_run, export_calls, get_call, list_calls
from maskservice.services.records import Scope
from maskservice.services.taps import tap
from maskservice.web import examples
from maskservice.web.answers import page_answer
from maskservice.web.auth import caller, requires
from maskservice.web.bodies import read_body
from maskservice.web.call_answers import (
    CallAnswer,
    CallPage,
    DryRunAnswer,
    PassAnswer,
    call_answer,
    dry_run_answer,
    pass_answer,
)
from maskservice.web.call_lines import CSV, NDJSON, csv_lines, ndjson_lines
from maskservice.web.call_queries import CallExportQuery, CallsQuery
from maskservice.web.openapi import Answer, describe
from maskservice.web.queries import read_query
from maskservice.web.schemas_calls import DryRunBody, TapBody
from maskservice.web.tap_bodies import read_tap
from maskservice.web.wiring import ports

bp = APIBlueprint("calls", __name__, url_prefix="/v1/calls")

TAG = "Calls"


@bp.get("")
@bp.doc(
    **describe(
        operation_id="listCalls",
        summary="List calls that met the tenant's bindings, newest first",
        tag=TAG,
        scope=Scope.CALLS_READ,
        query=CallsQuery,
        answers={200: Answer("A page.", CallPage, {"data": [examples.CALL], "next_cursor": None})},
    )
)
@requires(Scope.CALLS_READ, takes_query=True)
def list_() -> Response:
    query = read_query(CallsQuery)
    page = list_calls(caller().tenant, limit=query.limit, before=query.cursor, which=query.which, ports=ports())
    return jsonify(page_answer(page, call_answer))


@bp.get("/export")
@bp.doc(
    **describe(
        operation_id="exportCalls",
        summary="Export calls that met the tenant's bindings, newest first",
        description=(
            "All that the filter leaves, as a stream. An answer that breaks off before its end is not whole: ask "
            "again. In the CSV a cell that a spreadsheet could take for a formula begins with an apostrophe."
        ),
        tag=TAG,
        scope=Scope.CALLS_READ,
        query=CallExportQuery,
        answers={
            200: Answer(
                "One line a call.",
                {"type": "string"},
                examples.CALLS_CSV,
                content_type="text/csv",
                headers={"Content-Disposition": "A name for the file."},
                more={NDJSON: {"type": "string"}},
            )
        },
    )
)
@requires(Scope.CALLS_READ, takes_query=True)
def export() -> Response:
    query = read_query(CallExportQuery)
    pages = export_calls(caller().tenant, which=query.which, ports=ports())
    # The first page is read before the answer begins, so that what fails at once is told as a problem.
    pages = chain([next(pages)], pages)
    is_csv = query.format == "csv"
    lines = csv_lines(pages, bom=query.bom == "1") if is_csv else ndjson_lines(pages)
    answer = Response(stream_with_context(lines), content_type=CSV if is_csv else NDJSON)
    answer.headers["Content-Disposition"] = f'attachment; filename="calls.{query.format}"'
    return answer


@bp.post("")
@bp.doc(
    **describe(
        operation_id="tap",
        summary="Let a phone reach a recipient by dialling the virtual number alone",
        description=(
            "For 180 seconds, or until the binding ends, the caller needs no extension and may call as often as he "
            "likes. He has one such pass on a virtual number: a newer tap replaces an older one. The guard counts "
            "his calls as ever. 404 where there is no live binding."
        ),
        tag="Courier apps",
        scope=Scope.CALLS_WRITE,
        body=TapBody,
        body_example=examples.TAP,
        answers={200: Answer("The number to be dialled, and until when.", PassAnswer, examples.PASS)},
        problems=(404,),
    )
)
@requires(Scope.CALLS_WRITE)
def call() -> Response:
    tenant = caller().tenant
    return jsonify(pass_answer(tap(tenant, read_tap(tenant, ports()), ports())))


@bp.get("/<call_id>")
@bp.doc(
    **describe(
        operation_id="getCall",
        summary="Get a call",
        tag=TAG,
        scope=Scope.CALLS_READ,
        answers={200: Answer("The call.", CallAnswer, examples.CALL)},
        problems=(404,),
    )
)
@requires(Scope.CALLS_READ)
def get(call_id: str) -> Response:
    return jsonify(call_answer(get_call(caller().tenant, CallId.parse(call_id), ports=ports())))


@bp.post("/dry-run")
@bp.doc(
    **describe(
        operation_id="dryRunCall",
        summary="What would this call be answered, and why?",
        description="Nothing is changed, no real number is told, and only the tenant's own bindings are looked at.",
        tag=TAG,
        scope=Scope.CALLS_READ,
        body=DryRunBody,
        body_example=examples.DRY_RUN,
        answers={200: Answer("The decision and its trace.", DryRunAnswer, examples.DRY_RUN_ANSWER)},
    )
)
@requires(Scope.CALLS_READ)
def try_out() -> Response:
    body = read_body(DryRunBody)
    call = InboundCall("dry-run", caller=read_caller(body.caller), dialled=_dialled(body.to), digits=body.digits)
    return jsonify(dry_run_answer(dry_run(caller().tenant, call, ports=ports())))


def _dialled(text: str) -> Dialled | None:
    try:
        return read_dialled(text)
    except MaskedNumberUnreadable:
        return None
