"""``serve``: gunicorn with the shipped configuration, in the place of this program.

Answers for: refusing with one clear line before anything is forked. Must not know: what stands in gunicorn's file.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

import click

from maskservice.app import create_app
from maskservice.cli.opening import close_app, quiet, wiring_of
from maskservice.cli.output import examples, note, warn
from maskservice.settings import Settings, SettingsInvalid, config_folder

FACTORY = "maskservice.app:create_app()"


@click.command(
    epilog=examples(
        "maskservice serve",
        "maskservice serve --bind 0.0.0.0:8080",
        "MASKSERVICE_WORKERS=4 MASKSERVICE_ENV=production maskservice serve",
    )
)
@click.option("--bind", metavar="HOST:PORT", help="Where to listen; MASKSERVICE_BIND or 127.0.0.1:8000 unless given.")
def serve(*, bind: str | None) -> None:
    """Serve the HTTP interface, until Ctrl-C or SIGTERM; requests under way are ended first."""
    settings = load_with_bind(bind)
    configuration = gunicorn_configuration()
    app = create_app(quiet(settings))
    with app.app_context():
        for check in wiring_of(app).readiness():
            if not check.ok:
                warn(f"{check.name}: {check.detail}")
    close_app(app)
    require_free(settings.bind)
    note(f"Serving on {url_of(settings.bind)}, documentation at {url_of(settings.bind)}/docs. Ctrl-C ends it.")
    become_server(settings, configuration)


def load_with_bind(bind: str | None) -> Settings:
    """The settings, with the given address where there is one. Raises SettingsInvalid."""
    return Settings.load() if bind is None else Settings.load(bind=bind)


def gunicorn_configuration() -> Path:
    """The shipped file. Raises SettingsInvalid where the folder is not found."""
    folder = config_folder()
    path = None if folder is None else folder / "gunicorn.conf.py"
    if path is None or not path.is_file():
        raise SettingsInvalid("MASKSERVICE_CONFIG: config/gunicorn.conf.py is not found; name the folder that holds it")
    return path.absolute()


def require_free(bind: str) -> None:
    """Refuses an address that is taken or not ours; gunicorn would try for five seconds and end with a log line."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, int(port)))
    except OSError as taken:
        reason = os.strerror(taken.errno) if taken.errno and taken.errno > 0 else "the host is not known"
        raise click.ClickException(
            f"Cannot listen on {bind}: {reason}. Choose another address with --bind HOST:PORT."
        ) from None


def url_of(bind: str) -> str:
    """The address as a browser on this machine takes it."""
    host, _, port = bind.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{port}"  # noqa: S104 -- compared, not bound


def become_server(settings: Settings, configuration: Path, **environment: str) -> NoReturn:
    """Replaces this process with gunicorn, so that signals reach it and nothing of ours lies in between."""
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, "MASKSERVICE_BIND": settings.bind, **environment}
    command = [sys.executable, "-m", "gunicorn", "-c", str(configuration), FACTORY]
    os.execve(sys.executable, command, environment)  # noqa: S606 -- our own interpreter, no shell
