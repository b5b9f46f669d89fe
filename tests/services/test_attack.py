"""An attacker at work: 10,000 random extensions from 50 callers against one number, with the guard and without.

docs/guard.rst quotes what is reported here, and is held to it.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.call import Bridge
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.phone import read_phone
from maskservice.services import pools
from maskservice.services.batches import create_bindings
from maskservice.services.guarding import Alarm
from maskservice.services.placing import Bound
from maskservice.services.roster import add_courier
from maskservice.services.roster_judging import CourierDraft
from tests.conftest import Figures
from tests.services.conftest import Shop, number

GUESSES, CALLERS = 10_000, 50
COURIER, RECIPIENT, ENROLLED = "+886987654321", "+886912345678", "+886911000111"
TARGET = "+886900000077"
OFF = GuardPolicy(
    caller_tries=1_000_000, withheld_tries=1_000_000, number_tries=1_000_000, reach_per_day=1_000_000,
    scan_callers=1_000_000,
)  # fmt: skip
GUARDS = {"off": OFF, "on": GuardPolicy(), "enroll on scan": GuardPolicy(enroll_on_scan=True)}
_PAGE = Path(__file__).parents[2] / "docs" / "guard.rst"


_MEMORY = Path("/dev/shm")
_ENOUGH = 60 * 1024 * 1024


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """In memory where that can be had: half of the time of 10,000 commits is the disk's, which is not asked about."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH
    with tempfile.TemporaryDirectory(dir=_MEMORY if roomy else tmp_path) as folder:
        shutil.copy(sqlite_template, Path(folder) / "maskservice.db")
        yield f"sqlite:///{folder}/maskservice.db"


@dataclass(frozen=True, slots=True)
class Attack:
    """``strangers``: different recipients that were reached, beside the honest order's."""

    strangers: int
    alarms: frozenset[Alarm]


def fill(shop: Shop, share: str, guard: GuardPolicy) -> tuple[str, int]:
    """A number of its own, this full; the extension of the one honest order on it, and how many are live."""
    pools.create_pool("attacked", policy=PoolPolicy(density=Decimal(share)), tenants=(), shared=True, ports=shop.ports)
    pools.import_numbers([TARGET], pool_name="attacked", ports=shop.ports)
    pools.set_guard("attacked", guard, ports=shop.ports)
    live = int(Decimal(share) * 10_000)
    orders = [
        shop.order(f"A-{place}", phone=f"0922-{place // 1000:03}-{place % 1000:03}", pool="attacked")
        for place in range(live - 1)
    ]
    assert all(isinstance(each, Bound) for each in create_bindings(orders, shop.tenant, shop.ports))
    return shop.bind("mine", phone=RECIPIENT, pool="attacked").masked_number.extension, live


def attack(shop: Shop, extension: str) -> Attack:
    """Guesses in turn by every caller, all within the hour; a courier and the recipient call in between."""
    chance = random.Random(111)
    reached: set[str] = set()
    alarms: set[Alarm] = set()
    for guess in range(GUESSES):
        shop.clock.move(seconds=0.3)
        attacker = f"+88697800{guess % CALLERS:04}"
        routed = shop.leg(attacker, f"{TARGET}#{chance.randrange(10_000):04}")
        alarms.update(routed.alarms)
        if isinstance(routed.answer, Bridge):
            reached.add(routed.answer.to.reveal())
        if guess % 1000 == 999:
            honest_calls(shop, extension)
    return Attack(len(reached - {RECIPIENT}), frozenset(alarms))


def honest_calls(shop: Shop, extension: str) -> None:
    """Both get through, now as ever: a courier on the roster with his extension, the recipient by ringing back."""
    assert number(shop.leg(ENROLLED, f"{TARGET}#{extension}").answer) == RECIPIENT
    assert number(shop.leg(RECIPIENT, TARGET).answer) == ENROLLED


def quoted(share: str, guard: str) -> int:
    row = re.search(rf"^{100 * float(share):.0f} % +(\S+) +(\S+) +(\S+)$", _PAGE.read_text("utf-8"), re.MULTILINE)
    assert row
    return int(row[1 + list(GUARDS).index(guard)].replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("share", "guard"), [("0.1", "off"), ("0.1", "on"), ("0.1", "enroll on scan"), ("0.5", "off"), ("0.5", "on")]
)
def test_ten_thousand_guesses(shop: Shop, share: str, guard: str, figures: Figures) -> None:
    add_courier(shop.tenant, CourierDraft("陳大文", "黑貓", (read_phone(ENROLLED),), None), shop.ports)
    extension, live = fill(shop, share, GUARDS[guard])
    honest_calls(shop, extension)
    found = attack(shop, extension)
    if guard != "enroll on scan":
        # Without the roster too: a courier whom nobody enrolled.
        assert number(shop.leg(COURIER, f"{TARGET}#{extension}").answer) == RECIPIENT
    shop.clock.move(hours=1)
    honest_calls(shop, extension)
    full = f"{float(share):.0%}"
    figures.note(f"attack on a number {full} full, guard {guard}: {found.strangers} of {live} strangers reached")
    # Extensions are drawn anew in every run, so the page holds what a run comes close to.
    assert found.strangers == pytest.approx(quoted(share, guard), rel=0.25, abs=8)
    told = {Alarm.CALLER_BLOCKED, Alarm.NUMBER_BUDGET_USED, Alarm.NUMBER_SCANNED}
    assert found.alarms == (frozenset() if guard == "off" else told)
