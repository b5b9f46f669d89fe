"""A PBX of a hundred lines, in Python alone (PyPI ``sippy``): the light stand-in where no PBX can be installed.

Answers for: what anybody's adapter does, asking in the native dialect with Standard Webhooks, placing a second call
that shows X, reporting the end. Must not know: the service's inside, media: SDP goes straight from phone to phone.
Run as a program of its own, since sippy's loop is its process's: ``python -m tests.pbx.b2bua PLAN``, PLAN as JSON.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx
from sippy.CCEvents import CCEventDisconnect, CCEventFail, CCEventTry
from sippy.Core.EventDispatcher import ED2
from sippy.MsgBody import MsgBody
from sippy.SipAddress import SipAddress
from sippy.SipConf import SipConf
from sippy.SipContact import SipContact
from sippy.SipTransactionManager import SipTransactionManager
from sippy.SipURL import SipURL
from sippy.UA import UA
from standardwebhooks import Webhook

# In SDP a phone says who it is in the origin, the session's name and four lines nobody needs.
_TELLING = ((r"^o=\S+", "o=-"), (r"^s=.*$", "s=-"), (r"^[iuep]=.*\r?\n", ""))
_CAUSES = {486: "busy", 600: "busy", 603: "busy", 408: "no_answer", 480: "no_answer", 487: "no_answer"}


class Service:
    """The adapter's side of the native dialect. Each call of it blocks: it is for threads."""

    def __init__(self, url: str, secret: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=3.0, trust_env=False)
        self._webhook = Webhook(secret)

    def tell(self, what: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; None where there is none, which ends a call."""
        body, at, webhook_id = json.dumps(content), datetime.now(UTC), f"msg_{uuid.uuid4().hex}"
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(webhook_id, at, body),
        }
        try:
            answer = self._client.post(f"/{what}", content=body, headers=headers)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == 200 else None


class Call:
    """One call: the leg of the one who dialled, and the leg to the one who is reached."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self.caller = UA(switch.sippy, self.hears)
        self.caller.lContact = switch.contact()
        self._called: UA | None = None
        self._facts: dict[str, Any] = {}
        self._answered: float | None = None
        self._over = False

    def hears(self, event: Any, leg: UA) -> None:
        """Every event of either leg goes to the other, without what would tell who it was."""
        if leg is not self.caller:
            if isinstance(event, CCEventFail):
                self._ends(_CAUSES.get(event.getData()[0], "failed"))
                event = _refusal(event.getData()[0])
            self.caller.recvEvent(_without_names(event))
        elif self._called is not None:
            self._called.recvEvent(_without_names(event))
        elif isinstance(event, CCEventTry):
            self._asks(event)
        else:
            self._over = True

    def _asks(self, event: Any) -> None:
        _, caller, dialled, body, _, _ = event.getData()
        self._facts = {"call_id": uuid.uuid4().hex, "to": unquote(dialled)}
        asked = {**self._facts, "from": caller, "digits": None}

        def ask() -> None:
            answer = self._switch.service.tell("calls", asked)
            ED2.callFromThread(self._is_told, answer, body)

        threading.Thread(target=ask, daemon=True).start()

    def _is_told(self, answer: dict[str, Any] | None, body: Any) -> None:
        if self._over:
            return
        if answer is None or answer["action"] != "connect":
            # Nothing is played here: whoever keyed no extension is told what a wrong one is told.
            self.caller.recvEvent(_refusal(480 if answer else 503))
            return
        connect = answer["connect"]
        self._called = UA(
            self._switch.sippy,
            self.hears,
            nh_address=self._switch.carrier,
            credit_time=connect["max_duration_s"],
            expire_time=connect["ring_timeout_s"],
            conn_cbs=(lambda *_: self._is_answered(),),
            disc_cbs=(lambda *_: self._ends("completed" if self._answered else "canceled"),),
        )
        self._called.lContact = self._switch.contact()
        # A fresh Call-ID, and of the caller nothing: neither his number nor his name.
        tried = CCEventTry((None, connect["caller_id"], connect["to"], body, None, None))
        self._called.recvEvent(_without_names(tried))

    def _is_answered(self) -> None:
        self._answered = datetime.now(UTC).timestamp()
        self._reports("answered", None)

    def _ends(self, event: str) -> None:
        if not self._over:
            self._over = True
            talk = None if self._answered is None else int(datetime.now(UTC).timestamp() - self._answered)
            self._reports(event, talk)

    def _reports(self, event: str, duration_s: int | None) -> None:
        said = {**self._facts, "event": event, "at": datetime.now(UTC).isoformat(), "duration_s": duration_s}
        threading.Thread(target=self._switch.service.tell, args=("events", said), daemon=True).start()


class Switch:
    """The whole of it on one address and port."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.service = Service(plan["service"], plan["secret"])
        self.carrier = (plan["carrier"][0], plan["carrier"][1])
        self._place = (plan["address"], plan["port"])
        SipConf.my_uaname = "PBX"
        SipConf.my_address, SipConf.my_port = self._place
        self.sippy = {"_sip_address": plan["address"], "_sip_port": plan["port"], "_sip_logger": _Silent()}
        self.sippy["_sip_tm"] = SipTransactionManager(self.sippy, self._receives)

    def contact(self) -> SipContact:
        """sippy's own has no port and a name."""
        return SipContact(address=SipAddress(url=SipURL(username="pbx", host=self._place[0], port=self._place[1])))

    def _receives(self, request: Any, transaction: Any) -> Any:
        if request.getHFBody("to").getTag() is not None:
            return request.genResponse(481, "Call/Transaction Does Not Exist"), None, None
        if request.getMethod() == "INVITE":
            return Call(self).caller.recvRequest(request, transaction)
        return request.genResponse(405, "Method Not Allowed"), None, None


class _Silent:
    """sippy's own log holds every message, and so every number."""

    def write(self, *_: object, **__: object) -> None:
        """Nothing."""


def _refusal(status: int) -> CCEventFail:
    """Words of our own: a phone's may hold a name."""
    return CCEventFail((status, {486: "Busy Here", 480: "Temporarily Unavailable"}.get(status, "Unavailable")))


def _without_names(event: Any) -> Any:
    """The event with what its SDP says of the phone's owner taken out, and without a Reason."""
    event.reason_rfc3326 = None
    found = event.getData()
    if isinstance(event, CCEventDisconnect) or not isinstance(found, tuple):
        return event
    kept = []
    for part in found:
        if isinstance(part, MsgBody):
            text = str(part)
            for telling, instead in _TELLING:
                text = re.sub(telling, instead, text, flags=re.M)
            part = MsgBody(text)
        kept.append(part)
    event.data = tuple(kept)
    return event


if __name__ == "__main__":
    switch = Switch(json.loads(sys.argv[1]))
    print("ready", flush=True)
    ED2.loop()
