"""Visits: an upstream opened from synchronous code, for an import or a probe, and closed again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core import environment
from core.outbound import Client
from mcp_runtime.snapshots.structs import UpstreamSnapshot
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.credentials import VaultReader
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import OpenUpstream, UpstreamFailed
from mcp_runtime.upstreams.lines import Lines

TELL_SECONDS = 0.5


class Progress:
    """How far a visit is; what it reports is looked at from another thread."""

    def __init__(self) -> None:
        self.done = self.total = 0
        self.doing = ""

    async def report(self, done: int, total: int, doing: str) -> None:
        """For `OpenUpstream.discover`."""
        self.done, self.total, self.doing = done, total, doing


def visit[T](
    tenant_id: str,
    snapshot: UpstreamSnapshot,
    work: Callable[[OpenUpstream], Awaitable[T]],
    *,
    seconds: float,
    meanwhile: Callable[[], None] = lambda: None,
) -> T:
    """What `work` returns of the opened upstream, within `seconds`; `meanwhile` is called twice a second.

    Runs a loop of its own in a thread of its own, so that the caller's thread and its database connection are free.
    Raises UpstreamFailed.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="visit") as pool:
        begun = time.monotonic()
        future = pool.submit(lambda: asyncio.run(_visit(tenant_id, snapshot, work, seconds)))
        while True:
            try:
                return future.result(timeout=TELL_SECONDS)
            except NotYet:
                if future.done():
                    raise UpstreamFailed(_late(time.monotonic() - begun)) from None
                meanwhile()


async def _visit[T](
    tenant_id: str,
    snapshot: UpstreamSnapshot,
    work: Callable[[OpenUpstream], Awaitable[T]],
    seconds: float,
) -> T:
    async with visiting(Lines) as lines:
        return await visited(lines, Target(tenant_id, snapshot), work, seconds)


@asynccontextmanager
async def visiting[L: Lines](lines: type[L]) -> AsyncIterator[L]:
    """The lines of visits, which may go on side by side."""
    async with Client() as http:
        vault = VaultReader(environment.secret("DATABASE_URL"), http)
        try:
            yield lines(http, vault)
        finally:
            await vault.close()


@dataclass(frozen=True, slots=True)
class Target:
    """An upstream to be visited."""

    tenant_id: str
    snapshot: UpstreamSnapshot


async def visited[T](lines: Lines, target: Target, work: Callable[[OpenUpstream], Awaitable[T]], seconds: float) -> T:
    """What `work` returns of the opened upstream, within `seconds`. Raises UpstreamFailed."""
    snapshot = target.snapshot
    source = UPSTREAM_SOURCES.get(snapshot.kind)
    if source is None:
        raise UpstreamFailed(f"This platform has no kind of upstream {snapshot.kind}.")
    try:
        line = lines.of(target.tenant_id, snapshot, source)
        upstream = source.open(snapshot.config, line)
        try:
            async with asyncio.timeout(seconds):
                return await work(upstream)
        finally:
            await upstream.close()
    except InvalidConfig as error:
        raise UpstreamFailed(str(error)) from None
    except TimeoutError:
        raise UpstreamFailed(_late(seconds)) from None


def _late(seconds: float) -> str:
    return f"It did not finish within {seconds:.3g} s."
