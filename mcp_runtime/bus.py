"""What workers tell each other over the Channels layer: answers for a call elsewhere, cancellations, changes.

A worker is told what concerns it alone in a group of its own, and what concerns everyone in the group of all.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError

from core.broker_lines import layer_host
from core.jitter import jittered

logger = logging.getLogger(__name__)

PREFIX = "armstrong-runtime"
EVERYONE = "workers"
PAUSES = (0.1, 5.0)

type Handler = Callable[[dict[str, Any]], None]


class Bus:
    """`worker` names this worker; handlers are called in the loop, by the kind of message."""

    def __init__(self, url: str) -> None:
        self.worker = secrets.token_hex(8)
        self.connected = asyncio.Event()
        self._url = url
        self._layer = self._new_layer()
        self._is_closed = False
        self._handlers: dict[str, Handler] = {}

    def on(self, kind: str, handler: Handler) -> None:
        """Has `handler` called with the data of each message of `kind`."""
        self._handlers[kind] = handler

    async def tell(self, worker: str, kind: str, data: dict[str, Any]) -> None:
        """Tells one worker; one that has gone hears nothing. Raises RedisError or OSError while Valkey is away."""
        if worker == self.worker:
            self._handle({"kind": kind, "data": data})
            return
        await self._send(f"worker-{worker}", {"type": "message", "kind": kind, "data": data})

    async def tell_everyone(self, kind: str, data: dict[str, Any]) -> None:
        """Tells every worker: this one at once, and the others unless Valkey is away."""
        message = {"type": "message", "kind": kind, "data": data, "from": self.worker}
        self._handle(message)
        try:
            await self._send(EVERYONE, message)
        except (RedisError, OSError) as error:
            logger.warning("other workers were not told of %s: %s", kind, type(error).__name__)

    async def run(self) -> None:
        """Hears the others for ever, and comes back with growing, jittered pauses."""
        pause = PAUSES[0]
        self.connected.clear()
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as error:
                logger.warning("other workers are not heard: %s", type(error).__name__)
            pause = PAUSES[0] if self.connected.is_set() else min(pause * 2, PAUSES[1])
            self.connected.clear()
            await asyncio.sleep(jittered(pause))
            self._layer, broken = self._new_layer(), self._layer
            await _let_go(broken)

    async def close(self) -> None:
        """Lets go of the layer's connections, for good: a layer would open them again for who still has something."""
        self._is_closed = True
        await _let_go(self._layer)

    async def _send(self, group: str, message: dict[str, Any]) -> None:
        if self._is_closed:
            raise ConnectionError("the worker has ended")
        await self._layer.group_send(group, message)

    def _new_layer(self) -> RedisPubSubChannelLayer:
        return RedisPubSubChannelLayer(hosts=[layer_host(self._url)], prefix=PREFIX)

    async def _hear(self) -> None:
        channel = await self._layer.new_channel()
        await self._layer.group_add(EVERYONE, channel)
        await self._layer.group_add(f"worker-{self.worker}", channel)
        self.connected.set()
        while True:
            message = await self._layer.receive(channel)
            if message.get("from") != self.worker:
                self._handle(message)

    def _handle(self, message: dict[str, Any]) -> None:
        handler = self._handlers.get(message["kind"])
        if handler is None:
            logger.warning("a message of an unknown kind: %s", message["kind"])
            return
        try:
            handler(message["data"])
        except Exception:
            logger.exception("a message of kind %s was not handled", message["kind"])


async def _let_go(layer: RedisPubSubChannelLayer) -> None:
    try:
        await layer.flush()
    except (RedisError, OSError) as error:
        logger.warning("a connection to other workers was not closed: %s", type(error).__name__)
