"""From checked bodies to the commands of the roster and of caller rules, and from an import's body to its rows.

Answers for: all field errors at once; a row's errors staying with the row. Must not know: how a use case goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from maskservice.domain.caller_rule import RuleDirection, Verdict
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.phone import PhoneReading, read_phone
from maskservice.domain.roster_csv import RosterRow, decode_roster, read_roster
from maskservice.services.binding_steps import UNCHANGED
from maskservice.services.caller_rules import SetRule, rule_phone_fault
from maskservice.services.idempotency import IdempotentRequest
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.roster_judging import CourierDraft, draft_faults
from maskservice.web.bodies import JSON, idempotent_request, read_object
from maskservice.web.problems import WebRefusal
from maskservice.web.schemas import check
from maskservice.web.schemas_roster import MOST_ROWS, CallerRuleBody, ChangeCourierBody, CreateCourierBody

CSV: Final = "text/csv"
# 10,000 rows of ten phones each, with long names, are some 2 MB.
MOST_IMPORT_BYTES: Final = 4 * 1024 * 1024
# The encodings that decode_roster tells apart by itself: whichever of them is named, the bytes decide.
_CHARSETS: Final = frozenset({"utf-8", "utf8", "utf-16", "big5", "cp950", "ms950"})


def read_new_courier(tenant: Tenant, ports: Ports) -> tuple[CourierDraft, IdempotentRequest | None]:
    """Raises InvalidContent with every field error, and what reading a body raises."""
    content = read_object()
    draft = _draft_of_new(content, lambda partial: draft_faults(partial, tenant, ports))
    return draft, idempotent_request("POST /v1/couriers", content)


def read_courier_change(tenant: Tenant, ports: Ports) -> CourierDraft:
    """A PATCH: what the body does not name stays. Raises InvalidContent with every error, and what reading raises."""
    content = read_object()
    body, errors = check(ChangeCourierBody, content)
    if body is None:
        raise InvalidContent(errors + _untold(draft_faults(_partial(content), tenant, ports), errors))
    named = body.model_fields_set
    return CourierDraft(
        name=body.name if "name" in named else UNCHANGED,
        carrier=body.carrier if "carrier" in named else UNCHANGED,
        phones=_readings(body.phones) if "phones" in named else UNCHANGED,
        pin=body.pin if "pin" in named else UNCHANGED,
    )


def read_rule(ports: Ports) -> tuple[SetRule, IdempotentRequest | None]:
    """Raises InvalidContent with every field error, and what reading a body raises."""
    content = read_object()
    body, errors = check(CallerRuleBody, content)
    if body is None:
        phone = content.get("phone")
        fault = rule_phone_fault(read_phone(phone), ports) if isinstance(phone, str) else None
        raise InvalidContent(errors + _untold(() if fault is None else (fault,), errors))
    command = SetRule(read_phone(body.phone), Verdict(body.verdict), RuleDirection(body.direction), body.binding_id)
    return command, idempotent_request("POST /v1/caller-rules", content)


def read_rows() -> Sequence[CourierDraft | InvalidContent]:
    """The rows of an import, a JSON array or a CSV; each a draft or its refusal.

    Raises WebRefusal (malformed_json, unsupported_media_type), RequestEntityTooLarge, InvalidContent for what is no
    list, or too long a one.
    """
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype == CSV and charset in _CHARSETS:
        rows = read_roster(decode_roster(_import_bytes()))
        _require_room(len(rows))
        return [draft_of_row(row) for row in rows]
    if request.mimetype != JSON or charset not in ("utf-8", "utf8"):
        raise WebRefusal("unsupported_media_type")
    try:
        content = orjson.loads(_import_bytes())
    except orjson.JSONDecodeError:
        content = WebRefusal("malformed_json")
    # Outside the except clause: the decoder's error holds the body.
    if isinstance(content, WebRefusal):
        raise content
    if not isinstance(content, list):
        raise InvalidContent((FieldError("", "wrong_type", "Send a JSON array, or a CSV."),))
    _require_room(len(content))
    return [_draft_or_refusal(row) for row in content]


def draft_of_row(row: RosterRow) -> CourierDraft:
    """A spreadsheet's row; what is wrong with it is told by the use case."""
    return CourierDraft(row.name, row.carrier, _readings(row.phones), row.pin)


def _import_bytes() -> bytes:
    # As in bodies.read_bytes, with a limit of its own.
    request.max_content_length = MOST_IMPORT_BYTES + 1
    body = request.get_data()
    if len(body) > MOST_IMPORT_BYTES:
        raise RequestEntityTooLarge
    return body


def _require_room(rows: int) -> None:
    if rows > MOST_ROWS:
        raise InvalidContent((FieldError("", "too_long", f"Send at most {MOST_ROWS:,} rows at once."),))


def _draft_or_refusal(row: object) -> CourierDraft | InvalidContent:
    if not isinstance(row, dict):
        return InvalidContent((FieldError("", "wrong_type", "Send a JSON object."),))
    try:
        return _draft_of_new(row, lambda _: ())
    except InvalidContent as refusal:
        return refusal


def _draft_of_new(content: dict[str, Any], faults_of: Callable[[CourierDraft], tuple[FieldError, ...]]) -> CourierDraft:
    """``faults_of`` tells what would be refused next, in a request that is refused already."""
    body, errors = check(CreateCourierBody, content)
    if body is None:
        raise InvalidContent(errors + _untold(faults_of(_partial(content)), errors))
    return CourierDraft(body.name, body.carrier, _readings(body.phones), body.pin)


def _readings(phones: Sequence[str]) -> tuple[PhoneReading, ...]:
    return tuple(read_phone(phone) for phone in phones)


def _partial(content: dict[str, Any]) -> CourierDraft:
    """The fields that can be judged, of a body that is refused for others."""
    name, carrier, phones, pin = (content.get(field) for field in ("name", "carrier", "phones", "pin"))
    return CourierDraft(
        name=name if isinstance(name, str) else UNCHANGED,
        carrier=carrier if isinstance(carrier, str) else UNCHANGED,
        phones=tuple(read_phone(each) if isinstance(each, str) else None for each in phones)
        if isinstance(phones, list)
        else UNCHANGED,
        pin=pin if isinstance(pin, str) else UNCHANGED,
    )


def _untold(found: tuple[FieldError, ...], told: tuple[FieldError, ...]) -> tuple[FieldError, ...]:
    pointers = {error.pointer for error in told}
    return tuple(fault for fault in found if fault.pointer not in pointers)


__all__ = ["CSV", "draft_of_row", "read_courier_change", "read_new_courier", "read_rows", "read_rule"]
