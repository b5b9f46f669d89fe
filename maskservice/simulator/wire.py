"""Signed requests to the service, sent again where a PBX would send them again.

Answers for: HTTP, signatures, retries, and errors that say what to check. Must not know: what a call is, what an
answer means.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx

from maskservice.telephony.signature import parse_secret, sign

TRIES = 3
TIMEOUT_S = 10.0


class SimulatorError(Exception):
    """The call could not be played; the sentence says what to check. It holds no phone number."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went out and what came back; ``status`` is None where no answer came. Bodies hold real
    numbers: no repr shows them.
    """

    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None
    answer: bytes = field(default=b"", repr=False)


class SignedLine:
    """A PBX's connection to the service. May be used by several threads; ``close`` closes only a client of its own.

    Raises SimulatorError from the constructor for a secret or a base URL that cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        pbx_id: str,
        secret: str,
        *,
        clock: Callable[[], datetime],
        http: httpx.Client | None,
        record: list[Exchange] | None,
        retry_pause_s: float,
    ) -> None:
        try:
            self._secret = parse_secret(secret)
        except ValueError as refusal:
            raise SimulatorError(f"{refusal} `maskservice pbx create` shows it once. PBX 密鑰格式不正確。") from None
        self._place = _place_of(base_url)
        self._root = f"{base_url.rstrip('/')}/v1/pbx/{quote(pbx_id, safe='')}"
        # trust_env=False: a proxy set for the outside world would swallow calls to 127.0.0.1.
        self._http = http if http is not None else httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._owns_http = http is None
        self._clock, self._record, self._retry_pause_s = clock, record, retry_pause_s

    def post(self, path: str, content: dict[str, object], *, expected: int) -> bytes:
        """Sends ``content`` and gives the answer's body. A broken connection or a 5xx is tried three times in all,
        with one webhook-id, so that the service can tell that it is the same request. Raises SimulatorError where it
        ends without the ``expected`` status.
        """
        body = json.dumps(content, ensure_ascii=False).encode()
        webhook_id = f"msg_{uuid4().hex}"
        failure = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self._retry_pause_s)
            try:
                response = self._send(path, webhook_id, body)
            except httpx.RequestError as broken:
                failure = self._why_broken(broken)
                continue
            if response.status_code == expected:
                return response.content
            if response.status_code < 500:
                raise SimulatorError(_why_refused(response, expected))
            failure = (
                f"The service answered {response.status_code}, {TRIES} times: a caller would have heard nothing. "
                "Look into the service's log. 服務發生錯誤。"
            )
        raise SimulatorError(failure)

    def _send(self, path: str, webhook_id: str, body: bytes) -> httpx.Response:
        signature = sign(secret=self._secret, webhook_id=webhook_id, sent_at=self._clock(), body=body)
        headers = {"content-type": "application/json", "user-agent": "maskservice-simulated-pbx", **signature}
        status, answer = None, b""
        try:
            response = self._http.post(f"{self._root}/{path}", content=body, headers=headers)
            status, answer = response.status_code, response.content
            return response
        finally:
            if self._record is not None:
                self._record.append(Exchange(path, headers, body, status, answer))

    def _why_broken(self, broken: httpx.RequestError) -> str:
        if isinstance(broken, httpx.ConnectError | httpx.ConnectTimeout):
            return (
                f"Nothing answers at {self._place}: is the service running there (`maskservice serve`)? "
                "連不上服務，請確認服務已啟動。"
            )
        return f"The connection to {self._place} broke {TRIES} times ({type(broken).__name__}). 與服務的連線中斷。"

    def close(self) -> None:
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _place_of(base_url: str) -> str:
    """Scheme, host and port: what an error may name, since a path or a user could hold anything."""
    try:
        # Both: each of the two lets through some of what the other refuses.
        port, url = urlsplit(base_url).port, httpx.URL(base_url)
    except (ValueError, httpx.InvalidURL):
        port, url = None, httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or port == 0:
        raise SimulatorError("The service's address must be like http://127.0.0.1:8000. 服務網址格式不正確。")
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _why_refused(response: httpx.Response, expected: int) -> str:
    said = _problem(response)
    if response.status_code == 401:
        return (
            "The service did not accept the PBX's signature (401). Check the PBX's id and its secret (`maskservice pbx "
            "create` shows it once), and that both clocks agree within five minutes. "
            f"簽章驗證失敗，請檢查 PBX 代碼、密鑰與時鐘。{said}"
        )
    if response.status_code == 404:
        return (
            f"The service knows no such PBX, or it is not served at this address (404). 查無此 PBX 或網址有誤。{said}"
        )
    return f"The service answered {response.status_code} where the contract says {expected}.{said}"


def _problem(response: httpx.Response) -> str:
    """What the service's problem document says (RFC 9457); it never repeats a rejected value."""
    try:
        problem = response.json()
    except ValueError:
        return ""
    detail = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return f" The service says: {detail[:300]}" if isinstance(detail, str) else ""
