"""Samples for the API description, in Taiwanese form.

Answers for: samples only. Must not know: anything. The ids are well-formed and name nothing.
"""

from __future__ import annotations

from typing import Any, Final

BINDING_ID: Final = "bnd_069iu6js01tjp6iu9knooodns0001jjvbg2g0"
CALL_ID: Final = "call_069iu6js01tjp6iu9knooodns0001jjvbg2g0"
GROUP_ID: Final = "grp_069iu6js01tjp6iu9knooodns0001jjvbg2g0"
PBX_ID: Final = "pbx_069iu6js01tjp6iu9knooodns0"
LABEL: Final = "收貨人 陳O美 0900-000000#5678 台北市大安區敦化南路1段111號"

CREATE: Final[dict[str, Any]] = {
    "order_id": "TW-20231109-001",
    "recipient": {"name": "陳小美", "phone": "0912-345-678", "address": "台北市大安區敦化南路1段111號"},
    "pool": "default",
    "expires_in": 5184000,
    "waybill": "H123",
    "metadata": {"配送時段": "上午"},
}
BINDING: Final[dict[str, Any]] = {
    "id": BINDING_ID,
    "order_id": "TW-20231109-001",
    "status": "active",
    "masked_number": "0900-000000#5678",
    "virtual_number": "+886900000000",
    "extension": "5678",
    "tel_uri": "tel:+886900000000;ext=5678",
    "dial_uri": "tel:+886900000000,,5678",
    "recipient": {"name": "陳O美", "address": "台北市大安區敦化南路1段111號"},
    "label": LABEL,
    "waybill": "H123",
    "metadata": {"配送時段": "上午"},
    "created_at": "2026-11-24T02:00:00Z",
    "expires_at": "2027-01-23T02:00:00Z",
    "delivered_at": None,
    "reopened_from": None,
    "rekeyed_at": None,
    "call_rules": None,
    "warnings": [],
}
CHANGE: Final[dict[str, Any]] = {
    "recipient": {"address": "新北市板橋區縣民大道2段7號"},
    "waybill": None,
    "call_rules": {"access": "assigned", "directions": None},
}
CALL_SETTINGS: Final[dict[str, Any]] = {
    "access": "enrolled",
    "directions": "both",
    "ring_timeout_s": 30,
    "max_duration_s": 1800,
    "calls_per_day": 20,
    "quiet": "21:00-08:00",
    "quiet_exempt": False,
    "whisper": True,
}
CALL_SETTINGS_CHANGE: Final[dict[str, Any]] = {"access": "enrolled", "calls_per_day": 20, "quiet": "21:00-08:00"}
RESOLUTION: Final[dict[str, Any]] = {
    "binding_id": BINDING_ID,
    "order_id": "TW-20231109-001",
    "status": "active",
    "recipient": {"name": "陳O美"},
    "dial_uri": "tel:+886900000000,,5678",
}
CALL: Final[dict[str, Any]] = {
    "id": CALL_ID,
    "pbx_call_id": "c-1",
    "pbx_id": PBX_ID,
    "binding_id": BINDING_ID,
    "direction": "to_recipient",
    "outcome": "completed",
    "caller": {"last3": "321"},
    "tries_used": 0,
    "virtual_number": "+886900000000",
    "party": "recipient",
    "group": GROUP_ID,
    "cause": "normal_clearing",
    "ended_by": None,
    "started_at": "2026-11-24T03:00:00.120Z",
    "asked_at": "2026-11-24T03:00:00.120Z",
    "keyed_at": "2026-11-24T03:00:09Z",
    "connected_at": "2026-11-24T03:00:09Z",
    "ringing_at": "2026-11-24T03:00:11Z",
    "answered_at": "2026-11-24T03:00:15Z",
    "ended_at": "2026-11-24T03:00:51Z",
    "duration_s": 36,
    "trace": [
        {"step": "line", "found": "found"},
        {"step": "digits", "found": "keyed"},
        {"step": "binding", "found": "active"},
    ],
}
CALLS_CSV: Final = '"id","group","virtual_number"\r\n"call_…","grp_…","0900-000000"\r\n'
TAP: Final[dict[str, Any]] = {"masked_number": "0900-000000#5678", "caller": "0987-654-321"}
PASS: Final[dict[str, Any]] = {"dial_uri": "tel:+886900000000", "expires_at": "2026-11-24T03:03:00Z"}
CALL_LINK: Final[dict[str, Any]] = {
    "url": "https://mask.example.com/c/AZNzi8AAfGdlqmPv1-4yngAAzomgRIABBRQeKDI8RlBaZG54goyWoKo0",
    "expires_at": "2027-01-23T02:00:00Z",
}
DRY_RUN: Final[dict[str, Any]] = {"from": "+886987654321", "to": "+886900000000", "digits": "5678"}
DRY_RUN_ANSWER: Final[dict[str, Any]] = {
    "decision": {"action": "connect", "binding_id": BINDING_ID, "party": "recipient", "caller_id": "+886900000000"},
    "direction": "to_recipient",
    "trace": [
        {"step": "line", "found": "found"},
        {"step": "digits", "found": "keyed"},
        {"step": "binding", "found": "active"},
    ],
}
HOOK_SET: Final[dict[str, Any]] = {"url": "https://hooks.example.com/before-connect", "on_failure": "connect"}
HOOK: Final[dict[str, Any]] = {
    "kind": "before_connect",
    "url": "https://hooks.example.com/before-connect",
    "on_failure": "connect",
    "changed_at": "2026-11-24T02:00:00Z",
}
HOOK_TRIAL: Final[dict[str, Any]] = {"verdict": "allowed", "failure": None, "status": 204, "duration_ms": 48}
PBX_CALL: Final[dict[str, Any]] = {"call_id": "c-1", "from": "+886987654321", "to": "+886900000000", "digits": None}
PBX_ANSWER: Final[dict[str, Any]] = {
    "call_id": "c-1",
    "action": "gather",
    "prompt": {
        "id": "enter_extension",
        "language": "zh-TW",
        "text": "您好，請輸入包裹標籤上的分機號碼，輸入後請按井字鍵。",
    },
    "gather": {"max_digits": 4, "finish_on_key": "#", "timeout_s": 8, "attempts_left": 3},
}
PBX_EVENT: Final[dict[str, Any]] = {
    "call_id": "c-1",
    "to": "+886900000000",
    "event": "completed",
    "at": "2026-11-24T03:00:51Z",
    "duration_s": 36,
}

COURIER_ID: Final = "cou_069iu6js01tjp6iu9knooodns0"
NEW_COURIER: Final[dict[str, Any]] = {
    "name": "王大明",
    "carrier": "黑貓宅急便",
    "phones": ["0987-654-321"],
    "pin": "auto",
}
COURIER: Final[dict[str, Any]] = {
    "id": COURIER_ID,
    "name": "王O明",
    "carrier": "黑貓宅急便",
    "phones": [{"last3": "321"}],
    "has_pin": True,
    "created_at": "2026-11-24T02:00:00Z",
}
COURIER_WITH_PIN: Final[dict[str, Any]] = {**COURIER, "pin": "508216"}
IMPORTED: Final[list[dict[str, Any]]] = [
    {"index": 0, "status": 201, "courier": COURIER_WITH_PIN},
    {
        "index": 1,
        "status": 409,
        "problem": {
            "type": "urn:maskservice:problem:pin_taken",
            "title": "The PIN is taken",
            "status": 409,
            "detail": "Another courier of this tenant has this PIN. Take another, or 'auto'.",
            "code": "pin_taken",
        },
    },
]
ROSTER_CSV: Final = "姓名,物流商,電話,密碼\n王大明,黑貓宅急便,0987-654-321;0955-000-111,auto\n"
ASSIGN: Final[dict[str, Any]] = {"couriers": [COURIER_ID]}
ASSIGNED: Final[dict[str, Any]] = {"binding_id": BINDING_ID, "couriers": [COURIER_ID]}
NEW_CALLER_RULE: Final[dict[str, Any]] = {"phone": "0955-000-111", "verdict": "block", "direction": "both"}
CALLER_RULE: Final[dict[str, Any]] = {
    "id": "rule_069iu6js01tjp6iu9knooodns0",
    "phone": {"last3": "111"},
    "binding_id": None,
    "to_recipient": "block",
    "to_courier": "block",
    "created_at": "2026-11-24T02:00:00Z",
}
