"""A real PgBouncer in transaction mode before the test suite's PostgreSQL, where Debian's package is installed.

Answers for: starting and stopping one, and the address of a database through it. Must not know: maskservice, pytest.
It has few server connections, so that every session of ours is soon another one's; and no start-up parameter is passed
over, so that a setting that no session can have is refused and not lost.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg
from sqlalchemy.engine import make_url

PORT = 6432
SERVER_CONNECTIONS = 4
MISSING = "NO PGBOUNCER: the tests through it did not run. Install Debian's package 'pgbouncer' (.ci/pgbouncer does)."


def program() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class PgBouncer:
    """One pooler before the server at this SQLAlchemy address; gone after the block."""

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url)
        self._home = Path(tempfile.mkdtemp(prefix="msk-pgb-", dir="/tmp"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where its socket is."""
        return self._home

    @property
    def log(self) -> str:
        return (self._home / "log").read_text(errors="replace")

    def through(self, url: str) -> str:
        """The address of the same database through the pooler, for maskservice."""
        return through(url, self._home)

    def __enter__(self) -> Self:
        found = program()
        if found is None:
            raise FileNotFoundError(MISSING)
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # it refuses to run as root
        host = self._server.query.get("host") or self._server.host
        port = self._server.query.get("port") or self._server.port or 5432
        password = f" password={self._server.password}" if self._server.password else ""
        (self._home / "pgbouncer.ini").write_text(
            f"""[databases]
* = host={host} port={port} user={self._server.username}{password}
[pgbouncer]
unix_socket_dir = {self._home}
listen_port = {PORT}
auth_type = any
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 400
logfile = {self._home}/log
""",
            encoding="utf-8",
        )
        if account is not None:
            os.chown(self._home, account.pw_uid, account.pw_gid)
            os.chown(self._home / "pgbouncer.ini", account.pw_uid, account.pw_gid)
        self._process = subprocess.Popen(
            [found, str(self._home / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                psycopg.connect(f"postgresql://anybody@/postgres?host={self._home}&port={PORT}").close()
                return self
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise
                time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self._home, ignore_errors=True)


def through(url: str, folder: Path | str) -> str:
    """The address of a database through the pooler whose socket is in ``folder``."""
    query = {"host": str(folder), "port": str(PORT), "pooler": "transaction"}
    pooled = make_url(url).set(host=None, port=None).update_query_dict(query)
    return pooled.render_as_string(hide_password=False)
