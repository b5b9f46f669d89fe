"""A PBX's request as its dialect reads it, and which PBX it is from.

Answers for: the public URL never being taken from the request, and an unknown PBX being told what a wrong secret is
told. Must not know: a dialect's format, what is done with a call.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from flask import Response, request

from maskservice.services.pbxs import open_pbx
from maskservice.telephony import DIALECTS, Dialect, Links, WebhookRequest, Written, likely_dialect
from maskservice.web.bodies import read_bytes
from maskservice.web.wiring import ports, wiring

_PBX_ID: Final = re.compile(r"pbx_[0-9a-v]{26}")
# An unknown PBX is checked against this, which nobody knows: the same work, and the same 401 as for a wrong secret.
# Every dialect takes 32 bytes for a key.
_NOBODYS_SECRET: Final = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Sender:
    """The PBX that a request names: how it speaks, the keys that it may have signed with, where its recordings lie."""

    dialect: Dialect
    keys: tuple[bytes, ...] = field(repr=False)
    recordings: str = ""

    def verify(self, webhook: WebhookRequest) -> str:
        """The webhook id of a request that this PBX signed. Raises SignatureInvalid."""
        return self.dialect.verify(webhook, secrets=self.keys, now=ports().clock.now())


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
        headers={name: ",".join(request.headers.getlist(name)) for name, _ in request.headers},
        query=tuple(request.args.items(multi=True)),
        body=read_bytes(),
    )


def links_of(pbx_id: str, *, leg: int = 1, recordings: str = "") -> Links:
    """Where this PBX asks and reports."""
    return Links.of(wiring().public_url, pbx_id, leg=leg, recordings=recordings)


def sender_of(pbx_id: str, webhook: WebhookRequest) -> Sender:
    """The PBX of this id, whether or not the request is its own. Raises DatabaseUnavailable, KeyMissing; KeyError for a
    dialect, ValueError for a secret that an older version of the service does not know.
    """
    found = open_pbx(pbx_id, ports=ports()) if _PBX_ID.fullmatch(pbx_id) else None
    dialect = likely_dialect(webhook) if found is None else DIALECTS[found.dialect]
    keys = () if found is None else tuple(dialect.read_secret(text) for text in found.secrets)
    return Sender(dialect, keys or (_NOBODYS_SECRET,), "" if found is None else found.recordings or "")


def response_of(written: Written) -> Response:
    """What a dialect wrote. An answer without content has no type of one."""
    response = Response(written.body, status=written.status, content_type=written.content_type)
    if not written.body:
        del response.headers["Content-Type"]
    return response
