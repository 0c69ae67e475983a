"""The Celery application of the jobs role."""

import os

from celery import Celery
from celery.signals import worker_init, worker_process_init

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
