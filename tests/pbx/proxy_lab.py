"""The laboratory behind a proxy: Kamailio passes media through, so media addresses are searched for where a relay is.

Answers for: which part of a message is searched for what. Must not know: what is tested.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.pbx.lab import Lab, side_of
from tests.pbx.leaks import Side, leaks
from tests.pbx.sipp import Phone


@dataclass
class ProxyLab(Lab):
    """``relayed``: an rtpengine stands between the media, and then nothing at all may be found."""

    relayed: bool = False

    def leaked(self, messages: Iterable[bytes], *, of: Phone) -> list[str]:
        """Numbers and names anywhere; addresses and ports everywhere but in the SDP that no relay rewrote."""
        kept = list(messages)
        # uac's memory of From in Record-Route: the caller's number, XORed with X.
        found = ["vsf" for message in kept if b"vsf=" in message or b"vst=" in message]
        if self.relayed:
            return found + leaks(kept, of=side_of(of))
        heads = [message.partition(b"\r\n\r\n")[0] for message in kept]
        return found + leaks(heads, of=side_of(of)) + leaks(kept, of=Side((of.number,), (of.name,)))
