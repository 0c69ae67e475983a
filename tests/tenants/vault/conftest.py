"""A provider, and Alice who connects there."""

from tests.connecting import _upstream, connecting, upstream

__all__ = ["_upstream", "connecting", "upstream"]
