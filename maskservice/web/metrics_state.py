"""How full the pools are and how many bindings there are, as a scrape finds them.

Answers for: a scrape that never fails because the database is down, that asks it at most every 15 seconds, and less
often where that takes long.
Must not know: SQL.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from maskservice.domain.binding import Status
from maskservice.services.pools import list_pools, pool_use, running_low
from maskservice.services.ports import Ports
from maskservice.services.records import PoolUse

KEPT_SECONDS = 15.0
# A read that took long is kept longer: scrapes cost the database at most this share of its time.
_MOST_OF_THE_TIME = 0.01

_log = structlog.get_logger("maskservice.web")


class StateCollector(Collector):
    """Gauges that are read from the database. One a process; scrapes of several processes each ask for themselves."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._kept_s = KEPT_SECONDS
        self._found: Sequence[Metric] = ()

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            now = time.monotonic()
            if self._read_at is None or now - self._read_at >= self._kept_s:
                self._found = tuple(self._read())
                self._read_at = now
                self._kept_s = max(KEPT_SECONDS, (time.monotonic() - now) / _MOST_OF_THE_TIME)
            return self._found

    def _read(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("maskservice_database_up", "1 when the database answered this scrape.")
        try:
            bindings, pools = self._bindings(), self._pools()
        except Exception as error:
            # A scrape is also how an outage is seen: it answers with what it knows, whatever failed.
            _log.warning("scrape_without_database", error=type(error).__name__)
            up.add_metric((), 0)
            return (up,)
        up.add_metric((), 1)
        return (up, *bindings, *pools)

    def _bindings(self) -> Sequence[Metric]:
        with self._ports.unit(write=False) as uow:
            counts = uow.bindings.count_by_status(self._ports.clock.now())
        text = "Bindings by status; past some 60,000 an estimate from PostgreSQL's statistics."
        gauge = GaugeMetricFamily("maskservice_bindings", text, labels=("status",))
        for status in Status:
            gauge.add_metric((status,), counts.get(status, 0))
        return (gauge,)

    def _pools(self) -> Sequence[Metric]:
        uses = pool_use(self._ports)
        spaces = {pool.name: 10**pool.policy.extension_length for pool in list_pools(self._ports)}
        low = {use.name for use in running_low(uses)}
        for use in uses:
            if use.name in low:
                _log.warning("pool_running_low", pool=use.name, held=use.held, capacity=use.capacity)
        return (
            _gauge("maskservice_pool_numbers", "Virtual numbers of a pool.", [(use, use.numbers) for use in uses]),
            _gauge(
                "maskservice_pool_held_extensions",
                "Extensions held, quarantine included.",
                [(use, use.held) for use in uses],
            ),
            _gauge(
                "maskservice_pool_capacity_extensions",
                "Extensions that may be held.",
                [(use, use.capacity) for use in uses],
            ),
            _gauge(
                "maskservice_pool_density_ratio",
                "Share of all extensions that is held: the chance of a stranger's guess.",
                [(use, _share(use.held, use.numbers * spaces.get(use.name, 0))) for use in uses],
            ),
            _gauge(
                "maskservice_pool_low_water",
                "1 when a pool is at or past its low-water mark: add numbers to it.",
                [(use, int(use.name in low)) for use in uses],
            ),
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _gauge(name: str, text: str, rows: Sequence[tuple[PoolUse, float]]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=("pool",))
    for use, value in rows:
        gauge.add_metric((use.name,), value)
    return gauge
