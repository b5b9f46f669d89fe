"""The web: HTTP in, HTTP out. Flask lives here only.

Answers for: making the application and putting blueprints, problems, logs and metrics on it. Must not know: storage,
encryption.
"""

from __future__ import annotations

from apiflask import APIFlask

import maskservice
from maskservice.web import (
    assignments,
    batch,
    binding_steps,
    bindings,
    call_links,
    call_page,
    call_settings,
    caller_rules,
    calls,
    couriers,
    docs,
    hooks,
    labels,
    metrics,
    openapi,
    operations,
    pbx,
    problems,
    request_log,
    resolutions,
)
from maskservice.web.metrics import Metrics
from maskservice.web.metrics_state import StateCollector
from maskservice.web.orjson_provider import OrjsonProvider
from maskservice.web.wiring import DEFAULT_MAX_BODY_BYTES, EXTENSION, Check, Wiring

__all__ = ["Check", "Wiring", "new_api", "register"]

BLUEPRINTS = (
    bindings.bp,
    batch.bp,
    binding_steps.bp,
    labels.bp,
    resolutions.bp,
    couriers.bp,
    assignments.bp,
    caller_rules.bp,
    call_settings.bp,
    pbx.bp,
    calls.bp,
    call_links.bp,
    call_page.bp,
    hooks.bp,
    operations.bp,
    docs.bp,
)


def new_api(*, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES) -> APIFlask:
    """An application that knows its own description and nothing else yet. ``max_body_bytes``: what is larger is 413."""
    app = APIFlask(
        "maskservice.web",
        title="maskservice",
        version=maskservice.__version__,
        spec_path="/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    app.json = OrjsonProvider(app)
    # One byte above the limit: see bodies.read_bytes.
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes + 1
    # Flask would answer OPTIONS by itself, without asking for credentials.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A redirect would repeat the address it was asked for.
    app.url_map.merge_slashes = False
    openapi.install(app)
    return app


def register(app: APIFlask, wiring: Wiring) -> None:
    """Puts everything on an application of :func:`new_api`."""
    app.extensions[EXTENSION] = wiring
    app.extensions[metrics.EXTENSION] = Metrics(metrics_dir=wiring.metrics_dir)
    app.extensions[operations.STATE] = StateCollector(wiring.ports)
    app.config["MAX_CONTENT_LENGTH"] = wiring.max_body_bytes + 1
    request_log.install(app)
    problems.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
