"""Resolutions for courier apps: from what is on the parcel to a number to tap.

Answers for: HTTP in, HTTP out. Must not know: rules, storage.
"""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, jsonify

from maskservice.domain.errors import FieldError, InvalidContent, MaskedNumberUnreadable
from maskservice.domain.masked import MaskedNumber, read_masked
from maskservice.services.binding_reads import resolve_masked_number, resolve_waybill
from maskservice.services.records import Scope
from maskservice.web import examples
from maskservice.web.answers import ResolutionAnswer, resolution_answer
from maskservice.web.auth import caller, requires
from maskservice.web.bodies import read_body
from maskservice.web.openapi import Answer, describe
from maskservice.web.schemas import FIELD_CODES
from maskservice.web.schemas_calls import ResolveBody
from maskservice.web.wiring import ports

bp = APIBlueprint("resolutions", __name__, url_prefix="/v1/resolutions")


@bp.post("")
@bp.doc(
    **describe(
        operation_id="resolve",
        summary="Find the live binding of a masked number or a waybill",
        description="404 where there is none or it is not live.",
        tag="Courier apps",
        scope=Scope.RESOLUTIONS_READ,
        body=ResolveBody,
        body_example={"masked_number": "0900-000000#5678"},
        answers={200: Answer("The binding, to be called.", ResolutionAnswer, examples.RESOLUTION)},
        problems=(404,),
    )
)
@requires(Scope.RESOLUTIONS_READ)
def resolve() -> Response:
    body = read_body(ResolveBody)
    if body.masked_number is not None and body.waybill is not None:
        raise InvalidContent((FieldError("/waybill", "exclusive", FIELD_CODES["exclusive"]),))
    if body.masked_number is not None:
        view = resolve_masked_number(caller().tenant, _read(body.masked_number), ports=ports())
    elif body.waybill is not None:
        view = resolve_waybill(caller().tenant, body.waybill, ports=ports())
    else:
        raise InvalidContent((FieldError("/masked_number", "required", "Send a masked number or a waybill."),))
    return jsonify(resolution_answer(view))


def _read(text: str) -> MaskedNumber:
    try:
        return read_masked(text)
    except MaskedNumberUnreadable as unreadable:
        raise InvalidContent((FieldError("/masked_number", unreadable.code, unreadable.detail),)) from None
