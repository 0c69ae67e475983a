"""One request in a session, which may outlast the HTTP request that it was made for."""

import hashlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from mcp_runtime.protocol.conversing import InputRequired, encode_notification
from mcp_runtime.protocol.jsonrpc import Kind
from mcp_runtime.sources.mcp.conduit import Conduit, SessionGone
from mcp_runtime.sources.mcp.messages import broken, result_of
from mcp_runtime.sources.mcp.parking import Parking
from mcp_runtime.sources.mcp.questions import NotAQuestion
from mcp_runtime.sources.mcp.requests import Caller, nobody
from mcp_runtime.sources.mcp.running import Running, converse
from mcp_runtime.sources.mcp.talk import Talk
from mcp_runtime.sources.upstream import UpstreamFailed

logger = logging.getLogger(__name__)

CANCEL_SECONDS = 10.0

# Does what nobody waits for.
type Background = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Bay:
    """Where calls of one upstream are parked, if they can be, and whose they are then."""

    tenant_id: str
    upstream_id: str
    parking: Parking | None = None

    def owner(self, principal: str, method: str, params: dict[str, Any]) -> str:
        """Whose call it is and which: only the same call of the same principal goes on with it."""
        same = {name: value for name, value in params.items() if name != "_meta"}
        digest = hashlib.sha256(msgspec.json.encode(same, order="deterministic")).hexdigest()
        return f"{self.tenant_id}/{self.upstream_id}/{principal}/{method}/{digest}"


@dataclass(frozen=True, slots=True)
class Place:
    """The session that a call is in: its transport, its calls by id, and what is done for it in the background."""

    conduit: Conduit
    running: dict[int, Running]
    background: Background
    bay: Bay
    is_cancellable: bool = True


class SessionCall:
    """One request in a session. Where asking its client ends it, it is parked, and gone on with later."""

    def __init__(self, place: Place, identifier: int, running: Running, caller: Caller, owner: str) -> None:
        self._place = place
        self._identifier = identifier
        self._running = running
        self._parking = place.bay.parking if owner else None
        self._failure: UpstreamFailed | None = None
        self.owner = owner
        self.tenant_id = place.bay.tenant_id
        self.principal = caller.principal
        self._talk = Talk(caller, identifier, self._reply, self._parking.handle() if self._parking else "")

    async def begin(self) -> dict[str, Any]:
        """The result. Raises SessionGone, Answered, UpstreamFailed, and whatever asking the client raises."""
        return await self._to_the_end(is_begun=False)

    async def go_on(self, caller: Caller) -> dict[str, Any]:
        """The result, of a call that was parked; another handle is for another round."""
        self._talk.caller = caller
        self._running.is_parked = False
        if self._parking is not None:
            self._talk.handle = self._parking.handle()
        return await self._to_the_end(is_begun=True)

    async def attend(self) -> None:
        """Hears the server while nobody brings answers."""
        try:
            while (message := await self._running.next()).kind is not Kind.RESPONSE:
                await self._talk.overhear(message)
            self._running.push(message)
        except (NotAQuestion, SessionGone) as error:
            self._failure = broken(f"The server ended the call while it waited for its client. {error}".strip())
        except UpstreamFailed as failure:
            self._failure = failure

    def give_up(self) -> None:
        """Tells the server that nobody waits any more."""
        self._close()
        self._place.background(self._cancel())

    async def _to_the_end(self, *, is_begun: bool) -> dict[str, Any]:
        # A handshake is never cancelled (basic/utilities/cancellation).
        is_over = not self._place.is_cancellable
        is_parked = False
        try:
            if self._failure is not None:
                raise self._failure
            if not is_begun:
                await self._running.begin()
            response = await converse(self._running, b"%d" % self._identifier, self._talk)
            is_over = True
            return result_of(response)
        except InputRequired:
            if self._parking is not None:
                self._parking.park(self._talk.handle, self)
                self._running.is_parked = True
                is_over = is_parked = True
            raise
        except SessionGone:
            is_over = True
            raise
        finally:
            if not is_parked:
                self._close()
            if not is_over:
                self._place.background(self._cancel())

    def _close(self) -> None:
        self._place.running.pop(self._identifier, None)
        self._running.close()

    async def _reply(self, answer: bytes) -> None:
        await self._place.conduit.tell(answer, self._talk.caller)

    async def _cancel(self) -> None:
        """Tells the server that nobody waits any more (basic/utilities/cancellation)."""
        params = {"requestId": self._identifier, "reason": "The caller waits no more."}
        ours = replace(nobody(CANCEL_SECONDS), principal=self.principal)
        try:
            await self._place.conduit.tell(encode_notification("notifications/cancelled", params), ours)
        except (SessionGone, UpstreamFailed) as failure:
            logger.info("an upstream was not told of a cancellation: %s", failure)
