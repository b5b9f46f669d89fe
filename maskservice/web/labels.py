"""Labels: the recipient line, ready to print.

Answers for: the one format there is so far, and refusing others. Must not know: how a line is made.
"""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from maskservice.domain.ids import BindingId
from maskservice.services.binding_reads import get_label, get_label_of_order
from maskservice.services.records import Scope
from maskservice.web import examples
from maskservice.web.auth import caller, requires
from maskservice.web.openapi import Answer, describe
from maskservice.web.problems import WebRefusal
from maskservice.web.queries import FormatQuery, OrderLabelQuery, read_query
from maskservice.web.schemas import Body
from maskservice.web.wiring import ports

PLAIN = "text/plain; charset=utf-8"

bp = APIBlueprint("labels", __name__, url_prefix="/v1")


def _label(operation_id: str, summary: str, query: type[Body]) -> dict[str, Any]:
    line = Answer("The recipient line.", {"type": "string"}, examples.LABEL, content_type=PLAIN)
    return describe(
        operation_id=operation_id,
        summary=summary,
        description="409 `binding_not_live` for a number that is dead: it must not be printed.",
        tag="Labels",
        scope=Scope.LABELS_READ,
        query=query,
        answers={200: line},
        problems=(404, 406, 409),
    )


@bp.get("/bindings/<binding_id>/label")
@bp.doc(**_label("getLabel", "Get a binding's label", FormatQuery))
@requires(Scope.LABELS_READ, takes_query=True)
def of_binding(binding_id: str) -> Response:
    read_query(FormatQuery)
    _require_text()
    return Response(get_label(caller().tenant, BindingId.parse(binding_id), ports=ports()), content_type=PLAIN)


@bp.get("/labels")
@bp.doc(**_label("getLabelOfOrder", "Get the label of an order's current binding", OrderLabelQuery))
@requires(Scope.LABELS_READ, takes_query=True)
def of_order() -> Response:
    query = read_query(OrderLabelQuery)
    _require_text()
    return Response(get_label_of_order(caller().tenant, query.order_id, ports=ports()), content_type=PLAIN)


def _require_text() -> None:
    if request.accept_mimetypes and request.accept_mimetypes.best_match(("text/plain",)) is None:
        raise WebRefusal("not_acceptable")
