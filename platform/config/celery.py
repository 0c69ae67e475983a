"""The Celery application of the jobs role."""

import logging
import os

from celery import Celery
from celery.signals import worker_init, worker_process_init
from django.db import InterfaceError, OperationalError

from core.supervision.launcher import die_with

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("armstrong")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _end_pool_with_worker(**_: object) -> None:
    """A pool process whose worker is killed would wait for work for ever: the kernel ends it instead."""
    worker = os.getpid()

    def tie(**_: object) -> None:
        die_with(worker)

    worker_process_init.connect(tie, weak=False)


worker_init.connect(_end_pool_with_worker)


def _in_a_sentence(record: logging.LogRecord) -> bool:
    """Says in a sentence that the database was away: the task's next turn does its work, and nothing is defective."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, InterfaceError | OperationalError):
        said = record.args if isinstance(record.args, dict) else {}
        record.msg, record.args = "the database was away from task %s: %s", (said.get("name"), type(error).__name__)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


logging.getLogger("celery.app.trace").addFilter(_in_a_sentence)
