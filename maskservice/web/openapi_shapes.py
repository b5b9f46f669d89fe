"""The shapes that the API description names: component schemas, and the form of what stands in a path.

Answers for: the two lists. Must not know: routes, how a description is made of them (``openapi.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from maskservice.domain.hooks import HookKind
from maskservice.web import (
    answers,
    call_answers,
    hook_bodies,
    roster_answers,
    schemas_bindings,
    schemas_calls,
    schemas_roster,
    schemas_settings,
    settings_answers,
)

COMPONENTS: Final[tuple[type[Any], ...]] = (
    schemas_bindings.CreateBindingBody,
    schemas_bindings.ChangeBindingBody,
    schemas_bindings.DeliverBody,
    schemas_bindings.LockBody,
    schemas_bindings.UnlockBody,
    schemas_bindings.ReopenBody,
    schemas_calls.ResolveBody,
    schemas_calls.TapBody,
    schemas_calls.DryRunBody,
    schemas_calls.CallLinkBody,
    schemas_roster.CreateCourierBody,
    schemas_roster.ChangeCourierBody,
    schemas_roster.AssignBody,
    schemas_roster.CallerRuleBody,
    schemas_settings.CallSettingsBody,
    hook_bodies.HookBody,
    answers.BindingAnswer,
    answers.BindingPage,
    answers.BatchRow,
    answers.ResolutionAnswer,
    answers.HealthAnswer,
    answers.ReadyAnswer,
    answers.Problem,
    call_answers.CallAnswer,
    call_answers.CallPage,
    call_answers.PassAnswer,
    call_answers.CallLinkAnswer,
    call_answers.DryRunAnswer,
    call_answers.PbxGather,
    call_answers.PbxConnect,
    call_answers.PbxHangup,
    roster_answers.CourierAnswer,
    roster_answers.CourierWithPinAnswer,
    roster_answers.CourierPage,
    roster_answers.ImportedRowAnswer,
    roster_answers.AssignedAnswer,
    roster_answers.CallerRuleAnswer,
    roster_answers.CallerRulePage,
    settings_answers.CallSettingsAnswer,
    hook_bodies.HookAnswer,
    hook_bodies.HookSetAnswer,
    hook_bodies.HookList,
    hook_bodies.HookTrialAnswer,
)

PATH_PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "binding_id": {"description": "A binding's id.", "schema": {"type": "string", "pattern": "^bnd_[0-9a-v]{37}$"}},
    "call_id": {"description": "A call's id, ours.", "schema": {"type": "string", "pattern": "^call_[0-9a-v]{37}$"}},
    "courier_id": {"description": "A courier's id.", "schema": {"type": "string", "pattern": "^cou_[0-9a-v]{26}$"}},
    "rule_id": {"description": "A rule's id.", "schema": {"type": "string", "pattern": "^rule_[0-9a-v]{26}$"}},
    "kind": {
        "description": "Which hook.",
        "schema": {"type": "string", "enum": [str(each) for each in HookKind]},
    },
    "pbx_id": {
        "description": "The id that `maskservice pbx create` printed.",
        "schema": {"type": "string", "pattern": "^pbx_[0-9a-v]{26}$"},
    },
}
