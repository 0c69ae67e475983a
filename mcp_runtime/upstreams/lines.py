"""The lines that this process's upstreams are reached by: one outbound door, one reader of the vault."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from core.outbound import Client
from mcp_runtime.snapshots.structs import UpstreamSnapshot
from mcp_runtime.sources.credentials import LookersCredentials, StoredCredentials, VaultReader
from mcp_runtime.sources.mcp.parking import Parking
from mcp_runtime.sources.upstream import Line, UpstreamSource

# What an upstream says within so long is one change.
PAUSE_SECONDS = 5.0

# Has what an upstream (by id) offers looked at again.
type OffersChanged = Callable[[str], Coroutine[Any, Any, None]]


async def nobody_asked(_upstream_id: str) -> None:
    """Has nothing looked at: where it is being looked at already, or not for long enough to hear of a change."""


class Lines:
    """Makes a `Line` for each upstream.

    A list that changed is no news for clients, who are served what was approved: it is looked at by `offers_changed`.
    """

    def __init__(
        self,
        http: Client,
        vault: VaultReader,
        offers_changed: OffersChanged = nobody_asked,
        parking: Parking | None = None,
    ) -> None:
        self._http = http
        self._vault = vault
        self._offers_changed = offers_changed
        self._parking = parking
        self._telling: set[asyncio.Task[None]] = set()
        # Of whom something was told a moment ago, and whether they said more since.
        self._lately: dict[str, bool] = {}

    def of(self, tenant_id: str, upstream: UpstreamSnapshot, source: UpstreamSource) -> Line:
        """The line of one upstream, whose secrets go nowhere but to where they were given for."""
        destination = source.destination(upstream.config)
        return Line(
            tenant_id=tenant_id,
            upstream_id=upstream.id,
            http=self._http,
            credentials=self._credentials(tenant_id, upstream.id, destination),
            material=partial(self._vault.material, tenant_id, upstream.id),
            changed=partial(self._changed, upstream.id),
            parking=self._parking,
        )

    def _credentials(self, tenant_id: str, holder: str, destination: str) -> StoredCredentials:
        return StoredCredentials(self._vault, tenant_id, holder, destination)

    def _changed(self, upstream_id: str, kind: str) -> None:
        if upstream_id in self._lately:
            self._lately[upstream_id] = True
            return
        self._lately[upstream_id] = False
        loop = asyncio.get_running_loop()
        telling = loop.create_task(self._offers_changed(upstream_id))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        loop.call_later(PAUSE_SECONDS, self._settled, upstream_id, kind)

    def _settled(self, upstream_id: str, kind: str) -> None:
        if self._lately.pop(upstream_id):
            self._changed(upstream_id, kind)


class LookersLines(Lines):
    """Those of looks that nobody asked for."""

    async def are_members_all_that_it_waits_for(
        self, tenant_id: str, upstream: UpstreamSnapshot, source: UpstreamSource
    ) -> bool:
        """See `LookersCredentials`."""
        credentials = self._credentials(tenant_id, upstream.id, source.destination(upstream.config))
        return await credentials.are_members_all_that_it_waits_for()

    def _credentials(self, tenant_id: str, holder: str, destination: str) -> LookersCredentials:
        return LookersCredentials(self._vault, tenant_id, holder, destination)
