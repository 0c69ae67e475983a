"""A server made with the official Python SDK that tells of changes when a test says so, to clients of both eras."""

import asyncio
from collections import Counter
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated, ToolsListChanged
from mcp_types import (
    EmptyResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
    Tool,
)

URI = "notes://today"
OTHER = "notes://other"


class Bell:
    """What it offers, who watches what of it, and how its listeners are told. Each `app()` is a fresh server of it."""

    def __init__(self) -> None:
        self.tools = ["find"]
        self.watched: Counter[str] = Counter()
        self.listeners = 0
        self._bus = InMemorySubscriptionBus()
        self._handler = ListenHandler(self._bus)
        self._sessions: dict[str, list[Any]] = {}
        self._changed = asyncio.Condition()

    def app(self) -> Any:
        """A new process of it, so to say: it knows no session."""
        self._sessions = {}
        self.watched.clear()
        server: Server[Any] = Server(
            "bell",
            on_list_tools=self._list_tools,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read,
            on_subscribe_resource=self._subscribe,
            on_unsubscribe_resource=self._unsubscribe,
            on_subscriptions_listen=self._listen,
        )
        return server.streamable_http_app()

    async def watches(self, **expected: int) -> None:
        """Returns when URI is watched `today` times, OTHER `other` times, and `day` times what a template names."""
        uris = {"today": URI, "other": OTHER, "day": "day://monday"}
        async with asyncio.timeout(15), self._changed:
            await self._changed.wait_for(lambda: all(self.watched[uris[name]] == n for name, n in expected.items()))

    async def is_listened_to(self, times: int) -> None:
        """Returns when so many streams of 2026-07-28 are open."""
        async with asyncio.timeout(15), self._changed:
            await self._changed.wait_for(lambda: self.listeners == times)

    async def update(self, uri: str = URI) -> None:
        """Tells who watches that a resource changed."""
        await self._bus.publish(ResourceUpdated(uri))
        for session in self._sessions.get(uri, []):
            await session.send_resource_updated(uri)

    async def tell_of_tools(self) -> None:
        """Tells everybody that the tools changed."""
        await self._bus.publish(ToolsListChanged())
        for session in {id(one): one for sessions in self._sessions.values() for one in sessions}.values():
            await session.send_tool_list_changed()

    def shut(self) -> None:
        """Ends the streams of 2026-07-28 as a server does that is about to end."""
        self._handler.close()

    async def _count(self, uris: list[str], step: int) -> None:
        async with self._changed:
            for uri in uris:
                self.watched[uri] += step
            self._changed.notify_all()

    async def _listen(self, ctx: Any, params: Any) -> Any:
        uris = list(params.notifications.resource_subscriptions or [])
        self.listeners += 1
        await self._count(uris, 1)
        try:
            return await self._handler(ctx, params)
        finally:
            self.listeners -= 1
            self.watched.subtract(uris)
            asyncio.get_running_loop().create_task(self._count([], 0))

    async def _subscribe(self, ctx: Any, params: Any) -> EmptyResult:
        self._sessions.setdefault(str(params.uri), []).append(ctx.session)
        await self._count([str(params.uri)], 1)
        return EmptyResult()

    async def _unsubscribe(self, ctx: Any, params: Any) -> EmptyResult:
        self._sessions[str(params.uri)].pop()
        await self._count([str(params.uri)], -1)
        return EmptyResult()

    async def _list_tools(self, _ctx: Any, _params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name=name, input_schema={"type": "object"}) for name in self.tools])

    async def _list_resources(self, _ctx: Any, _params: Any) -> ListResourcesResult:
        return ListResourcesResult(resources=[Resource(uri=uri, name=uri[8:]) for uri in (URI, OTHER)])

    async def _list_templates(self, _ctx: Any, _params: Any) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(
            resource_templates=[ResourceTemplate(uri_template="day://{day}", name="day")]
        )

    async def _read(self, _ctx: Any, params: Any) -> ReadResourceResult:
        return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, text="Everything.")])
