"""The entrance of PBXs: what to do with a call, and what became of it.

Answers for: a valid signature first, and an audible answer whatever fails after that. Must not know: a dialect's
format, the decision.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

import structlog
from apiflask import APIBlueprint
from flask import Response, request

from maskservice.domain.call import Outcome
from maskservice.domain.errors import InvalidContent, SignatureInvalid
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.calls import Routed, Webhook, neutral, route_call
from maskservice.services.pbxs import open_secrets
from maskservice.telephony import DIALECTS, Links, UnreadableBody, WebhookRequest
from maskservice.web import examples
from maskservice.web.answers import no_content
from maskservice.web.bodies import read_bytes
from maskservice.web.call_answers import PbxConnect, PbxGather, PbxHangup
from maskservice.web.metrics import metrics
from maskservice.web.openapi import PBX_SIGNATURE, SIGNATURE_HEADERS, Answer, describe
from maskservice.web.problems import where
from maskservice.web.wiring import ports

bp = APIBlueprint("pbx", __name__, url_prefix="/v1/pbx/<pbx_id>")

TAG: Final = "PBX"
_NATIVE: Final = DIALECTS["native"]
# A native PBX knows where it asks: its answers name no address.
_NO_LINKS: Final = Links("", "")
_PBX_ID: Final = re.compile(r"pbx_[0-9a-v]{26}")
# An unknown PBX is checked against this, which nobody knows: the same work, and the same 401 as for a wrong secret.
_NOBODYS_SECRET: Final = secrets.token_bytes(32)

_FAILED: Final = Routed(neutral(), "error")

_log = structlog.get_logger("maskservice.web")

_CALL_BODY: Final = {
    "type": "object",
    "required": ["call_id", "from", "to"],
    "properties": {
        "call_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "description": "The PBX's own; visible characters.",
        },
        "from": {"type": ["string", "null"], "description": "null for a withheld number."},
        "to": {"type": "string", "description": "May carry the extension: 0900000000#5678."},
        "digits": {"type": ["string", "null"], "description": "What was keyed since the last answer."},
    },
}
_EVENT_BODY: Final = {
    "type": "object",
    "required": ["call_id"],
    "properties": {
        "call_id": {"type": "string", "minLength": 1, "maxLength": 128},
        "to": {"description": "As in the call."},
        "event": {
            "description": "An unknown one is passed over.",
            "examples": ["ringing", "answered", "completed", "busy", "no_answer", "failed", "canceled"],
        },
        "at": {"description": "RFC 3339 with an offset.", "examples": ["2026-11-24T03:00:51Z"]},
        "duration_s": {"description": "Whole seconds."},
    },
}
_CALL_ANSWER: Final = {
    "oneOf": [{"$ref": f"#/components/schemas/{each.__name__}"} for each in (PbxGather, PbxConnect, PbxHangup)]
}


@bp.post("/calls")
@bp.doc(
    **describe(
        operation_id="pbxCall",
        summary="A call came in, or digits were keyed: what now?",
        description=(
            "The same webhook-id again gets the same answer and counts once. Whatever fails inside, the answer is 200 "
            "with the neutral hangup; where the secret cannot be read, also for a signature that was not checked."
        ),
        tag=TAG,
        security=PBX_SIGNATURE,
        body=_CALL_BODY,
        body_example=examples.PBX_CALL,
        headers=SIGNATURE_HEADERS,
        answers={200: Answer("What to do.", _CALL_ANSWER, examples.PBX_ANSWER)},
        problems=(401, 422),
    )
)
def call(pbx_id: str) -> Response:
    webhook, started = _webhook(), time.perf_counter()
    try:
        asked = Webhook(pbx_id, _verified(pbx_id, webhook), _NATIVE.read_call(webhook))
        routed = route_call(asked, ports())
        written = _NATIVE.write(asked.call.pbx_call_id, routed.answer, links=_NO_LINKS)
    except (SignatureInvalid, UnreadableBody, InvalidContent):
        raise
    except Exception as error:
        # Somebody is on the line: what went wrong is logged by its class, the caller hears the neutral sentence.
        _log.error("call_failed", error=type(error).__name__, where=where(error))
        routed, written = _FAILED, _NATIVE.write_neutral_hangup(webhook)
    metrics().saw_call(
        outcome=routed.outcome,
        direction=routed.direction,
        replayed=routed.replayed,
        seconds=time.perf_counter() - started,
    )
    return Response(written.body, content_type=written.content_type)


@bp.post("/events")
@bp.doc(
    **describe(
        operation_id="pbxEvent",
        summary="What became of a call",
        description="Out of order, twice, of an unknown call or kind: still 204. 503 asks to send it again.",
        tag=TAG,
        security=PBX_SIGNATURE,
        body=_EVENT_BODY,
        body_example=examples.PBX_EVENT,
        headers=SIGNATURE_HEADERS,
        answers={204: Answer("Noted, or nothing to note.")},
        problems=(401, 422, 500, 503),
    )
)
def event(pbx_id: str) -> Response:
    webhook = _webhook()
    _verified(pbx_id, webhook)
    read = _NATIVE.read_event(webhook)
    metrics().saw_event("unknown" if read.event is None else read.event)
    if read.event is not None and read.virtual_number is not None:
        report = CallReport(
            pbx_id=pbx_id,
            pbx_call_id=read.pbx_call_id,
            virtual_number=read.virtual_number,
            kind=Outcome(read.event),
            at=read.at,
            duration_s=read.duration_s,
        )
        report_call(report, ports())
    return no_content()


def _webhook() -> WebhookRequest:
    """The request as a dialect reads it. The native one does not sign its address."""
    return WebhookRequest(
        method=request.method,
        url=request.url,
        headers={name: ",".join(request.headers.getlist(name)) for name, _ in request.headers},
        query=tuple(request.args.items(multi=True)),
        body=read_bytes(),
    )


def _verified(pbx_id: str, webhook: WebhookRequest) -> str:
    """The webhook id of a request that the PBX signed.

    Raises SignatureInvalid, also for an unknown PBX; DatabaseUnavailable, KeyMissing.
    """
    known = open_secrets(pbx_id, ports=ports()) if _PBX_ID.fullmatch(pbx_id) else ()
    return _NATIVE.verify(webhook, secrets=known or (_NOBODYS_SECRET,), now=ports().clock.now())
