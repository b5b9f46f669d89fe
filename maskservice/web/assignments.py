"""The couriers of a binding: given and looked at.

Answers for: HTTP in, HTTP out. Must not know: rules, storage.
"""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, jsonify

from maskservice.domain.ids import BindingId
from maskservice.services.assigning import assign_couriers, assigned_couriers
from maskservice.services.records import Scope
from maskservice.web import examples
from maskservice.web.auth import caller, requires
from maskservice.web.bodies import read_body
from maskservice.web.openapi import Answer, describe
from maskservice.web.roster_answers import AssignedAnswer, assigned_answer
from maskservice.web.schemas_roster import AssignBody
from maskservice.web.wiring import ports

bp = APIBlueprint("assignments", __name__, url_prefix="/v1/bindings")

TAG = "Couriers"


@bp.put("/<binding_id>/couriers")
@bp.doc(
    **describe(
        operation_id="assignCouriers",
        summary="Give couriers to a binding",
        description="They replace those that were given before. 409 where the binding has ended.",
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        body=AssignBody,
        body_example=examples.ASSIGN,
        answers={200: Answer("Whom it has now.", AssignedAnswer, examples.ASSIGNED)},
        problems=(404, 409),
    )
)
@requires(Scope.COURIERS_WRITE)
def assign(binding_id: str) -> Response:
    place = BindingId.parse(binding_id)
    couriers = assign_couriers(caller().tenant, place, read_body(AssignBody).couriers, ports=ports())
    return jsonify(assigned_answer(place, couriers))


@bp.get("/<binding_id>/couriers")
@bp.doc(
    **describe(
        operation_id="listAssignedCouriers",
        summary="List the couriers of a binding",
        tag=TAG,
        scope=Scope.COURIERS_READ,
        answers={200: Answer("Whom it has.", AssignedAnswer, examples.ASSIGNED)},
        problems=(404,),
    )
)
@requires(Scope.COURIERS_READ)
def assigned(binding_id: str) -> Response:
    place = BindingId.parse(binding_id)
    return jsonify(assigned_answer(place, assigned_couriers(caller().tenant, place, ports=ports())))
