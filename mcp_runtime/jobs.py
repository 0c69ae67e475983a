"""Jobs by their names, so that services can ask for one without importing what it does."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

RUN_IMPORT = "mcp_runtime.run_import"
PROBE_UPSTREAMS = "mcp_runtime.probe_upstreams"


def send_or_leave(name: str, arguments: tuple[str, ...]) -> None:
    """Asks for a job now. While the broker is away it is left to whoever sweeps the schedule that it is in, too."""
    try:
        current_app.send_task(name, arguments, retry=False)
    except (OperationalError, OSError):
        logger.warning("the broker is away: %s waits to be swept", name)
