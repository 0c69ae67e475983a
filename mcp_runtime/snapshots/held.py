"""An endpoint that this worker holds: what it serves now, and what goes on while that is replaced."""

from typing import Protocol

from mcp_runtime.protocol.served import ServedEndpoint


class Subscriber(Protocol):
    """Something that lives as long as a client listens, and hears of changes."""

    def endpoint_changed(self, served: ServedEndpoint, changed_tools: frozenset[str]) -> None:
        """The endpoint is served in a new form; `changed_tools` names what was added, altered or removed."""

    def session_ended(self, session_digest: str) -> None:
        """A session of the endpoint was ended by its client."""

    def close(self) -> None:
        """Nothing will be heard any more."""


class Held:
    """`paths` are those that lead here, a tenant's former names too; `running` counts calls in flight.

    `ended` maps the digests of ended sessions to when their tokens expire. `used` is set by each look-up and cleared
    by the eviction that spares it.
    """

    __slots__ = ("ended", "is_gone", "paths", "running", "served", "subscribers", "used")

    def __init__(self, served: ServedEndpoint) -> None:
        self.served = served
        self.paths: set[str] = set()
        self.ended: dict[str, float] = {}
        self.subscribers: set[Subscriber] = set()
        self.running = 0
        self.used = True
        self.is_gone = False

    @property
    def is_idle(self) -> bool:
        """Whether it may be evicted: nobody listens, nothing runs, and no one asked lately."""
        return not (self.used or self.running or self.subscribers)

    def replace(self, served: ServedEndpoint) -> None:
        """Serves the new form from the next request on, and tells those who listen."""
        changed = _changed_tools(self.served, served)
        self.served = served
        for subscriber in list(self.subscribers):
            subscriber.endpoint_changed(served, changed)

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
        for subscriber in list(self.subscribers):
            subscriber.close()


def _changed_tools(before: ServedEndpoint, after: ServedEndpoint) -> frozenset[str]:
    names = before.tools.keys() | after.tools.keys()
    return frozenset(name for name in names if _listing(before, name) != _listing(after, name))


def _listing(served: ServedEndpoint, name: str) -> tuple[object, ...] | None:
    tool = served.tools.get(name)
    if tool is None:
        return None
    shown = tool.snapshot
    return (shown.title, shown.description, shown.input_schema, shown.output_schema, shown.annotations)
