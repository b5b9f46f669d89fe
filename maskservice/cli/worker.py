"""``worker``: background rounds until it is told to stop.

Answers for: the loop, its pauses, and ending after the current round. Must not know: what a round does.
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
from maskservice.settings import Settings

_log = structlog.get_logger("maskservice.worker")

LONGEST_BACK_OFF_S = 60.0
_POOLS_LOOKED_AT_EVERY_S = 60.0


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
    """Background work: expiry, quarantine, purge. SIGTERM or Ctrl-C ends it after the current round.

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
    watch, rounds, done = PoolWatch(), 0, Round()
    while True:
        one = _round(app, settings)
        rounds += 1
        done = Round(done.ended + one.ended, done.freed + one.freed, done.forgotten + one.forgotten)
        if not one.busy:
            break
    watch.look(app)
    result = {"ended": done.ended, "freed": done.freed, "forgotten": done.forgotten, "rounds": rounds}
    if as_json:
        print_json(result)
    else:
        click.echo(f"{done.ended} bindings ended, {done.freed} slots freed, {done.forgotten} records forgotten.")


def _until_stopped(app: APIFlask, settings: Settings, stop: threading.Event) -> None:
    watch, back_off, looked_at = PoolWatch(), 1.0, float("-inf")
    _log.info("worker_started", interval_s=settings.worker_interval_s, batch=settings.worker_batch)
    while not stop.is_set():
        try:
            done = _round(app, settings)
            if time.monotonic() - looked_at >= _POOLS_LOOKED_AT_EVERY_S:
                watch.look(app)
                looked_at = time.monotonic()
        except DatabaseUnavailable as down:
            _log.warning("database_unavailable", detail=down.detail, retry_in_s=back_off)
            stop.wait(back_off)
            back_off = min(back_off * 2, LONGEST_BACK_OFF_S)
            continue
        back_off = 1.0
        if done.busy:
            _log.info("round_done", ended=done.ended, freed=done.freed, forgotten=done.forgotten)
        else:
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
