"""The real service under gunicorn, with a brake for the tests.

Answers for: making it slow on demand and, for as long as ``web/`` itself does not serve the dialect, speaking
Asterisk's dialect at the address of PBXs: everything behind that (services, storage, keys) is the product's own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from apiflask import APIFlask
from flask import Request as FlaskRequest

from maskservice.app import create_app
from maskservice.domain.call import Outcome
from maskservice.domain.errors import InvalidContent, SignatureInvalid
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.calls import Webhook, route_call
from maskservice.services.pbxs import open_secrets
from maskservice.services.ports import Ports
from maskservice.telephony import DIALECTS, UnreadableBody
from maskservice.telephony.asterisk import ASTERISK
from maskservice.telephony.dialect import CallEvent, Links, Written
from maskservice.telephony.request import WebhookRequest

DELAY_FILE = "MASKSERVICE_TEST_DELAY_FILE"
_FORM = "application/x-www-form-urlencoded"
StartResponse = Callable[..., Any]


def create() -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """For gunicorn."""
    app = create_app()
    delay = Path(os.environ[DELAY_FILE])

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/v1/pbx/") and delay.exists():
            time.sleep(float(delay.read_text()))
        if "asterisk" in DIALECTS or not environ.get("CONTENT_TYPE", "").startswith(_FORM):
            return app(environ, start_response)
        written = _answer(app, environ)
        start_response(f"{written.status} .", [("Content-Type", written.content_type)])
        return [written.body]

    return serve


def _answer(app: APIFlask, environ: dict[str, Any]) -> Written:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    flask_request = FlaskRequest({**environ, "wsgi.input": BytesIO(body)})
    request = WebhookRequest(
        method=flask_request.method,
        url=flask_request.url,
        headers=dict(flask_request.headers),
        query=tuple(flask_request.args.items(multi=True)),
        body=body,
    )
    _, _, pbx_id, kind = flask_request.path.strip("/").split("/")
    with app.app_context():
        ports: Ports = app.extensions["maskservice"].ports
        try:
            webhook_id = ASTERISK.verify(request, secrets=open_secrets(pbx_id, ports=ports), now=ports.clock.now())
            if kind == "events":
                report(pbx_id, ASTERISK.read_event(request), ports)
                return ASTERISK.acknowledge(request)
            call = ASTERISK.read_call(request)
            routed = route_call(Webhook(pbx_id, webhook_id, call), ports)
            return ASTERISK.write(call.pbx_call_id, routed.answer, links=Links.of("http://127.0.0.1", pbx_id))
        except SignatureInvalid:
            return Written(b"", "text/plain", 401)
        except (UnreadableBody, InvalidContent):
            return ASTERISK.write_neutral_hangup(request)


def report(pbx_id: str, event: CallEvent, ports: Ports) -> None:
    """Notes what became of a call."""
    if event.event is not None and event.virtual_number is not None:
        kind = Outcome(event.event)
        report_call(
            CallReport(pbx_id, event.pbx_call_id, event.virtual_number, kind, event.at, event.duration_s), ports
        )
