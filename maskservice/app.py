"""The composition root: settings in, a working application out. It alone knows every room.

Answers for: which clock, cipher and database the use cases get, and for refusing to start with the wrong key ring.
Imported by wsgi.py, the command line and tests only.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from apiflask import APIFlask

from maskservice.crypto.blind_index import BlindIndex
from maskservice.crypto.cipher import NumberCipher
from maskservice.crypto.keyring import KeyRing, create_keyring_file, read_keyring
from maskservice.crypto.selftest import missing_or_wrong, run_self_test
from maskservice.domain.errors import DatabaseNotMigrated, DatabaseUnavailable, KeyRingInvalid
from maskservice.hooks import HttpsHookLine
from maskservice.logs import configure_logging
from maskservice.services.pools import ensure_default_pool
from maskservice.services.ports import Clock, OpenUnit, Ports, Randomness, UnitOfWork
from maskservice.settings import Settings, SettingsInvalid
from maskservice.storage.db import Database
from maskservice.storage.revision import is_current
from maskservice.web import Check, Wiring, new_api, register

_log = structlog.get_logger("maskservice.app")

MIGRATE_HINT = "The database is not migrated; run 'maskservice init'."


class SystemClock:
    """The machine's clock, in aware UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemRandomness:
    """The operating system's cryptographic source."""

    def randbytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)


@dataclass(slots=True)
class CheckedUnits:
    """Opens units of work once the key ring was found to be this database's: nothing is ever written under a wrong one.

    The check is done at start; where the database could not be reached then, before the first unit afterwards.
    """

    database: Database
    ring: KeyRing
    clock: Clock
    checked: bool = False

    def __call__(self, *, write: bool = True, whole: bool = False) -> UnitOfWork:
        if not self.checked:
            self.check()
        return self.database.unit(write=write, whole=whole)

    def check(self) -> None:
        """Raises KeyRingInvalid naming every key that is missing or another one, DatabaseUnavailable,
        DatabaseNotMigrated."""
        with self.database.unit(write=False) as uow:
            registered = uow.crypto_keys.registered()
        faults = missing_or_wrong(self.ring, registered)
        if faults:
            raise KeyRingInvalid(" ".join(str(fault) for fault in faults))
        checks = self.ring.checks()
        if checks.keys() - registered.keys():
            with self.database.unit() as uow:
                uow.crypto_keys.register(checks, at=self.clock.now())
                uow.commit()
        self.checked = True


def create_app(
    settings: Settings | None = None, *, clock: Clock | None = None, randomness: Randomness | None = None
) -> APIFlask:
    """The application. Raises SettingsInvalid, KeyRingInvalid (also when the database was written under another key
    ring).

    A database that is down or not migrated is no reason not to start: ``/readyz`` says so, and a PBX gets its
    neutral hangup.
    """
    settings = settings or Settings.load()
    configure_logging(level=settings.log_level, form=settings.log_format)
    run_self_test()
    ring = read_keyring(settings.keyring_source)
    clock = clock or SystemClock()
    app = new_api(max_body_bytes=settings.max_body_bytes)
    database = open_database(settings)
    database.init_app(app)
    units = CheckedUnits(database, ring, clock)
    with app.app_context():
        try:
            units.check()
        except (DatabaseUnavailable, DatabaseNotMigrated) as unready:
            _log.warning("started_unready", code=unready.code, detail=unready.detail)
    opened: OpenUnit = units
    hook_line = HttpsHookLine(
        allow_private=settings.hooks_allow_private,
        ca_file=Path(settings.hooks_ca_file) if settings.hooks_ca_file else None,
    )
    ports = Ports(
        clock=clock,
        randomness=randomness or SystemRandomness(),
        cipher=NumberCipher(ring),
        index=BlindIndex(ring),
        unit=opened,
        hook_line=hook_line,
    )
    wired = Wiring(
        ports=ports,
        readiness=lambda: readiness(database, units),
        max_body_bytes=settings.max_body_bytes,
        public_url=settings.base_url,
        max_batch_bytes=settings.max_batch_bytes,
    )
    register(app, wired)
    app.extensions["maskservice.database"] = database
    app.extensions["maskservice.hook_line"] = hook_line
    return app


def open_database(settings: Settings) -> Database:
    """The database that the settings name; nothing connects yet. Raises SettingsInvalid for an address of no use."""
    try:
        return Database(settings.database, pool_size=settings.database_pool_size)
    except ValueError as unusable:
        raise SettingsInvalid(f"MASKSERVICE_DATABASE_URL: {unusable}") from None


def readiness(database: Database, units: CheckedUnits) -> Sequence[Check]:
    """Database, migrations and keys, each with what mends it. Never raises."""
    try:
        migrated = is_current(database)
    except DatabaseUnavailable:
        down = "The database cannot be reached; check MASKSERVICE_DATABASE_URL and the server."
        return (Check("database", False, down),)
    checks = [Check("database", True, ""), Check("migrations", migrated, "" if migrated else MIGRATE_HINT)]
    if migrated:
        try:
            units.check()
        except KeyRingInvalid as wrong:
            checks.append(Check("keys", False, wrong.detail))
        except DatabaseUnavailable as down_now:
            checks.append(Check("database", False, down_now.detail))
        else:
            checks.append(Check("keys", True, ""))
    return tuple(checks)


@dataclass(frozen=True, slots=True)
class Initialised:
    """What ``initialise`` found and made."""

    database: str
    keyring: str
    keyring_created: bool
    migrated: bool


def initialise(settings: Settings, *, clock: Clock | None = None) -> Initialised:
    """Makes the home folder, the key ring if there is none, the tables, and the pool ``default``. May be run again
    at any time.

    Raises KeyRingInvalid, DatabaseUnavailable.
    """
    # Here and not above: Alembic is of no use to a process that serves, see storage/revision.py.
    from maskservice.storage.schema import migrate

    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = clock or SystemClock()
    created = False
    if not settings.keyring and not Path(settings.keyring_source).exists():
        create_keyring_file(Path(settings.keyring_source), KeyRing.generate(clock.now(), secrets.token_bytes))
        created = True
    bare = new_api(max_body_bytes=settings.max_body_bytes)
    database = open_database(settings)
    database.init_app(bare)
    with bare.app_context():
        before = is_current(database)
        migrate(database)
    database.dispose()
    app = create_app(settings, clock=clock)
    with app.app_context():
        wiring: Wiring = app.extensions["maskservice"]
        ensure_default_pool(wiring.ports)
    app.extensions["maskservice.database"].dispose()
    return Initialised(
        database=database.engine.url.render_as_string(hide_password=True),
        keyring=settings.keyring_source
        if not settings.keyring.lstrip().startswith(("{", "base64:", "env:"))
        else "given inline",
        keyring_created=created,
        migrated=not before,
    )
