"""An endpoint that this worker holds: what it serves now, and what goes on while that is replaced."""

from dataclasses import dataclass
from typing import Protocol

from core import refusals
from core.refusals import Refused
from mcp_runtime.protocol.served import ServedEndpoint
from mcp_runtime.quota.quotas import UNLIMITED, Quota
from mcp_runtime.snapshots.structs import ResourceSnapshot
from mcp_runtime.upstreams.opening import retire
from tenants.hosts.addressing import Hosting


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed between two forms of an endpoint: tools by name, whether the lists did, resources by URI."""

    tools: frozenset[str] = frozenset()
    prompts: bool = False
    resources: bool = False
    updated: frozenset[str] = frozenset()


class Subscriber(Protocol):
    """Something that lives as long as a client listens, and hears of changes."""

    def endpoint_changed(self, served: ServedEndpoint, changes: Changes) -> None:
        """The endpoint is served in a new form."""

    def list_changed(self, kind: str) -> None:
        """A source says that a list (tools, prompts, resources) changed."""

    def resource_updated(self, uri: str) -> None:
        """A source says that a resource changed."""

    def task_changed(self, task_id: str) -> None:
        """A task of the endpoint changed."""

    def session_ended(self, session_digest: str) -> None:
        """A session of the endpoint was ended by its client."""

    def close(self) -> None:
        """Nothing will be heard any more."""

    @property
    def hears_lists(self) -> bool:
        """Whether its client hears that a list changed."""

    @property
    def uris(self) -> frozenset[str]:
        """The resources that its client asked to hear of."""

    @property
    def session(self) -> str:
        """The digest of the session whose subscriptions it hears of; empty where there is none."""


class Follower(Protocol):
    """Who wants to know what is served, and who listens."""

    def stir(self, held: "Held") -> None:
        """Either of them may have changed."""

    def session_changed(self, held: "Held", session: str) -> None:
        """So may have the subscriptions of a session, by its digest."""


class _Nobody:
    def stir(self, held: "Held") -> None:
        pass

    def session_changed(self, held: "Held", session: str) -> None:
        pass


NOBODY = _Nobody()


class Held:
    """`paths` are those that lead here, a tenant's former names too, and `places` hosts with paths that do.

    `running` counts calls in flight.

    `ended` maps the digests of ended sessions to when their tokens expire. `used` is set by each look-up and cleared
    by the eviction that spares it.
    """

    __slots__ = (
        "_follower",
        "_hosts",
        "ended",
        "is_gone",
        "paths",
        "places",
        "quota",
        "running",
        "served",
        "subscribers",
        "used",
    )

    def __init__(self, served: ServedEndpoint, quota: Quota = UNLIMITED, follower: Follower = NOBODY) -> None:
        self.served = served
        self._follower = follower
        self.quota = quota
        self.paths: set[str] = set()
        self.places: set[tuple[str, str]] = set()
        self.ended: dict[str, float] = {}
        self.subscribers: set[Subscriber] = set()
        # Of those that came by a host of the tenant's: a host that is given up takes its streams along.
        self._hosts: dict[Subscriber, str] = {}
        self.running = 0
        self.used = True
        self.is_gone = False

    @property
    def is_idle(self) -> bool:
        """Whether it may be evicted: nobody listens, nothing runs, and no one asked lately."""
        return not (self.used or self.running or self.subscribers)

    def subscribe(self, subscriber: Subscriber, limit: int, host: str = "") -> None:
        """Has `subscriber` hear of changes, while the host is the tenant's by which it came; empty for the platform's.

        Raises Refused: OVERLOADED beyond `limit`, TEMPORARILY_UNAVAILABLE.
        """
        if len(self.subscribers) >= limit:
            raise Refused(refusals.OVERLOADED)
        if self.is_gone or not self._is_at(host):
            # It was deleted this moment, or given up there, or this worker is shutting down: asking again tells which.
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE)
        self.subscribers.add(subscriber)
        if host:
            self._hosts[subscriber] = host
        self._follower.stir(self)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Has it hear of nothing any more."""
        self.subscribers.discard(subscriber)
        self._hosts.pop(subscriber, None)
        self._follower.stir(self)

    def stir(self) -> None:
        """Notes that a subscriber wants to hear of something else."""
        self._follower.stir(self)

    def session_changed(self, session: str) -> None:
        """Notes that the subscriptions of a session changed, which is named by its digest."""
        self._follower.session_changed(self, session)

    def replace(self, served: ServedEndpoint) -> None:
        """Serves the new form from the next request on, and tells those who listen."""
        if self.is_gone:
            # It went while its new form was compiled: what that opened is closed again.
            retire(served.upstreams, {})
            return
        changes = _changes(self.served, served)
        elsewhere = self.served.gate.networks != served.gate.networks
        given_up = self.served.gate.issuers - served.gate.issuers
        retire(self.served.upstreams, served.upstreams)
        self.served = served
        self._follower.stir(self)
        for subscriber in list(self.subscribers):
            # Where each comes from, and by which host, is asked at the door: who may stay comes back.
            if elsewhere or (given_up and self._issuer_at(self._hosts.get(subscriber, "")) in given_up):
                subscriber.close()
            else:
                subscriber.endpoint_changed(served, changes)

    def _is_at(self, host: str) -> bool:
        """Whether it is at a host now, as far as is known; at the platform's own, which is empty, it always is."""
        found = not host or self._issuer_at(host) in self.served.gate.issuers
        return found or any(name == host for name, _ in self.places)

    def _issuer_at(self, host: str) -> str:
        """The issuer that a tenant's host is."""
        return Hosting(self.served.gate.public_url).url(host) if host else ""

    def announce(self, kind: str, uri: str) -> None:
        """Passes on what a source says: a list changed (`kind`), or with a URI that resource."""
        for subscriber in list(self.subscribers):
            if uri:
                subscriber.resource_updated(uri)
            else:
                subscriber.list_changed(kind)

    def task_changed(self, task_id: str) -> None:
        """Passes on that a task changed."""
        for subscriber in list(self.subscribers):
            subscriber.task_changed(task_id)

    def end_session(self, session_digest: str, expires_at: float) -> None:
        """Refuses a session from now on."""
        self.ended[session_digest] = expires_at
        for subscriber in list(self.subscribers):
            subscriber.session_ended(session_digest)

    def forget_expired(self, now: float) -> None:
        """Drops ended sessions whose tokens have expired by `now`, in seconds since the epoch."""
        self.ended = {name: expires_at for name, expires_at in self.ended.items() if expires_at > now}

    def close(self) -> None:
        """Ends everything that listens: the endpoint is gone, or this worker is about to be."""
        self.is_gone = True
        self._follower.stir(self)
        retire(self.served.upstreams, {})
        for subscriber in list(self.subscribers):
            subscriber.close()


def _changes(before: ServedEndpoint, after: ServedEndpoint) -> Changes:
    old, new = _resources(before), _resources(after)
    return Changes(
        tools=frozenset(
            name for name in before.tools.keys() | after.tools.keys() if _listing(before, name) != _listing(after, name)
        ),
        prompts=_prompts(before) != _prompts(after),
        resources={uri: _shown(found) for uri, found in old.items()}
        != {uri: _shown(found) for uri, found in new.items()},
        updated=frozenset(uri for uri in old.keys() & new.keys() if old[uri] != new[uri]),
    )


def _listing(served: ServedEndpoint, name: str) -> tuple[object, ...] | None:
    tool = served.tools.get(name)
    if tool is None:
        return None
    shown = tool.snapshot
    return (
        shown.title,
        shown.description,
        shown.input_schema,
        shown.output_schema,
        shown.annotations,
        shown.icons,
        shown.meta,
    )


def _prompts(served: ServedEndpoint) -> list[tuple[object, ...]]:
    shown = [prompt.snapshot for prompt in served.prompts.values()]
    return [
        (prompt.name, prompt.title, prompt.description, prompt.arguments, prompt.icons, prompt.meta) for prompt in shown
    ]


def _resources(served: ServedEndpoint) -> dict[str, ResourceSnapshot]:
    return {uri: resource.snapshot for uri, resource in {**served.resources, **served.templates}.items()}


def _shown(resource: ResourceSnapshot) -> tuple[object, ...]:
    return (resource.name, resource.title, resource.description, resource.mime_type, resource.icons, resource.meta)
