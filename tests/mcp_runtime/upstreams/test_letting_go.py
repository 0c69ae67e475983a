"""What was opened for a form of an endpoint that is never served is closed again."""

import asyncio
from types import SimpleNamespace
from typing import cast

from mcp_runtime.authorization.gates import gates
from mcp_runtime.health.breakers import Breakers
from mcp_runtime.protocol.served import ServedEndpoint
from mcp_runtime.quota.quotas import UNLIMITED, Quotas
from mcp_runtime.snapshots.compile import Compiler
from mcp_runtime.snapshots.database import Database, Published
from mcp_runtime.snapshots.held import Held
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.snapshots.structs import EndpointSnapshot, UpstreamSnapshot, encode
from mcp_runtime.sources.upstream import Line
from mcp_runtime.upstreams.served import Links, ServedUpstream
from tenants.hosts.addressing import Hosting
from tests.mcp_runtime.protocol.stage import make_endpoint
from tests.mcp_runtime.upstreams.paper import Paper

SNAPSHOT = UpstreamSnapshot(id="u", slug="pets", name="Pets", kind="paper")


def _served(paper: Paper, links: Links) -> ServedEndpoint:
    link = links.add(paper.open({}, cast("Line", None)), Breakers().of(SNAPSHOT.id, SNAPSHOT.revision))
    endpoint = make_endpoint()
    endpoint.upstreams["u"] = ServedUpstream(SNAPSHOT, link)
    return endpoint


async def test_one_that_went_while_its_new_form_was_compiled() -> None:
    paper, links = Paper(), Links()
    held = Held(_served(paper, links))
    held.close()
    held.replace(_served(paper, links))
    await asyncio.sleep(0)
    assert (paper.opened, paper.closed) == (2, 2)


async def test_one_that_was_compiled_under_two_names_at_once() -> None:
    paper, links, both = Paper(), Links(), asyncio.Barrier(2)

    async def compiled(_snapshot: EndpointSnapshot, _previous: ServedEndpoint | None) -> ServedEndpoint:
        await both.wait()
        return _served(paper, links)

    async def found(_tenant: str, _endpoint: str) -> Published:
        document = encode(EndpointSnapshot("t", "e", "demo", "Demo", 3, "open"))
        return Published("t", "demo", "e", 3, document, {}, None)

    store = SnapshotStore(
        cast("Database", SimpleNamespace(find=found)),
        cast("Compiler", SimpleNamespace(compile=compiled)),
        cast("Quotas", SimpleNamespace(of=lambda _tenant: UNLIMITED)),
        gates=gates("http://localhost:8100"),
        hosting=Hosting("http://localhost:8100"),
    )
    async with asyncio.timeout(5):
        first, second = await asyncio.gather(store.find("/t/new/demo/mcp"), store.find("/t/old/demo/mcp"))
    assert first is second
    await asyncio.sleep(0)
    assert (paper.opened, paper.closed) == (2, 1)
    store.close()
    await links.close()
    assert paper.closed == 2
