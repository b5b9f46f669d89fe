"""The laboratory: a real Asterisk (or another switch), the real service, and phones made for one test each.

Answers for: playing a call between two phones and never giving back one that leaked. Must not know: what is tested.
"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.pbx.asterisk import (
    AGI_COURIER_IP,
    COURIER_IP,
    GOSSIP_COURIER_IP,
    LEAKY_COURIER_IP,
    PBX_IP,
    RECIPIENT_IP,
    Asterisk,
)
from tests.pbx.kamailio import Kamailio
from tests.pbx.leaks import Side, leaks
from tests.pbx.service import Order, Service
from tests.pbx.sipp import Phone, Running
from tests.pbx.stand_in import StandIn
from tests.pbx.traces import Played

# From the phone's address to the trunk of pjsip.conf that it comes in by.
ENTRANCES = {"http": COURIER_IP, "agi": AGI_COURIER_IP, "gossip": GOSSIP_COURIER_IP, "leaky": LEAKY_COURIER_IP}
_NUMBERS = itertools.count(1)
COURIER_NAME, RECIPIENT_NAME = "Wang Courier", "Mei Recipient"


@dataclass
class Lab:
    """``folder`` takes what the phones write. ``asterisk`` is whatever the calls go through; ``by_proxy``: a proxy."""

    asterisk: Asterisk | Kamailio | StandIn
    service: Service
    folder: Path
    by_proxy: bool = False
    _places: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def courier(self, *, by: str = "http", withheld: bool = False, number: str | None = None) -> Phone:
        number = number or f"+88698761{next(_NUMBERS):04d}"
        return Phone(ENTRANCES[by], number, COURIER_NAME, withheld=withheld, by_proxy=self.by_proxy)

    def order(self, *, order_id: str | None = None, recipient: str | None = None) -> Order:
        """A new order, of a recipient of its own unless one is named."""
        count = next(_NUMBERS)
        return self.service.bind(recipient or f"+88691270{count:04d}", order_id=order_id or f"TW-{count:06d}")

    def recipient(self, order: Order) -> Phone:
        return Phone(RECIPIENT_IP, order.recipient, RECIPIENT_NAME, by_proxy=self.by_proxy)

    def stranger(self) -> Phone:
        """A phone on the recipients' side that has no order."""
        return Phone(RECIPIENT_IP, f"+88691271{next(_NUMBERS):04d}", RECIPIENT_NAME, by_proxy=self.by_proxy)

    def again(self, phone: Phone) -> Phone:
        """The same person's phone for another call: the number and address of before, on fresh ports."""
        return Phone(phone.address, phone.number, phone.name, by_proxy=self.by_proxy)

    def start(self, phone: Phone, *, count: int = 1, rate: int | None = None) -> Running:
        place = self.folder / f"phone{next(self._places)}"
        seconds = 15 + (count if rate is None else count // rate)
        return phone.start(place, (PBX_IP, self.asterisk.sip_port), count=count, rate=rate, seconds=seconds)

    def leave_by(self, phone: Phone, *, trunk: str = "carrier") -> None:
        """Calls go out to this phone, as if the carrier had found it."""
        self.asterisk.set_global("MASK_CARRIER", f"{phone.address}:{phone.sip_port}")
        self.asterisk.set_global("MASK_TRUNK", trunk)

    def play(self, caller: Phone, called: Phone) -> tuple[Played, Played]:
        """Both play to their end; fails unless all went as their scenarios say and neither learned of the other."""
        heard, rung = self.play_unsearched(caller, called)
        assert heard.code == 0, f"the caller: {heard.why()}\n\nthe called: {rung.why()}\n{self.asterisk.log[-2000:]}"
        assert rung.code == 0, f"the called: {rung.why()}\n\nthe caller: {heard.why()}\n{self.asterisk.log[-2000:]}"
        assert heard.received
        assert rung.received
        self.must_be_clean(heard, rung, caller=caller, called=called)
        return heard, rung

    def play_unsearched(self, caller: Phone, called: Phone, *, trunk: str = "carrier") -> tuple[Played, Played]:
        self.leave_by(called, trunk=trunk)
        waiting = self.start(called)
        calling = self.start(caller)
        try:
            return calling.ends(), waiting.ends()
        finally:
            calling.stop()
            waiting.stop()

    def play_with(self, caller: Phone, called: Phone, during: Callable[[], None]) -> tuple[Played, Played]:
        """As :meth:`play`, with something that happens once both are talking."""
        self.leave_by(called)
        waiting = self.start(called)
        calling = self.start(caller)
        try:
            self.until_talking(waiting)
            during()
            heard, rung = calling.ends(), waiting.ends()
        finally:
            calling.stop()
            waiting.stop()
        assert (heard.code, rung.code) == (0, 0), f"the caller: {heard.why()}\n\nthe called: {rung.why()}"
        self.must_be_clean(heard, rung, caller=caller, called=called)
        return heard, rung

    def leaked(self, messages: Iterable[bytes], *, of: Phone) -> list[str]:
        """What there is of one phone in what the other side received."""
        return leaks(messages, of=side_of(of))

    def must_be_clean(self, heard: Played, rung: Played, *, caller: Phone, called: Phone) -> None:
        assert self.leaked(rung.received, of=caller) == []
        assert self.leaked(heard.received, of=called) == []

    def until_talking(self, called: Running, *, seconds: float = 8.0) -> None:
        end = time.monotonic() + seconds
        while not any(message.startswith(b"ACK ") for message in Played(0, called.folder).received):
            assert time.monotonic() < end, "nobody answered"
            time.sleep(0.05)

    def until_quiet(self, *, seconds: float = 5.0) -> None:
        """Waits until no call is left on the PBX."""
        assert isinstance(self.asterisk, Asterisk)
        end = time.monotonic() + seconds
        while self.asterisk.channels():
            assert time.monotonic() < end, "a channel is left behind"
            time.sleep(0.05)

    def play_refused(self, caller: Phone, *, silent: Phone, count: int = 1) -> Played:
        """The caller plays alone, ``count`` times one after the other; fails when anything at all arrives at the phone
        that must stay silent.
        """
        with self.nothing_rings(silent):
            heard = self.start(caller, count=count).ends()
        assert heard.code == 0, f"{heard.why()}\n{self.asterisk.log[-2000:]}"
        assert self.leaked(heard.received, of=silent) == []
        return heard

    @contextmanager
    def nothing_rings(self, phone: Phone) -> Iterator[None]:
        """Holds the phone's address and fails when one packet comes to it."""
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
            ear.bind((phone.address, phone.sip_port))
            ear.setblocking(False)
            self.leave_by(phone)
            yield
            try:
                packet = ear.recv(65535)
            except BlockingIOError:
                return
            raise AssertionError(f"the phone was called: {packet.splitlines()[0]!r}")


def side_of(phone: Phone) -> Side:
    """What the other side must not learn of this phone."""
    return Side((phone.number,), (phone.name,), (phone.address,), (phone.sip_port, phone.rtp_port))
