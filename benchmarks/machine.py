"""What the benchmarks share: CPU and memory by the operating system's accounting, a durable PostgreSQL, the shipped
server and the empty route beside it, and one cheap client.

Answers for: measuring from outside, so that nothing of the service has to be trusted. Must not know: what is measured.
CPU time survives a noisy machine far better than the clock does, but not wholly: caches are shared. Quote ratios.
"""

from __future__ import annotations

import os
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.postgres import PostgresServer
from tests.system.installation import ROOT, Installation, Server, free_port, serving

RESULTS = Path(__file__).parent / "results"
_TICK = os.sysconf("SC_CLK_TCK")
_SHIPPED = "maskservice.app:create_app()"
EMPTY = "benchmarks.empty:application"


def cpu_of(root: int) -> float:
    """CPU seconds of a process, its living children and those that it has seen end."""
    total = 0.0
    for pid, fields in processes():
        if pid == root or int(fields[1]) == root:
            total += (int(fields[11]) + int(fields[12])) / _TICK
            if pid == root:
                total += (int(fields[13]) + int(fields[14])) / _TICK
    return total


def processes() -> Iterator[tuple[int, list[str]]]:
    """(pid, the fields of /proc/PID/stat behind the name; the first is the state)"""
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                yield int(place.name), (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue


def own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def largest_child_mb(root: int, line: str = "VmHWM") -> float:
    """The most resident memory of any worker: ``VmHWM`` that it ever had, ``VmRSS`` that it has."""
    peaks = [0]
    for pid, fields in processes():
        if int(fields[1]) == root:
            lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
            peaks += [int(each.split()[1]) for each in lines if each.startswith(line)]
    return max(peaks) / 1024


@contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str, int]]:
    """(address, the server's process or 0). PostgreSQL keeps what it acknowledges."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'maskservice.db'}", 0
        return
    with PostgresServer(durable=True) as server:
        url = server.create_database()
        yield url, postmaster_of(url)


def libpq(url: str) -> str:
    """The address as psycopg and pgbench read it: SQLAlchemy's names the driver."""
    return url.replace("postgresql+psycopg", "postgresql")


def postmaster_of(url: str) -> int:
    with psycopg.connect(libpq(url)) as connection:
        backend = connection.info.backend_pid
        return next(int(fields[1]) for pid, fields in processes() if pid == backend)


@contextmanager
def served(installation: Installation, *, workers: int, application: str = _SHIPPED) -> Iterator[tuple[Server, float]]:
    """The shipped gunicorn configuration with the service, or with the empty route; the seconds until its first
    answer."""
    begun = time.monotonic()
    if application == _SHIPPED:
        with serving(installation, workers=workers, MASKSERVICE_ENV="production", MASKSERVICE_LOG_LEVEL="INFO") as up:
            yield up, time.monotonic() - begun
        return
    bind = f"127.0.0.1:{free_port()}"
    log = installation.home / "empty.log"
    chosen = {"MASKSERVICE_BIND": bind, "MASKSERVICE_WORKERS": str(workers), "MASKSERVICE_ENV": "production"}
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "config/gunicorn.conf.py"), application]
    with log.open("wb") as lines:
        process = subprocess.Popen(
            command,
            env={**installation.environment, **chosen},
            cwd=installation.home,
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    up = Server(f"http://{bind}", process, log)
    try:
        _until_connected(up)
        yield up, time.monotonic() - begun
    finally:
        if process.poll() is None:
            up.stop()


def _until_connected(server: Server, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    request = wire("GET", "/", b"")
    while time.monotonic() < deadline:
        try:
            Client(server.url, clients=1).send([request], good=b"200")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server did not start:\n{server.log.read_text(encoding='utf-8')[-2000:]}")


def wire(method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A request as it goes over the wire."""
    given = {"Host": "127.0.0.1", "Content-Type": "application/json", **(headers or {}), "Content-Length": len(body)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


@dataclass(slots=True, eq=False)
class _Wire:
    """One connection with at most one request under way."""

    socket: socket.socket
    sent_at: float = 0.0
    got: bytearray = field(default_factory=bytearray)

    def begin(self, request: bytes, due: float) -> None:
        self.sent_at, self.got = due, bytearray()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole answer, or None where more must come. Raises ConnectionError."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self.got += piece
        head, mark, rest = bytes(self.got).partition(b"\r\n\r\n")
        if not mark:
            return None
        length = 0
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"transfer-encoding":
                return bytes(self.got) if rest.endswith(b"0\r\n\r\n") else None
            if name == b"content-length":
                length = int(value)
        return bytes(self.got) if len(rest) >= length else None


@dataclass(frozen=True, slots=True)
class Sent:
    """``times``: seconds of each answer, in order; from the moment that a request was due, where they were paced."""

    count: int
    seconds: float
    times: tuple[float, ...]
    answers: tuple[bytes, ...]

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    def quantile_ms(self, share: float) -> float:
        return 1000 * self.times[min(int(len(self.times) * share), len(self.times) - 1)]


class Client:
    """A client of one thread with several connections: it costs a few hundredths of what it measures."""

    def __init__(self, url: str, *, clients: int) -> None:
        address = urlsplit(url)
        self._address, self._clients = (address.hostname or "", address.port or 80), clients

    def _connected(self) -> socket.socket:
        made = socket.create_connection(self._address)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def send(
        self,
        requests: Sequence[bytes],
        *,
        good: bytes,
        rows_each: int = 1,
        rate: float | None = None,
        keep: bool = False,
        tick: Callable[[], None] = lambda: None,
    ) -> Sent:
        """All requests, as fast as they are answered or ``rate`` a second. Raises RuntimeError for an answer that does
        not hold ``good`` once for each of its rows."""
        selector = selectors.DefaultSelector()
        # The one that has been idle the longest goes next: the server closes those that idle for five seconds.
        idle = deque(_Wire(self._connected()) for _ in range(self._clients))
        for each in idle:
            selector.register(each.socket, selectors.EVENT_READ, each)
        everyone, times, answers = list(idle), [], []
        begun, turn = time.monotonic(), 0
        try:
            while len(times) < len(requests):
                now = time.monotonic()
                while idle and turn < len(requests) and (rate is None or begun + turn / rate <= now):
                    idle.popleft().begin(requests[turn], now if rate is None else begun + turn / rate)
                    turn += 1
                wait = None
                if rate is not None and idle and turn < len(requests):
                    wait = max(begun + turn / rate - time.monotonic(), 0)
                for key, _ in selector.select(wait):
                    one: _Wire = key.data
                    if one in idle:  # closed by the server, which has nothing else to say to who did not ask
                        selector.unregister(one.socket)
                        one.socket.close()
                        one.socket = self._connected()
                        selector.register(one.socket, selectors.EVENT_READ, one)
                        continue
                    answer = one.receive()
                    if answer is None:
                        continue
                    if answer.count(good) < rows_each:
                        raise RuntimeError(f"a bad answer: {answer[:600]!r}")
                    times.append(time.monotonic() - one.sent_at)
                    if keep:
                        answers.append(answer.partition(b"\r\n\r\n")[2])
                    idle.append(one)
                    tick()
            return Sent(len(times), time.monotonic() - begun, tuple(sorted(times)), tuple(answers))
        finally:
            selector.close()
            for each in everyone:
                each.socket.close()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes again."""
    with tempfile.TemporaryDirectory(prefix="maskservice-benchmark-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def load_line() -> str:
    load = os.getloadavg()
    return f"{os.cpu_count()} cores, load {load[0]:.1f} {load[1]:.1f}"
