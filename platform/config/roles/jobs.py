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
    level = environment.text("ARMSTRONG_LOG_LEVEL", "INFO")
    options = ["--pool=prefork", f"--concurrency={PROCESSES}", "--without-gossip", "--without-mingle"]
    app.worker_main(["--quiet", "worker", *options, f"--loglevel={level}"])
    return 0
