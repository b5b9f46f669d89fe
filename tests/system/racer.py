"""The runners of the race: ``python -m tests.system.racer PROCESSES KEY``; each is a process with an application of
its own.

Answers for: asking as fast as it can until the pool is full three times over. Must not know: who wins.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import threading
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from maskservice.app import create_app
from maskservice.settings import Settings
from tests.system.installation import order

THREADS = 4


def run(name: int, key: str, gate: Barrier, results: SimpleQueue[dict[str, object]]) -> None:
    app = create_app(Settings.load())
    won: list[tuple[str, str]] = []
    statuses: dict[int, int] = {}
    slowest, lock = 0.0, threading.Lock()

    def race(thread: int) -> None:
        nonlocal slowest
        client = app.test_client()
        full = 0
        for place in range(100_000):
            begun = time.perf_counter()
            answer = client.post(
                "/v1/bindings", json=order(f"{name}-{thread}-{place}"), headers={"Authorization": f"Bearer {key}"}
            )
            took = time.perf_counter() - begun
            with lock:
                statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
                slowest = max(slowest, took)
                if answer.status_code == 201:
                    won.append((answer.json["virtual_number"], answer.json["extension"]))
            full = full + 1 if answer.status_code != 201 else 0
            if full == 3:
                return

    gate.wait()
    threads = [threading.Thread(target=race, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put({"won": won, "statuses": statuses, "slowest": slowest})


def main(count: int, key: str) -> None:
    # Forked after the imports and before any application: each child makes its own engine, as the server's workers do.
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(count), context.SimpleQueue()
    runners = [context.Process(target=run, args=(name, key, gate, results)) for name in range(count)]
    for runner in runners:
        runner.start()
    told = [results.get() for _ in runners]
    for runner in runners:
        runner.join()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
