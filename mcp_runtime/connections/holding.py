"""What a process keeps of the vault between calls: rows as they are sealed, until a change is heard."""

import asyncio
from collections import OrderedDict

from mcp_runtime.connections.rows import Holdings, Rows
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.sources.upstream import UpstreamFailed

MAXIMUM_HELD = 10_000

type Name = tuple[str, str]  # the tenant's id, the holder's


class Holding:
    """Holdings by tenant and holder. Only who hears of changes may remember."""

    def __init__(self, rows: Rows, *, remembers: bool) -> None:
        self._rows = rows
        self._remembers = remembers
        self._held: OrderedDict[Name, Holdings] = OrderedDict()
        self._loading: dict[Name, asyncio.Task[Holdings]] = {}

    async def of(self, tenant_id: str, holder: str) -> Holdings:
        """What the vault holds for a holder, read once for all who ask at the same time.

        Raises UpstreamFailed while the database is away.
        """
        name = (tenant_id, holder)
        if (held := self._held.get(name)) is not None:
            return held
        try:
            return await asyncio.shield(self._loading.get(name) or self._load(name))
        except DatabaseAway:
            raise UpstreamFailed("The platform cannot reach its vault. Try again shortly.") from None

    def _load(self, name: Name) -> asyncio.Task[Holdings]:
        task = self._loading[name] = asyncio.create_task(self._rows.holdings(*name), name="vault is read")
        task.add_done_callback(lambda task: self._loaded(name, task))
        return task

    def _loaded(self, name: Name, task: asyncio.Task[Holdings]) -> None:
        failed = task.cancelled() or task.exception() is not None
        # What was announced while it was read may be this: then it is nobody's but those who had asked before.
        if self._loading.get(name) is not task:
            return
        del self._loading[name]
        if failed or not self._remembers:
            return
        self._held[name] = task.result()
        if len(self._held) > MAXIMUM_HELD:
            self._held.popitem(last=False)

    def changed(self, tenant_id: str, holder: str) -> None:
        """Forgets what is held for a holder."""
        self._held.pop((tenant_id, holder), None)
        self._loading.pop((tenant_id, holder), None)

    def look_again(self) -> None:
        """Forgets everything: changes may have been missed."""
        self._held.clear()
        self._loading.clear()
