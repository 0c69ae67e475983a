"""An upstream that this worker has opened: its calls, what their failures are told as, and its end."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from core import refusals
from core.refusals import Refused
from mcp_runtime.health.breaker import Held, State
from mcp_runtime.health.breakers import Guard
from mcp_runtime.snapshots.structs import UpstreamSnapshot
from mcp_runtime.sources.contract import (
    CallContext,
    CompiledPrompt,
    CompiledResource,
    InstantHandler,
    PromptResult,
    ToolHandler,
    ToolResult,
    refused_result,
    text_result,
)
from mcp_runtime.sources.upstream import Health, OpenUpstream, Telling, UpstreamFailed

CONNECT_PREFIX = "connect_"
QUARANTINED = "quarantined"


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

    @property
    def state(self) -> str:
        """Its health, or that it is out of service."""
        return QUARANTINED if self.snapshot.quarantined else self.snapshot.health

    @property
    def is_well(self) -> bool:
        """Whether nothing has to be said of it."""
        return self.state == Health.OK

    def note(self) -> dict[str, Any]:
        """What lists say of an upstream that is not well, in the words of the console."""
        snapshot = self.snapshot
        note = {"upstream": snapshot.slug, "name": snapshot.name, "state": self.state, "reason": snapshot.reason}
        return note | {"since": snapshot.since, "connect": self.connect_tool, "url": snapshot.connect_url}

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """The operation's handler; its failures become results that say what to do. Raises InvalidConfig."""
        handler, link = self.link.open.tool(operation), self.link
        breaker = link.guard.breaker

        async def handle(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
            try:
                if breaker.is_calm:
                    return await link.used(handler(context, arguments), context.deadline)
                return await link.guarded(lambda: handler(context, arguments), context.deadline)
            except HeldBack as held:
                return refused_result(self.held_back(held))
            except UpstreamFailed as failure:
                return text_result(self.sentence(failure), is_error=True)

        return handle

    def refusing(self) -> ToolHandler:
        """The handler of all its tools while it is out of service."""
        refused = refused_result(self.out_of_service)
        return InstantHandler(lambda _arguments: refused)

    def prompt(self, operation: dict[str, Any]) -> CompiledPrompt:
        """How one of its prompts is got. Raises InvalidConfig."""
        compiled = self.link.open.prompt(operation)

        async def handle(context: CallContext, arguments: dict[str, str]) -> PromptResult:
            return await self._told(lambda: compiled.handler(context, arguments), context.deadline)

        return replace(compiled, handler=handle)

    def resource(self, operation: dict[str, Any]) -> CompiledResource:
        """How one of its resources is read. Raises InvalidConfig."""
        compiled = self.link.open.resource(operation)

        async def handle(context: CallContext, uri: str, variables: dict[str, str]) -> list[dict[str, Any]]:
            return await self._told(lambda: compiled.handler(context, uri, variables), context.deadline)

        return replace(compiled, handler=handle)

    async def _told[T](self, begin: Callable[[], Awaitable[T]], deadline: float) -> T:
        """What has no result that could say that it failed is refused."""
        if self.snapshot.quarantined:
            raise Refused(refusals.UPSTREAM_OUT_OF_SERVICE, self.out_of_service)
        try:
            return await self.link.guarded(begin, deadline)
        except HeldBack as held:
            seconds = {"retryAfterSeconds": math.ceil(held.seconds)}
            raise Refused(refusals.UPSTREAM_HELD_BACK, self.held_back(held), seconds) from None
        except UpstreamFailed as failure:
            raise Refused(refusals.UPSTREAM_FAILED, self.sentence(failure)) from None

    def sentence(self, failure: UpstreamFailed) -> str:
        """What a client is told of a failure: what it is and what to do."""
        told = f"{self.snapshot.name}: {failure}"
        if failure.health in (Health.NEEDS_LOGIN, Health.DENIED):
            # Where members log in for themselves, nothing is wrong with it for others, and there is no such tool.
            way = f"or call {self.connect_tool} where it is listed"
            return f"{told} Open {self.snapshot.connect_url} to connect it again, {way}."
        return told

    def held_back(self, held: "HeldBack") -> str:
        """What a client is told of a call that was not passed on: why, since when, and when one is tried again."""
        since = datetime.fromtimestamp(held.since, UTC)
        return (
            f"{self.snapshot.name} keeps failing: {held.reason} Calls to it are held back since {since:%H:%M:%S} UTC; "
            f"the next one is tried in {math.ceil(held.seconds)} s."
        )

    @property
    def out_of_service(self) -> str:
        """What a client is told while it is quarantined."""
        return f"{self.snapshot.name} is out of service until somebody puts it back. {self.snapshot.reason}".strip()


class HeldBack(Exception):
    """A call was not passed on, since the upstream keeps failing: the last failure, since when (in seconds since the
    epoch), and in how many seconds a call is tried again."""

    def __init__(self, held: Held, now: float) -> None:
        super().__init__(held.reason)
        self.reason = held.reason
        self.since = time.time() - (now - held.since)
        self.seconds = max(1.0, held.until - now)


class Link:
    """An open upstream with the calls that are under way, so that it is closed after the last of them.

    `guard` keeps calls from it while it fails; `listening` is what is heard of it, where it tells of changes.
    """

    def __init__(self, upstream: OpenUpstream, guard: Guard, closed: Callable[["Link"], None]) -> None:
        self.open = upstream
        self.listening = upstream.listening if isinstance(upstream, Telling) else None
        self.guard = guard
        self._closed = closed
        self._running = 0
        self._retired = False

    async def used[T](self, work: Awaitable[T], deadline: float, *, trial: bool = False) -> T:
        """What `work` returns; the upstream is not closed before. What it failed with is noted."""
        self._running += 1
        try:
            return await work
        except UpstreamFailed as failure:
            self._note(failure, trial=trial)
            raise
        except asyncio.CancelledError:
            # The client left, which says nothing of the upstream; or the call took longer than it may.
            if asyncio.get_running_loop().time() >= deadline:
                self.guard.breaker.failed("It did not answer in time.", trial=trial)
            raise
        finally:
            self._running -= 1
            if self._retired and not self._running:
                self._closed(self)

    async def guarded[T](self, begin: Callable[[], Awaitable[T]], deadline: float) -> T:
        """The same for a link whose upstream failed of late. Raises HeldBack where nothing is begun."""
        breaker = self.guard.breaker
        held = breaker.enter()
        if held is not None:
            raise HeldBack(held, time.monotonic())
        trial = breaker.state is State.HALF_OPEN
        try:
            result = await self.used(begin(), deadline, trial=trial)
        except BaseException:
            # Where that said something of the upstream, it is noted already.
            breaker.left(trial=trial)
            raise
        breaker.succeeded(trial=trial)
        return result

    def _note(self, failure: UpstreamFailed, *, trial: bool) -> None:
        if failure.health in (Health.DOWN, Health.DEGRADED):
            self.guard.breaker.failed(str(failure), trial=trial)
            return
        self.guard.breaker.succeeded(trial=trial)
        if failure.health is not Health.OK:
            # It answered. Somebody has to repair it all the same, and should hear of that now.
            self.guard.report(calls_fail=False)

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

    def add(self, upstream: OpenUpstream, guard: Guard) -> Link:
        """A link to an upstream that was just opened."""
        link = Link(upstream, guard, self._close)
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
