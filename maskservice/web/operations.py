"""For those who run the service: is the process alive, can it serve, what does it count.

Answers for: these three routes, none of which tells of a tenant or a number. Must not know: what the checks look at.
"""

from __future__ import annotations

from typing import Final

from apiflask import APIBlueprint
from flask import Response, current_app, jsonify
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from maskservice.web.answers import HealthAnswer, ReadyAnswer
from maskservice.web.metrics import metrics
from maskservice.web.metrics_state import StateCollector
from maskservice.web.openapi import Answer, describe
from maskservice.web.wiring import wiring

bp = APIBlueprint("operations", __name__)

STATE: Final = "maskservice.metrics_state"
_READY: Final = {"status": "ready", "checks": [{"name": "database", "ok": True, "detail": ""}]}
_NOT_READY: Final = {
    "status": "not_ready",
    "checks": [{"name": "migrations", "ok": False, "detail": "The database is not migrated; run 'maskservice init'."}],
}


@bp.get("/healthz")
@bp.doc(
    **describe(
        operation_id="healthz",
        summary="Is the process alive?",
        description="Touches nothing: a database that is down is no reason to restart this process.",
        tag="Operations",
        answers={200: Answer("It is.", HealthAnswer, {"status": "ok"})},
    )
)
def healthz() -> Response:
    return jsonify({"status": "ok"})


@bp.get("/readyz")
@bp.doc(
    **describe(
        operation_id="readyz",
        summary="Can it serve?",
        tag="Operations",
        answers={
            200: Answer("It can.", ReadyAnswer, _READY),
            503: Answer("It cannot; each failed check names what mends it.", ReadyAnswer, _NOT_READY),
        },
    )
)
def readyz() -> Response:
    checks = wiring().readiness()
    ready = all(check.ok for check in checks)
    response = jsonify(
        {
            "status": "ready" if ready else "not_ready",
            "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks],
        }
    )
    response.status_code = 200 if ready else 503
    return response


@bp.get("/metrics")
@bp.doc(
    **describe(
        operation_id="metrics",
        summary="Prometheus metrics",
        tag="Operations",
        answers={200: Answer("The text format.", {"type": "string"}, content_type=CONTENT_TYPE_PLAIN_0_0_4)},
    )
)
def metrics_() -> Response:
    state: StateCollector = current_app.extensions[STATE]
    return Response(metrics().exposition(state), content_type=CONTENT_TYPE_PLAIN_0_0_4)
