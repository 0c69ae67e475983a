"""Connections of the Channels layer to Valkey, which notice that they were lost.

A connection whose peer vanished ends with ETIMEDOUT, which Python calls TimeoutError. So do redis-py's own waits, and
it takes the one for the other: nothing has come yet. The layer's receiver then asks again, and again, without a turn of
the loop in between, for ever: the process hangs. Here a connection that has ended says so first.
"""

import logging
from typing import Any

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError


def _in_a_sentence(record: logging.LogRecord) -> bool:
    """Says in a sentence that Valkey is away, which the layer's receiver takes for a defect of its own."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, RedisError | OSError):
        record.msg, record.args = "nothing is heard from Valkey: %s", (type(error).__name__,)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


logging.getLogger("channels_redis.pubsub").addFilter(_in_a_sentence)


class _Noticing(AbstractConnection):
    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """As redis-py's; raises ConnectionLost where the transport has ended with an error."""
        error = self._reader.exception() if self._reader is not None else None
        if error is not None:
            await self.disconnect(nowait=True)
            raise ConnectionLost(f"the connection was lost: {error}")
        return await super().read_response(*arguments, **options)


class _Plain(_Noticing, Connection):
    pass


class _Encrypted(_Noticing, SSLConnection):
    pass


class _Local(_Noticing, UnixDomainSocketConnection):
    pass


_CLASSES: dict[type[AbstractConnection], type[AbstractConnection]] = {
    SSLConnection: _Encrypted,
    UnixDomainSocketConnection: _Local,
}


def layer_host(url: str) -> dict[str, Any]:
    """What the Channels layer is given as one of its `hosts`, for a redis://, rediss:// or unix:// URL."""
    options: dict[str, Any] = dict(parse_url(url))
    wanted = options.pop("connection_class", Connection)
    return {**options, "connection_class": _CLASSES.get(wanted, _Plain)}
