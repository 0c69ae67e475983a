"""The way to the broker: Celery's own, except that a message which cannot be read is said and dropped.

Whoever reads one with Celery's own falls over it. It has left its queue by then, so the next start gets on; but as many
of them as the supervisor bears restarts in a minute would end a role for good.
"""

import logging

from kombu.transport import redis

logger = logging.getLogger(__name__)

# What reading raises where it is not JSON, or no message of Celery's. No error of the connection is any of these.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)


class SturdyChannel(redis.Channel):
    """A channel that outlives what it reads."""

    def _brpop_read(self, **options: object) -> bool:
        try:
            return bool(super()._brpop_read(**options))  # type: ignore[no-untyped-call]  # Celery has no types
        except UNREADABLE as error:
            logger.error("a message that no task can be is dropped: %s", repr(error)[:300])
            return True


class SturdyTransport(redis.Transport):
    """Celery's transport for Redis, with such channels."""

    Channel = SturdyChannel
