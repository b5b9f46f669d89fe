"""The roster routes: add, list, get, change, remove couriers, give a new PIN, import a list.

Answers for: HTTP in, HTTP out. Must not know: rules, storage.
"""

from __future__ import annotations

from typing import Final

from apiflask import APIBlueprint
from flask import Response, jsonify, url_for

from maskservice.services.records import Scope
from maskservice.services.roster import (
    add_courier,
    change_courier,
    get_courier,
    list_couriers,
    remove_courier,
    renew_pin,
)
from maskservice.services.roster_import import import_couriers
from maskservice.web import examples
from maskservice.web.answers import no_content, page_answer
from maskservice.web.auth import caller, requires
from maskservice.web.openapi import IDEMPOTENCY_KEY, Answer, describe
from maskservice.web.queries import read_query
from maskservice.web.roster_answers import (
    CourierAnswer,
    CourierPage,
    CourierWithPinAnswer,
    courier_answer,
    courier_with_pin_answer,
    row_answer,
)
from maskservice.web.roster_bodies import CSV, read_courier_change, read_new_courier, read_rows
from maskservice.web.schemas_roster import MOST_ROWS, ChangeCourierBody, CouriersQuery, CreateCourierBody
from maskservice.web.wiring import ports

bp = APIBlueprint("couriers", __name__, url_prefix="/v1/couriers")

TAG: Final = "Couriers"
REPLAYED: Final = {"Idempotent-Replayed": "`true` where an Idempotency-Key gave the first answer again."}
_ROWS: Final = {
    "type": "array",
    "maxItems": MOST_ROWS,
    "items": {"$ref": "#/components/schemas/CreateCourierBody"},
}
_OUTCOMES: Final = {"type": "array", "items": {"$ref": "#/components/schemas/ImportedRowAnswer"}}


@bp.post("")
@bp.doc(
    **describe(
        operation_id="addCourier",
        summary="Put a courier on the roster",
        description=(
            "A phone and a PIN are one courier's: 409 `phone_enrolled`, `pin_taken`. `pin`: `auto` has one of six "
            "digits made. A PIN is shown in this answer only; with the same Idempotency-Key again while it is valid."
        ),
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        body=CreateCourierBody,
        body_example=examples.NEW_COURIER,
        headers=(IDEMPOTENCY_KEY,),
        answers={
            201: Answer(
                "On the roster.",
                CourierWithPinAnswer,
                examples.COURIER_WITH_PIN,
                headers={"Location": "The courier's address.", **REPLAYED},
            )
        },
        problems=(409,),
    )
)
@requires(Scope.COURIERS_WRITE)
def add() -> Response:
    tenant = caller().tenant
    draft, idempotency = read_new_courier(tenant, ports())
    added = add_courier(tenant, draft, ports(), idempotency=idempotency)
    response = jsonify(courier_with_pin_answer(added.view))
    response.status_code = 201
    response.headers["Location"] = url_for("couriers.get", courier_id=added.view.id)
    if added.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@bp.get("")
@bp.doc(
    **describe(
        operation_id="listCouriers",
        summary="List the roster, newest first",
        tag=TAG,
        scope=Scope.COURIERS_READ,
        query=CouriersQuery,
        answers={200: Answer("A page.", CourierPage, {"data": [examples.COURIER], "next_cursor": None})},
    )
)
@requires(Scope.COURIERS_READ, takes_query=True)
def list_() -> Response:
    query = read_query(CouriersQuery)
    page = list_couriers(caller().tenant, limit=query.limit, before=query.cursor, carrier=query.carrier, ports=ports())
    return jsonify(page_answer(page, courier_answer))


@bp.get("/<courier_id>")
@bp.doc(
    **describe(
        operation_id="getCourier",
        summary="Get a courier",
        tag=TAG,
        scope=Scope.COURIERS_READ,
        answers={200: Answer("The courier.", CourierAnswer, examples.COURIER)},
        problems=(404,),
    )
)
@requires(Scope.COURIERS_READ)
def get(courier_id: str) -> Response:
    return jsonify(courier_answer(get_courier(caller().tenant, courier_id, ports=ports())))


@bp.patch("/<courier_id>")
@bp.doc(
    **describe(
        operation_id="changeCourier",
        summary="Change a courier's name, carrier, phones or PIN",
        description="What the body does not name stays; `phones` are all that the courier has from now on.",
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        body=ChangeCourierBody,
        body_example={"phones": ["0987-654-321", "02-2345-6789"]},
        answers={200: Answer("The courier as he is now.", CourierWithPinAnswer, examples.COURIER_WITH_PIN)},
        problems=(404, 409),
    )
)
@requires(Scope.COURIERS_WRITE)
def change(courier_id: str) -> Response:
    tenant = caller().tenant
    draft = read_courier_change(tenant, ports())
    return jsonify(courier_with_pin_answer(change_courier(tenant, courier_id, draft, ports())))


@bp.delete("/<courier_id>")
@bp.doc(
    **describe(
        operation_id="removeCourier",
        summary="Take a courier off the roster",
        description="Name, phones, PIN and assignments are forgotten at once. Again: nothing happens.",
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        answers={204: Answer("Removed.")},
        problems=(404,),
    )
)
@requires(Scope.COURIERS_WRITE)
def remove(courier_id: str) -> Response:
    remove_courier(caller().tenant, courier_id, ports=ports())
    return no_content()


@bp.post("/<courier_id>/pin")
@bp.doc(
    **describe(
        operation_id="renewPin",
        summary="Give a courier a new PIN",
        description="The old one is a wrong PIN from now on. Asked again, another one is made.",
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        answers={200: Answer("With the PIN, this once.", CourierWithPinAnswer, examples.COURIER_WITH_PIN)},
        problems=(404, 409),
    )
)
@requires(Scope.COURIERS_WRITE)
def pin(courier_id: str) -> Response:
    return jsonify(courier_with_pin_answer(renew_pin(caller().tenant, courier_id, ports=ports())))


@bp.post("/import")
@bp.doc(
    **describe(
        operation_id="importCouriers",
        summary="Import a roster",
        description=(
            f"A JSON array, or a CSV (UTF-8 or Big5) with the columns name 姓名, carrier 物流商, phone 電話 (several "
            f"parted by `;` or in phone2 …) and pin 密碼, of up to {MOST_ROWS:,} rows. One bad row spoils no other. A "
            "row whose phones all are one courier's updates him, so the same file again changes nothing."
        ),
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        body=_ROWS,
        body_example=[examples.NEW_COURIER],
        more_bodies={CSV: {"type": "string", "examples": [examples.ROSTER_CSV]}},
        answers={200: Answer("What became of each row, in order.", _OUTCOMES, examples.IMPORTED)},
    )
)
@requires(Scope.COURIERS_WRITE)
def import_() -> Response:
    outcomes = import_couriers(caller().tenant, read_rows(), ports())
    return jsonify([row_answer(index, outcome) for index, outcome in enumerate(outcomes)])
