"""The tasks role: a Celery worker whose threads wait while calls that outlive their request run in one loop."""

import socket
import warnings

from celery.exceptions import SecurityWarning
from celery.signals import heartbeat_sent

from config.celery import app
from config.roles.listening import Address
from core import environment
from core.supervision.heartbeat import Heartbeat
from mcp_runtime.durable.thread import QUEUE, RUN_TASK, runner_thread

THREADS = 64


def serve(_: Address) -> int:
    """Works until SIGTERM; what is unfinished then is run again by whoever comes next."""
    heartbeat = Heartbeat.from_environment()

    def beat(**_: object) -> None:
        heartbeat.note()

    # Celery's own heartbeat comes from the worker's loop: it stands still when the loop or the broker does.
    heartbeat_sent.connect(beat, weak=False)
    # Celery warns a worker that runs as root, for the sake of pickled messages. Ours are JSON alone.
    warnings.simplefilter("ignore", SecurityWarning)
    runner_thread().send_out(_send)
    worker = app.Worker(
        pool_cls="threads",
        concurrency=THREADS,
        queues=[QUEUE],
        hostname=f"tasks@{socket.gethostname()}",
        without_gossip=True,
        without_mingle=True,
        quiet=True,
        loglevel=environment.text("ARMSTRONG_LOG_LEVEL", "INFO"),
    )
    worker.start()
    runner_thread().stop()
    return int(worker.exitcode or 0)


def _send(tenant_id: str, task_id: str) -> None:
    app.send_task(RUN_TASK, (tenant_id, task_id), queue=QUEUE, retry=False)
