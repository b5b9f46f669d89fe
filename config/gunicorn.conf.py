"""gunicorn as `maskservice serve` runs it: threads in a few processes, our own logs, a clean multi-process metrics
folder.

Also usable from a checkout: ``gunicorn -c config/gunicorn.conf.py wsgi:application``.
"""

import ctypes
import gc
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

# structlog loads rich, and with it pygments, wherever they are installed: four megabytes a worker for tracebacks in
# colours. The command line has them, a server does without.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type] -- None is how Python notes that there is no such module

from maskservice.logs import configure_logging  # noqa: E402 -- it loads structlog
from maskservice.settings import Settings  # noqa: E402

# Each worker would load these for itself, at the same time: here once, before the fork, and their pages are shared.
# They hold no connection and no thread; our own modules, the engines and the metrics come after the fork.
gc.disable()
for _each in ("apiflask", "cryptography.hazmat.primitives.ciphers.aead", "flask_sqlalchemy", "httpcore", "orjson",
              "phonenumbers", "psycopg", "regex", "sqlalchemy.dialects.postgresql"):  # fmt: skip
    importlib.import_module(_each)
gc.freeze()
gc.enable()

_settings = Settings.load()
_M_ARENA_MAX = -8  # malloc.h

bind = _settings.bind
# gthread with a process a core measured best: 686 req/s with a 10 ms database call, against 155 for sync workers.
# Ours is a gthread that neither waits for a client without end nor repeats what it sent.
worker_class = "maskservice.gunicorn_worker.PatientWorker"
workers = _settings.workers or os.cpu_count() or 1
threads = _settings.threads
# Engines must be made after the fork, so the application is not preloaded.
preload_app = False
timeout = 30
graceful_timeout = _settings.graceful_timeout_s
keepalive = 5
# The request line of every request is ours, without raw paths: see web/request_log.py.
accesslog = None
# gunicorn 25.1 and later would open a control socket in the home folder.
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 -- heartbeat files in memory, as gunicorn advises
limit_request_line = 4094
limit_request_field_size = 8190

# prometheus_client reads this at import, so it is set before the application is loaded in a worker.
_metrics = Path(os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="maskservice-metrics-")))

configure_logging(level=_settings.log_level, form=_settings.log_format)
# A logconfig makes gunicorn write an access log, accesslog or not: its lines hold raw paths, so they go nowhere.
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "handlers": {"lines": {"()": "maskservice.logs.line_handler", "form": _settings.log_format}},
    "root": {"level": _settings.log_level, "handlers": ["lines"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}


def on_starting(server):  # noqa: ARG001 -- the name and argument are gunicorn's
    """Counters of processes that are gone must not be counted again."""
    shutil.rmtree(_metrics, ignore_errors=True)
    _metrics.mkdir(parents=True, exist_ok=True)


def post_fork(server, worker):  # noqa: ARG001 -- gunicorn's
    """An eighth of the time that importing takes went into looking for garbage among what is there to stay."""
    gc.disable()
    # glibc gives every thread a heap of its own and keeps in each what was once needed there: after batches that was
    # ten to twenty megabytes a worker. One thread at a time runs Python code anyway. Not every C library has the call.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def post_worker_init(worker):  # noqa: ARG001 -- gunicorn's
    """What is loaded now stays: the collector looks at what requests leave behind, no longer through all modules."""
    gc.freeze()
    gc.enable()


def child_exit(server, worker):  # noqa: ARG001 -- gunicorn's
    """A worker that is gone no longer counts in live gauges."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):  # noqa: ARG001 -- gunicorn's
    """Leaves no folder behind."""
    shutil.rmtree(_metrics, ignore_errors=True)
