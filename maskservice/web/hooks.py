"""A tenant's hooks: set, looked at, removed, tried out.

Answers for: HTTP in, HTTP out. Must not know: rules, how a hook is asked. ``docs/hooks.rst`` says what a hook gets.
"""

from __future__ import annotations

from typing import Final

from apiflask import APIBlueprint
from flask import Response, jsonify

from maskservice.domain.errors import NotFound
from maskservice.domain.hooks import HookKind
from maskservice.services.hooks import list_hooks, remove_hook, set_hook, try_hook
from maskservice.services.records import Scope
from maskservice.web import examples
from maskservice.web.answers import no_content
from maskservice.web.auth import caller, requires
from maskservice.web.hook_bodies import (
    HookBody,
    HookList,
    HookSetAnswer,
    HookTrialAnswer,
    hook_answer,
    hook_set_answer,
    read_hook,
    trial_answer,
)
from maskservice.web.openapi import Answer, describe
from maskservice.web.wiring import ports

bp = APIBlueprint("hooks", __name__, url_prefix="/v1/hooks")

TAG: Final = "Hooks"


@bp.get("")
@bp.doc(
    **describe(
        operation_id="listHooks",
        summary="List the tenant's hooks",
        tag=TAG,
        scope=Scope.HOOKS_READ,
        answers={200: Answer("At most one of a kind, without their secrets.", HookList, {"data": [examples.HOOK]})},
    )
)
@requires(Scope.HOOKS_READ)
def list_() -> Response:
    return jsonify({"data": [hook_answer(each) for each in list_hooks(caller().tenant, ports=ports())]})


@bp.put("/<kind>")
@bp.doc(
    **describe(
        operation_id="setHook",
        summary="Register a hook, or change it",
        description=(
            "`before_connect` is asked before anybody is rung: 2xx lets the call through, 403 vetoes it. "
            "`out_of_session` is asked when a recipient or the last courier calls about a binding that has ended. "
            "A hook has one second. Its secret is told once, the first time and with `new_secret`."
        ),
        tag=TAG,
        scope=Scope.HOOKS_WRITE,
        body=HookBody,
        body_example=examples.HOOK_SET,
        answers={200: Answer("The hook.", HookSetAnswer, {**examples.HOOK, "secret": None})},
        problems=(404,),
    )
)
@requires(Scope.HOOKS_WRITE)
def put(kind: str) -> Response:
    wanted = _kind(kind)
    body = read_hook(wanted)
    hook = set_hook(
        caller().tenant,
        wanted,
        url=body.url,
        on_failure=body.on_failure,
        new_secret=body.new_secret,
        ports=ports(),
    )
    return jsonify(hook_set_answer(hook))


@bp.delete("/<kind>")
@bp.doc(
    **describe(
        operation_id="removeHook",
        summary="Remove a hook",
        description="From the next call on nothing is asked.",
        tag=TAG,
        scope=Scope.HOOKS_WRITE,
        answers={204: Answer("It is gone.")},
        problems=(404,),
    )
)
@requires(Scope.HOOKS_WRITE)
def remove(kind: str) -> Response:
    remove_hook(caller().tenant, _kind(kind), ports=ports())
    return no_content()


@bp.post("/<kind>/test")
@bp.doc(
    **describe(
        operation_id="testHook",
        summary="Ask a hook with a sample",
        description="What it answered and how long it took; no call is touched. The sample has `test: true`.",
        tag=TAG,
        scope=Scope.HOOKS_WRITE,
        answers={200: Answer("How the answer reads.", HookTrialAnswer, examples.HOOK_TRIAL)},
        problems=(404,),
    )
)
@requires(Scope.HOOKS_WRITE)
def test(kind: str) -> Response:
    return jsonify(trial_answer(try_hook(caller().tenant, _kind(kind), ports=ports())))


def _kind(text: str) -> HookKind:
    try:
        return HookKind(text)
    except ValueError:
        raise NotFound("There are two hooks: before_connect and out_of_session.") from None
