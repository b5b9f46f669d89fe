"""Every refusal is a problem, every problem is in the table and in the docs, and nothing inside shows."""

from __future__ import annotations

import ast
import importlib
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Response

import maskservice
from maskservice.domain import errors
from maskservice.domain.errors import (
    DatabaseNotMigrated,
    DatabaseUnavailable,
    KeyMissing,
    MaskServiceError,
    PoolExhausted,
    SealBroken,
)
from maskservice.domain.phone import REFUSALS, WARNINGS
from maskservice.web.problems import BY_CLASS, BY_CODE, kind_of
from maskservice.web.schemas import FIELD_CODES
from tests.web.conftest import Site, order

DOCS = (Path(__file__).parents[2] / "docs" / "problems.rst").read_text("utf-8")
DOCUMENTED = set(re.findall(r"\* - ``([a-z0-9_]+)``", DOCS))


def tree(root: type[MaskServiceError] = MaskServiceError) -> Iterator[type[MaskServiceError]]:
    yield root
    for each in root.__subclasses__():
        yield from tree(each)


def every_class() -> list[type[MaskServiceError]]:
    for module in pkgutil.walk_packages(maskservice.__path__, "maskservice."):
        if not re.search(r"__main__|migrations", module.name):
            importlib.import_module(module.name)
    return [each for each in tree() if each.__module__.startswith("maskservice.")]


def test_every_class_of_the_tree_is_in_the_table() -> None:
    found = every_class()
    assert len(found) > 20
    assert [each.__name__ for each in found if each not in BY_CLASS] == []


def test_the_tree_has_one_place() -> None:
    assert {each.__module__ for each in every_class()} == {errors.__name__}


def test_every_code_is_in_the_docs() -> None:
    codes = {each.code for each in every_class()} | set(BY_CODE) | set(FIELD_CODES) | set(REFUSALS) | set(WARNINGS)
    assert codes - DOCUMENTED == set()


def test_every_field_code_in_the_code_is_in_the_docs() -> None:
    """The second argument of every FieldError that is written out."""
    calls = [
        node
        for path in Path(maskservice.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "FieldError" and len(node.args) > 1
    ]
    codes = {each.args[1].value for each in calls if isinstance(each.args[1], ast.Constant)}
    assert len(codes) > 5
    assert codes - DOCUMENTED == set()


def test_the_docs_name_no_code_that_is_gone() -> None:
    codes = {each.code for each in every_class()} | set(BY_CODE) | set(FIELD_CODES) | set(REFUSALS) | set(WARNINGS)
    assert DOCUMENTED - codes == {
        "unknown_pool", "invalid_name", "unknown_courier", "column_missing", "csv_unreadable", "encoding_unknown",
        "number_in_carrier", "phone_or_pin_required", "pin_invalid", "pin_trivial", "unknown_language", "invalid_url",
        "not_used", "number_in_url",
    }  # fmt: skip


def test_a_class_that_is_not_in_the_table_is_answered_like_the_one_above_it() -> None:
    class Stranger(errors.Conflict):
        pass

    assert kind_of(Stranger()) == BY_CLASS[errors.Conflict]
    del Stranger


def shape(answer: Response) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json(force=True)
    assert {"type", "title", "status", "detail", "code", "request_id"} <= problem.keys()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:maskservice:problem:{problem['code']}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, problem["code"]


@pytest.mark.parametrize(
    ("method", "path", "more", "expected"),
    [
        ("GET", "/nothing-here", {}, (404, "route_not_found")),
        ("GET", "/v1/bindings/", {}, (404, "route_not_found")),
        ("GET", "/v1//bindings", {}, (404, "route_not_found")),
        ("PUT", "/v1/bindings", {}, (405, "method_not_allowed")),
        ("OPTIONS", "/v1/bindings", {}, (405, "method_not_allowed")),
        ("BREW", "/v1/bindings", {}, (405, "method_not_allowed")),
        ("GET", "/static/nothing.js", {}, (404, "route_not_found")),
        ("GET", "/static/../__init__.py", {}, (404, "route_not_found")),
        ("POST", "/v1/bindings", {"data": b"{}"}, (415, "unsupported_media_type")),
        (
            "POST",
            "/v1/bindings",
            {"data": b"a=1", "content_type": "application/x-www-form-urlencoded"},
            (415, "unsupported_media_type"),
        ),
        (
            "POST",
            "/v1/bindings",
            {"data": b"{}", "content_type": "application/json; charset=big5"},
            (415, "unsupported_media_type"),
        ),
        ("POST", "/v1/bindings", {"data": b"{", "content_type": "application/json"}, (400, "malformed_json")),
        ("POST", "/v1/bindings", {"data": b"", "content_type": "application/json"}, (400, "malformed_json")),
        (
            "POST",
            "/v1/bindings",
            {"data": b'{"order_id": NaN}', "content_type": "application/json"},
            (400, "malformed_json"),
        ),
        (
            "POST",
            "/v1/bindings",
            {"data": b'{"order_id": "\\ud800"}', "content_type": "application/json"},
            (400, "malformed_json"),
        ),
        (
            "POST",
            "/v1/bindings",
            {"data": b'{"order_id": "\xa4\xa4"}', "content_type": "application/json"},
            (400, "malformed_json"),
        ),
        ("POST", "/v1/bindings", {"data": b"[" * 5000, "content_type": "application/json"}, (400, "malformed_json")),
        ("POST", "/v1/bindings", {"data": b"[]", "content_type": "application/json"}, (422, "invalid_content")),
        ("POST", "/v1/bindings", {"data": b"null", "content_type": "application/json"}, (422, "invalid_content")),
        (
            "POST",
            "/v1/bindings",
            {"data": b"x" * 65537, "content_type": "application/json"},
            (413, "request_too_large"),
        ),
        ("GET", "/v1/bindings/bnd_nonsense", {}, (404, "not_found")),
        ("GET", "/v1/calls/call_nonsense", {}, (404, "not_found")),
        ("GET", "/v1/bindings?unheard=of", {}, (422, "invalid_content")),
        ("GET", "/v1/bindings/bnd_nonsense?unheard=of", {}, (422, "invalid_content")),
    ],
)
def test_whatever_http_brings_is_a_problem(
    site: Site, method: str, path: str, more: dict[str, object], expected: object
) -> None:
    assert shape(site.ask(method, path, **more)) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [(65_536, (400, "malformed_json")), (65_537, (413, "request_too_large")), (200_000, (413, "request_too_large"))],
)
def test_a_chunked_body_is_measured_too(site: Site, size: int, expected: object) -> None:
    chunked = {"wsgi.input": io.BytesIO(b"x" * size), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = site.ask("POST", "/v1/bindings", content_type="application/json", environ_overrides=chunked)
    assert shape(answer) == expected


def test_utf_8_may_be_said(site: Site) -> None:
    answer = site.ask("POST", "/v1/bindings", data=b"{}", content_type='application/json; charset="UTF-8"')
    assert answer.status_code == 422


def test_a_method_that_is_not_taken_is_told_which_are(site: Site) -> None:
    assert "POST" in site.ask("PUT", "/v1/bindings").headers["Allow"]


@pytest.mark.parametrize(
    ("failure", "expected", "retry_after"),
    [
        (DatabaseUnavailable("The database is away."), (503, "database_unavailable"), "2"),
        (DatabaseNotMigrated("Run 'maskservice init'."), (503, "database_not_migrated"), "10"),
        (KeyMissing("kek_1"), (503, "key_missing"), "10"),
        (PoolExhausted(), (503, "pool_exhausted"), "60"),
        (SealBroken("secret inside"), (500, "seal_broken"), None),
        (RuntimeError("0912345678 secret inside"), (500, "internal_error"), None),
    ],
)
def test_what_fails_inside_is_told_without_what_is_inside(
    site: Site, logged: io.StringIO, failure: Exception, expected: object, retry_after: str | None
) -> None:
    site.units.failure = failure
    answer = site.ask("POST", "/v1/bindings", order())
    assert shape(answer) == expected
    assert answer.headers.get("Retry-After") == retry_after
    assert answer.json["request_id"] in logged.getvalue()
    for text in (answer.text, logged.getvalue()):
        assert "secret inside" not in text
        assert "0912345678" not in text
        assert "Traceback" not in text


def test_a_rejected_value_is_never_repeated(site: Site) -> None:
    secret = "0912345678"
    body = {
        "order_id": [secret],
        "recipient": {"name": {"x": secret}, "phone": f"{secret}#12", "address": int(secret[1:]), secret: 1},
        "pool": secret * 9,
        "expires_at": secret,
        "metadata": [secret],
        f"phone {secret}": secret,
    }
    answer = site.ask("POST", "/v1/bindings", body)
    assert answer.status_code == 422
    assert secret not in answer.text
    assert secret[1:] not in answer.text
    pointers = {each["pointer"]: each["code"] for each in answer.json["errors"]}
    assert pointers["/recipient/phone"] == "mobile_with_extension"
    assert {
        "/order_id",
        "/recipient/name",
        "/recipient/address",
        "/recipient",
        "/pool",
        "/expires_at",
        "/metadata",
        "",
    } <= set(pointers)
