"""The runners of the batch race: ``python -m tests.system.batch_racer PROCESSES KEY MODE``; each is a process with an
application of its own.

Answers for: batches over the same orders in different sequences beside single creates; in the mode ``churn`` also
releases, and a worker that frees what has rested. Must not know: who wins.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
import threading
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from maskservice.app import create_app
from maskservice.services.expiry import free_rested
from maskservice.settings import Settings
from tests.system.installation import order

THREADS, ROUNDS, ROWS, ORDERS = 3, 8, 60, 400


def run(name: int, key: str, mode: str, gate: Barrier, results: SimpleQueue[dict[str, object]]) -> None:
    app = create_app(Settings.load())
    headers = {"Authorization": f"Bearer {key}"}
    bound: list[tuple[str, str, str]] = []
    statuses: dict[str, int] = {}
    lock = threading.Lock()

    def saw(status: int, content: dict) -> None:  # type: ignore[type-arg]
        with lock:
            told = f"{status} {content['code']}" if status >= 400 else str(status)
            statuses[told] = statuses.get(told, 0) + 1
            if status in (200, 201):
                bound.append((content["order_id"], content["virtual_number"], content["extension"]))

    def race(thread: int) -> None:
        client, source = app.test_client(), random.Random(f"{name}-{thread}")
        for _ in range(ROUNDS):
            places = source.sample(range(ORDERS), ROWS)
            answer = client.post("/v1/bindings/batch", json=[order(place) for place in places], headers=headers)
            if answer.status_code != 200:
                saw(answer.status_code, answer.json)
                continue
            for row in answer.json:
                saw(row["status"], row.get("binding") or row["problem"])
            for place in source.sample(range(ORDERS), 5):
                answer = client.post("/v1/bindings", json=order(place), headers=headers)
                saw(answer.status_code, answer.json)
                if mode == "churn" and answer.status_code in (200, 201):
                    client.delete(f"/v1/bindings/{answer.json['id']}", headers=headers)
            if mode == "churn":
                with app.app_context():
                    free_rested(app.extensions["maskservice"].ports, limit=50)

    gate.wait()
    threads = [threading.Thread(target=race, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put({"bound": bound, "statuses": statuses})


def main(count: int, key: str, mode: str) -> None:
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(count), context.SimpleQueue()
    runners = [context.Process(target=run, args=(name, key, mode, gate, results)) for name in range(count)]
    for runner in runners:
        runner.start()
    told = [results.get() for _ in runners]
    for runner in runners:
        runner.join()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
