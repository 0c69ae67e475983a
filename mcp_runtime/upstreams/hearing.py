"""Hearing of upstreams' changes, in a worker, for as long as somebody listens here to an endpoint that serves them.

Each worker listens for its own clients and tells nobody else of a resource, so that each client hears of it once.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from core.jitter import jittered
from core.refusals import Refused
from core.supervision.tasks import TransientTasks
from mcp_runtime.protocol.served import ANONYMOUS, ServedEndpoint
from mcp_runtime.snapshots.held import Held
from mcp_runtime.sources.upstream import Listening
from mcp_runtime.upstreams.served import Link

logger = logging.getLogger(__name__)

# Streams to upstreams: of a worker, of a tenant in it, and of an endpoint of theirs.
MAXIMUM_HEARD, MAXIMUM_OF_TENANT, MAXIMUM_OF_ENDPOINT = 256, 32, 16
MAXIMUM_URIS = 16_000  # of an endpoint
SESSIONS_AT_ONCE = 500
ITEMS_AT_ONCE = 256
# What changes within so long is one change; after a long look there is a longer pause.
PAUSE_SECONDS = 0.25
PAUSE_FACTOR = 20
UPDATES_SECONDS = 0.1
# Messages between workers may be lost, so that everything is looked at again now and then.
LOOK_AGAIN_SECONDS = 60.0
RETRY_SECONDS = 2.0

# The URIs that sessions, named by their digests, subscribed to. Raises Refused.
type Subscriptions = Callable[[Sequence[str]], Awaitable[list[frozenset[str]]]]


class _Ear:
    """What is heard of one upstream for one endpoint."""

    def __init__(self, held: Held, link: Link, listening: Listening) -> None:
        self._held = held
        self._link = link
        self._listening = listening
        self._watched: set[str] = set()
        self._updated: set[str] = set()
        self._heard = asyncio.Event()

    def watch(self, uris: Collection[str]) -> None:
        """Wants to hear of these resources and no others."""
        for uri in self._watched.difference(uris):
            self._listening.unwatch(uri)
        self._watched = {uri for uri in uris if self._listening.watch(uri)}

    async def run(self) -> None:
        """Listens until it is cancelled; the upstream is not closed before."""
        await self._link.used(self._listen(), math.inf)

    async def _listen(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            await self._listening.run(self._note)

    def _note(self, uri: str) -> None:
        if uri in self._watched:
            self._updated.add(uri)
            self._heard.set()

    async def _tell(self) -> None:
        while True:
            await self._heard.wait()
            self._heard.clear()
            updated, self._updated = self._updated, set()
            for uri in sorted(updated & self._watched):
                self._held.announce("resource", uri)
            await asyncio.sleep(UPDATES_SECONDS)


@dataclass(slots=True)
class _Endpoint:
    """What is known of an endpoint: its sessions' subscriptions, `unread` where they may have changed, and which
    upstream has which URI in the form that it is served in now."""

    tenant_id: str
    ears: dict[Link, _Ear] = field(default_factory=dict)
    sessions: dict[str, frozenset[str]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    served: ServedEndpoint | None = None
    places: dict[str, str] = field(default_factory=dict)


class Hearings:
    """Follows what this worker holds; `subscriptions` tells what sessions subscribed to."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions
        self._endpoints: dict[Held, _Endpoint] = {}
        self._stale: dict[Held, None] = {}
        self._anything_stale = asyncio.Event()
        self._running = TransientTasks("hearing")

    @property
    def restarts(self) -> int:
        """How often listening to an upstream failed as it should not, and was begun again."""
        return self._running.restarts

    def __len__(self) -> int:
        return len(self._running)

    def stir(self, held: Held) -> None:
        """Notes that who listens to an endpoint, or what it serves, may have changed."""
        if held in self._endpoints or any(upstream.link.listening for upstream in held.served.upstreams.values()):
            self._stale[held] = None
            self._anything_stale.set()

    def session_changed(self, held: Held, session: str) -> None:
        """Notes that the subscriptions of a session changed, which is named by its digest."""
        endpoint = self._endpoints.get(held)
        if endpoint is not None and session in endpoint.sessions:
            endpoint.unread.add(session)
            self.stir(held)

    async def run(self) -> None:
        """Listens to what has to be listened to, for ever."""
        self._look_again()
        try:
            while True:
                await self._something()
                began = asyncio.get_running_loop().time()
                stale, self._stale = self._stale, {}
                for held in stale:
                    await self._look(held)
                took = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(PAUSE_SECONDS, took * PAUSE_FACTOR))
        finally:
            for endpoint in self._endpoints.values():
                endpoint.ears.clear()
            await self._running.end()

    async def _something(self) -> None:
        try:
            async with asyncio.timeout(jittered(LOOK_AGAIN_SECONDS)):
                await self._anything_stale.wait()
        except TimeoutError:
            self._look_again()
        self._anything_stale.clear()

    def _look_again(self) -> None:
        for held, endpoint in self._endpoints.items():
            endpoint.unread.update(endpoint.sessions)
            self._stale[held] = None

    async def _look(self, held: Held) -> None:
        endpoint = self._endpoints.get(held)
        if endpoint is None:
            endpoint = self._endpoints[held] = _Endpoint(held.served.tenant_id)
        try:
            await self._read_sessions(held, endpoint)
            wanted = await self._wanted(held, endpoint)
            self._settle(held, endpoint, wanted)
        except Exception:
            # One endpoint that is stumbled over must not leave the others unheard.
            logger.exception("an endpoint's upstreams are listened to as before")
        if not endpoint.ears and (held.is_gone or not held.subscribers):
            del self._endpoints[held]

    async def _read_sessions(self, held: Held, endpoint: _Endpoint) -> None:
        open_now = {subscriber.session for subscriber in held.subscribers} - {""}
        endpoint.sessions = {name: uris for name, uris in endpoint.sessions.items() if name in open_now}
        unread = sorted((open_now - endpoint.sessions.keys()) | (endpoint.unread & open_now))
        endpoint.unread = set()
        for session in unread:
            endpoint.sessions.setdefault(session, frozenset())
        for begin in range(0, len(unread), SESSIONS_AT_ONCE):
            some = unread[begin : begin + SESSIONS_AT_ONCE]
            try:
                endpoint.sessions.update(zip(some, await self._subscriptions(some), strict=True))
            except Refused:
                endpoint.unread.update(unread[begin:])
                asyncio.get_running_loop().call_later(jittered(RETRY_SECONDS), self.stir, held)
                return

    async def _wanted(self, held: Held, endpoint: _Endpoint) -> dict[Link, set[str]]:
        """The resources to be heard of, by what has to be listened to. Lets others run in between."""
        served = held.served
        heard = any(subscriber.hears_lists or subscriber.uris for subscriber in held.subscribers)
        if held.is_gone or served.stopped is not None or not heard:
            return {}
        listened = {
            upstream.snapshot.id: upstream.link
            for upstream in sorted(served.upstreams.values(), key=lambda upstream: upstream.snapshot.slug)
            if upstream.link.listening is not None and not upstream.snapshot.quarantined
        }
        if endpoint.served is not served:
            endpoint.served, endpoint.places = served, {}
        wanted: dict[Link, set[str]] = {link: set() for link in listened.values()}
        places: dict[str, str] = {}
        for number, uri in enumerate(await self._uris(held, endpoint), start=1):
            place = endpoint.places.get(uri)
            places[uri] = place = _upstream_of(served, uri) if place is None else place
            if place in listened:
                wanted[listened[place]].add(uri)
            if number % ITEMS_AT_ONCE == 0:
                await asyncio.sleep(0)
        endpoint.places = places
        return wanted

    async def _uris(self, held: Held, endpoint: _Endpoint) -> set[str]:
        """What subscribers asked for, as far as it is bounded."""
        found: set[str] = set()
        for number, subscriber in enumerate(list(held.subscribers), start=1):
            for uris in (subscriber.uris, endpoint.sessions.get(subscriber.session, frozenset())):
                found.update(sorted(uris - found)[: MAXIMUM_URIS - len(found)] if uris else ())
            if number % ITEMS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return found

    def _settle(self, held: Held, endpoint: _Endpoint, wanted: dict[Link, set[str]]) -> None:
        for link in endpoint.ears.keys() - wanted.keys():
            endpoint.ears.pop(link).watch(())
            self._running.stop(link)
        for link, uris in wanted.items():
            if link not in endpoint.ears and link.listening is not None and self._has_room(endpoint):
                ear = endpoint.ears[link] = _Ear(held, link, link.listening)
                self._running.start(link, ear.run)
            if link in endpoint.ears:
                endpoint.ears[link].watch(uris)

    def _has_room(self, endpoint: _Endpoint) -> bool:
        mine = [other for other in self._endpoints.values() if other.tenant_id == endpoint.tenant_id]
        return (
            len(self._running) < MAXIMUM_HEARD
            and sum(len(other.ears) for other in mine) < MAXIMUM_OF_TENANT
            and len(endpoint.ears) < MAXIMUM_OF_ENDPOINT
        )


def _upstream_of(served: ServedEndpoint, uri: str) -> str:
    """The id of the upstream whose resource it is; empty for others."""
    found = served.resource_at(ANONYMOUS, uri)
    return found[0].snapshot.upstream if found else ""
