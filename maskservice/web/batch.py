"""The batch route: many rows in, an answer a row out, in the form that was sent.

Answers for: HTTP in, HTTP out, within bounded memory. Must not know: rules, storage.
The body is read to its end before the first answer goes out: a client that sends everything before it reads anything
(most do) and a server that answers meanwhile would each wait for the other once the sockets between them are full.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Final

import orjson
import structlog
from apiflask import APIBlueprint
from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from maskservice.services.batches import CHUNK, Outcome, Row, create_bindings
from maskservice.services.records import Scope, Tenant
from maskservice.services.views import Bound
from maskservice.web import examples
from maskservice.web.answers import BatchRow, binding_answer
from maskservice.web.auth import caller, requires
from maskservice.web.binding_bodies import read_row
from maskservice.web.bindings import TAG
from maskservice.web.bodies import JSON, says_utf8
from maskservice.web.openapi import Answer, describe
from maskservice.web.problems import WebRefusal, content_of
from maskservice.web.row_splitting import MOST_ROWS, Elements, Lines, Rows
from maskservice.web.wiring import ports, wiring, wiring_of

NDJSON: Final = "application/x-ndjson"
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS
_PIECE: Final = 64 * 1024
_OTHER_TYPE: Final = "Send a JSON array as 'Content-Type: application/json', or a row a line as 'application/x-ndjson'."

bp = APIBlueprint("batch", __name__, url_prefix="/v1/bindings")

_log = structlog.get_logger("maskservice.web")


@bp.post("/batch")
@bp.doc(
    **describe(
        operation_id="createBindings",
        summary="Bind up to 10,000 orders",
        description="A JSON array of what a single create takes, or NDJSON. Each row is answered in order, in the form "
        "that was sent, as a single create would answer it: one bad row spoils no other. A row is idempotent by its "
        "order: a batch that was cut off is completed by sending it again. Idempotency-Key is not used here.",
        tag=TAG,
        scope=Scope.BINDINGS_WRITE,
        body={
            "type": "array",
            "description": f"At most {MOST_ROWS:,} rows; more are 413.",
            "items": {"description": "As in createBinding; what does not fit is that row's own problem."},
        },
        body_example=[examples.CREATE],
        more_bodies={NDJSON: {"type": "string", "description": "A row a line."}},
        answers={
            200: Answer(
                "What became of each row.",
                {"type": "array", "items": {"$ref": "#/components/schemas/BatchRow"}},
                [{"index": 0, "status": 201, "binding": examples.BINDING}],
                more={NDJSON: {"type": "string", "description": "An answer a line, each a BatchRow."}},
            )
        },
    )
)
@requires(Scope.BINDINGS_WRITE)
def create() -> Response:
    place = _Place(wiring().batches)
    try:
        lines = _is_ndjson()
        rows = _read(Lines(longest=wiring().max_body_bytes) if lines else Elements(longest=wiring().max_body_bytes))
        app: Any = current_app
        batch = _Batch(app._get_current_object(), rows, caller().tenant, g.request_id, place)
        response = Response(batch.answers(lines=lines), content_type=NDJSON if lines else JSON)
    except BaseException:
        place.leave()
        raise
    response.call_on_close(place.leave)
    return response


class _Place:
    """One of the places for batches; raises WebRefusal too_many_batches where there is none. It is left once: at the
    end of the answers, or when the response is closed before that."""

    def __init__(self, places: BoundedSemaphore) -> None:
        if not places.acquire(blocking=False):
            raise WebRefusal("too_many_batches")
        self._places: BoundedSemaphore | None = places

    def leave(self) -> None:
        places, self._places = self._places, None
        if places is not None:
            places.release()


def _is_ndjson() -> bool:
    if request.mimetype not in (JSON, NDJSON) or not says_utf8():
        raise WebRefusal("unsupported_media_type", _OTHER_TYPE)
    return request.mimetype == NDJSON


def _read(rows: Rows) -> Sequence[bytes | None]:
    limit = wiring().max_batch_bytes
    # One byte above the limit: see bodies.read_bytes.
    request.max_content_length = limit + 1
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    size = 0
    while piece := request.stream.read(_PIECE):
        size += len(piece)
        if size > limit:
            raise RequestEntityTooLarge
        rows.feed(piece)
    return rows.finish()


@dataclass(frozen=True, slots=True)
class _Batch:
    """The rows of one request, which is over as far as Flask is concerned while its answers go out: each chunk has an
    app context of its own, and so a database session."""

    app: Flask
    rows: Sequence[bytes | None]
    tenant: Tenant
    request_id: str
    place: _Place

    def answers(self, *, lines: bool) -> Iterator[bytes]:
        """A piece a chunk: what it tells of is committed."""
        begun, statuses = time.perf_counter(), Counter[int]()
        before, between, behind = (b"", b"\n", b"\n") if lines else (b"[", b",", b"]")
        if not self.rows:
            yield before + behind
        try:
            for start in range(0, len(self.rows), CHUNK):
                head = before if start == 0 else between
                tail = behind if start + CHUNK >= len(self.rows) else b""
                yield head + between.join(self._chunk(start, statuses)) + tail
        finally:
            self.place.leave()
            _log.info(
                "batch",
                rows=len(self.rows),
                created=statuses[201],
                known=statuses[200],
                refused=statuses.total() - statuses[201] - statuses[200],
                unanswered=len(self.rows) - statuses.total(),
                duration_ms=round((time.perf_counter() - begun) * 1000, 1),
            )

    def _chunk(self, start: int, statuses: Counter[int]) -> list[bytes]:
        """The answers of one chunk. Nothing else of it is left when the next one begins, and no more than a few are in
        the making in one process: that is what batches need of its memory."""
        with wiring_of(self.app).chunks, self.app.app_context():
            g.request_id = self.request_id
            answers = answer_rows(self.rows[start : start + CHUNK], self.tenant, start)
            statuses.update(each["status"] for each in answers)
            return [orjson.dumps(each, option=_OPTIONS) for each in answers]


def answer_rows(rows: Sequence[bytes | None], tenant: Tenant, start: int) -> Sequence[BatchRow]:
    """What becomes of at most :data:`CHUNK` rows, each as the bytes of its JSON, None for one that was too large; the
    first has the index ``start``. Needs an app context. Raises nothing."""
    told: dict[int, Exception | Bound] = {}
    asked: dict[int, Row] = {}
    now = ports().clock.now()
    for place, raw in enumerate(rows):
        content = _content(raw)
        if isinstance(content, WebRefusal):
            told[place] = content
        else:
            asked[place] = read_row(content, tenant, now)
    told |= zip(asked, _create(list(asked.values()), tenant), strict=True)
    return [_answer(start + place, told[place]) for place in range(len(rows))]


def _content(raw: bytes | None) -> Any:
    if raw is None:
        return WebRefusal("request_too_large", "This row is larger than a single request may be. Send a smaller one.")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return WebRefusal("malformed_json")


def _create(rows: Sequence[Row], tenant: Tenant) -> Sequence[Outcome | Exception]:
    try:
        return create_bindings(rows, tenant, ports())
    except Exception as bug:  # the status line is long gone, so each row has to say so
        return [bug] * len(rows)


def _answer(index: int, outcome: Exception | Bound) -> BatchRow:
    if isinstance(outcome, Bound):
        return {"index": index, "status": 201 if outcome.created else 200, "binding": binding_answer(outcome.view)}
    problem = content_of(outcome)
    return {"index": index, "status": problem["status"], "problem": problem}  # type: ignore[typeddict-item]
