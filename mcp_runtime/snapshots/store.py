"""The endpoints that this worker holds: loaded on first use, replaced on change, served while the database is away."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core import refusals
from core.jitter import jittered
from core.refusals import Refused
from mcp_runtime.authorization.gates import Gates
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol.served import ServedEndpoint
from mcp_runtime.protocol.sessions import LIFETIME_SECONDS
from mcp_runtime.quota.quotas import Quotas
from mcp_runtime.snapshots.compile import Compiler
from mcp_runtime.snapshots.database import PREVIEW, Database, HostUnknown, Known, Place, Published
from mcp_runtime.snapshots.held import NOBODY, Follower, Held
from mcp_runtime.snapshots.structs import EndpointChanged, decode
from tenants.hosts.addressing import TRANSPORTS, Hosting, at

logger = logging.getLogger(__name__)

MAXIMUM_HELD = 10_000
MAXIMUM_ABSENT = 10_000
ABSENT_SECONDS = 5.0
MAXIMUM_LOADING = 200
MAXIMUM_SLUG = 40
RETRY_SECONDS = (0.1, 5.0)

_NAMES = 4

type Name = tuple[str, str]  # slugs of tenant and endpoint; or a tenant's host, and a path that begins with a slash
type Key = tuple[str, str]  # the tenant's id, the endpoint's slug


class SnapshotStore:
    """`clock` returns seconds that never go back; `follower` is told of all that is held."""

    def __init__(
        self,
        database: Database,
        compiler: Compiler,
        quotas: Quotas,
        *,
        gates: Gates,
        hosting: Hosting,
        clock: Callable[[], float] = time.monotonic,
        follower: Follower = NOBODY,
    ) -> None:
        self._database = database
        self._compiler = compiler
        self._quotas = quotas
        self._gates = gates
        self._hosting = hosting
        self._clock = clock
        self._follower = follower
        self._by_path: dict[str, Held] = {}
        self._by_place: dict[Name, Held] = {}
        self._by_id: OrderedDict[Key, Held] = OrderedDict()  # oldest first
        self._absent: OrderedDict[Name, float] = OrderedDict()
        self._loading: dict[Name, asyncio.Task[Held | None]] = {}
        self._stale: OrderedDict[Key, None] = OrderedDict()
        self._anything_stale = asyncio.Event()
        self._changes = 0

    def get(self, path: str) -> Held | None:
        """What is held under this path already."""
        held = self._by_path.get(path)
        if held is not None:
            held.used = True
        return held

    def get_at(self, host: str, path: str) -> Held | None:
        """What is held at this path of a tenant's host already."""
        held = self._by_place.get((host, path))
        if held is not None:
            held.used = True
        return held

    async def find_at(self, host: str, path: str) -> Held:
        """The same as `find` at a tenant's host.

        Raises Refused(HOST_NOT_ALLOWED) for a host that is nobody's, and for a path that means nothing at such hosts.
        """
        if self._absent.get((host, ""), 0) > self._clock():
            raise Refused(refusals.HOST_NOT_ALLOWED)
        if self._place(host, path) is None:
            raise Refused(refusals.HOST_NOT_ALLOWED)
        return await self._found((host, path))

    def _place(self, host: str, path: str) -> Place | None:
        tenant = self._hosting.slug_at(host)
        meant = at(path, is_tenants=bool(tenant))
        if meant is None or (not tenant and self._hosting.is_below(host)):
            return None
        return Place(host, tenant, meant.endpoint, meant.is_preview)

    async def find(self, path: str) -> Held:
        """Loads what is not held yet, once for all who ask.

        Raises Refused: NOT_FOUND; TEMPORARILY_UNAVAILABLE while the database is away, since it may well exist;
        OVERLOADED when too many are being loaded.
        """
        return await self._found(_name_in(path))

    async def _found(self, name: Name | None) -> Held:
        if name is None or self._absent.get(name, 0) > self._clock():
            raise Refused(refusals.NOT_FOUND)
        try:
            held = await asyncio.shield(self._load_once(name))
        except DatabaseAway:
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None
        except HostUnknown:
            raise Refused(refusals.HOST_NOT_ALLOWED) from None
        if held is None:
            raise Refused(refusals.NOT_FOUND)
        return held

    def _load_once(self, name: Name) -> asyncio.Task[Held | None]:
        task = self._loading.get(name)
        if task is None:
            if len(self._loading) >= MAXIMUM_LOADING:
                raise Refused(refusals.OVERLOADED)
            task = self._loading[name] = asyncio.create_task(self._load(name))
            task.add_done_callback(lambda task: self._loaded(name, task))
        return task

    def _loaded(self, name: Name, task: asyncio.Task[Held | None]) -> None:
        del self._loading[name]
        if not task.cancelled():
            task.exception()  # seen by those who await it, of whom none may be left

    async def _load(self, name: Name) -> Held | None:
        changes = self._changes
        try:
            found = await self._sought(name)
        except HostUnknown:
            if changes == self._changes:
                self._remember_absent((name[0], ""))
            raise
        if found is None:
            # What was announced meanwhile may be this very endpoint.
            if changes == self._changes:
                self._remember_absent(name)
            return None
        held = await self._hold(found)
        self._lead_to(held, name, is_sure=changes == self._changes)
        self._evict()
        if changes != self._changes:
            self._mark_stale((found.tenant_id, found.slug))
        return held

    async def _sought(self, name: Name) -> Published | None:
        place = self._place(*name) if name[1].startswith("/") else None
        return await (self._database.find(*name) if place is None else self._database.find_at(place))

    def _lead_to(self, held: Held, name: Name, *, is_sure: bool) -> None:
        """Remembers what leads to an endpoint. Who is at a host may have changed while that was asked: then not."""
        if not name[1].startswith("/"):
            paths = [f"/t/{name[0]}/{name[1]}/{transport}" for transport in TRANSPORTS]
            held.paths.update(paths)
            self._by_path |= dict.fromkeys(paths, held)
        elif is_sure:
            held.places.add(name)
            self._by_place[name] = held

    async def _hold(self, found: Published) -> Held:
        key = (found.tenant_id, found.slug)
        held = self._by_id.get(key)
        if held is None:
            served = await self._compiler.compile(decode(found.document or b""), None)
            served.gate, served.roster, served.people = self._gates(found.gate), found.roster, found.people
            # Another name of the same endpoint may have been loaded while this one was compiled.
            compiled = Held(served, self._quotas.of(found.tenant_id), self._follower)
            held = self._by_id.setdefault(key, compiled)
            if held is not compiled:
                compiled.close()
        if held.served.version != found.version:
            self._mark_stale(key)
        held.ended |= found.ended
        return held

    def _evict(self) -> None:
        """Makes room by second chance: the oldest that is idle goes, one that was used is spared once."""
        for _ in range(len(self._by_id)):
            if len(self._by_id) <= MAXIMUM_HELD:
                return
            key, held = next(iter(self._by_id.items()))
            if held.is_idle:
                self._drop(key)
            else:
                held.used = False
                self._by_id.move_to_end(key)

    def _drop(self, key: Key) -> None:
        held = self._by_id.pop(key)
        for path in held.paths:
            self._by_path.pop(path, None)
        self._forget_places(held)
        held.close()

    def _forget_places(self, held: Held) -> None:
        for place in held.places:
            self._by_place.pop(place, None)
        held.places.clear()

    def close(self) -> None:
        """Ends every stream, as this worker is about to end."""
        for held in self._by_id.values():
            held.close()

    def _remember_absent(self, name: Name) -> None:
        self._absent[name] = self._clock() + ABSENT_SECONDS
        self._absent.move_to_end(name)
        if len(self._absent) > MAXIMUM_ABSENT:
            self._absent.popitem(last=False)

    def changed(self, change: EndpointChanged) -> None:
        """Takes note of a notification: looks again at what it names, before everything that waits already."""
        if change.task:
            for held in self._held_of(change.tenant_id, change.endpoint):
                held.task_changed(change.task)
            return
        if change.limits:
            self._quotas.reconsider(change.tenant_id)
            return
        self._changes += 1
        if change.ended_session:
            for held in self._held_of(change.tenant_id, change.endpoint):
                held.end_session(change.ended_session, time.time() + LIFETIME_SECONDS)
            return
        self._absent.clear()
        if change.hosts:
            self._hosts_changed(change.tenant_id)
            return
        self._mark_first(change)

    def _mark_first(self, change: EndpointChanged) -> None:
        for key in list(self._by_id):
            if key[0] == change.tenant_id and change.endpoint in ("", key[1].removesuffix(PREVIEW)):
                self._mark_stale(key)
                self._stale.move_to_end(key, last=False)

    def _hosts_changed(self, tenant_id: str) -> None:
        for key, held in self._by_id.items():
            if key[0] == tenant_id:
                self._forget_places(held)

    def _held_of(self, tenant_id: str, endpoint: str) -> list[Held]:
        """The endpoint of this slug, and its preview, where they are held."""
        found = [self._by_id.get((tenant_id, name)) for name in (endpoint, f"{endpoint}{PREVIEW}")]
        return [held for held in found if held is not None]

    def announced(self, data: dict[str, Any]) -> None:
        """Passes on what a source of an endpoint says: `tenant`, `endpoint` (ids), `kind`, `uri`."""
        for key, held in self._by_id.items():
            if key[0] == data["tenant"] and held.served.endpoint_id == data["endpoint"]:
                held.announce(data["kind"], data["uri"])

    def subscriptions_changed(self, data: dict[str, Any]) -> None:
        """Passes on that a session's subscriptions changed: `tenant` (id), `endpoint` (slug), `session` (digest)."""
        for held in self._held_of(data["tenant"], data["endpoint"]):
            held.session_changed(data["session"])

    def look_again(self) -> None:
        """Looks again at everything held: notifications may have been missed."""
        self._changes += 1
        self._absent.clear()
        for key, held in self._by_id.items():
            self._forget_places(held)
            self._mark_stale(key)
        self._quotas.reconsider()

    def _mark_stale(self, key: Key) -> None:
        self._stale[key] = None
        self._anything_stale.set()

    async def refresh(self) -> None:
        """Replaces what is stale, for ever. What is held goes on being served while the database is away."""
        pause = RETRY_SECONDS[0]
        while True:
            await self._anything_stale.wait()
            key, _ = self._stale.popitem(last=False)
            if not self._stale:
                self._anything_stale.clear()
            try:
                await self._refresh_one(key)
                pause = RETRY_SECONDS[0]
            except DatabaseAway:
                self._mark_stale(key)
                await asyncio.sleep(jittered(pause))
                pause = min(pause * 2, RETRY_SECONDS[1])
            except Exception:
                logger.exception("an endpoint could not be replaced; its former version is served on")

    async def _refresh_one(self, key: Key) -> None:
        held = self._by_id.get(key)
        if held is None:
            return
        found = await self._database.reload(*key, _known(held.served))
        if found is None or found.endpoint_id != held.served.endpoint_id:
            self._drop(key)
            return
        for session_digest, expires_at in found.ended.items():
            if session_digest not in held.ended:
                held.end_session(session_digest, expires_at)
        held.forget_expired(time.time())
        served = await self._renewed(held.served, found)
        if served is not held.served:
            held.replace(served)

    async def _renewed(self, before: ServedEndpoint, found: Published) -> ServedEndpoint:
        """The endpoint as it is now: the same object if nothing changed."""
        served = before
        if found.document is not None:
            served = await self._compiler.compile(decode(found.document), before)
            served.gate, served.roster, served.people = before.gate, before.roster, before.people
        if found.gate is not None:
            # What was found out about tokens was found out by the former gate.
            served = replace(served, gate=self._gates(found.gate), admitted={})
        if (found.roster, found.people) != (served.roster, served.people):
            served = replace(served, roster=found.roster, people=found.people, admitted={})
        return served


def _known(served: ServedEndpoint) -> Known:
    return served.version, served.endpoint_id, served.gate.version


def _name_in(path: str) -> Name | None:
    """The two names of `/t/<tenant>/<endpoint>/<transport>`, or with `/preview` before the transport."""
    *names, transport = path.split("/")
    if transport not in TRANSPORTS or len(names) not in (_NAMES, _NAMES + 1) or names[:2] != ["", "t"]:
        return None
    if len(names) > _NAMES and f"/{names[-1]}" != PREVIEW:
        return None
    return (names[2], "/".join(names[3:])) if is_slug(names[2]) and is_slug(names[3]) else None


def is_slug(text: str) -> bool:
    """Whether a part of a path can be the slug of a tenant or an endpoint."""
    return 0 < len(text) <= MAXIMUM_SLUG and text.isascii() and text.replace("-", "0").isalnum()
