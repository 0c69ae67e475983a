"""The transport of one session, as its session sees it."""

from typing import Protocol

from mcp_runtime.sources.mcp.requests import Caller
from mcp_runtime.sources.mcp.running import Running


class SessionGone(Exception):
    """The server knows the session no more; the request was not served."""


class Conduit(Protocol):
    """The transport of one session. All raise UpstreamFailed, and SessionGone where there is one no more."""

    async def open(self, caller: Caller) -> None:
        """Makes ready to send. Raises EraChanged where the server is not spoken to in this way."""

    def request(self, body: bytes, caller: Caller) -> Running:
        """A request that is ready to begin."""

    async def tell(self, body: bytes, caller: Caller) -> None:
        """Sends a notification or a response."""

    def established(self, version: str) -> None:
        """The version is agreed on."""

    async def hear_requests(self) -> None:
        """From now on hears what the server says outside of requests, if that comes another way."""

    @property
    def is_heard(self) -> bool:
        """Whether there is a stream of what the server says outside of requests."""

    async def heard_out(self) -> None:
        """Returns when nothing can be heard outside of requests any more."""

    async def end(self) -> None:
        """Ends the session."""
