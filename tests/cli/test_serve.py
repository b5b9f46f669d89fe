"""``serve``: it refuses before it forks, serves, and ends cleanly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from maskservice.cli.serve import url_of
from tests.cli.conftest import free_port


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_it_serves_and_ends(how, start, home):
    bind = f"127.0.0.1:{free_port()}"
    url = f"http://{bind}"
    program = start("serve", "--bind", bind, MASKSERVICE_WORKERS="1")
    program.answers(url)
    for path, text in (
        ("/healthz", "ok"),
        ("/readyz", "ready"),
        ("/docs", "maskservice API"),
        ("/openapi.json", "3.1"),
    ):
        answer = httpx.get(url + path, trust_env=False)
        assert answer.status_code == 200, path
        assert text in answer.text
    assert f"Serving on {url}, documentation at {url}/docs" in program.stderr
    assert program.end(how) == 0
    assert "Traceback" not in program.stderr


def test_a_worker_loads_nothing_that_others_need() -> None:
    """Alembic is for whoever migrates, httpx for the simulator and for who asks a hook: megabytes in each worker."""
    told = "import sys, maskservice.app; print(*({'alembic', 'httpx'} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""


def test_a_number_in_an_address_is_not_logged(start, home):
    bind = f"127.0.0.1:{free_port()}"
    program = start("serve", "--bind", bind, MASKSERVICE_WORKERS="1")
    program.answers(f"http://{bind}")
    httpx.get(f"http://{bind}/v1/bindings?phone=0912345678", trust_env=False)
    httpx.get(f"http://{bind}/v1/bindings/0912345678", trust_env=False)
    assert program.end() == 0
    assert "345678" not in program.stdout + program.stderr


def test_a_database_that_is_not_migrated_is_warned_of(start, home):
    for each in home.glob("maskservice.db*"):
        each.unlink()
    bind = f"127.0.0.1:{free_port()}"
    program = start("serve", "--bind", bind, MASKSERVICE_WORKERS="1")
    program.answers(f"http://{bind}")
    assert "Warning: migrations: " in program.stderr
    assert "maskservice init" in program.stderr
    assert httpx.get(f"http://{bind}/readyz", trust_env=False).status_code == 503
    assert program.end() == 0


def test_another_key_ring_is_refused_before_anything_forks(start, home, tmp_path, run, monkeypatch):
    key_ids = [each["id"] for each in json.loads((home / "keyring.json").read_text())["keys"]]
    monkeypatch.setenv("MASKSERVICE_HOME", str(tmp_path / "other"))
    assert run("init").exit_code == 0
    monkeypatch.setenv("MASKSERVICE_HOME", str(home))
    program = start(
        "serve", "--bind", f"127.0.0.1:{free_port()}", MASKSERVICE_KEYRING=str(tmp_path / "other/keyring.json")
    )
    assert program.exit_code() == 1
    assert all(key_id in program.stderr for key_id in key_ids)
    assert "gunicorn" not in program.stderr
    assert "Traceback" not in program.stderr


def test_no_key_ring_is_refused_before_anything_forks(start, tmp_path):
    program = start("serve", "--bind", f"127.0.0.1:{free_port()}", MASKSERVICE_HOME=str(tmp_path / "nothing"))
    assert program.exit_code() == 1
    assert "maskservice init" in program.stderr
    assert "Traceback" not in program.stderr


def test_an_address_that_is_taken(refused, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        message = refused("serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert "--bind" in message


@pytest.mark.parametrize(
    ("bind", "said"),
    [("8000", "HOST:PORT"), ("127.0.0.1:x", "HOST:PORT"), ("no-such-host.invalid:80", "host is not known")],
)
def test_an_address_of_no_use(bind, said, refused, home):
    assert said in refused("serve", "--bind", bind)


def test_configuration_that_is_not_there(refused, home, monkeypatch, tmp_path):
    monkeypatch.setenv("MASKSERVICE_CONFIG", str(tmp_path))
    assert "MASKSERVICE_CONFIG" in refused("serve")


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("mask.tw:81", "http://mask.tw:81"),
    ],
)
def test_the_address_for_a_browser(bind, url):
    assert url_of(bind) == url
