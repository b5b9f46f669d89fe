"""The FastAGI entrance before the real services, as a process of its own: ``python -m tests.pbx.agi_process``.

Answers for: the three functions that :class:`maskservice.agi.Entrance` asks for. Prints its port.
"""

from __future__ import annotations

from apiflask import APIFlask

from maskservice.agi import Entrance, serve
from maskservice.app import create_app
from maskservice.domain.call import Answer, InboundCall
from maskservice.domain.errors import SignatureInvalid
from maskservice.services.calls import Webhook, route_call
from maskservice.services.pbxs import open_secrets
from maskservice.services.ports import Ports
from maskservice.telephony.asterisk import require_bearer
from maskservice.telephony.dialect import CallEvent
from tests.pbx.service_app import report


def entrance_of(app: APIFlask) -> Entrance:
    ports: Ports = app.extensions["maskservice"].ports

    def admit(pbx_id: str, secret: str) -> bool:
        with app.app_context():
            known = open_secrets(pbx_id, ports=ports)
        try:
            require_bearer(b"Bearer " + secret.encode(), known)
        except SignatureInvalid:
            return False
        return True

    def route(pbx_id: str, webhook_id: str, call: InboundCall) -> Answer:
        with app.app_context():
            return route_call(Webhook(pbx_id, webhook_id, call), ports).answer

    def note(pbx_id: str, event: CallEvent) -> None:
        with app.app_context():
            report(pbx_id, event, ports)

    return Entrance(admit=admit, route=route, report=note, recorded=True)


if __name__ == "__main__":
    serve(entrance_of(create_app()), port=0, listening=lambda port: print(port, flush=True))
