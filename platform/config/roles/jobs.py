"""The jobs role: a Celery worker with two processes."""

import warnings

from celery.exceptions import SecurityWarning
from celery.signals import heartbeat_sent

from config.celery import app
from config.roles.listening import Address
from core import environment
from core.supervision.heartbeat import Heartbeat

PROCESSES = 2


def serve(_: Address) -> int:
    """Works until SIGTERM, then ends the tasks in progress."""
    heartbeat = Heartbeat.from_environment()

    def beat(**_: object) -> None:
        heartbeat.note()

    # Celery's own heartbeat comes from the worker's loop: it stands still when the loop or the broker does.
    heartbeat_sent.connect(beat, weak=False)
    # Celery warns a worker that runs as root, for the sake of pickled messages. Ours are JSON alone.
    warnings.simplefilter("ignore", SecurityWarning)
    # Not through Celery's command line: that loads an interactive shell first.
    worker = app.Worker(
        pool_cls="prefork",
        concurrency=PROCESSES,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
        loglevel=environment.text("ARMSTRONG_LOG_LEVEL", "INFO"),
    )
    worker.start()
    return int(worker.exitcode or 0)
