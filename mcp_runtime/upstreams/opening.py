"""Opening what an endpoint's snapshot names: an upstream that did not change goes on as it is."""

import logging
from collections.abc import Callable, Mapping

from mcp_runtime.health.breakers import Breakers
from mcp_runtime.snapshots.structs import EndpointSnapshot, UpstreamSnapshot
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.upstream import Line, UpstreamSource
from mcp_runtime.upstreams.served import Link, Links, ServedUpstream

logger = logging.getLogger(__name__)

# The line of an upstream, for the tenant (its id) that it belongs to.
type LineOf = Callable[[str, UpstreamSnapshot, UpstreamSource], Line]


class Opener:
    """Opens upstreams with `sources`, on lines that `line_of` makes."""

    def __init__(
        self, sources: Mapping[str, UpstreamSource], line_of: LineOf, links: Links, breakers: Breakers
    ) -> None:
        self._sources = sources
        self._line_of = line_of
        self._links = links
        self._breakers = breakers

    def open(
        self, snapshot: EndpointSnapshot, previous: Mapping[str, ServedUpstream]
    ) -> tuple[dict[str, ServedUpstream], dict[str, str]]:
        """The upstreams by id, and why some cannot be opened, by id."""
        served: dict[str, ServedUpstream] = {}
        refused: dict[str, str] = {}
        for upstream in snapshot.upstreams:
            before = previous.get(upstream.id)
            if before is not None and before.snapshot.revision == upstream.revision:
                served[upstream.id] = ServedUpstream(upstream, before.link)
                if not before.is_well and served[upstream.id].is_well:
                    before.link.guard.breaker.hear_closed()
                continue
            try:
                served[upstream.id] = ServedUpstream(upstream, self._opened(snapshot, upstream))
            except InvalidConfig as error:
                refused[upstream.id] = str(error)
        return served, refused

    def _opened(self, snapshot: EndpointSnapshot, upstream: UpstreamSnapshot) -> Link:
        source = self._sources.get(upstream.kind)
        if source is None:
            raise InvalidConfig({"kind": f"This platform has no kind of upstream {upstream.kind}."})
        line = self._line_of(snapshot.tenant_id, upstream, source)
        try:
            guard = self._breakers.of(upstream.id, upstream.revision)
            return self._links.add(source.open(upstream.config, line), guard)
        except InvalidConfig:
            raise
        except Exception:
            # One upstream that its source stumbles over must not take the whole endpoint away.
            logger.exception("upstream %s cannot be opened", upstream.id)
            raise InvalidConfig({"config": "It cannot be opened; the platform's log says why."}) from None


def retire(before: Mapping[str, ServedUpstream], after: Mapping[str, ServedUpstream]) -> None:
    """Has what is not served any more closed, after its last call."""
    kept = {id(upstream.link) for upstream in after.values()}
    for upstream in before.values():
        if id(upstream.link) not in kept:
            upstream.link.retire()
