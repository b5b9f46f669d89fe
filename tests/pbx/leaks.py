"""Is anything of one side in what the other side received? A search in every form that was ever seen to carry a number.

Answers for: the forms of a number, and how an address or a port is told from chance digits. Must not know: SIP tools.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

# What people and machines put between digits.
_SEPARATORS = re.compile(rb"[-. ()/]")


@dataclass(frozen=True, slots=True)
class Side:
    """What must not be known of one side: numbers in E.164, display names, IP addresses, ports (SIP and RTP)."""

    numbers: tuple[str, ...]
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


def leaks(messages: Iterable[bytes], of: Side) -> list[str]:
    """What was found, each as ``form in first line of the message``; empty when the messages are clean."""
    searches = list(_searches(of))
    found = []
    for message in messages:
        bare = _SEPARATORS.sub(b"", message)
        first = message.lstrip().split(b"\r\n", 1)[0].decode("utf-8", errors="replace")
        found += [
            f"{form} in {first!r}" for form, pattern in searches if pattern.search(message) or pattern.search(bare)
        ]
    return found


def written_forms(e164: str) -> dict[str, str]:
    """A number as it is usually written, without separators."""
    digits = e164.lstrip("+")
    forms = {"E.164": e164, "digits": digits, "00 prefix": f"00{digits}"}
    if digits.startswith("886"):
        # The rest without its 0 is part of all others, so that one of these always says where a number stands.
        forms |= {"national": f"0{digits[3:]}", "without 0": digits[3:]}
    return forms


def _searches(side: Side) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    for number in side.numbers:
        for form, text in written_forms(number).items():
            yield from _encodings(f"number ({form})", text)
    for name in side.names:
        yield from _encodings("name", name)
    for address in side.addresses:
        yield "address", re.compile(rb"(?<![0-9.])" + re.escape(address.encode()) + rb"(?![0-9])")
        yield "address, hex", re.compile(bytes(int(part) for part in address.split(".")).hex().encode(), re.IGNORECASE)
        yield from (
            each for each in _encodings("address", address) if each[0].endswith(("base64", "characters in hex"))
        )
    for port in side.ports:
        # Tags and branches are random letters and digits: a port stands alone.
        yield "port", re.compile(rb"(?<![0-9A-Za-z._-])" + str(port).encode() + rb"(?![0-9A-Za-z_-])")


def _encodings(what: str, text: str) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    raw = text.encode("utf-8")
    yield what, re.compile(re.escape(raw), re.IGNORECASE)
    yield f"{what}, percent", re.compile(re.escape("".join(f"%{byte:02x}" for byte in raw).encode()), re.IGNORECASE)
    yield f"{what}, percent", re.compile(re.escape(quote(text, safe="").encode()), re.IGNORECASE)
    yield f"{what}, characters in hex", re.compile(raw.hex().encode(), re.IGNORECASE)
    for each in _inside_base64(raw):
        yield f"{what}, base64", re.compile(re.escape(each))
    digits = text.lstrip("+")
    if digits.isdigit():
        yield f"{what}, backwards", re.compile(digits[::-1].encode())
        # As mobile networks store a number: the halves of each octet changed over, F where a digit is missing.
        even = digits + ("f" if len(digits) % 2 else "")
        pairs = "".join(even[index + 1] + even[index] for index in range(0, len(even), 2))
        yield f"{what}, reversed pairs", re.compile(pairs.encode(), re.IGNORECASE)


def _inside_base64(raw: bytes) -> set[bytes]:
    """The part of base64 that is the same whatever stands around ``raw``, at each of the three places it may begin."""
    forms = set()
    for before in range(3):
        padded = b"\0" * before + raw
        padded += b"\0" * (-len(padded) % 3)
        first, last = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(padded)[first:last])
    return {form for form in forms if len(form) >= 8}
