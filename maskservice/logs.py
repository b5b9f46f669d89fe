"""Structured log lines: one JSON object a line, a request's id on each, and nothing that looks like a phone number.

Answers for: the form of every line, also of lines that libraries write, and the last net under the no-number rule.
Must not know: what is logged. The first net is that nobody logs a number; this one is for mistakes and libraries.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Seven or more digits, however they are spaced, not inside a word: dates with a T and ids in base32 pass, phones do
# not.
_NUMBER = re.compile(r"(?<![0-9A-Za-z_+])(?:\+|００|\(?0|8)?[0-9０-９](?:[ \-().]?[0-9０-９]){6,14}(?![0-9A-Za-z_])")
# These are ours, hold no text from outside, and have long digits by nature.
_OWN_FIELDS = frozenset({"timestamp", "duration_ms", "pid", "line"})


def redact(text: str) -> str:
    """The text with whatever may be a phone number cut to its last three digits."""
    return _NUMBER.sub(lambda found: "•••" + found.group()[-3:], text)


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**7:
        return redact(str(value))
    if isinstance(value, dict):
        return {key: _redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
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
