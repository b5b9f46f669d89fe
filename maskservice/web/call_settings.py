"""What a tenant has set about calls, shown and changed by itself.

Answers for: HTTP in, HTTP out. Must not know: rules, storage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, jsonify

from maskservice.domain.call_policy import QuietHours, TenantCalls
from maskservice.services.call_settings import change_tenant_calls
from maskservice.services.records import Scope
from maskservice.web import examples
from maskservice.web.auth import caller, requires
from maskservice.web.bodies import read_body
from maskservice.web.openapi import Answer, describe
from maskservice.web.schemas_settings import CallSettingsBody
from maskservice.web.settings_answers import CallSettingsAnswer, call_settings_answer
from maskservice.web.wiring import ports

bp = APIBlueprint("call_settings", __name__, url_prefix="/v1/settings/calls")

TAG: Final = "Settings"


@bp.get("")
@bp.doc(
    **describe(
        operation_id="getCallSettings",
        summary="Get what the tenant has set about calls",
        tag=TAG,
        scope=Scope.SETTINGS_READ,
        answers={200: Answer("The settings.", CallSettingsAnswer, examples.CALL_SETTINGS)},
    )
)
@requires(Scope.SETTINGS_READ)
def get() -> Response:
    return jsonify(call_settings_answer(caller().tenant.policy.calls))


@bp.patch("")
@bp.doc(
    **describe(
        operation_id="changeCallSettings",
        summary="Change what the tenant has set about calls",
        description="What the body does not name stays. It holds from the next call on, for every binding.",
        tag=TAG,
        scope=Scope.SETTINGS_WRITE,
        body=CallSettingsBody,
        body_example=examples.CALL_SETTINGS_CHANGE,
        answers={200: Answer("The settings as they are now.", CallSettingsAnswer, examples.CALL_SETTINGS)},
    )
)
@requires(Scope.SETTINGS_WRITE)
def change() -> Response:
    body = read_body(CallSettingsBody)
    after = change_tenant_calls(caller().tenant.id, lambda before: _changed(before, body), ports=ports())
    return jsonify(call_settings_answer(after))


def _changed(before: TenantCalls, body: CallSettingsBody) -> TenantCalls:
    named: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    if named.get("quiet") is not None:
        named["quiet"] = QuietHours.parse(named["quiet"])
    return replace(before, **named)
