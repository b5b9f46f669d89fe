"""Several processes of one server are counted together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COUNT = """
from maskservice.web.metrics import Metrics
metrics = Metrics(metrics_dir={folder!r})
metrics.saw_call(outcome="connecting", direction="to_recipient", replayed=False, seconds=0.002)
metrics.saw_request(route="/healthz", method="GET", status=200, seconds=0.001)
print(metrics.exposition().decode())
"""


def test_the_counts_of_all_processes_are_told(tmp_path: Path) -> None:
    told = ""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", COUNT.format(folder=str(tmp_path))],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = done.stdout
    assert 'maskservice_calls_total{direction="to_recipient",outcome="connecting"} 3.0' in told
    assert 'maskservice_http_request_duration_seconds_count{method="GET",route="/healthz"} 3.0' in told
