"""Asking for a job by its name, so that services need not import what it does."""

import logging
from datetime import timedelta

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def send_or_leave(name: str, arguments: tuple[str, ...] = (), *, after: timedelta | None = None) -> None:
    """Asks for a job now, or `after` a while. While the broker is away it is left to whoever sweeps what it is for."""
    countdown = None if after is None else after.total_seconds()
    try:
        current_app.send_task(name, arguments, retry=False, countdown=countdown)
    except (OperationalError, OSError):
        logger.warning("the broker is away: %s is not asked for", name)
