"""The client of one server: finds out what it speaks, remembers it, and finds out again when it changes its mind."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.jsonrpc import Message
from mcp_runtime.sources.mcp.conduit import Conduit
from mcp_runtime.sources.mcp.config import McpConfig
from mcp_runtime.sources.mcp.era import About, Changed, Era
from mcp_runtime.sources.mcp.http_sse import HttpSse
from mcp_runtime.sources.mcp.inputs import fulfilled
from mcp_runtime.sources.mcp.link import Faulty, Link
from mcp_runtime.sources.mcp.messages import Answered, broken
from mcp_runtime.sources.mcp.parking import Lost
from mcp_runtime.sources.mcp.requests import Caller, EraChanged, Request
from mcp_runtime.sources.mcp.session_call import Bay
from mcp_runtime.sources.mcp.sessions import Sessions
from mcp_runtime.sources.mcp.stateless import Stateless
from mcp_runtime.sources.mcp.streamable_http import StreamableHttp
from mcp_runtime.sources.mcp.talk import PARKED
from mcp_runtime.sources.upstream import Health, Line, UpstreamFailed

type Hear = Callable[[Message], bytes | None]


class McpClient:
    """Speaks to one server for many callers."""

    def __init__(self, config: McpConfig, line: Line) -> None:
        self.link = Link(config, line)
        self._transport = config.transport
        self._changed: Changed = line.changed
        self._bay = Bay(line.tenant_id, line.upstream_id, line.parking)
        self._negotiating = asyncio.Lock()
        self._era: Era | None = None

    async def request(self, request: Request, caller: Caller) -> dict[str, Any]:
        """The whole result. Raises Answered, UpstreamFailed, and whatever asking the client raises.

        A call that was parked is gone on with where it is held. Raises Refused(CALL_LOST) where it cannot be and must
        not be repeated.
        """
        memory = caller.conversation.memory
        parking = self._bay.parking
        if parking is not None and PARKED in memory:
            owner = self._bay.owner(caller.principal, request.method, dict(request.params))
            try:
                return await parking.go_on(memory, owner, caller)
            except Lost as lost:
                memory.pop(PARKED, None)
                if not request.is_repeatable:
                    raise Refused(refusals.CALL_LOST, f"{lost} Whether it has had effects is not known.") from None
        return await fulfilled(self._request, request, caller)

    async def _request(self, request: Request, caller: Caller) -> dict[str, Any]:
        era = self._era or await self.era(caller)
        try:
            return await era.request(request, caller)
        except EraChanged:
            # What was refused in this way was not served, so that it may be sent again.
            await self._forget(era)
        try:
            return await (await self.era(caller)).request(request, caller)
        except EraChanged:
            raise _incomprehensible() from None

    async def about(self, caller: Caller) -> About:
        """What the server says of itself now. Raises UpstreamFailed, Answered."""
        era = await self.era(caller)
        try:
            return await era.about(caller)
        except EraChanged:
            await self._forget(era)
        try:
            return await (await self.era(caller)).about(caller)
        except EraChanged:
            raise _incomprehensible() from None

    async def era(self, caller: Caller) -> Era:
        """How the server is spoken to. Raises UpstreamFailed."""
        if self._era is None:
            async with self._negotiating:
                if self._era is None:
                    self._era = await self._negotiated(caller)
        return self._era

    async def _negotiated(self, caller: Caller) -> Era:
        """Tries the newest first (2026-07-28, basic/versioning "Backward Compatibility")."""
        failures: list[UpstreamFailed] = []
        for era in self._candidates():
            try:
                await era.about(caller)
            except (EraChanged, Answered) as refused:
                failures += _told(refused)
            except UpstreamFailed as failure:
                await era.close()
                # Earlier servers stumble over what they do not know; what they say to a handshake is what counts.
                if not isinstance(era, Stateless) or not _may_be_misunderstood(failure):
                    raise
                failures.append(failure)
            else:
                return era
            await era.close()
        raise failures[-1] if failures else _incomprehensible()

    def _candidates(self) -> list[Era]:
        stateless = Stateless(self.link)
        session = Sessions(partial(self._conduit, StreamableHttp), self._changed, self._bay)
        http_sse = Sessions(partial(self._conduit, HttpSse), self._changed, self._bay)
        everything: dict[str, Era] = {"stateless": stateless, "session": session, "http_sse": http_sse}
        return [era for name, era in everything.items() if self._transport in ("auto", name)]

    def _conduit(self, kind: type[StreamableHttp] | type[HttpSse], hear: Hear) -> Conduit:
        return kind(self.link, hear)

    async def _forget(self, era: Era) -> None:
        if self._era is era:
            self._era = None
            await era.close()

    async def close(self) -> None:
        """Ends sessions and streams; calls that are under way fail."""
        if self._era is not None:
            await self._era.close()


def _told(refused: EraChanged | Answered) -> list[UpstreamFailed]:
    if isinstance(refused, Answered) and refused.code != errors.METHOD_NOT_FOUND:
        return [broken(f"The server refused to begin: {refused.sentence}")]
    return []


def _may_be_misunderstood(failure: UpstreamFailed) -> bool:
    return isinstance(failure, Faulty) or failure.health is Health.DEGRADED


def _incomprehensible() -> UpstreamFailed:
    return broken("The server does not speak MCP at this address, in no revision.")
