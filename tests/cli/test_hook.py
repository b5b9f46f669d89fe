"""``maskservice hook``."""

from __future__ import annotations

import pytest

URL = "https://hooks.example.com/connect"


@pytest.fixture
def shop(home, result_of) -> str:
    result_of("tenant", "create", "示範商店")
    return "示範商店"


def test_set_list_remove(run, result_of, shop):
    made = result_of("hook", "set", shop, "before_connect", URL, "--on-failure", "connect")
    assert made["secret"].startswith("whsec_")
    assert result_of("hook", "set", shop, "before_connect", URL, "--on-failure", "refuse")["secret"] is None
    (listed,) = result_of("hook", "list", shop)["data"]
    assert (listed["kind"], listed["url"], listed["on_failure"]) == ("before_connect", URL, "refuse")
    assert result_of("hook", "remove", shop, "before_connect") == {"kind": "before_connect", "removed": True}
    done = run("hook", "list", shop)
    assert "maskservice hook set" in done.stderr


def test_for_people_the_secret_is_shown_once(run, shop):
    done = run("hook", "set", shop, "out_of_session", URL)
    assert done.exit_code == 0
    assert "whsec_" in done.stdout
    assert "this once" in done.stderr
    assert "whsec_" not in run("hook", "set", shop, "out_of_session", URL).stdout
    assert URL in run("hook", "list", shop).stdout


def test_what_is_wrong_is_told(run, shop):
    done = run("hook", "set", shop, "before_connect", "http://hooks.example.com")
    assert done.exit_code == 1
    assert "https://" in done.stderr
    assert "on failure" in done.stderr
    assert run("hook", "remove", shop, "before_connect").exit_code == 1
    assert run("hook", "list", "nobody").exit_code == 1


def test_test_tells_why_there_is_no_answer(result_of, shop):
    result_of("hook", "set", shop, "before_connect", "https://127.0.0.1:9/", "--on-failure", "connect")
    told = result_of("hook", "test", shop, "before_connect")
    assert (told["verdict"], told["failure"], told["status"]) == ("failed", "private_address", None)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_none_is_told_at_start(run, shop, monkeypatch, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("MASKSERVICE_HOOKS_CA_FILE", str(path))
    done = run("hook", "list", shop)
    assert done.exit_code == 1
    assert "MASKSERVICE_HOOKS_CA_FILE" in done.stderr
    assert str(path) not in done.stderr
