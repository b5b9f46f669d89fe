"""Calls of SIPp at a rate, and what became of them.

Answers for: a courier and a recipient started together, and what each was sent. Must not know: which PBX, what is asked
of it. SIPp's success says nothing of masking, so every message received is searched for the other side.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from tests.pbx.lab import Lab
from tests.pbx.service import NATIONAL_X, Order


@dataclass(frozen=True, slots=True)
class Heard:
    """``good``: answered and hung up. ``again``: INVITEs that were sent more than once. Times until the answer."""

    count: int
    good: int
    again: int
    median_ms: float
    slowest_ms: float
    leaks: int


def measured(lab: Lab, order: Order, *, rate: int, count: int) -> Heard:
    """``count`` calls of the order, ``rate`` a second, each answered and hung up after 0.1 s; no audio."""
    caller = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(100).hangs_up()
    called = lab.recipient(order).is_called().rings().answers().is_hung_up()
    lab.leave_by(called)
    waiting = lab.start(called, count=count, rate=rate)
    calling = lab.start(caller, count=count, rate=rate)
    try:
        heard = calling.ends()
        time.sleep(0.5)
    finally:
        calling.stop()
        waiting.stop()
    rung = type(heard)(0, waiting.folder)
    times = sorted(heard.answer_times_ms()) or [0.0]
    found = lab.leaked(rung.received, of=caller) + lab.leaked(heard.received, of=called)
    good = sum(message.startswith(b"SIP/2.0 200") and b"CSeq: 2 BYE" in message for message in heard.received)
    again = max(len(re.findall(rb"\nINVITE ", heard.raw)) - count, 0)
    return Heard(count, good, again, times[len(times) // 2], times[-1], len(found))
