"""Where an import's rows go: to a service over HTTP, or to the database that the settings name.

Answers for: an answer for every row, and patience with a service that is busy. Must not know: files, progress.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import click
import httpx
import orjson

from maskservice.cli.opening import opened
from maskservice.domain.errors import NotFound
from maskservice.services.batches import CHUNK
from maskservice.web.batch import answer_rows

_TRIES: Final = 6
_LONGEST_WAIT_S: Final = 15.0
_TIMEOUT: Final = httpx.Timeout(120, connect=10)

Answers = Sequence[dict[str, Any]]


class Send(Protocol):
    def __call__(self, rows: Sequence[bytes]) -> Answers:
        """The answer to each row, in order. Raises click.ClickException where there is no use in going on."""
        ...


@contextmanager
def over_http(url: str, api_key: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Send]:
    """Sends to POST /v1/bindings/batch of the service at ``url``."""
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/x-ndjson"}
    with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False) as client:

        def send(rows: Sequence[bytes]) -> Answers:
            told: dict[int, dict[str, Any]] = {}
            failure = ""
            for attempt in range(_TRIES):
                left = [place for place in range(len(rows)) if place not in told or _may_pass(told[place])]
                if not left:
                    break
                if attempt:
                    sleep(min(2.0 ** (attempt - 1), _LONGEST_WAIT_S))
                answers, failure = _ask(client, [rows[place] for place in left])
                told |= {left[answer["index"]]: answer for answer in answers}
            if len(told) < len(rows):
                raise click.ClickException(f"{failure} Run this again: it goes on where it stopped.")
            return [told[place] for place in range(len(rows))]

        yield send


def _may_pass(answer: dict[str, Any]) -> bool:
    """A pool does not fill up and empty again within seconds; a database may be back."""
    return bool(answer["status"] >= 500 and answer["problem"]["code"] != "pool_exhausted")


def _ask(client: httpx.Client, rows: Sequence[bytes]) -> tuple[Answers, str]:
    """(what was answered before the connection broke, what went wrong). A row that was bound and not answered is found
    by its order when it is sent again."""
    received = bytearray()
    try:
        with client.stream("POST", "/v1/bindings/batch", content=b"\n".join(rows)) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                return (), _refusal(response)
            for piece in response.iter_bytes():
                received += piece
    except httpx.TransportError as broken:
        failure = f"The service cannot be reached ({type(broken).__name__})."
    else:
        failure = "The service did not answer every row."
    whole = bytes(received[: received.rfind(b"\n") + 1])
    return [orjson.loads(line) for line in whole.splitlines()], failure


def _refusal(response: httpx.Response) -> str:
    try:
        problem = response.json()
        said = f"The service answered {response.status_code} {problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        said = f"The service answered {response.status_code}, and not as maskservice does. Check --url."
    if response.status_code < 500 and response.status_code != httpx.codes.TOO_MANY_REQUESTS:
        raise click.ClickException(said)
    return said


@contextmanager
def directly(tenant_name: str) -> Iterator[Send]:
    """Works on the database itself, for the tenant of this name. Raises NotFound."""
    with opened() as ports:
        with ports.unit(write=False) as uow:
            tenant = uow.tenants.named(tenant_name)
        if tenant is None:
            raise NotFound("There is no tenant of this name. 'maskservice tenant list' shows them.")

        def send(rows: Sequence[bytes]) -> Answers:
            answers: list[Any] = []
            for start in range(0, len(rows), CHUNK):
                answers += answer_rows(rows[start : start + CHUNK], tenant, start)
            return answers

        yield send
