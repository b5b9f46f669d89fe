"""What mod_httapi posts, written as ``switch_event_build_param_string`` writes it with the profile of ``setup``.

Synthetic: FreeSWITCH is in no Debian suite and was never run; after the sources that telephony/freeswitch.py names.
"""

from __future__ import annotations

from dataclasses import replace

from maskservice.telephony import freeswitch_words as words
from maskservice.telephony.request import WebhookRequest
from tests.telephony.webhooks import FORM, LINKS, TOKEN, freeswitch_headers, request

UUID = "2b8e1c1e-9d0b-4c5e-8d2b-0f6d0c5f3a11"
FIRST = (
    f"session_id={UUID}&Caller-Caller-ID-Number=0987654321&Caller-Destination-Number=0900000000"
    "&Caller-Privacy-Hide-Number=false"
)
AFTER_BRIDGE = (
    f"session_id={UUID}&mask_x=%2B886900000000&Caller-Caller-ID-Number=0987654321"
    "&Caller-Destination-Number=connect&Caller-Privacy-Hide-Number=false"
)
WORDS = {
    "dispo": words.DISPOSITION,
    "failed": words.FAILED_CAUSE,
    "last": words.LAST_BRIDGE_CAUSE,
    "bridge": words.BRIDGE_CAUSE,
    "hangup": words.HANGUP_CAUSE,
    "q850": words.HANGUP_Q850,
    "from": words.BRIDGED_AT,
    "until": words.ENDED_AT,
    "exiting": words.EXITING,
}


def asked(body: str | bytes, *, leg: int = 1, what: str = "calls") -> WebhookRequest:
    url = (LINKS.calls_url if what == "calls" else LINKS.events_url) + (f"?leg={leg}" if leg > 1 else "")
    unsigned = request(url, body if isinstance(body, bytes) else body.encode(), {"Content-Type": FORM})
    return replace(unsigned, headers={**unsigned.headers, **freeswitch_headers(unsigned, TOKEN)})


def reported(said: str) -> str:
    pairs = (each.split("=") for each in said.split())
    return "&".join([AFTER_BRIDGE, *(f"{WORDS[name]}={value}" for name, value in pairs)])
