"""The API description: how a route is described beside its view, and what is added to all of it.

Answers for: OpenAPI 3.1, generated once, on the first question. Must not know: what a route does.
APIFlask walks the routes; component schemas are generated here in one pass, so that every shape has one name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from apiflask import APIFlask
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from maskservice.services.records import Scope
from maskservice.web.openapi_shapes import COMPONENTS, PATH_PARAMETERS
from maskservice.web.problems import BY_CODE, PROBLEM_JSON
from maskservice.web.schemas import Body

API_KEY: Final = "apiKey"
PBX_SIGNATURE: Final = "pbxSignature"
# Where each dialect signs; docs/pbx says how.
PBX_HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    PBX_SIGNATURE: (
        "webhook-signature",
        "native, Standard Webhooks: `v1,` + base64 of HMAC-SHA256 over `id.timestamp.body`.",
    ),
    "twilioSignature": ("X-Twilio-Signature", "twilio: HMAC over the URL and the sorted form."),
    "signalwireSignature": ("X-SignalWire-Signature", "signalwire: HMAC over the URL and the body or form."),
    "telnyxSignature": ("telnyx-signature-ed25519", "telnyx: Ed25519 over `timestamp|body`."),
    "plivoSignature": ("X-Plivo-Signature-V3", "plivo: HMAC-SHA256 over the URL, the sorted form and a nonce."),
    "jambonzSignature": ("Jambonz-Signature", "jambonz: HMAC-SHA256 over `timestamp.body`."),
    "bearerOfPbx": ("Authorization", "`Bearer`: vonage, a JWT with the body's hash; asterisk, kamailio: the secret."),
    "basicOfPbx": ("Authorization", "`Basic`: freeswitch, the secret as the password of any user."),
}
PBX_SIGNATURES: Final[Sequence[Mapping[str, Sequence[str]]]] = [{name: []} for name in PBX_HEADERS]
_REF: Final = "#/components/schemas/"

# What any authenticated route can answer, whatever it does.
ALWAYS: Final = (401, 403, 422, 500, 503)
WITH_BODY: Final = (400, 413, 415)

IDEMPOTENCY_KEY: Final[Mapping[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same body gives the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

SIGNATURE_HEADERS: Final[Sequence[Mapping[str, Any]]] = tuple(
    {"name": name, "in": "header", "description": f"Of `native`: {text}", "schema": {"type": "string"}}
    for name, text in (
        ("webhook-id", "names this request; the same for every time that it is sent again."),
        ("webhook-timestamp", "seconds since 1970, within five minutes of now."),
        ("webhook-signature", "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`."),
    )
)


@dataclass(frozen=True, slots=True)
class Answer:
    """``shape``: a schema, the type of one, or None for no content. ``more``: schemas by their other content types."""

    description: str
    shape: type[Any] | Mapping[str, Any] | None = None
    example: Any = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def describe(
    *,
    operation_id: str,
    summary: str,
    tag: str,
    answers: Mapping[int, Answer],
    problems: Sequence[int] = (),
    scope: Scope | None = None,
    description: str = "",
    body: type[BaseModel] | Mapping[str, Any] | None = None,
    body_example: Any = None,
    body_required: bool = True,
    more_bodies: Mapping[str, Mapping[str, Any]] | None = None,
    query: type[Body] | None = None,
    headers: Sequence[Mapping[str, Any]] = (),
    security: Sequence[Mapping[str, Sequence[str]]] | None = None,
) -> dict[str, Any]:
    """The arguments of ``blueprint.doc`` for a route. With ``scope`` the route takes an API key that has it."""
    refusals = (
        set(problems) | (set(ALWAYS) if scope is not None else set()) | (set(WITH_BODY) if body is not None else set())
    )
    responses: dict[str, Any] = {str(status): _answer(each) for status, each in answers.items()}
    responses |= {str(status): _problem(status) for status in sorted(refusals)}
    extras: dict[str, Any] = {"parameters": [*(query_parameters(query) if query else ()), *headers]}
    if body is not None:
        content: dict[str, Any] = {"schema": _schema(body)}
        if body_example is not None:
            content["example"] = body_example
        others = {kind: {"schema": dict(schema)} for kind, schema in (more_bodies or {}).items()}
        extras["requestBody"] = {"required": body_required, "content": {"application/json": content, **others}}
    needed: Any = [{API_KEY: [str(scope)]}] if scope is not None else security
    if needed is None:
        extras["security"] = []
    return {
        "operation_id": operation_id,
        "summary": summary,
        "description": description or None,
        "tags": [tag],
        "responses": responses,
        "security": needed,
        "extensions": extras,
    }


def query_parameters(model: type[Body]) -> Sequence[Mapping[str, Any]]:
    """The query's fields as OpenAPI parameters."""
    content = model.model_json_schema()
    required = content.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": shape.pop("description", ""),
            "schema": shape,
        }
        for name, shape in ((name, _without_null(shape)) for name, shape in content["properties"].items())
    ]


def _without_null(shape: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: what may be left out is simply not there."""
    kinds = [each for each in shape.get("anyOf", ()) if each.get("type") != "null"]
    plain = dict(kinds[0]) if kinds else dict(shape)
    plain.pop("title", None)
    return plain


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": answer.description,
        "headers": _headers({"X-Request-Id": "Names this request.", **answer.headers}),
    }
    if answer.shape is not None:
        content: dict[str, Any] = {"schema": _schema(answer.shape)}
        if answer.example is not None:
            content["example"] = answer.example
        others = {kind: {"schema": dict(schema)} for kind, schema in answer.more.items()}
        told["content"] = {answer.content_type: content, **others}
    return told


def _problem(status: int) -> dict[str, Any]:
    headers = {"X-Request-Id": "Names this request."}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "The scheme that is asked for."
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "Seconds."
    titles = [kind.title for kind, _ in BY_CODE.values() if kind.status == status]
    description = titles[0] if len(titles) == 1 else HTTPStatus(status).phrase
    schema = {"$ref": f"{_REF}Problem"}
    return {"description": description, "headers": _headers(headers), "content": {PROBLEM_JSON: {"schema": schema}}}


def _headers(texts: Mapping[str, str]) -> dict[str, Any]:
    kinds = {"Retry-After": {"type": "string", "pattern": "^[0-9]+$"}}
    return {name: {"description": text, "schema": kinds.get(name, {"type": "string"})} for name, text in texts.items()}


def _schema(shape: type[Any] | Mapping[str, Any]) -> dict[str, Any]:
    return dict(shape) if isinstance(shape, Mapping) else {"$ref": f"{_REF}{shape.__name__}"}


def component_schemas() -> dict[str, Any]:
    """Every shape that a route names, and every shape that those name, once."""
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (shape.__name__, "validation", TypeAdapter(shape)) for shape in COMPONENTS
    ]
    _, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REF + "{model}")
    found: dict[str, Any] = definitions["$defs"]
    return found


def complete(spec: dict[str, Any] | str) -> dict[str, Any] | str:
    """What APIFlask does not know of: components, the form of path parameters. ``spec`` is no text: we serve JSON."""
    if isinstance(spec, str):
        return spec
    spec.setdefault("components", {})["schemas"] = component_schemas()
    for path in spec["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter |= PATH_PARAMETERS[parameter["name"]]
            for response in operation["responses"].values():
                if not response.get("content"):
                    response.pop("content", None)
    return spec


def install(app: APIFlask) -> None:
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        JSON_SPEC_MIMETYPE="application/json",
        # The description is kept after the first question: the address that it was asked under must not stay in it.
        AUTO_SERVERS=False,
        SERVERS=[{"url": "/"}],
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_200_RESPONSE=False,
        DESCRIPTION=(
            "Logistics phone masking (物流隱碼): a virtual number with an extension is printed on the parcel in "
            "place of the recipient's phone. Problems are RFC 9457 documents with a stable `code`."
        ),
        TAGS=[
            {"name": "Bindings", "description": "An order's recipient ↔ a masked number."},
            {"name": "Labels", "description": "The recipient line, ready to print."},
            {"name": "Courier apps", "description": "Tap to call without ever holding the real number."},
            {"name": "Couriers", "description": "The roster, who is given to which binding, block and allow lists."},
            {"name": "PBX", "description": "What a PBX asks and reports, in its own dialect."},
            {"name": "Calls", "description": "One tap, what became of calls, and what would become of one."},
            {"name": "Hooks", "description": "A tenant's own server, asked before a connect and out of session."},
            {"name": "Operations", "description": "For those who run the service."},
        ],
        SECURITY_SCHEMES={
            API_KEY: {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, `msk_…`; each route names the scope it needs.",
            },
            **{
                name: {"type": "apiKey", "in": "header", "name": header, "description": text}
                for name, (header, text) in PBX_HEADERS.items()
            },
        },
    )
    app.spec_processor(complete)
