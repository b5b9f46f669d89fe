"""Fixtures that the whole suite shares: a fresh, migrated database, on SQLite and on PostgreSQL.

Answers for: one template of each, and a copy of it for every test. Where no PostgreSQL can be had, its tests are
skipped and the summary says so. Must not know: what a test does with its database.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from maskservice.storage.db import Database
from maskservice.storage.distribution import distribute, plan
from maskservice.storage.schema import migrate
from tests.databases import make, opened
from tests.pgbouncer import through
from tests.postgres import PostgresServer, PostgresUnavailableError

_NO_POSTGRES = "NO POSTGRESQL"
# A skip for want of one of these is no small print: the closing summary shouts it.
_LOUD = (_NO_POSTGRES, "NO TELEPHONY", "NO BROWSER", "NO PGBOUNCER", "NO CITUS")
# Each of these folders runs on one worker: a PBX has one machine to itself, races and kills want no neighbours.
_TOGETHER = {"pbx": "telephony", "system": "system"}


class Figures:
    """What a test measured on its way, shown at the end of the run, also where it ran on another worker: told, never
    asserted against a clock."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    def note(self, line: str) -> None:
        self._record(_FIGURE, line)


_FIGURE = "figure"


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    return Figures(record_property)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-postgres", action="store_true", help="skip every test that needs a PostgreSQL server")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        inside = item.path.relative_to(folder).parts[0] if item.path.is_relative_to(folder) else ""
        if inside in _TOGETHER:
            item.add_marker(pytest.mark.xdist_group(_TOGETHER[inside]))
    if os.environ.get("MASKSERVICE_TEST_ORDER") == "reversed":
        items.reverse()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file; its WAL went into it when the last connection closed."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    with opened(f"sqlite:///{path}") as database:
        migrate(database)
    return path


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    if pytestconfig.getoption("--no-postgres"):
        pytest.skip(f"{_NO_POSTGRES}: the tests against it did not run, as --no-postgres asks.")
    try:
        server = PostgresServer().start()
    except PostgresUnavailableError as why:
        if os.environ.get("MASKSERVICE_TEST_REQUIRE_POSTGRES"):
            pytest.fail(str(why))
        pytest.skip(str(why))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create_database()
    with opened(url) as database:
        migrate(database)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "maskservice.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    on_citus = os.environ.get("MASKSERVICE_TEST_ON_CITUS")
    if on_citus:
        yield fresh_on_citus(on_citus)
        return
    postgres_server: PostgresServer = request.getfixturevalue("postgres_server")
    postgres_template: str = request.getfixturevalue("postgres_template")
    url = postgres_server.create_database(postgres_template)
    # Through a PgBouncer where test_pgbouncer.py runs a part of this suite so.
    pooler = os.environ.get("MASKSERVICE_TEST_POOLER")
    yield through(url, pooler) if pooler else url
    postgres_server.drop_database(url)


_SHAPE = (
    "SELECT CAST(indexrelid::regclass AS text) FROM pg_index WHERE indrelid::regclass::text IN "
    "(SELECT logicalrelid::text FROM pg_dist_partition) UNION ALL SELECT logicalrelid::text FROM pg_dist_partition "
    "UNION ALL SELECT version_num FROM alembic_version ORDER BY 1"
)


_whole_on_citus: list[list[str]] = []


def fresh_on_citus(url: str) -> str:
    """The one database of the cluster, emptied: its tables are made and distributed once a run, which takes seconds,
    and again where a test took them apart. test_distribution.py runs the storage suite so."""
    with opened(url) as database:
        if _shape_on_citus(database) not in _whole_on_citus:
            with database.engine.begin() as connection:
                names = ", ".join(["alembic_version", *(placement.table for placement in plan())])
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {names} CASCADE")
            migrate(database)
            distribute(database, dry_run=False)
            _whole_on_citus[:] = [_shape_on_citus(database)]
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(placement.table for placement in plan())}")
    return url


def _shape_on_citus(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is None:
            return []
        return [str(row[0]) for row in connection.exec_driver_sql(_SHAPE)]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database; the test runs on each of the two."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def database_app(database_url: str) -> Iterator[tuple[Flask, Database]]:
    """App and database without a context: for threads, which push one each."""
    app, database = make(database_url)
    yield app, database
    database.dispose()


@pytest.fixture
def database(database_app: tuple[Flask, Database]) -> Iterator[Database]:
    app, database = database_app
    with app.app_context():
        yield database


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in (each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, [])):
        for name, line in getattr(report, "user_properties", []):
            if name == _FIGURE and report.when == "call":
                terminalreporter.write_line(str(line))
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        if any(part in reason for part in _LOUD):
            reason = reason.removeprefix("Skipped: ")
            counts[reason] = counts.get(reason, 0) + 1
    for reason, count in sorted(counts.items()):
        terminalreporter.section(f"{reason} ({count} tests did not run)", sep="!", red=True, bold=True)
