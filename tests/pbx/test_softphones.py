"""Two softphones with sound, through Asterisk: the courier keys the extension, each hears the other and not himself."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pbx.asterisk import AGI_COURIER_IP, COURIER_IP, RECIPIENT_IP, WHISPER_HZ, Asterisk
from tests.pbx.lab import Lab
from tests.pbx.leaks import Side, leaks
from tests.pbx.parts import without
from tests.pbx.service import NATIONAL_X, Service, X
from tests.pbx.sipp import free_udp_port


@pytest.fixture
def pjsua2() -> None:
    if importlib.util.find_spec("pjsua2") is None:
        without("pjsua2-python is not installed: run .ci/telephony")


@pytest.mark.parametrize("address", [COURIER_IP, AGI_COURIER_IP], ids=["http", "agi"])
def test_each_hears_the_other(pjsua2: None, asterisk: Asterisk, service: Service, tmp_path: Path, address: str) -> None:
    played = talk(Lab(asterisk, service, tmp_path), address)
    heard = played["heard"]
    assert heard["courier"]["880"] > 20 * heard["courier"]["440"], heard
    assert heard["recipient"]["440"] > 20 * heard["recipient"]["880"], heard
    assert min(heard["courier"]["880"], heard["recipient"]["440"]) > 200, heard
    assert heard["recipient"][str(WHISPER_HZ)] < 20, heard


@pytest.mark.parametrize("address", [COURIER_IP, AGI_COURIER_IP], ids=["http", "agi"])
def test_a_whisper_is_heard_by_the_recipient_alone(
    pjsua2: None, asterisk: Asterisk, service: Service, tmp_path: Path, address: str
) -> None:
    service.set_up("tenant", "calls", "商店", "--whisper")
    try:
        played = talk(Lab(asterisk, service, tmp_path), address)
    finally:
        service.set_up("tenant", "calls", "商店", "--no-whisper")
    heard, whisper = played["heard"], str(WHISPER_HZ)
    assert heard["recipient"][whisper] > 200, heard
    assert heard["recipient"][whisper] > 20 * heard["courier"][whisper], heard
    assert min(heard["courier"]["880"], heard["recipient"]["440"]) > 100, heard


def talk(lab: Lab, address: str) -> dict[str, Any]:
    """A courier at ``address`` keys the extension and the recipient answers; what each heard, by frequency."""
    asterisk = lab.asterisk
    order, courier = lab.order(), lab.courier()
    port = free_udp_port(RECIPIENT_IP)
    asterisk.set_global("MASK_CARRIER", f"{RECIPIENT_IP}:{port}")
    asterisk.set_global("MASK_TRUNK", "carrier")
    plan = {
        "pbx_port": asterisk.sip_port,
        "dialled": NATIONAL_X,
        "keys": order.extension,
        "courier": {"number": courier.number, "address": address},
        "recipient": {"number": order.recipient, "address": RECIPIENT_IP, "port": port},
        "folder": str(lab.folder),
        "listen": [WHISPER_HZ],
    }
    program = Path(__file__).with_name("softphones.py")
    done = subprocess.run(
        [sys.executable, str(program), json.dumps(plan)], capture_output=True, text=True, timeout=40, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    played: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert played["answered"]
    assert played["connected"], asterisk.log[-1500:]
    assert X in played["seen"]
    assert leaks([played["seen"].encode()], of=Side((courier.number,), (), (address,))) == []
    return played
