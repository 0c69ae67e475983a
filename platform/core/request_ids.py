"""The id of the request that is being served, for every line it logs."""

import logging
from contextvars import ContextVar

current: ContextVar[str] = ContextVar("request_id", default="")


class RequestIds(logging.Filter):
    """Gives each record `request`: the id in brackets, or nothing outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything pass."""
        record.request = f" [{request_id}]" if (request_id := current.get()) else ""
        return True
