"""How the two routes of PBXs are described: a PBX is answered in its own dialect's words.

Answers for: the native dialect in full, the providers' by their kind and where they are explained. Must not know: what
the routes do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from maskservice.web import examples
from maskservice.web.call_answers import PbxConnect, PbxGather, PbxHangup
from maskservice.web.openapi import PBX_SIGNATURES, SIGNATURE_HEADERS, Answer

TAG: Final = "PBX"
FORM: Final = "application/x-www-form-urlencoded"
XML: Final = "text/xml"

_DIALECTS: Final = (
    "The bodies of request and answer are those of the dialect that the PBX was created with (docs/pbx): JSON as shown "
    "for `native`, the provider's own fields and documents for any other."
)
_NATIVE_CALL: Final = {
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
        "bridge_ended": {
            "type": ["object", "null"],
            "required": ["outcome"],
            "description": "How the bridge ended that the last answer ordered, asking what is next.",
            "properties": {
                "outcome": {"enum": ["no_answer", "busy", "failed", "completed", "canceled"]},
                "duration_s": {"type": ["integer", "null"], "minimum": 0, "description": "Of the talk."},
                "cause": {"type": ["integer", "null"], "minimum": 0, "description": "Q.850."},
            },
        },
    },
}
_NATIVE_EVENT: Final = {
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
_PROVIDERS_FORM: Final[Mapping[str, Any]] = {
    FORM: {
        "type": "object",
        "description": "twilio, signalwire, telnyx, plivo, asterisk, freeswitch, kamailio: their own fields.",
    }
}
_VERBS: Final[Mapping[str, Any]] = {
    "type": "array",
    "items": {"type": "object"},
    "description": "vonage (NCCO) and jambonz (verbs).",
}
_FLAT: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["call_id", "action"],
    "additionalProperties": {"type": "string"},
    "description": "asterisk, kamailio: texts only.",
}
_DOCUMENT: Final[Mapping[str, Any]] = {
    XML: {"type": "string", "description": "twilio, signalwire (cXML), telnyx (TeXML), plivo, freeswitch (httapi)."}
}
_CALL_ANSWER: Final = {
    "anyOf": [
        *({"$ref": f"#/components/schemas/{each.__name__}"} for each in (PbxGather, PbxConnect, PbxHangup)),
        _FLAT,
        _VERBS,
    ]
}

CALL: Final[Mapping[str, Any]] = {
    "operation_id": "pbxCall",
    "summary": "A call came in, or digits were keyed: what now?",
    "description": (
        f"{_DIALECTS} The same request again gets the same answer and counts once. Whatever fails inside, the answer "
        "is 200 with the neutral hangup; where the secret cannot be read, also for a signature that was not checked. "
        "What cannot be read is a problem to `native` and the neutral hangup to any other dialect."
    ),
    "tag": TAG,
    "security": PBX_SIGNATURES,
    "body": _NATIVE_CALL,
    "body_example": examples.PBX_CALL,
    "more_bodies": _PROVIDERS_FORM,
    "headers": SIGNATURE_HEADERS,
    "answers": {200: Answer("What to do.", _CALL_ANSWER, examples.PBX_ANSWER, more=_DOCUMENT)},
    "problems": (401, 422),
}
EVENT: Final[Mapping[str, Any]] = {
    "operation_id": "pbxEvent",
    "summary": "What became of a call",
    "description": (
        f"{_DIALECTS} Out of order, twice, of an unknown call or kind: still taken. 503 asks to send it again."
    ),
    "tag": TAG,
    "security": PBX_SIGNATURES,
    "body": _NATIVE_EVENT,
    "body_example": examples.PBX_EVENT,
    "more_bodies": _PROVIDERS_FORM,
    "headers": SIGNATURE_HEADERS,
    "answers": {
        200: Answer(
            "Noted. What the caller, who is still there, is to hear now; never for `native`.", _VERBS, more=_DOCUMENT
        ),
        204: Answer("Noted, or nothing to note."),
    },
    "problems": (401, 422, 500, 503),
}
_WHISPER: Final[Mapping[str, Any]] = {
    "summary": "What does the called party hear before the bridge?",
    "description": (
        "Asked by a provider for the address that a connect gave it, whose query says everything. Played to the called "
        "party alone; a query that cannot be read, or a failure inside, says nothing, and the two are bridged."
    ),
    "tag": TAG,
    "security": PBX_SIGNATURES,
    "answers": {200: Answer("What to say.", _VERBS, more=_DOCUMENT)},
    "problems": (401, 404),
}
WHISPER: Final[Mapping[str, Any]] = {"operation_id": "pbxWhisper", **_WHISPER}
WHISPER_BY_GET: Final[Mapping[str, Any]] = {"operation_id": "pbxWhisperByGet", **_WHISPER}
