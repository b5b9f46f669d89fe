"""Keys pressed on a telephone, as RTP packets in a pcap file that SIPp plays.

SIPp's own files have one fixed sequence number and timestamp, so that a repeated digit is dropped (pbx.md): here every
packet has its own, as RFC 4733 (which replaced RFC 2833) asks.
"""

from __future__ import annotations

import struct
from pathlib import Path

PAYLOAD_TYPE = 101
_EVENTS = {character: event for event, character in enumerate("0123456789*#ABCD")}
_STEP_MS, _PRESSED_MS, _PAUSE_MS = 20, 100, 80
_SSRC, _ENDS = 0x6D61736B, 3


def duration_ms(keys: str) -> int:
    return len(keys) * (_PRESSED_MS + _PAUSE_MS)


def write_pcap(path: Path, keys: str, *, round: int = 0) -> Path:
    """One file for any string of 0-9, *, #, A-D. Raises KeyError for others.

    ``round`` counts the files of one call: each goes on where the one before ended, or it is taken for its repetition.
    """
    packets: list[tuple[int, bytes]] = []
    sequence = 4711 + 2000 * round
    first_timestamp = 8000 * (1 + 60 * round)
    for place, key in enumerate(keys):
        start_ms = place * (_PRESSED_MS + _PAUSE_MS)
        steps = _PRESSED_MS // _STEP_MS
        for step in range(steps + _ENDS):
            is_end = step >= steps
            length_ms = min(step + 1, steps) * _STEP_MS
            marker = 0x80 if step == 0 else 0
            rtp = struct.pack(
                "!BBHII", 0x80, marker | PAYLOAD_TYPE, sequence, first_timestamp + start_ms * 8, _SSRC
            ) + struct.pack("!BBH", _EVENTS[key], (0x80 if is_end else 0) | 10, length_ms * 8)
            packets.append((start_ms + min(step, steps) * _STEP_MS, rtp))
            sequence += 1
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(header + b"".join(_record(at_ms, rtp) for at_ms, rtp in packets))
    return path


def _record(at_ms: int, rtp: bytes) -> bytes:
    """An Ethernet frame; SIPp replaces the addresses and ports."""
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    local = bytes((127, 0, 0, 1))
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, local, local) + udp
    frame = bytes(12) + b"\x08\x00" + ip
    return struct.pack("<IIII", 1_700_000_000 + at_ms // 1000, at_ms % 1000 * 1000, len(frame), len(frame)) + frame
