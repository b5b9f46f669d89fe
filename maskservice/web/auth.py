"""Who may ask: API keys and their scopes, the short list of public endpoints, and the endpoints that a PBX signs.

Answers for: no route being open that is not named here. Must not know: how keys are stored, what a route does.
tests/web/test_routes_have_auth.py fails on a route that answers without credentials and is not named below.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import structlog
from flask import g, request

from maskservice.domain.errors import FieldError, InvalidContent, ScopeMissing
from maskservice.services.records import Scope
from maskservice.services.tenants import Caller, authenticate
from maskservice.web.wiring import ports

PUBLIC_ENDPOINTS: Final = frozenset(
    {"operations.healthz", "operations.readyz", "operations.metrics_", "openapi.spec", "docs.docs", "static"}
)
"""What answers without credentials: none of it knows a tenant's facts or a number."""

PBX_ENDPOINTS: Final = frozenset({"pbx.call", "pbx.event", "pbx.whisper", "pbx.whisper_by_get"})
"""What a PBX signs with its own secret instead (telephony/signature.py)."""

LINK_ENDPOINTS: Final = frozenset({"call_page.show", "call_page.call"})
"""What the recipient opens: he has no key, the keyed token in the address is his credential (services/call_links.py).
A token that is not ours is told 404, as one whose binding is dead: a 401 would tell the two apart."""

P = ParamSpec("P")
R = TypeVar("R")


def requires(scope: Scope, *, takes_query: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Lets a view run for a valid API key with the scope only. Without ``takes_query`` query parameters are refused.

    Raises Unauthenticated, ScopeMissing, InvalidContent, in this order: a stranger learns nothing of the rest.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            caller = authenticate(_presented_key(), ports=ports())
            g.caller = caller
            structlog.contextvars.bind_contextvars(tenant=caller.tenant.id)
            if scope not in caller.scopes:
                raise ScopeMissing(scope)
            if request.args and not takes_query:
                raise InvalidContent((FieldError("", "unknown_field", "This address takes no query parameters."),))
            return view(*args, **kwargs)

        return guarded

    return decorate


def caller() -> Caller:
    """Who sent this request; only behind :func:`requires`."""
    found: Caller = g.caller
    return found


def _presented_key() -> str | None:
    authorization = request.authorization
    return authorization.token if authorization is not None and authorization.type == "bearer" else None
