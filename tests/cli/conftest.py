"""A home folder that was set up, the command line in this process, and the same as a program of its own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from click.testing import CliRunner, Result

from maskservice.cli import main

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command sends log lines to the standard error of its time, which the runner closes afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("MASKSERVICE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MASKSERVICE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("template") / "home"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MASKSERVICE_")}
    command = [sys.executable, "-m", "maskservice", "init"]
    subprocess.run(command, check=True, capture_output=True, env={**environment, "MASKSERVICE_HOME": str(home)})
    return home


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    """A home folder after ``init``."""
    place = tmp_path / "home"
    shutil.copytree(template, place)
    return place


@pytest.fixture
def run() -> Run:
    """Runs a command in this process."""

    def run(*arguments: str, typed: str | None = None) -> Result:
        # catch_exceptions: a traceback must show as a failure of the test, so it is checked in ``refused``.
        return CliRunner().invoke(main, list(arguments), input=typed, prog_name="maskservice")

    return run


@pytest.fixture
def result_of(run: Run) -> Callable[..., Any]:
    """Runs a command with ``--json`` and gives its result; nothing else may stand on stdout."""

    def result_of(*arguments: str, typed: str | None = None) -> Any:
        done = run(*arguments, "--json", typed=typed)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return result_of


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """Runs a command that must refuse: exit code, nothing on stdout, no traceback; gives the message from stderr."""

    def refused(*arguments: str, code: int = 1) -> str:
        done = run(*arguments)
        assert done.exit_code == code, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        assert done.stdout == ""
        assert "Error: " in done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    return refused


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


class Program:
    """``python -m maskservice …`` as a process of its own, with what it prints in files."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self._files = [folder / "stdout", folder / "stderr"]
        streams: list[IO[bytes]] = [each.open("wb") for each in self._files]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "maskservice", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=streams[0],
            stderr=streams[1],
            env={**os.environ, **environment},
        )
        for stream in streams:
            stream.close()

    @property
    def stdout(self) -> str:
        return self._files[0].read_text("utf-8")

    @property
    def stderr(self) -> str:
        return self._files[1].read_text("utf-8")

    def until(self, is_so: Callable[[], bool], *, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert self._process.poll() is None, f"it ended: {self.stdout}\n{self.stderr}"
            assert time.monotonic() < end, f"too long: {self.stdout}\n{self.stderr}"
            time.sleep(0.05)

    def answers(self, url: str) -> None:
        """Waits until the service answers there."""

        def is_up() -> bool:
            try:
                return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
            except httpx.TransportError:
                return False

        self.until(is_up)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal; the exit code. A worker that does not go by itself is killed after 30 s, the setting
        ``graceful_timeout_s``."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait(40)

    def exit_code(self) -> int:
        return self._process.wait(20)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(20)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts programs, and kills what still runs at the end."""
    started: list[Program] = []

    def start(*arguments: str, **environment: str) -> Program:
        program = Program(arguments, tmp_path / f"program-{len(started)}", environment)
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()
