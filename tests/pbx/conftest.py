"""Starts the laboratory once. Which part of it could not be had is said in the closing summary (tests/conftest.py).

Each part is asked for by a fixture; a test that lacks one is skipped by the part's name, and the others still run.
"""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.asterisk import PBX_IP, Asterisk, AsteriskMissing
from tests.pbx.kamailio import Kamailio, KamailioMissing
from tests.pbx.lab import Lab
from tests.pbx.media_relay import MediaRelay, RelayMissing
from tests.pbx.parts import without
from tests.pbx.proxy_lab import ProxyLab
from tests.pbx.service import Service
from tests.pbx.sipp import SippMissing, free_udp_port, sipp_program
from tests.pbx.stand_in import SippyMissing, StandIn


@pytest.fixture(scope="session")
def loopback() -> None:
    """Every phone has an address of its own, or a leaked address could not be told from the PBX's."""
    for address in ("127.0.0.2", "127.0.0.4"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
            try:
                trial.bind((address, 0))
            except OSError:
                without(f"this machine has no {address}")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"))
    try:
        service.start()
        service.start_agi()
        yield service
    finally:
        service.stop_all()


@pytest.fixture(scope="session")
def asterisk(loopback: None, service: Service) -> Iterator[Asterisk]:
    # Not in pytest's folder: every other run of pytest on this machine takes that away from all but its owner, and
    # Asterisk is somebody else.
    folder = Path(tempfile.mkdtemp(prefix="maskservice-asterisk-"))
    folder.chmod(0o755)
    settings = {
        "MASK_URL": service.url,
        "MASK_AGI": f"agi://127.0.0.1:{service.agi_port}",
        "MASK_PBX": service.pbx_id,
        "MASK_SECRET": service.secret,
        "MASK_CARRIER": f"{PBX_IP}:9",
        "MASK_RECORDED": "yes",
    }
    try:
        # The ports of RTP lie below those that the system gives out by itself.
        place = Asterisk(
            folder / "a", settings, sip_port=free_udp_port(PBX_IP), rtp_base=random.randrange(20_000, 31_000, 1000)
        )
        place.start()
    except AsteriskMissing as missing:
        shutil.rmtree(folder, ignore_errors=True)
        without(missing)
    yield place
    place.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sipp() -> str:
    try:
        return sipp_program()
    except SippMissing as missing:
        without(missing)


@pytest.fixture
def lab(asterisk: Asterisk, service: Service, sipp: str, tmp_path: Path) -> Lab:
    return Lab(asterisk, service, tmp_path)


@pytest.fixture(scope="session")
def kamailio_globals(loopback: None, service: Service) -> dict[str, str]:
    """What the proxy has to know of the service."""
    pbx_id, secret = service.create_pbx("kamailio")
    return {"MASK_URL": f'"{service.url_of(pbx_id)}"', "MASK_SECRET": f'"{secret}"'}


@pytest.fixture
def kamailio(kamailio_globals: dict[str, str], tmp_path: Path) -> Iterator[Kamailio]:
    try:
        place = Kamailio(tmp_path / "k", kamailio_globals, address=PBX_IP, sources=r"^127[.]0[.]0[.][2-9]$")
    except KamailioMissing as missing:
        without(missing)
    yield place
    place.stop()


@pytest.fixture
def proxy(kamailio: Kamailio, service: Service, sipp: str, tmp_path: Path) -> ProxyLab:
    return ProxyLab(kamailio, service, tmp_path, by_proxy=True)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[MediaRelay]:
    try:
        place = MediaRelay(tmp_path / "relay")
    except RelayMissing as missing:
        without(missing)
    yield place
    place.stop()


@pytest.fixture(scope="session")
def native_pbx(loopback: None, service: Service) -> tuple[str, str]:
    return service.create_pbx("native")


@pytest.fixture
def stand_in(native_pbx: tuple[str, str], service: Service, sipp: str, tmp_path: Path) -> Iterator[ProxyLab]:
    pbx_id, secret = native_pbx
    try:
        place = StandIn(tmp_path, address=PBX_IP, service=service.url_of(pbx_id), secret=secret)
    except SippyMissing as missing:
        without(missing)
    yield ProxyLab(place, service, tmp_path)
    place.stop()
