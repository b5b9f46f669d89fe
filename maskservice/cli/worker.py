"""``worker``: background rounds until it is told to stop.

Answers for: the loop, its pauses, and ending after the current round. Must not know: what a round does.
What is kept for months is looked after once an hour, or with every round while there is something of it to do.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click
import structlog
from apiflask import APIFlask

from maskservice.app import create_app
from maskservice.cli.opening import close_app, quiet, wiring_of
from maskservice.cli.output import examples, json_option, print_json
from maskservice.domain.errors import DatabaseUnavailable
from maskservice.services.expiry import Round, work_round
from maskservice.services.pools import pool_use, running_low
from maskservice.services.retention import Cleared, Kept, clear_old
from maskservice.settings import Settings

_log = structlog.get_logger("maskservice.worker")

LONGEST_BACK_OFF_S = 60.0
_POOLS_LOOKED_AT_EVERY_S = 60.0
_CLEARED_EVERY_S = 3600.0


@click.command(
    epilog=examples(
        "maskservice worker",
        "maskservice worker --once           # all that is due, then end: for cron",
        "maskservice worker --once --json",
    )
)
@click.option("--once", is_flag=True, help="Do what is due now, then end.")
@json_option
def worker(*, once: bool, as_json: bool) -> None:
    """Background work: expiry, quarantine, purge, retention. SIGTERM or Ctrl-C ends it after the current round.

    Several may run side by side.
    """
    if as_json and not once:
        raise click.UsageError("--json goes with --once: without it there is no result, only log lines.")
    settings = Settings.load()
    app = create_app(quiet(settings) if as_json else settings)
    try:
        if once:
            _once(app, settings, as_json=as_json)
        else:
            with _stop_on_signal() as stop:
                _until_stopped(app, settings, stop)
    finally:
        close_app(app)


def _once(app: APIFlask, settings: Settings, *, as_json: bool) -> None:
    watch, clearing, rounds, done = PoolWatch(), Clearing(settings), 0, Round()
    dropped = calls = bindings = 0
    while True:
        one = _round(app, settings)
        cleared = clearing.step(app)
        rounds += 1
        done = Round(done.ended + one.ended, done.freed + one.freed, done.forgotten + one.forgotten)
        dropped, calls = dropped + cleared.months_dropped, calls + cleared.calls
        bindings += cleared.bindings
        if not one.busy and not clearing.is_due:
            break
    watch.look(app)
    result = {"ended": done.ended, "freed": done.freed, "forgotten": done.forgotten, "rounds": rounds}
    result |= {"months_dropped": dropped, "calls_deleted": calls, "bindings_deleted": bindings}
    if as_json:
        print_json(result)
    else:
        click.echo(
            f"{done.ended} bindings ended, {done.freed} slots freed, {done.forgotten} records forgotten; "
            f"past retention: {bindings} bindings, {calls} call records and {dropped} months of them."
        )


def _until_stopped(app: APIFlask, settings: Settings, stop: threading.Event) -> None:
    watch, clearing, back_off, looked_at = PoolWatch(), Clearing(settings), 1.0, float("-inf")
    _log.info("worker_started", interval_s=settings.worker_interval_s, batch=settings.worker_batch)
    while not stop.is_set():
        try:
            done = _round(app, settings)
            cleared = clearing.step(app)
            if time.monotonic() - looked_at >= _POOLS_LOOKED_AT_EVERY_S:
                watch.look(app)
                looked_at = time.monotonic()
        except DatabaseUnavailable as down:
            _log.warning("database_unavailable", detail=down.detail, retry_in_s=back_off)
            stop.wait(back_off)
            back_off = min(back_off * 2, LONGEST_BACK_OFF_S)
            continue
        back_off = 1.0
        if cleared.months_made or cleared.months_dropped or cleared.calls or cleared.bindings:
            _log.info(
                "cleared",
                months_made=cleared.months_made,
                months_dropped=cleared.months_dropped,
                calls=cleared.calls,
                bindings=cleared.bindings,
            )
        if done.busy:
            _log.info("round_done", ended=done.ended, freed=done.freed, forgotten=done.forgotten)
        elif not clearing.is_due:
            stop.wait(settings.worker_interval_s)
    _log.info("worker_stopped")


def _round(app: APIFlask, settings: Settings) -> Round:
    # A context a round: nothing of one round's session is left for the next.
    with app.app_context():
        done = work_round(wiring_of(app).ports, limit=settings.worker_batch)
    if done.freed or done.forgotten:
        # What was purged shall not linger in SQLite's log. Busy readers put it off until the next such round.
        app.extensions["maskservice.database"].scrub()
    return done


class Clearing:
    """Takes a step of retention where one is due: the first at once, then each hour, and the next one right away while
    there is more to do."""

    def __init__(self, settings: Settings) -> None:
        self._kept = Kept(calls=settings.call_retention_months, bindings=settings.binding_months)
        self._limit = settings.worker_batch
        self._after = ""
        self._due_at = float("-inf")

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._due_at

    def step(self, app: APIFlask) -> Cleared:
        if not self.is_due:
            return Cleared()
        with app.app_context():
            done = clear_old(wiring_of(app).ports, self._kept, limit=self._limit, after=self._after)
        self._after = done.next
        if not done.busy:
            self._due_at = time.monotonic() + _CLEARED_EVERY_S
        return done


class PoolWatch:
    """Warns of a pool that runs low once, and again only after it had recovered."""

    def __init__(self) -> None:
        self._low: frozenset[str] = frozenset()

    def look(self, app: APIFlask) -> None:
        with app.app_context():
            low = {use.name: use for use in running_low(pool_use(wiring_of(app).ports))}
        for name in sorted(low.keys() - self._low):
            use = low[name]
            _log.warning("pool_running_low", pool=name, held=use.held, capacity=use.capacity, numbers=use.numbers)
        self._low = frozenset(low)


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- signal's signature
        stop.set()

    before = {each: signal.signal(each, ask_to_stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
