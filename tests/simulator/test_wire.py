"""The simulated PBX over real sockets: what it does when a connection drops, the service fails, or says no."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maskservice.simulator import Ending, Exchange, SimulatedPbx, SimulatorError
from maskservice.telephony.signature import new_secret_text
from tests.simulator.service_by_contract import SECRET, ServiceByContract

Fault = Callable[[int], int | None]


@contextmanager
def serving(service: ServiceByContract, fault: Fault = lambda _: None) -> Iterator[str]:
    """The service on 127.0.0.1. ``fault(n)`` for the n-th request, from 1: a status to answer instead, 0 to drop the
    connection after the request was taken in, None for none.
    """
    seen = [0]

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            seen[0] += 1
            body = self.rfile.read(int(self.headers["content-length"]))
            status, content = service.reply(self.path, dict(self.headers.items()), body)
            failing = fault(seen[0])
            if failing == 0:
                self.close_connection = True
                return
            text = b"" if content is None or failing else json.dumps(content).encode()
            self.send_response(failing or status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_call_over_real_http() -> None:
    service = ServiceByContract()
    with serving(service) as url, SimulatedPbx(url + "/", "pbx_1", SECRET) as pbx:
        assert pbx.call("0987654321", "0900-000000#5678").ending is Ending.COMPLETED
    assert [event["event"] for event in service.events] == ["ringing", "answered", "completed"]


@pytest.mark.parametrize("fault", [0, 500, 503])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_request_is_sent_again_under_its_webhook_id(fault: int, place: int) -> None:
    service, record = ServiceByContract(), list[Exchange]()
    with (
        serving(service, lambda n: fault if n == place else None) as url,
        SimulatedPbx(url, "pbx_1", SECRET, record=record, retry_pause_s=0) as pbx,
    ):
        assert pbx.call("0987654321", "0900-000000#5678").ending is Ending.COMPLETED
    failed, again = record[place - 1], record[place]
    assert failed.status == (fault or None)
    assert (again.path, again.body) == (failed.path, failed.body)
    assert again.headers["webhook-id"] == failed.headers["webhook-id"]
    # The service had taken the first one in, and still counts one of each.
    assert (len(service.legs), len(service.events)) == (2, 3)


def test_a_request_is_sent_three_times_and_no_more() -> None:
    service = ServiceByContract()
    with (
        serving(service, lambda _: 503) as url,
        SimulatedPbx(url, "pbx_1", SECRET, retry_pause_s=0) as pbx,
        pytest.raises(SimulatorError, match="503, 3 times"),
    ):
        pbx.call("0987654321", "0900-000000#5678")
    assert len(service.webhook_ids) == 3
    assert len(set(service.webhook_ids)) == 1


def test_a_connection_that_always_drops() -> None:
    service = ServiceByContract()
    with (
        serving(service, lambda _: 0) as url,
        SimulatedPbx(url, "pbx_1", SECRET, retry_pause_s=0) as pbx,
        pytest.raises(SimulatorError, match="broke 3 times"),
    ):
        pbx.call("0987654321", "0900-000000#5678")
    assert len(service.webhook_ids) == 3


@pytest.mark.parametrize(
    ("secret", "skew"),
    [(new_secret_text(bytes(32)), timedelta(0)), (SECRET, timedelta(minutes=-6)), (SECRET, timedelta(minutes=6))],
)
def test_401_says_what_to_check_and_is_not_tried_again(secret: str, skew: timedelta) -> None:
    record: list[Exchange] = []
    with (
        serving(ServiceByContract()) as url,
        SimulatedPbx(url, "pbx_1", secret, record=record, clock=lambda: datetime.now(UTC) + skew) as pbx,
        pytest.raises(
            SimulatorError, match=r"(?s)signature \(401\).*secret.*clocks.*The service says: No signature matches"
        ),
    ):
        pbx.call("0987654321", "0900-000000#5678")
    assert [each.status for each in record] == [401]


@pytest.mark.parametrize("pbx_id", ["pbx_2", "x/../pbx_1", "pbx_1?x=1", "亂"])
def test_404_says_what_to_check(pbx_id: str) -> None:
    with (
        serving(ServiceByContract()) as url,
        SimulatedPbx(url, pbx_id, SECRET) as pbx,
        pytest.raises(SimulatorError, match=r"no such PBX.*Not found"),
    ):
        pbx.call("0987654321", "0900-000000#5678")


@pytest.mark.parametrize("status", [204, 302, 400, 422, 429])
def test_any_other_status_is_against_the_contract(status: int) -> None:
    with (
        serving(ServiceByContract(), lambda _: status) as url,
        SimulatedPbx(url, "pbx_1", SECRET) as pbx,
        pytest.raises(SimulatorError, match=f"answered {status} where the contract says 200"),
    ):
        pbx.call("0987654321", "0900-000000#5678")


def test_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take the port meanwhile
        port = taken.getsockname()[1]
        with (
            SimulatedPbx(f"http://127.0.0.1:{port}", "pbx_1", SECRET, retry_pause_s=0) as pbx,
            pytest.raises(SimulatorError, match=f"Nothing answers at http://127.0.0.1:{port}: .*maskservice serve"),
        ):
            pbx.call("0987654321", "0900-000000#5678")
