"""The lines that this process's upstreams are reached by: one outbound door, one reader of the vault."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from core.outbound import Client
from mcp_runtime.snapshots.structs import UpstreamSnapshot
from mcp_runtime.sources.credentials import StoredCredentials, VaultReader
from mcp_runtime.sources.mcp.parking import Parking
from mcp_runtime.sources.upstream import Line, UpstreamSource

# Tells the clients of an endpoint (ids of its tenant and its own) of a kind of list, or of one resource by its URI.
type Tell = Callable[[str, str, str, str], Coroutine[Any, Any, None]]


# Has what an upstream (by id) offers looked at again.
type OffersChanged = Callable[[str], Coroutine[Any, Any, None]]


async def nobody_told(_tenant_id: str, _endpoint_id: str, _kind: str, _uri: str) -> None:
    """Tells nobody: where upstreams are opened to be looked at."""


async def nobody_asked(_upstream_id: str) -> None:
    """Has nothing looked at: where it is being looked at already, or not for long enough to hear of a change."""


class Lines:
    """Makes a `Line` for each upstream. A resource that changed is told to clients by `tell`.

    A list that changed is no news for clients, who are served what was approved: it is looked at by `offers_changed`.
    """

    def __init__(
        self,
        http: Client,
        vault: VaultReader,
        tell: Tell = nobody_told,
        offers_changed: OffersChanged = nobody_asked,
        parking: Parking | None = None,
    ) -> None:
        self._http = http
        self._vault = vault
        self._tell = tell
        self._offers_changed = offers_changed
        self._parking = parking
        self._telling: set[asyncio.Task[None]] = set()

    def of(self, tenant_id: str, endpoint_id: str, upstream: UpstreamSnapshot, source: UpstreamSource) -> Line:
        """The line of one upstream, whose secrets go nowhere but to where they were given for."""
        destination = source.destination(upstream.config)
        return Line(
            tenant_id=tenant_id,
            upstream_id=upstream.id,
            http=self._http,
            credentials=StoredCredentials(self._vault, tenant_id, upstream.id, destination),
            material=partial(self._vault.material, tenant_id, upstream.id),
            changed=partial(self._changed, tenant_id, endpoint_id, upstream.id),
            parking=self._parking,
        )

    def _changed(self, tenant_id: str, endpoint_id: str, upstream_id: str, kind: str, uri: str) -> None:
        work = self._tell(tenant_id, endpoint_id, kind, uri) if uri else self._offers_changed(upstream_id)
        telling = asyncio.get_running_loop().create_task(work)
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
