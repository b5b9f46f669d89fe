"""One question to a real HTTPS server that does everything a server can do wrong: always an outcome, always in time."""

from __future__ import annotations

import base64
import os
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from maskservice.domain.hooks import BUDGET_S, HookFailure, HookReply, HookRequest
from maskservice.hooks import HttpsHookLine
from tests.hooks.server import HookServer

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
# What a busy machine may add: the point is that it is not the four seconds for which the server goes on.
LATE_S = BUDGET_S + 0.8


def question(url: str, **more: object) -> HookRequest:
    facts: dict[str, object] = {
        "hook_id": "hook_1",
        "url": url,
        "secret": SECRET,
        "webhook_id": "w-1",
        "sent_at": datetime.now(UTC),
        "body": b'{"type":"call.before_connect"}',
    }
    return HookRequest(**(facts | more))  # type: ignore[arg-type]


def timed(line: HttpsHookLine, request: HookRequest) -> tuple[HookReply, float]:
    before = time.monotonic()
    reply = line.ask(request)
    return reply, time.monotonic() - before


@pytest.mark.parametrize(
    ("path", "status", "failure"),
    [
        ("/allow", 204, None),
        ("/veto", 403, None),
        ("/error", 500, None),
        ("/redirect", 302, None),
        ("/compressed", 200, None),
        ("/hang", None, HookFailure.TIMEOUT),
        ("/drip", None, HookFailure.TIMEOUT),
        ("/drip-head", None, HookFailure.TIMEOUT),
        ("/big", None, HookFailure.TOO_LARGE),
        ("/garbage", None, HookFailure.UNREADABLE),
        ("/half", None, HookFailure.UNREADABLE),
        ("/reset", None, HookFailure.CONNECTION),
        ("/nothing", None, HookFailure.CONNECTION),
    ],
)
def test_every_behaviour_has_an_outcome_within_the_budget(
    server: HookServer, line: HttpsHookLine, path: str, status: int | None, failure: HookFailure | None
) -> None:
    line.ask(question(server.url("/allow"), hook_id="warm"))  # the first question loads the authorities
    reply, seconds = timed(line, question(server.url(path)))
    assert (reply.status, reply.failure) == (status, failure)
    assert seconds < LATE_S
    assert abs(reply.seconds - seconds) < 0.2


def test_a_redirect_is_not_followed(server: HookServer, line: HttpsHookLine) -> None:
    line.ask(question(server.url("/redirect")))
    assert [each.path for each in server.received] == ["/redirect"]


def test_the_question_is_signed_so_that_the_reference_library_takes_it(server: HookServer, line: HttpsHookLine) -> None:
    line.ask(question(server.url("/allow?token=1"), body='{"order_id":"訂單"}'.encode()))
    (got,) = server.received
    assert Webhook(SECRET).verify(got.body, got.headers) == {"order_id": "訂單"}
    assert got.path == "/allow?token=1"
    assert got.headers["host"] == f"localhost:{server.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "w-1"
    assert got.headers["user-agent"].startswith("maskservice/")


def test_a_connection_is_kept(server: HookServer, line: HttpsHookLine) -> None:
    for _ in range(3):
        assert line.ask(question(server.url("/allow"))).status == 204
    assert server.connections == 1


def test_a_kept_connection_that_was_closed_is_no_failure(server: HookServer, line: HttpsHookLine) -> None:
    for _ in range(4):
        assert line.ask(question(server.url("/once"))).status == 204
    assert len(server.received) == 4


def test_a_connection_that_closes_under_a_question_is_no_failure_and_the_question_keeps_its_id(
    server: HookServer, line: HttpsHookLine
) -> None:
    for place in range(3):
        assert line.ask(question(server.url("/first-only"), webhook_id=f"w-{place}")).status == 204
    assert [each.headers["webhook-id"] for each in server.received] == ["w-0", "w-1", "w-1", "w-2", "w-2"]


def test_a_server_that_resets_is_asked_once(server: HookServer, line: HttpsHookLine) -> None:
    line.ask(question(server.url("/reset")))
    assert len(server.received) == 1


def test_a_private_address_is_not_connected_to(server: HookServer) -> None:
    line = HttpsHookLine(ca_file=server.ca_file)
    for host in ("localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"):
        reply, seconds = timed(line, question(server.url("/allow", host=host)))
        assert reply.failure is HookFailure.PRIVATE_ADDRESS, host
        assert seconds < LATE_S
        line.ask(question(server.url("/allow", host=host), although_paused=True))
        line = HttpsHookLine(ca_file=server.ca_file)
    assert server.connections == 0


def test_tls_is_verified(server: HookServer, line: HttpsHookLine) -> None:
    assert line.ask(question(server.url("/allow", host="127.0.0.1"))).failure is HookFailure.TLS  # another name
    strict = HttpsHookLine(allow_private=True)
    assert strict.ask(question(server.url("/allow"))).failure is HookFailure.TLS  # an authority nobody knows
    strict.close()
    assert server.received == []


def test_a_server_that_never_agrees_on_tls_is_cut(server: HookServer, line: HttpsHookLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reply, seconds = timed(line, question(f"https://localhost:{silent.getsockname()[1]}/"))
    assert reply.failure is HookFailure.TIMEOUT
    assert seconds < LATE_S


def test_nobody_there(server: HookServer, line: HttpsHookLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert line.ask(question(f"https://localhost:{port}/")).failure is HookFailure.CONNECTION
    reply, seconds = timed(line, question("https://nothing.invalid/"))
    assert reply.failure in (HookFailure.UNKNOWN_HOST, HookFailure.TIMEOUT)
    assert seconds < LATE_S
    assert line.ask(question("http://localhost/")).failure is not None


def test_twenty_calls_on_a_hanging_hook_wait_their_own_second_each(server: HookServer, line: HttpsHookLine) -> None:
    line.ask(question(server.url("/allow"), hook_id="warm"))
    took: list[float] = []

    def one() -> None:
        took.append(timed(line, question(server.url("/hang")))[1])

    threads = [threading.Thread(target=one) for _ in range(20)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == 20
    assert max(took) < LATE_S
    assert time.monotonic() - started < LATE_S + 0.5
    # By now it is known to hang: nobody waits for it any more, and other hooks are not touched by that.
    reply, seconds = timed(line, question(server.url("/hang")))
    assert (reply.failure, seconds < 0.1) == (HookFailure.PAUSED, True)
    assert line.ask(question(server.url("/allow"), hook_id="hook_2")).status == 204


def test_a_pause_ends_with_one_question(server: HookServer) -> None:
    moment = 0.0
    line = HttpsHookLine(allow_private=True, ca_file=server.ca_file, now=lambda: moment)
    for _ in range(4):
        assert line.ask(question(server.url("/error"))).status == 500
    assert line.ask(question(server.url("/allow"))).status == 204  # in a row, or it is no reason
    for _ in range(5):
        assert line.ask(question(server.url("/error"))).status == 500
    assert line.ask(question(server.url("/allow"))).failure is HookFailure.PAUSED
    assert line.ask(question(server.url("/error"), although_paused=True)).status == 500
    moment = 29.9
    assert line.ask(question(server.url("/allow"))).failure is HookFailure.PAUSED
    moment = 30.1
    assert line.ask(question(server.url("/error"))).status == 500
    assert line.ask(question(server.url("/allow"))).failure is HookFailure.PAUSED
    moment = 61.0
    assert line.ask(question(server.url("/allow"))).status == 204
    assert line.ask(question(server.url("/allow"))).status == 204
    line.close()


def test_a_fork_uses_no_connection_of_its_parent(server: HookServer, line: HttpsHookLine) -> None:
    assert line.ask(question(server.url("/allow"))).status == 204
    child = os.fork()
    if child == 0:
        os._exit(0 if line.ask(question(server.url("/allow"))).status == 204 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert line.ask(question(server.url("/allow"))).status == 204
    assert [each.connection for each in server.received] == [1, 2, 1]


def test_nothing_secret_is_told_by_a_repr(tmp_path: Path) -> None:
    shown = repr(question("https://a.example/?token=abc")) + repr(HookReply(200, b"0912345678"))
    assert "token" not in shown
    assert SECRET not in shown
    assert "0912" not in shown
