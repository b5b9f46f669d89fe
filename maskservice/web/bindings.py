"""The binding routes: create, list, get, change, release.

Answers for: HTTP in, HTTP out. Must not know: rules, storage.
"""

from __future__ import annotations

from typing import Final

from apiflask import APIBlueprint
from flask import Response, jsonify, url_for

from maskservice.domain.ids import BindingId
from maskservice.services.binding_reads import ListBindings, get_binding, list_bindings
from maskservice.services.binding_steps import change_binding, release_binding
from maskservice.services.bindings import create_binding
from maskservice.services.records import Scope
from maskservice.services.views import Bound
from maskservice.web import examples
from maskservice.web.answers import BindingAnswer, BindingPage, binding_answer, no_content, page_answer
from maskservice.web.auth import caller, requires
from maskservice.web.binding_bodies import read_change, read_create
from maskservice.web.openapi import IDEMPOTENCY_KEY, Answer, describe
from maskservice.web.queries import BindingsQuery, read_query
from maskservice.web.schemas_bindings import ChangeBindingBody, CreateBindingBody
from maskservice.web.wiring import ports

bp = APIBlueprint("bindings", __name__, url_prefix="/v1/bindings")

REPLAYED_HEADERS: Final = {"Idempotent-Replayed": "`true` where an Idempotency-Key gave the first answer again."}
CREATED_HEADERS: Final = {"Location": "The binding's address.", **REPLAYED_HEADERS}
TAG: Final = "Bindings"


def bound_response(bound: Bound) -> Response:
    """201 for a new binding, 200 where there was one already; the same as the first time where it is told again."""
    response = jsonify(binding_answer(bound.view))
    response.status_code = 201 if bound.created else 200
    if bound.created:
        response.headers["Location"] = url_for("bindings.get", binding_id=str(bound.view.id))
    if bound.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@bp.post("")
@bp.doc(
    **describe(
        operation_id="createBinding",
        summary="Bind an order's recipient to a masked number",
        description="The same order again, to the same phone, gives the live binding with 200; to another one 409.",
        tag=TAG,
        scope=Scope.BINDINGS_WRITE,
        body=CreateBindingBody,
        body_example=examples.CREATE,
        headers=(IDEMPOTENCY_KEY,),
        answers={
            201: Answer("Bound.", BindingAnswer, examples.BINDING, headers=CREATED_HEADERS),
            200: Answer("The order's live binding.", BindingAnswer, examples.BINDING, headers=REPLAYED_HEADERS),
        },
        problems=(409,),
    )
)
@requires(Scope.BINDINGS_WRITE)
def create() -> Response:
    return bound_response(create_binding(read_create(caller().tenant, ports()), ports()))


@bp.get("")
@bp.doc(
    **describe(
        operation_id="listBindings",
        summary="List bindings, newest first",
        tag=TAG,
        scope=Scope.BINDINGS_READ,
        query=BindingsQuery,
        answers={200: Answer("A page.", BindingPage, {"data": [examples.BINDING], "next_cursor": None})},
    )
)
@requires(Scope.BINDINGS_READ, takes_query=True)
def list_() -> Response:
    query = read_query(BindingsQuery)
    wanted = ListBindings(
        tenant=caller().tenant,
        limit=query.limit,
        before=query.cursor,
        order_id=query.order_id,
        waybill=query.waybill,
        status=query.status,
    )
    return jsonify(page_answer(list_bindings(wanted, ports()), binding_answer))


@bp.get("/<binding_id>")
@bp.doc(
    **describe(
        operation_id="getBinding",
        summary="Get a binding",
        tag=TAG,
        scope=Scope.BINDINGS_READ,
        answers={200: Answer("The binding.", BindingAnswer, examples.BINDING)},
        problems=(404,),
    )
)
@requires(Scope.BINDINGS_READ)
def get(binding_id: str) -> Response:
    return jsonify(binding_answer(get_binding(caller().tenant, BindingId.parse(binding_id), ports=ports())))


@bp.patch("/<binding_id>")
@bp.doc(
    **describe(
        operation_id="changeBinding",
        summary="Change a binding's recipient, waybill, metadata, call rules or end",
        description="What the body does not name stays. null takes the address, the waybill, the metadata or the "
        "call rules away.",
        tag=TAG,
        scope=Scope.BINDINGS_WRITE,
        body=ChangeBindingBody,
        body_example=examples.CHANGE,
        answers={200: Answer("The binding as it is now.", BindingAnswer, examples.BINDING)},
        problems=(404, 409),
    )
)
@requires(Scope.BINDINGS_WRITE)
def change(binding_id: str) -> Response:
    command = read_change(caller().tenant, BindingId.parse(binding_id), ports())
    return jsonify(binding_answer(change_binding(command, ports())))


@bp.delete("/<binding_id>")
@bp.doc(
    **describe(
        operation_id="releaseBinding",
        summary="Release a binding at once",
        description="From any live state or locked; again: nothing happens. The next call to its number is refused.",
        tag=TAG,
        scope=Scope.BINDINGS_WRITE,
        answers={204: Answer("Released.")},
        problems=(404, 409),
    )
)
@requires(Scope.BINDINGS_WRITE)
def release(binding_id: str) -> Response:
    release_binding(caller().tenant, BindingId.parse(binding_id), ports=ports())
    return no_content()
