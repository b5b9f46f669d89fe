"""What a binding costs in a pool that is nearly full: ``python -m benchmarks.allocation [--requests N]``.

Answers for: single creates at 10 % and at 95 % of the ceiling, for extensions of 4 and of 8 digits, at the usual
density and in a pool that may be filled to the last extension. Must not know: how an extension is found. The held slots
are made by one statement; their bindings are not there, which an allocation does not look at.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import psycopg

from benchmarks.figures import Accounts, Figure, mean, measured, shown
from benchmarks.machine import RESULTS, Client, database, libpq, scratch, served
from benchmarks.traffic import Requests
from maskservice.app import create_app
from maskservice.domain.allocation import PoolPolicy
from maskservice.services import pools
from tests.system.installation import Installation, install, settings_of

_SHARES = (10, 95)
_TARGET = "at 95 % <= 1.5 x at 10 %"
# A number coprime to ten: its multiples run through all extensions of a length, each once, in no order.
_STEP = 48_271
_FILL = (
    "INSERT INTO slots (virtual_number, extension, binding, taken_at) "
    "SELECT n.virtual_number, lpad((i * %(step)s %% %(space)s)::text, %(length)s, '0'), "
    "gen_random_uuid(), now() FROM virtual_numbers n, generate_series(1, %(held)s::bigint) i WHERE n.pool_id = %(pool)s"
)


@dataclass(frozen=True, slots=True)
class _Case:
    length: int
    density: str
    numbers: int

    @property
    def name(self) -> str:
        return f"{self.length} digits, density {self.density}"

    @property
    def policy(self) -> PoolPolicy:
        return PoolPolicy(extension_length=self.length, density=Decimal(self.density))


_CASES = (
    _Case(4, "0.10", 200),
    _Case(8, "0.10", 1),
    _Case(4, "1", 20),
)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.allocation", description=__doc__)
    arguments.add_argument("--requests", type=int, default=1500)
    arguments.add_argument("--density-of-8", default="0.10", help="10^7 slots at 0.10, a gigabyte and some minutes")
    arguments.add_argument("--save", type=Path, default=RESULTS / "allocation.txt")
    asked = arguments.parse_args()
    figures: list[Figure] = []
    notes: list[str] = []
    for case in _CASES:
        each = replace(case, density=asked.density_of_8) if case.length == 8 else case
        figures += _measured(each, asked.requests, notes)
    shown(figures, notes, asked.save)
    return 0


def _measured(case: _Case, count: int, notes: list[str]) -> list[Figure]:
    found: list[Figure] = []
    with scratch() as folder, database("postgresql", folder) as (url, postmaster):
        place = install(folder / "home", url)
        pool_id = {share: _filled(place, case, share) for share in _SHARES}
        assert len(set(pool_id.values())) == len(_SHARES)
        requests = Requests(place)
        with served(place, workers=1) as (server, _):
            accounts = Accounts(server, postmaster)
            for share in _SHARES:
                warm = [requests.create(f"at{share}") for _ in range(60)]
                Client(server.url, clients=2).send(warm, good=b" 201")
            # In turns, so that the machine's neighbours disturb both alike.
            pieces: dict[int, list[Figure]] = {share: [] for share in _SHARES}
            for _ in range(6):
                for share in _SHARES:
                    sent = [requests.create(f"at{share}") for _ in range(count // 6)]
                    name = f"{case.name}, at {share} %"
                    pieces[share].append(measured(name, sent, accounts, good=b" 201", clients=2)[0])
            found = [replace(mean(pieces[share]), target=_TARGET) for share in _SHARES]
    few, many = (each.application_ms + each.database_ms for each in found)
    notes.append(f"{case.name}: at 95 % {many / few:.2f} times the CPU of that at 10 % (target 1.5).")
    return found


def _filled(place: Installation, case: _Case, share: int) -> str:
    """A pool of its own, each of its numbers held to ``share`` % of its ceiling; its id."""
    app = create_app(settings_of(place.home, place.database_url))
    with app.app_context():
        ports = app.extensions["maskservice"].ports
        name = f"at{share}"
        pools.create_pool(name, policy=case.policy, tenants=("示範商店",), ports=ports)
        numbers = [f"0900-{share:02d}{number:04d}" for number in range(case.numbers)]
        pools.import_numbers(numbers, pool_name=name, ports=ports)
    app.extensions["maskservice.database"].dispose()
    held = case.policy.ceiling * share // 100
    with psycopg.connect(libpq(place.database_url), autocommit=True) as connection:
        row = connection.execute("SELECT id FROM pools WHERE name = %s", (name,)).fetchone()
        pool_id = str(row[0]) if row else ""
        given = {"step": _STEP, "space": 10**case.length, "length": case.length, "held": held, "pool": pool_id}
        connection.execute(_FILL, given)
        connection.execute("UPDATE virtual_numbers SET held = %s WHERE pool_id = %s", (held, pool_id))
        connection.execute("VACUUM ANALYZE slots")
    return pool_id


if __name__ == "__main__":
    sys.exit(main())
