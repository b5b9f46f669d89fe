"""Block and allow lists: the rules for callers, made, listed, taken back.

Answers for: HTTP in, HTTP out; a caller's number comes in the body, never in an address. Must not know: rules, storage.
"""

from __future__ import annotations

from typing import Final

from apiflask import APIBlueprint
from flask import Response, jsonify

from maskservice.services.caller_rules import delete_rule, list_rules, set_rule
from maskservice.services.records import Scope
from maskservice.web import examples
from maskservice.web.answers import no_content, page_answer
from maskservice.web.auth import caller, requires
from maskservice.web.openapi import IDEMPOTENCY_KEY, Answer, describe
from maskservice.web.queries import read_query
from maskservice.web.roster_answers import CallerRuleAnswer, CallerRulePage, caller_rule_answer
from maskservice.web.roster_bodies import read_rule
from maskservice.web.schemas_roster import CallerRuleBody, CallerRulesQuery
from maskservice.web.wiring import ports

bp = APIBlueprint("caller_rules", __name__, url_prefix="/v1/caller-rules")

TAG: Final = "Couriers"
REPLAYED: Final = {"Idempotent-Replayed": "`true` where an Idempotency-Key gave the first answer again."}


@bp.post("")
@bp.doc(
    **describe(
        operation_id="setCallerRule",
        summary="Block or allow a caller",
        description=(
            "For all of the tenant's bindings or for one, by direction. The same phone again changes its rule, with "
            "200; the verdict of a direction that is not named stays. 409 where the binding has ended."
        ),
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        body=CallerRuleBody,
        body_example=examples.NEW_CALLER_RULE,
        headers=(IDEMPOTENCY_KEY,),
        answers={
            201: Answer("Made.", CallerRuleAnswer, examples.CALLER_RULE, headers=REPLAYED),
            200: Answer("Changed.", CallerRuleAnswer, examples.CALLER_RULE, headers=REPLAYED),
        },
        problems=(404, 409),
    )
)
@requires(Scope.COURIERS_WRITE)
def set_() -> Response:
    command, idempotency = read_rule(ports())
    done = set_rule(caller().tenant, command, ports(), idempotency=idempotency)
    response = jsonify(caller_rule_answer(done.view))
    response.status_code = 201 if done.created else 200
    if done.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@bp.get("")
@bp.doc(
    **describe(
        operation_id="listCallerRules",
        summary="List the rules for callers, newest first",
        description="All of the tenant's, those of single bindings included; or one binding's.",
        tag=TAG,
        scope=Scope.COURIERS_READ,
        query=CallerRulesQuery,
        answers={200: Answer("A page.", CallerRulePage, {"data": [examples.CALLER_RULE], "next_cursor": None})},
        problems=(404,),
    )
)
@requires(Scope.COURIERS_READ, takes_query=True)
def list_() -> Response:
    query = read_query(CallerRulesQuery)
    page = list_rules(
        caller().tenant, limit=query.limit, before=query.cursor, binding_id=query.binding_id, ports=ports()
    )
    return jsonify(page_answer(page, caller_rule_answer))


@bp.delete("/<rule_id>")
@bp.doc(
    **describe(
        operation_id="deleteCallerRule",
        summary="Take a rule back",
        tag=TAG,
        scope=Scope.COURIERS_WRITE,
        answers={204: Answer("Gone.")},
        problems=(404,),
    )
)
@requires(Scope.COURIERS_WRITE)
def delete(rule_id: str) -> Response:
    delete_rule(caller().tenant, rule_id, ports=ports())
    return no_content()
