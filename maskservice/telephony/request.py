"""A webhook as it came in: method, public URL, headers, query, body.

Answers for: reading these within bounds, and never showing what is in them. Must not know: a dialect, a web framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from pydantic_core import from_json

LARGEST_BODY: Final = 64 * 1024
MOST_FIELDS: Final = 200
LAST_LEG: Final = 99
LEG_PARAMETER: Final = "leg"

Fields = Sequence[tuple[str, str]]


class UnreadableBody(ValueError):
    """The body is not what the dialect is written in at all (for the native one: no JSON object). Says nothing of its
    content.
    """


@dataclass(frozen=True, slots=True, repr=False)
class WebhookRequest:
    """One request of a PBX.

    ``url`` is the public URL as the PBX called it, scheme and query included: most signatures cover it, so it has to be
    made of the configured public address and never of a ``Host`` header, which anybody may write.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    query: Fields
    body: bytes

    def __repr__(self) -> str:
        # URL, headers and body hold real numbers.
        return f"WebhookRequest({len(self.body)} bytes)"

    def header(self, name: str) -> str | None:
        """The value, whatever the case of its name; None when it is absent, empty, or there under two spellings."""
        found = [value for each, value in self.headers.items() if each.lower() == name.lower()]
        return (found[0] or None) if len(found) == 1 else None

    @property
    def is_form(self) -> bool:
        """The body says that it is ``application/x-www-form-urlencoded``."""
        return _media_type(self.header("Content-Type")) == "application/x-www-form-urlencoded"

    @property
    def leg(self) -> int:
        """Which leg of its call this is, 1 to 99, as our own answers write it into the URL they ask to be called at."""
        text = single(self.query, LEG_PARAMETER) or ""
        known = text.isascii() and text.isdecimal() and len(text) <= 2 and 1 <= int(text) <= LAST_LEG
        return int(text) if known else 1

    def form(self) -> Fields:
        """The fields of a form body in order, empty ones kept. Raises UnreadableBody for any other body, for more than
        64 KiB and for more than 200 fields.
        """
        fields = None
        if self.is_form and len(self.body) <= LARGEST_BODY:
            try:
                fields = parse_qsl(
                    self.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
                )
            except ValueError:
                fields = None
        if fields is None:
            # Raised here, so that no decoding error, which holds a piece of the body, hangs on it.
            raise UnreadableBody("The body is no form of at most 64 KiB and 200 fields.")
        return tuple(fields)

    def json_object(self) -> Mapping[str, object]:
        """The body as a JSON object. Raises UnreadableBody for any other body and for more than 64 KiB."""
        read: object = None
        if len(self.body) <= LARGEST_BODY:
            try:
                read = from_json(self.body)
            except ValueError:
                read = None
        if not isinstance(read, dict):
            raise UnreadableBody("The body is no JSON object of at most 64 KiB.")
        return read


def single(fields: Fields, name: str) -> str | None:
    """The one value of a field; None when it is absent or came twice, since then nobody can say which counts."""
    found = [value for each, value in fields if each == name]
    return found[0] if len(found) == 1 else None


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
