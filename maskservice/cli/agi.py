"""``agi``: the FastAGI entrance, a process of its own beside ``serve``.

Answers for: putting the use cases behind the entrance. Must not know: AGI's words, how a call is decided.
"""

from __future__ import annotations

from dataclasses import asdict

import click
import structlog
from apiflask import APIFlask

from maskservice.agi import Entrance
from maskservice.agi import serve as serve_agi
from maskservice.app import create_app
from maskservice.cli.opening import close_app, wiring_of
from maskservice.cli.output import examples, note
from maskservice.domain.call import Answer, InboundCall, Outcome
from maskservice.domain.errors import SignatureInvalid
from maskservice.services.call_events import CallReport, Side, report_call
from maskservice.services.calls import Webhook, route_call
from maskservice.services.pbxs import open_pbx
from maskservice.settings import Settings
from maskservice.telephony.asterisk import ASTERISK
from maskservice.telephony.dialect import CallEvent
from maskservice.telephony.shared_secret import require_bearer

_log = structlog.get_logger("maskservice.agi")
_DEFAULT_BIND = "127.0.0.1:4573"


@click.command(
    epilog=examples(
        "maskservice agi                                  # on 127.0.0.1:4573, for an Asterisk on this machine",
        "maskservice agi --bind 10.8.0.5:4573 --recorded  # inside a VPN, with our sound files on the PBX",
    )
)
@click.option("--bind", default=_DEFAULT_BIND, show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option("--recorded", is_flag=True, help="The prompts lie on the PBX as sound files; otherwise it beeps.")
def agi(*, bind: str, recorded: bool) -> None:
    """Serve Asterisk over FastAGI; see docs/pbx/asterisk.rst. AGI is not encrypted: loopback or a VPN only.

    SIGTERM or Ctrl-C ends it after the calls being asked.
    """
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("write HOST:PORT, for instance 127.0.0.1:4573", param_hint="--bind")
    app = create_app(Settings.load())
    try:
        serve_agi(
            entrance_of(app, recorded=recorded),
            host=host,
            port=int(port),
            listening=lambda bound: click.echo(f"Listening on agi://{host}:{bound}"),
        )
    except OSError as failure:
        raise click.ClickException(f"Cannot listen on {bind}: {failure.strerror}. Choose another --bind.") from None
    finally:
        close_app(app)
        note("Stopped.")


def entrance_of(app: APIFlask, *, recorded: bool) -> Entrance:
    """The use cases of ``app`` as the entrance asks for them; each call of them has an app context of its own."""
    ports = wiring_of(app).ports

    def admit(pbx_id: str, secret: str) -> bool:
        with app.app_context():
            found = open_pbx(pbx_id, ports=ports)
        if found is None or found.dialect != ASTERISK.name:
            return False
        try:
            require_bearer(b"Bearer " + secret.encode(), [ASTERISK.read_secret(text) for text in found.secrets])
        except SignatureInvalid:
            return False
        return True

    def route(pbx_id: str, webhook_id: str, call: InboundCall) -> Answer:
        with app.app_context():
            routed = route_call(Webhook(pbx_id, webhook_id, call), ports)
        for alarm in routed.alarms:
            _log.warning("guard_alarm", alarm=alarm, pool_id=routed.pool_id)
        for hooked in routed.hooked:
            _log.info("hook_asked", **asdict(hooked))
        return routed.answer

    def report(pbx_id: str, event: CallEvent) -> None:
        if event.event is None or event.virtual_number is None:
            return
        with app.app_context():
            report_call(
                CallReport(
                    pbx_id=pbx_id,
                    pbx_call_id=event.pbx_call_id,
                    virtual_number=event.virtual_number,
                    kind=Outcome(event.event),
                    at=event.at,
                    duration_s=event.duration_s,
                    side=Side(event.side),
                    cause=event.cause,
                ),
                ports,
            )

    return Entrance(admit=admit, route=route, report=report, recorded=recorded)
