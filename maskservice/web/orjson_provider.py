"""JSON answers by orjson (libraries.md: a list of 100 in 52 µs instead of 173).

Answers for: Flask's JSON provider. Must not know: what is answered.
"""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response
from flask.json.provider import JSONProvider


class OrjsonProvider(JSONProvider):
    """UTF-8 without escapes, keys in the order they were written."""

    mimetype = "application/json"

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        content = orjson.dumps(self._prepare_response_obj(args, kwargs), option=orjson.OPT_NON_STR_KEYS)
        return Response(content, mimetype=self.mimetype)
