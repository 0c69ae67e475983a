"""An upstream that this worker has opened: its calls, what their failures are told as, and its end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from mcp_runtime.snapshots.structs import UpstreamSnapshot
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    CompiledResource,
    PromptResult,
    ToolHandler,
    ToolResult,
    text_result,
)
from mcp_runtime.sources.upstream import Health, OpenUpstream, UpstreamFailed

CONNECT_PREFIX = "connect_"


class ServedUpstream:
    """An open upstream and what is known of it. A new snapshot of the same revision goes on with the same `link`."""

    __slots__ = ("link", "snapshot")

    def __init__(self, snapshot: UpstreamSnapshot, link: "Link") -> None:
        self.snapshot = snapshot
        self.link = link

    @property
    def connect_tool(self) -> str:
        """The name of the tool that connects it again."""
        return f"{CONNECT_PREFIX}{self.snapshot.slug}"

    def note(self) -> dict[str, Any]:
        """What lists say of an upstream that is not well, in the words of the console."""
        snapshot = self.snapshot
        note = {"upstream": snapshot.slug, "name": snapshot.name, "state": snapshot.health, "reason": snapshot.reason}
        return note | {"since": snapshot.since, "connect": self.connect_tool, "url": snapshot.connect_url}

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """The operation's handler; its failures become results that say what to do. Raises InvalidConfig."""
        handler = self.link.open.tool(operation)

        async def handle(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
            try:
                return await self.link.used(handler(context, arguments))
            except UpstreamFailed as failure:
                return text_result(self.sentence(failure), is_error=True)

        return handle

    def prompt(self, operation: dict[str, Any]) -> CompiledPrompt:
        """How one of its prompts is got. Raises InvalidConfig."""
        compiled = self.link.open.prompt(operation)

        async def handle(context: CallContext, arguments: dict[str, str]) -> PromptResult:
            return await self._told(compiled.handler(context, arguments))

        return replace(compiled, handler=handle)

    def resource(self, operation: dict[str, Any]) -> CompiledResource:
        """How one of its resources is read. Raises InvalidConfig."""
        compiled = self.link.open.resource(operation)

        async def handle(context: CallContext, uri: str, variables: dict[str, str]) -> list[dict[str, Any]]:
            return await self._told(compiled.handler(context, uri, variables))

        return replace(compiled, handler=handle)

    async def _told[T](self, work: Awaitable[T]) -> T:
        try:
            return await self.link.used(work)
        except UpstreamFailed as failure:
            raise UpstreamFailed(self.sentence(failure), failure.health) from None

    def sentence(self, failure: UpstreamFailed) -> str:
        """What a client is told of a failure: what it is and what to do."""
        told = f"{self.snapshot.name}: {failure}"
        if failure.health in (Health.NEEDS_LOGIN, Health.DENIED):
            return f"{told} Call {self.connect_tool} or open {self.snapshot.connect_url} to connect it again."
        return told


class Link:
    """An open upstream with the calls that are under way, so that it is closed after the last of them."""

    def __init__(self, upstream: OpenUpstream, closed: Callable[["Link"], None]) -> None:
        self.open = upstream
        self._closed = closed
        self._running = 0
        self._retired = False

    async def used[T](self, work: Awaitable[T]) -> T:
        """What `work` returns; the upstream is not closed before."""
        self._running += 1
        try:
            return await work
        finally:
            self._running -= 1
            if self._retired and not self._running:
                self._closed(self)

    def retire(self) -> None:
        """Has it closed as soon as nothing is under way."""
        if not self._retired:
            self._retired = True
            if not self._running:
                self._closed(self)


class Links:
    """All that is open in this worker, and what is being closed."""

    def __init__(self) -> None:
        self._open: set[Link] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def add(self, upstream: OpenUpstream) -> Link:
        """A link to an upstream that was just opened."""
        link = Link(upstream, self._close)
        self._open.add(link)
        return link

    def _close(self, link: Link) -> None:
        self._open.discard(link)
        task = asyncio.get_running_loop().create_task(link.open.close(), name="upstream closes")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes everything; calls that are under way fail."""
        for link in list(self._open):
            self._close(link)
        if self._closing:
            await asyncio.wait(self._closing, timeout=2)
