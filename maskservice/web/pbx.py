"""The entrance of PBXs: what to do with a call, and what became of it, in each PBX's own words.

Answers for: a valid signature first, and an audible answer whatever fails after that. Must not know: a dialect's
format, the decision.
"""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from http import HTTPStatus
from typing import Final

import structlog
from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import BadHost

from maskservice.domain.call import Outcome
from maskservice.domain.errors import InvalidContent, NotFound, SignatureInvalid
from maskservice.services.call_events import CallReport, Side, report_call
from maskservice.services.calls import PbxUnconfirmed, Routed, Webhook, neutral, route_call
from maskservice.telephony import (
    CallEvent,
    Dialect,
    UnreadableBody,
    WebhookRequest,
    Whispering,
    Written,
    likely_dialect,
    read_whisper,
)
from maskservice.web.metrics import metrics
from maskservice.web.openapi import describe
from maskservice.web.pbx_description import CALL, EVENT, WHISPER, WHISPER_BY_GET
from maskservice.web.problems import where
from maskservice.web.senders import Sender
from maskservice.web.webhooks import links_of, read_webhook, response_of, sender_of
from maskservice.web.wiring import ports, wiring

bp = APIBlueprint("pbx", __name__, url_prefix="/v1/pbx/<pbx_id>")

_FAILED: Final = Routed(neutral(), "error")
_UNREADABLE: Final = Routed(neutral(), "unreadable")

_CALL_PATH: Final = re.compile(r"/v1/pbx/([^/]+)/calls")

_log = structlog.get_logger("maskservice.web")


@bp.before_app_request
def call_to_no_host() -> Response | None:
    """A ``Host`` that is no host keeps a request from every route (werkzeug cannot bind it, and RFC 9112 section 3.2
    asks for 400). But for a call there is somebody on the line."""
    asked = _CALL_PATH.fullmatch(request.path)
    if asked is None or request.method != "POST" or not isinstance(request.routing_exception, BadHost):
        return None
    return call(asked.group(1))


@bp.post("/calls")
@bp.doc(**describe(**CALL))
def call(pbx_id: str) -> Response:
    webhook, started = read_webhook(pbx_id, "calls"), time.perf_counter()
    known = wiring().senders.get(pbx_id)
    # Until the database has told it, the request's looks decide in which words a failure is spoken.
    dialect = likely_dialect(webhook) if known is None else known.dialect
    try:
        sender = sender_of(pbx_id, webhook) if known is None else known
        dialect = sender.dialect
        try:
            routed, written = _answered(pbx_id, sender, webhook, revision=None if known is None else known.revision)
        except (SignatureInvalid, PbxUnconfirmed, UnreadableBody, InvalidContent):
            if known is None:
                raise
            # What this process knew of the PBX may be old: only by what the database says anybody is refused, or told
            # what is wrong with his request.
            sender = sender_of(pbx_id, webhook)
            routed, written = _answered(pbx_id, sender, webhook)
    except SignatureInvalid as refusal:
        _refused(refusal, dialect)
        raise
    except (UnreadableBody, InvalidContent) as unreadable:
        if dialect.reads_problems:
            raise
        _log.warning("call_unreadable", dialect=dialect.name, error=type(unreadable).__name__)
        routed, written = _UNREADABLE, dialect.write_neutral_hangup(webhook)
    except Exception as error:
        # Somebody is on the line: what went wrong is logged by its class, the caller hears the neutral sentence.
        _log.error("call_failed", dialect=dialect.name, error=type(error).__name__, where=where(error))
        routed, written = _FAILED, dialect.write_neutral_hangup(webhook)
    _tell(routed, dialect, started)
    return response_of(written)


@bp.post("/events")
@bp.doc(**describe(**EVENT))
def event(pbx_id: str) -> Response:
    webhook, started = read_webhook(pbx_id, "events"), time.perf_counter()
    dialect = likely_dialect(webhook)
    try:
        sender = sender_of(pbx_id, webhook)
        dialect = sender.dialect
        webhook_id, read = sender.verify(webhook, now=ports().clock.now()), dialect.read_event(webhook)
        if _asks_next(dialect, webhook):
            metrics().saw_event("unknown" if read.event is None else read.event)
            routed, written = _routed(Webhook(pbx_id, webhook_id, dialect.read_call(webhook)), sender, webhook.leg)
            _tell(routed, dialect, started)
            return response_of(written)
        _note(pbx_id, dialect, read)
    except SignatureInvalid as refusal:
        _refused(refusal, dialect)
        raise
    except (UnreadableBody, InvalidContent) as unreadable:
        if dialect.reads_problems:
            raise
        _log.warning("event_unreadable", dialect=dialect.name, error=type(unreadable).__name__)
    except Exception as error:
        # A report without anybody on the line is refused, so that it is sent again.
        if dialect.acknowledge(webhook).status == HTTPStatus.NO_CONTENT:
            raise
        _log.error("event_failed", dialect=dialect.name, error=type(error).__name__, where=where(error))
    return response_of(dialect.acknowledge(webhook))


@bp.post("/whisper")
@bp.doc(**describe(**WHISPER))
def whisper(pbx_id: str) -> Response:
    webhook = read_webhook(pbx_id, "whisper")
    dialect, recordings = likely_dialect(webhook), ""
    prompt = None
    try:
        sender = sender_of(pbx_id, webhook)
        dialect, recordings = sender.dialect, sender.recordings
        sender.verify(webhook, now=ports().clock.now())
        prompt = read_whisper(webhook.query)
    except SignatureInvalid as refusal:
        _refused(refusal, dialect)
        raise
    except Exception as error:
        # The two are bridged all the same: a whisper is a courtesy.
        _log.error("whisper_failed", dialect=dialect.name, error=type(error).__name__, where=where(error))
    if not isinstance(dialect, Whispering):
        raise NotFound("A PBX of this dialect fetches no whisper.")
    return response_of(dialect.write_whisper(prompt, links=links_of(pbx_id, recordings=recordings)))


@bp.get("/whisper")
@bp.doc(**describe(**WHISPER_BY_GET))
def whisper_by_get(pbx_id: str) -> Response:
    return whisper(pbx_id)


def _answered(
    pbx_id: str, sender: Sender, webhook: WebhookRequest, *, revision: int | None = None
) -> tuple[Routed, Written]:
    """What to do, in the PBX's words. ``revision``: of a sender that was kept in memory. Raises SignatureInvalid before
    anything in the request is read, PbxUnconfirmed before anything is decided."""
    webhook_id = sender.verify(webhook, now=ports().clock.now())
    if request.routing_exception is not None:
        if revision is not None:
            raise PbxUnconfirmed
        _log.warning("call_unreadable", dialect=sender.dialect.name, error=type(request.routing_exception).__name__)
        return _UNREADABLE, sender.dialect.write_neutral_hangup(webhook)
    asked = Webhook(pbx_id, webhook_id, sender.dialect.read_call(webhook), pbx_revision=revision)
    return _routed(asked, sender, webhook.leg)


def _routed(asked: Webhook, sender: Sender, leg: int) -> tuple[Routed, Written]:
    routed = route_call(asked, ports())
    links = links_of(asked.pbx_id, leg=leg, recordings=sender.recordings)
    return routed, sender.dialect.write(asked.call.pbx_call_id, routed.answer, links=links)


def _asks_next(dialect: Dialect, webhook: WebhookRequest) -> bool:
    """Whether a report is a question as well: its PBX waits with the caller still there, and a bridge has ended."""
    waits = dialect.acknowledge(webhook).status != HTTPStatus.NO_CONTENT
    return waits and dialect.read_call(webhook).bridge_ended is not None


def _tell(routed: Routed, dialect: Dialect, started: float) -> None:
    for alarm in routed.alarms:
        metrics().saw_alarm(alarm)
        _log.warning("guard_alarm", alarm=alarm, pool_id=routed.pool_id)
    if routed.ended is not None:
        metrics().saw_end(outcome=routed.ended.outcome, cause=routed.ended.cause)
        ended = routed.ended
        _log.info("call_ended", dialect=dialect.name, outcome=ended.outcome, side=str(Side.CALLED), cause=ended.cause)
    for hooked in routed.hooked:
        metrics().saw_hook(kind=hooked.kind, verdict=hooked.verdict, failure=hooked.failure, seconds=hooked.seconds)
        _log.info("hook_asked", **asdict(hooked))
    metrics().saw_call(
        outcome=routed.outcome,
        direction=routed.direction,
        replayed=routed.replayed,
        seconds=time.perf_counter() - started,
    )


def _note(pbx_id: str, dialect: Dialect, read: CallEvent) -> None:
    metrics().saw_event("unknown" if read.event is None else read.event)
    if read.event is None or read.virtual_number is None:
        return
    report = CallReport(
        pbx_id=pbx_id,
        pbx_call_id=read.pbx_call_id,
        virtual_number=read.virtual_number,
        kind=Outcome(read.event),
        at=read.at,
        duration_s=read.duration_s,
        side=Side(read.side),
        cause=read.cause,
    )
    noted = report_call(report, ports())
    if noted is not None and noted.ended:
        metrics().saw_end(outcome=noted.outcome, cause=read.cause)
        _log.info("call_ended", dialect=dialect.name, outcome=noted.outcome, side=read.side, cause=read.cause)


def _refused(refusal: SignatureInvalid, dialect: Dialect) -> None:
    # The sentence is one of ours and repeats nothing of the request.
    _log.warning("signature_refused", dialect=dialect.name, reason=refusal.detail)
