"""A PBX's request as its dialect reads it, and which PBX it is from.

Answers for: the public URL never being taken from the request, and an unknown PBX being told what a wrong secret is
told. Must not know: a dialect's format, what is done with a call.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, request

from maskservice.services.pbxs import open_pbx
from maskservice.telephony import DIALECTS, Links, WebhookRequest, Written, likely_dialect
from maskservice.web.bodies import read_bytes
from maskservice.web.senders import Sender
from maskservice.web.wiring import ports, wiring

_PBX_ID: Final = re.compile(r"pbx_[0-9a-v]{26}")
# An unknown PBX is checked against this, which nobody knows: the same work, and the same 401 as for a wrong secret.
# Every dialect takes 32 bytes for a key.
_NOBODYS_SECRET: Final = secrets.token_bytes(32)


def read_webhook(pbx_id: str, what: str) -> WebhookRequest:
    """This request; ``what``: calls, events or whisper. Raises RequestEntityTooLarge.

    Its URL is the one that ``pbx setup`` gave out, with the query as it came: a path can be written in many ways and a
    ``Host`` by anybody, but a provider signs what was entered there.
    """
    links = links_of(pbx_id)
    query = request.environ.get("QUERY_STRING", "")
    return WebhookRequest(
        method=request.method,
        url=links.calls_url.removesuffix("calls") + what + (f"?{query}" if query else ""),
        headers=_headers(request.environ),
        query=tuple(request.args.items(multi=True)),
        body=read_bytes(),
    )


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """As WSGI hands them over (PEP 3333): those that came twice are one already, joined by commas."""
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-")] = environ[name]
    return headers


def links_of(pbx_id: str, *, leg: int = 1, recordings: str = "") -> Links:
    """Where this PBX asks and reports."""
    return Links.of(wiring().public_url, pbx_id, leg=leg, recordings=recordings)


def sender_of(pbx_id: str, webhook: WebhookRequest) -> Sender:
    """The PBX of this id as the database has it, whether or not the request is its own. Raises DatabaseUnavailable,
    KeyMissing; KeyError for a dialect, ValueError for a secret that an older version of the service does not know.
    """
    found = open_pbx(pbx_id, ports=ports()) if _PBX_ID.fullmatch(pbx_id) else None
    if found is None or not found.secrets:
        wiring().senders.forget(pbx_id)
    if found is None:
        return Sender(likely_dialect(webhook), (_NOBODYS_SECRET,))
    dialect = DIALECTS[found.dialect]
    keys = tuple(dialect.read_secret(text) for text in found.secrets)
    sender = Sender(dialect, keys or (_NOBODYS_SECRET,), found.recordings or "", found.revision)
    if keys:
        wiring().senders.keep(pbx_id, sender)
    return sender


def response_of(written: Written) -> Response:
    """What a dialect wrote. An answer without content has no type of one."""
    response = Response(written.body, status=written.status, content_type=written.content_type)
    if not written.body:
        del response.headers["Content-Type"]
    return response
