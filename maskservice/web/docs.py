"""The page that shows the API description; it works offline.

Answers for: the page and its Content-Security-Policy. Must not know: the description itself.
"""

from __future__ import annotations

from typing import Final

from apiflask import APIBlueprint
from flask import Response, make_response, render_template, url_for

bp = APIBlueprint("docs", __name__, enable_openapi=False)

# The policy that the vendored Swagger UI was checked under: web/static/swagger-ui/README.txt.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@bp.get("/docs")
def docs() -> Response:
    static_base = url_for("static", filename="swagger-ui/").rstrip("/")
    response = make_response(render_template("docs.html", spec_url=url_for("openapi.spec"), static_base=static_base))
    response.headers["Content-Security-Policy"] = POLICY
    return response
