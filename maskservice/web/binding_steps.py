"""The steps of a binding's life as routes: deliver, lock, unlock, reopen.

Answers for: HTTP in, HTTP out. Must not know: the transition table.
"""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel

from maskservice.domain.ids import BindingId
from maskservice.services.binding_steps import deliver_binding, lock_binding, unlock_binding
from maskservice.services.records import Scope
from maskservice.services.reopening import reopen_binding
from maskservice.web import examples
from maskservice.web.answers import BindingAnswer, binding_answer
from maskservice.web.auth import caller, requires
from maskservice.web.binding_bodies import read_reopen
from maskservice.web.bindings import CREATED_HEADERS, TAG, bound_response
from maskservice.web.bodies import read_body
from maskservice.web.openapi import IDEMPOTENCY_KEY, Answer, describe
from maskservice.web.schemas_bindings import DeliverBody, LockBody, ReopenBody, UnlockBody
from maskservice.web.wiring import ports

bp = APIBlueprint("binding_steps", __name__, url_prefix="/v1/bindings/<binding_id>")


def _step(name: str, summary: str, description: str, *, body: type[BaseModel], example: Any = None) -> dict[str, Any]:
    return describe(
        operation_id=f"{name}Binding",
        summary=summary,
        description=description,
        tag=TAG,
        scope=Scope.BINDINGS_WRITE,
        body=body,
        body_example=example,
        body_required=False,
        answers={200: Answer("The binding as it is now.", BindingAnswer, examples.BINDING)},
        problems=(404, 409),
    )


@bp.post("/deliver")
@bp.doc(
    **_step(
        "deliver",
        "Report the delivery",
        "From active; the number dies when the tenant's grace is over. Again: unchanged.",
        body=DeliverBody,
        example={"delivered_at": "2026-11-24T02:30:00Z"},
    )
)
@requires(Scope.BINDINGS_WRITE)
def deliver(binding_id: str) -> Response:
    place = BindingId.parse(binding_id)
    body = read_body(DeliverBody, optional=True)
    return jsonify(
        binding_answer(deliver_binding(caller().tenant, place, delivered_at=body.delivered_at, ports=ports()))
    )


@bp.post("/lock")
@bp.doc(
    **_step(
        "lock",
        "Freeze a binding at once",
        "From active or delivered; no call is connected until it is unlocked. Again: unchanged.",
        body=LockBody,
        example={"reason": "收件人要求暫停"},
    )
)
@requires(Scope.BINDINGS_WRITE)
def lock(binding_id: str) -> Response:
    place = BindingId.parse(binding_id)
    body = read_body(LockBody, optional=True)
    return jsonify(binding_answer(lock_binding(caller().tenant, place, reason=body.reason, ports=ports())))


@bp.post("/unlock")
@bp.doc(**_step("unlock", "Lift a lock", "Back to what it was before.", body=UnlockBody))
@requires(Scope.BINDINGS_WRITE)
def unlock(binding_id: str) -> Response:
    place = BindingId.parse(binding_id)
    read_body(UnlockBody, optional=True)
    return jsonify(binding_answer(unlock_binding(caller().tenant, place, ports=ports())))


@bp.post("/reopen")
@bp.doc(
    **describe(
        operation_id="reopenBinding",
        summary="Reopen for a return or a second delivery",
        description="A new binding with a new extension, same recipient; the old one ends, its extension stays dead.",
        tag=TAG,
        scope=Scope.BINDINGS_WRITE,
        body=ReopenBody,
        body_required=False,
        body_example={"expires_in": 604800},
        headers=(IDEMPOTENCY_KEY,),
        answers={
            201: Answer(
                "The new binding.",
                BindingAnswer,
                {**examples.BINDING, "reopened_from": examples.BINDING_ID},
                headers=CREATED_HEADERS,
            )
        },
        problems=(404, 409),
    )
)
@requires(Scope.BINDINGS_WRITE)
def reopen(binding_id: str) -> Response:
    return bound_response(reopen_binding(read_reopen(caller().tenant, BindingId.parse(binding_id)), ports()))
