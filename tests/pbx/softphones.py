"""Two softphones with sound in one program: ``python softphones.py PLAN`` plays one call and prints what each heard.

Answers for: a courier who calls, keys and speaks at 440 Hz, and a recipient who answers and speaks at 880 Hz. It runs
by itself, because the library aborts when calls are collected after they ended: this program ends before that.
PLAN is JSON: pbx_port, dialled, keys, courier {number, address}, recipient {number, address, port}, folder, and listen:
further frequencies that are looked for in what each heard.
"""

from __future__ import annotations

import json
import math
import os
import struct
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

COURIER_HZ, RECIPIENT_HZ = 440, 880
_TALK_S = 1.6


class Phone(pj.Account):  # type: ignore[misc]
    def __init__(self, place: dict[str, Any], hertz: int, recording: Path) -> None:
        super().__init__()
        self.place, self.hertz, self.recording = place, hertz, recording
        self.call: Line | None = None

    def onIncomingCall(self, told: Any) -> None:  # noqa: N802 -- the library's name
        self.call = Line(self, told.callId)
        self.call.seen = told.rdata.wholeMsg
        for status in (180, 200):
            reply = pj.CallOpParam()
            reply.statusCode = status
            self.call.answer(reply)


class Line(pj.Call):  # type: ignore[misc]
    def __init__(self, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone, call_id)
        self.phone, self.up, self.over, self.seen = phone, False, False, ""
        self._kept: list[Any] = []

    def onCallState(self, _: Any) -> None:  # noqa: N802 -- the library's name
        state = self.getInfo().state
        self.up = state == pj.PJSIP_INV_STATE_CONFIRMED
        self.over = state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, _: Any) -> None:  # noqa: N802 -- the library's name
        """Comes again when the media change, with another end of the line."""
        audio = self.getAudioMedia(-1)
        if not self._kept:
            tone = pj.ToneGenerator()
            tone.createToneGenerator(8000, 1)
            recorder = pj.AudioMediaRecorder()
            recorder.createRecorder(str(self.phone.recording))
            sound = pj.ToneDesc()
            sound.freq1, sound.freq2, sound.on_msec, sound.off_msec = self.phone.hertz, 0, 1000, 0
            sounds = pj.ToneDescVector()
            sounds.append(sound)
            self._kept = [audio, tone, recorder, sounds]
        self._kept[0] = audio
        audio.startTransmit(self._kept[2])

    def speak(self) -> None:
        audio, tone, _, sounds = self._kept
        tone.play(sounds, True)
        tone.startTransmit(audio)


def loudness(path: Path, hertz: int) -> float:
    """Goertzel: how strong one frequency is in a recording, over its whole length; 0 when there is nothing."""
    with wave.open(str(path), "rb") as sound:
        rate, count = sound.getframerate(), sound.getnframes()
        samples = struct.unpack(f"<{count}h", sound.readframes(count))
    if not count:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hertz / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    return math.sqrt(max(before * before + last * last - turn * before * last, 0.0)) / count


def main(plan: dict[str, Any]) -> dict[str, Any]:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt, settings.uaConfig.mainThreadOnly = 0, True
    settings.logConfig.level = settings.logConfig.consoleLevel = 0
    endpoint.libInit(settings)
    folder = Path(plan["folder"])
    courier = Phone(plan["courier"], COURIER_HZ, folder / "courier.wav")
    recipient = Phone(plan["recipient"], RECIPIENT_HZ, folder / "recipient.wav")
    transports = []
    for phone in (courier, recipient):
        transport = pj.TransportConfig()
        transport.boundAddress, transport.port = phone.place["address"], phone.place.get("port", 0)
        transports.append(endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport))
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for phone, transport_id in zip((courier, recipient), transports, strict=True):
        account = pj.AccountConfig()
        account.idUri = f"sip:{phone.place['number']}@{phone.place['address']}"
        account.sipConfig.transportId = transport_id
        account.mediaConfig.transportConfig.boundAddress = phone.place["address"]
        phone.create(account)

    def until(is_so: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not is_so() and time.monotonic() < end:
            endpoint.libHandleEvents(10)
        return is_so()

    line = courier.call = Line(courier)
    line.makeCall(f"sip:{plan['dialled']}@127.0.0.1:{plan['pbx_port']}", pj.CallOpParam(True))
    answered = until(lambda: line.up, 8)
    until(lambda: False, 0.8)
    line.dialDtmf(plan["keys"])
    connected = until(lambda: recipient.call is not None and recipient.call.up, 8)
    if connected and recipient.call is not None:
        line.speak()
        recipient.call.speak()
        until(lambda: False, _TALK_S)
    for phone in (courier, recipient):
        if phone.call is not None and not phone.call.over:
            phone.call.hangup(pj.CallOpParam())
            until(lambda ended=phone.call: ended.over, 3)
    seen = recipient.call.seen if recipient.call is not None else ""
    return {"answered": answered, "connected": connected, "seen": seen}


def play(plan: dict[str, Any]) -> dict[str, Any]:
    """The recordings are whole once all that belonged to the call is gone, which is when ``main`` has returned."""
    played = main(plan)
    both = (COURIER_HZ, RECIPIENT_HZ, *plan.get("listen", ()))
    places = {name: Path(plan["folder"]) / f"{name}.wav" for name in ("courier", "recipient")}
    heard = {
        name: {str(hertz): loudness(path, hertz) if path.exists() else 0.0 for hertz in both}
        for name, path in places.items()
    }
    return {**played, "heard": heard}


if __name__ == "__main__":
    print(json.dumps(play(json.loads(sys.argv[1]))), flush=True)
    os._exit(0)
