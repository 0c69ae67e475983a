"""Kinds of upstream whose libraries take long to import: a process does that when the first of the kind is used."""

from functools import cached_property
from importlib import import_module
from typing import Any

from mcp_runtime.sources.upstream import Line, OpenUpstream, UpstreamDraft, UpstreamSource


class Deferred:
    """The source `attribute` of `module`, which holds the process up once for a fraction of a second."""

    def __init__(self, kind: str, title: str, module: str, attribute: str) -> None:
        self.kind = kind
        self.title = title
        self._module = module
        self._attribute = attribute

    @cached_property
    def _source(self) -> UpstreamSource:
        made: UpstreamSource = getattr(import_module(self._module), self._attribute)()
        return made

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """As the source does. Raises InvalidConfig."""
        return self._source.check(draft)

    def destination(self, config: dict[str, Any]) -> str:
        """As the source does."""
        return self._source.destination(config)

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """As the source does. Raises InvalidConfig."""
        return self._source.open(config, line)
