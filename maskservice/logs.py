"""Structured log lines: one JSON object a line, a request's id on each, and nothing that looks like a phone number.

Answers for: the form of every line, also of lines that libraries write, and the last net under the no-number rule.
Must not know: what is logged. The first net is that nobody logs a number; this one is for mistakes and libraries.
"""

from __future__ import annotations

import logging
import re
import sys
import unicodedata
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# A digit, also of another script or percent-encoded, full width too.
_DIGIT = r"(?:\d|%3[0-9]|%EF%BC%9[0-9])"
# What people, and encoders, put between two of them.
_SEPARATOR = (
    r"(?:[\s\xa0\u2000-\u200d\u3000\-‐-―−－ー._/\\()（）+＋·•,，、;:|~*'\"]"
    r"|%(?:2[0-9A-F]|0[0-9A-F]|3[AB]|5F|7[CE]|E3%80%80|C2%A0)){0,4}"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_TOKEN = re.compile(
    # Ours, with long digits by nature: ids in base32hex of their one length, UUIDs and other hex, times, addresses.
    r"(?P<own>(?<![0-9A-Za-z_])[a-z]{2,5}_(?:[0-9a-v]{26}|[0-9a-v]{37})(?![0-9A-Za-z_])"
    r"|(?<![0-9A-Za-z])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=\d*[a-f])[0-9a-f]{24,64})"
    r"(?![0-9A-Za-z])"
    r"|(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,6})?)?(?:Z|[+-][01]\d:?[0-5]\d)?)?(?!\d)"
    rf"|(?<![\d.]){_OCTET}(?:\.{_OCTET}){{3}}(?::\d{{1,5}})?(?![\d.]))"
    # Seven or more digits, however they are spaced and whatever stands around them.
    rf"|(?P<number>{_DIGIT}(?:{_SEPARATOR}{_DIGIT}){{6,}})",
    re.IGNORECASE | re.ASCII,
)
# Decimal digits of other scripts are not ASCII's \d: they become it before anything is looked for.
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
# In our random hex one in a thousand holds this by chance: there it is cut for nothing, and here it is not let through.
_A_MOBILE = re.compile(r"09\d{8}|8869\d{8}")
# These are ours, hold no text from outside that was not looked at, and have long digits by nature.
_OWN_FIELDS = frozenset({"timestamp", "duration_ms", "pid", "line", "request_id"})


def redact(text: str) -> str:
    """The text with whatever may be a phone number cut to its last three digits: seven digits and more, of any script,
    percent-encoded or not, with separators between them and letters around them. Ids of ours, UUIDs, ISO 8601 times and
    IPv4 addresses pass."""
    if not text.isascii():
        text = _OTHER_DIGIT.sub(lambda found: str(unicodedata.digit(found.group())), text)
    return _TOKEN.sub(_cut, text)


def looks_like_a_number(text: str) -> bool:
    """Whether :func:`redact` would cut something from it."""
    return redact(text) != text


def _cut(found: re.Match[str]) -> str:
    whole = found.group()
    if found["own"] is not None and not _A_MOBILE.search(whole):
        return whole
    digits = re.sub(r"%EF%BC%9([0-9])|%3([0-9])|%[0-9A-F]{2}|\D", r"\1\2", whole, flags=re.IGNORECASE)
    return "•••" + digits[-3:]


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 10**7:
        return redact(f"{value:.0f}")
    if isinstance(value, dict):
        return {_redacted(key): _redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(each) for each in value]
    return value if isinstance(value, int | float | bool | None) else redact(str(value))


def redact_numbers(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001 -- structlog's signature
    """A structlog processor."""
    return {key: value if key in _OWN_FIELDS else _redacted(value) for key, value in event.items()}


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Tracebacks without local variables: those could hold a number.
        structlog.processors.format_exc_info,
        redact_numbers,
    ]


def line_handler(form: str = "json", stream: TextIO | None = None) -> logging.Handler:
    """A handler that writes every line in our form, also those of libraries; gunicorn's configuration names it too."""
    last: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    )
    lines = logging.StreamHandler(stream or sys.stderr)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_shared()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    return lines


def configure_logging(
    *, level: str = "INFO", form: Literal["json", "console"] = "json", stream: TextIO | None = None
) -> None:
    """Sends our own lines and those of libraries to ``stream`` (standard error), in one form."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [line_handler(form, stream)]
    root.setLevel(level)
    # Chatty at DEBUG and full of statements or addresses; their warnings still come through.
    for name in ("sqlalchemy", "alembic", "httpx", "httpcore", "asyncio", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
