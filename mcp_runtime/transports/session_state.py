"""What a session changes while it lives: its log level and its subscriptions, in Valkey, so that any worker knows."""

from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol.sessions import LIFETIME_SECONDS

MAXIMUM_SUBSCRIPTIONS = 1_000
# Before a session says otherwise (server/utilities/logging leaves it to the server).
DEFAULT_LEVEL = "info"


class SessionState:
    """Sessions are named by their digest; raises Refused(TEMPORARILY_UNAVAILABLE) while Valkey is away."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # the library's types leave open what it decodes

    async def set_level(self, session: str, level: str) -> None:
        """Remembers from which level on a session wants log messages."""
        try:
            await self._client.set(_key(session, "level"), level, ex=LIFETIME_SECONDS)
        except RedisError:
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None

    async def level(self, session: str) -> str:
        """The level that a session has set; the default where none is, or none can be read."""
        try:
            level = await self._client.get(_key(session, "level"))
        except RedisError:
            return DEFAULT_LEVEL
        return str(level.decode()) if level else DEFAULT_LEVEL

    async def subscribe(self, session: str, uri: str) -> None:
        """Remembers that a session wants to hear of a resource. Raises Refused(LIMIT_REACHED)."""
        key = _key(session, "subscriptions")
        try:
            if await self._client.scard(key) >= MAXIMUM_SUBSCRIPTIONS:
                raise Refused(refusals.LIMIT_REACHED, f"A session has at most {MAXIMUM_SUBSCRIPTIONS} subscriptions.")
            await self._client.sadd(key, uri)
            await self._client.expire(key, LIFETIME_SECONDS)
        except RedisError:
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None

    async def unsubscribe(self, session: str, uri: str) -> None:
        """Forgets a subscription; one that is not there is forgotten already."""
        try:
            await self._client.srem(_key(session, "subscriptions"), uri)
        except RedisError:
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None

    async def is_subscribed(self, session: str, uri: str) -> bool:
        """Whether a session wants to hear of a resource; no, while that cannot be read."""
        try:
            return bool(await self._client.sismember(_key(session, "subscriptions"), uri))
        except RedisError:
            return False

    async def subscriptions(self, sessions: Sequence[str]) -> list[frozenset[str]]:
        """The URIs that each of these sessions wants to hear of, in one round trip."""
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for session in sessions:
                    pipeline.smembers(_key(session, "subscriptions"))
                return [frozenset(uri.decode() for uri in found) for found in await pipeline.execute()]
        except RedisError:
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None


def _key(session: str, what: str) -> str:
    return f"armstrong:session:{session}:{what}"
