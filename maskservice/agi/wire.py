"""AGI on the wire: the environment that Asterisk opens with, commands, replies.

Answers for: reading both within bounds and writing a command that cannot become two. Must not know: what a call is.
Source: Asterisk 16's res_agi.c and what it sent in tests (pbx.md section 4). Nothing here ever repeats what was read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

LONGEST_LINE: Final = 2048
MOST_LINES: Final = 128
LONGEST_VALUE: Final = 1024
ENVIRONMENT_TIMEOUT_S: Final = 5.0

_VARIABLE: Final = re.compile(r"(agi_[a-z0-9_]{1,40}):(?: (.*))?")
_REPLY: Final = re.compile(r"([0-9]{3})([ -])(.*)")
_RESULT: Final = re.compile(r"result=([0-9*#A-Da-d-]*)(?: \(([^()]*)\))?(?: .*)?")
_OTHER_PAUSES: Final = frozenset("\x85\u2028\u2029")
_DEAD_CHANNEL: Final = "511"


class AgiBroken(Exception):
    """The other end does not speak AGI, fell silent or went away. The text says which, and nothing of what was sent."""


class CallerGone(Exception):
    """The caller hung up."""


@dataclass(frozen=True, slots=True, repr=False)
class Environment:
    """What Asterisk tells at the start. ``script`` is the path of the AGI URL, ``query`` its query, ``arguments`` what
    stands behind the URL in the dialplan. Its repr shows nothing: a caller's number and a secret are in it.
    """

    script: str
    query: Mapping[str, str]
    variables: Mapping[str, str]

    def argument(self, number: int) -> str:
        """The argument ``number``, from 1; '' for one that was not given."""
        return self.variables.get(f"agi_arg_{number}", "")

    def __repr__(self) -> str:
        return f"Environment({len(self.variables)} variables)"


@dataclass(frozen=True, slots=True)
class Reply:
    """``200 result=<result> (<remark>)``. What was keyed is in ``result``."""

    result: str = field(repr=False)
    remark: str = field(default="", repr=False)


def quoted(text: str) -> str:
    """An argument that stays one argument. Raises ValueError for control characters, which could end the line."""
    if not text.isprintable() or _OTHER_PAUSES & set(text):
        raise ValueError("an argument of AGI holds a control character")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class AgiWire:
    """One connection of Asterisk."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def environment(self) -> Environment:
        """Reads up to the empty line. Raises AgiBroken after 5 s, for more than 128 lines and for any line that is none
        of ``agi_name: value``.
        """
        variables: dict[str, str] = {}
        try:
            async with asyncio.timeout(ENVIRONMENT_TIMEOUT_S):
                for _ in range(MOST_LINES):
                    line = await self._line()
                    if not line:
                        return _environment(variables)
                    match = _VARIABLE.fullmatch(line)
                    if match is None:
                        raise AgiBroken("a line of the environment is no agi variable")
                    variables[match[1]] = (match[2] or "")[:LONGEST_VALUE]
        except TimeoutError:
            raise AgiBroken("the environment did not end in time") from None
        raise AgiBroken("the environment is too long")

    async def command(self, text: str, *, timeout_s: float) -> Reply:
        """Sends one command and reads its reply.

        Raises CallerGone when the channel is dead or the result is -1, AgiBroken for any other failure, silence of
        ``timeout_s`` included.
        """
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(f"{text}\n".encode())
                await self._writer.drain()
                return await self._reply()
        except TimeoutError:
            raise AgiBroken("a command was not answered in time") from None
        except ConnectionError:
            raise AgiBroken("the connection was lost") from None

    async def _reply(self) -> Reply:
        for _ in range(MOST_LINES):
            line = await self._line()
            if line == "HANGUP":
                # Comes by itself, before the reply to whatever is under way.
                raise CallerGone
            match = _REPLY.fullmatch(line)
            if match is None:
                raise AgiBroken("a reply cannot be read")
            code, mark, rest = match.groups()
            if code == _DEAD_CHANNEL:
                raise CallerGone
            if code == "100" or mark == "-":
                continue  # "100 Trying", or a line of the usage text that ends with "520 End of proper usage."
            if code != "200":
                raise AgiBroken("a command was refused")
            result = _RESULT.fullmatch(rest)
            if result is None:
                raise AgiBroken("a result cannot be read")
            if result[1] == "-1":
                raise CallerGone
            return Reply(result[1], result[2] or "")
        raise AgiBroken("a reply has no end")

    async def _line(self) -> str:
        try:
            raw = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise AgiBroken("the connection was closed") from None
        except asyncio.LimitOverrunError:
            raise AgiBroken("a line is too long") from None
        except ConnectionError:
            raise AgiBroken("the connection was lost") from None
        return raw.decode("utf-8", errors="replace").rstrip("\r\n")


def _environment(variables: Mapping[str, str]) -> Environment:
    script, _, query = variables.get("agi_network_script", "").partition("?")
    try:
        fields = parse_qsl(query, max_num_fields=8)
    except ValueError:
        raise AgiBroken("the query of the AGI URL is too long") from None
    return Environment(script.strip("/"), dict(fields), variables)
