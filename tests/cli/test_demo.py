"""``demo``: end to end, twice, readable at 80 columns, and no recipient's number in it."""

from __future__ import annotations

import re
import signal
import socket
import stat
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from rich.cells import cell_len

from maskservice.cli.demo import cast
from maskservice.cli.demo.stage import MovedClock
from maskservice.domain.phone import read_phone
from tests.cli.conftest import free_port


def assert_no_number(text: str) -> None:
    digits = re.sub(r"[\s().－-]", "", text)
    for order in (*cast.SAMPLES, cast.SampleOrder("care line", cast.CARE_LINE, "", "", "")):
        reading = read_phone(order.phone)
        assert reading.base is not None
        national = "0" + reading.base.reveal().removeprefix("+886")
        assert order.phone not in text
        assert national not in digits
        assert national[1:] not in digits


@pytest.mark.slow
def test_the_whole_story_twice(run, home, result_of):
    done = run("demo", "--no-serve")
    assert done.exit_code == 0, done.output
    text = done.stdout
    assert re.search(r"收貨人 陳O美 0900-000000#\d{4} 台北市大安區敦化南路1段111號", text)
    scenes = ["發號", "標籤", "物流士撥打", "客戶回撥", "送達", "失效", "紀錄", "更多訂單", "換你試試"]
    assert [text.index(scene) for scene in scenes] == sorted(text.index(scene) for scene in scenes)
    assert text.count("neither saw the other's number") == 2
    assert "the demo's clock is moved" in text
    assert "status expired" in text
    assert "服務結束通話" in text
    for label in ("歐OO明", "大同股份有限公司", "J*** S****", "王O(收)"):
        assert f"收貨人 {label} 0900-" in text
    assert_no_number(text)
    assert done.stderr == ""
    assert stat.S_IMODE((home / "simulator.json").stat().st_mode) == 0o600

    again = run("demo", "--no-serve")
    assert again.exit_code == 0, again.output
    assert "with a further key" in again.stdout
    assert again.stdout.count("neither saw the other's number") == 2
    assert re.search(r"收貨人 陳O美 0900-000000#\d{4} ", again.stdout)
    assert [each["name"] for each in result_of("tenant", "list")["data"]] == [cast.SHOP]
    # Nothing is dated in the future, so nothing is due that the worker would not end by itself.
    assert result_of("worker", "--once")["ended"] == 0


@pytest.mark.slow
def test_it_fits_80_columns_and_is_plain_where_it_is_piped(run):
    text = run("demo", "--no-serve").stdout
    assert "\x1b" not in text
    copied = ("msk_", "curl", "  -", "       ", "MASKSERVICE_HOME=")
    for line in text.splitlines():
        assert cell_len(line) <= 80 or line.startswith(copied), line


@pytest.mark.slow
def test_the_ministry_s_number_is_left_to_whoever_has_it(run, home, result_of):
    assert run("numbers", "import", "0900-000000", "--pool", "default").exit_code == 0
    done = run("demo", "--no-serve")
    assert done.exit_code == 0, done.output
    assert re.search(r"收貨人 陳O美 0900-000001#\d{4} ", done.stdout)


@pytest.mark.slow
def test_it_serves_what_it_promises(start, run, monkeypatch, tmp_path):
    bind = f"127.0.0.1:{free_port()}"
    url = f"http://{bind}"
    program = start("demo", "--bind", bind)
    program.answers(url)
    text = program.stdout
    assert f"{url}/docs" in text
    assert httpx.get(f"{url}/docs", trust_env=False).status_code == 200
    api_key = re.search(r"^msk_\S+$", text, re.MULTILINE)
    assert api_key is not None
    body = re.search(r"-d '(\{.*?\})'$", text, re.MULTILINE | re.DOTALL)
    assert body is not None
    headers = {"authorization": f"Bearer {api_key.group()}", "content-type": "application/json"}
    created = httpx.post(f"{url}/v1/bindings", content=body.group(1).encode(), headers=headers, trust_env=False)
    assert created.status_code == 201, created.text
    promised = re.search(r"call (\d+) '([^']+)' --callback", text)
    assert promised is not None
    # No address is given: simulator.json knows where the demo serves.
    called = run("call", *promised.groups(), "--callback")
    assert called.stdout.count("neither saw the other's number") == 2
    assert program.end(signal.SIGINT) == 0
    assert "Traceback" not in program.stderr
    assert_no_number(program.stdout + program.stderr)


@pytest.mark.slow
def test_a_revoked_pbx_does_not_end_the_demo(run, home, result_of):
    result_of("pbx", "create", cast.PBX_NAME)
    result_of("pbx", "revoke", cast.PBX_NAME)
    for _ in range(2):
        assert run("demo", "--no-serve").exit_code == 0
    assert {each["name"] for each in result_of("pbx", "list")["data"]} == {"demo", "demo-2"}


def test_an_address_that_is_taken_is_told_before_anything_is_made(refused, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "--bind" in refused("demo", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert not (tmp_path / "home").exists()


def test_the_clock_never_runs_ahead():
    clock = MovedClock(behind=timedelta(hours=1))
    assert datetime.now(UTC) - clock.now() > timedelta(minutes=59)
    clock.move(timedelta(minutes=30))
    assert timedelta(minutes=29) < datetime.now(UTC) - clock.now() < timedelta(minutes=31)
    clock.move(timedelta(hours=2))
    assert clock.now() <= datetime.now(UTC)
    clock.set_right()
    assert datetime.now(UTC) - clock.now() < timedelta(seconds=1)
