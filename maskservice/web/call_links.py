"""A binding's call link for its platform: as an address to be sent, as a QR code to be printed.

Answers for: HTTP in, HTTP out; the address being made from the configured public one. Must not know: what a token is.
The page behind the link is ``call_page.py``.
"""

from __future__ import annotations

from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, jsonify

from maskservice.domain.ids import BindingId
from maskservice.services.call_links import CallLink, make_call_link
from maskservice.services.records import Scope
from maskservice.web import examples
from maskservice.web.auth import caller, requires
from maskservice.web.bodies import read_body
from maskservice.web.call_answers import CallLinkAnswer, call_link_answer
from maskservice.web.openapi import Answer, describe
from maskservice.web.qr_codes import PNG, SVG, qr_png, qr_svg
from maskservice.web.schemas_calls import CallLinkBody
from maskservice.web.wiring import ports, wiring

bp = APIBlueprint("call_links", __name__, url_prefix="/v1/bindings/<binding_id>")

_TITLE: Final = "聯絡物流士"


def _code(form: str, content_type: str, shape: dict[str, Any]) -> dict[str, Any]:
    return describe(
        operation_id=f"getCallLink{form.title()}",
        summary=f"Get the recipient's link as a QR code, {form.upper()}",
        description="For the slip inside the parcel. 409 `binding_not_live` for a binding that has ended.",
        tag="Labels",
        scope=Scope.LABELS_READ,
        answers={200: Answer("The QR code, black on white, with its quiet zone.", shape, content_type=content_type)},
        problems=(404, 409),
    )


@bp.post("/call-link")
@bp.doc(
    **describe(
        operation_id="makeCallLink",
        summary="Get the recipient's link to the courier",
        description=(
            "For a message to the recipient. The page behind it lets the phone that the recipient left reach this "
            "order's courier by dialling the virtual number alone, for 180 seconds a press. The link is the same every "
            "time, works while the binding is live, and holds no real number. 409 `binding_not_live` for a binding "
            "that has ended."
        ),
        tag="Calls",
        scope=Scope.CALLS_WRITE,
        body=CallLinkBody,
        body_required=False,
        answers={200: Answer("The link, and until when.", CallLinkAnswer, examples.CALL_LINK)},
        problems=(404, 409),
    )
)
@requires(Scope.CALLS_WRITE)
def make(binding_id: str) -> Response:
    place = BindingId.parse(binding_id)
    read_body(CallLinkBody, optional=True)
    link = make_call_link(caller().tenant, place, ports=ports())
    return jsonify(call_link_answer(_address(link), link.expires_at))


@bp.get("/call-link.svg")
@bp.doc(**_code("svg", SVG, {"type": "string"}))
@requires(Scope.LABELS_READ)
def svg(binding_id: str) -> Response:
    link = make_call_link(caller().tenant, BindingId.parse(binding_id), ports=ports())
    title = _TITLE if link.tail is None else f"{_TITLE}，訂單末四碼 {link.tail}"
    return Response(qr_svg(_address(link), title=title), content_type=SVG)


@bp.get("/call-link.png")
@bp.doc(**_code("png", PNG, {"type": "string", "contentMediaType": PNG}))
@requires(Scope.LABELS_READ)
def png(binding_id: str) -> Response:
    link = make_call_link(caller().tenant, BindingId.parse(binding_id), ports=ports())
    return Response(qr_png(_address(link)), content_type=PNG)


def _address(link: CallLink) -> str:
    return f"{wiring().public_url}/c/{link.token}"
