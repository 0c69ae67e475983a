"""Requests of the server's that wait for a client's answer, which may reach another worker."""

import asyncio
import itertools
import re
from typing import Any

import msgspec
from redis.exceptions import RedisError

from core import refusals
from core.refusals import Refused
from mcp_runtime.bus import Bus
from mcp_runtime.protocol.conversing import encode_notification, encode_request
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.sources.conversation import ClientFailed
from mcp_runtime.transports.outlets import Outlet

ANSWER = "answer"
ANSWER_SECONDS = 300.0
_WORKER = re.compile("[0-9a-f]{16}")  # as mcp_runtime.bus names them


class Questions:
    """An id names the worker that waits, so that any other can pass the answer on."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._numbers = itertools.count(1)
        self._waiting: dict[str, tuple[str, asyncio.Future[dict[str, Any]]]] = {}
        bus.on(ANSWER, self._answered)

    async def ask(self, session: str, outlet: Outlet, request: dict[str, Any]) -> dict[str, Any]:
        """The result of a request to the client; raises ClientFailed when it answers with an error, or not in time."""
        identifier = f"{self._bus.worker}.{next(self._numbers)}"
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[identifier] = (session, future)
        try:
            await outlet.send(encode_request(identifier, request["method"], request["params"]))
            async with asyncio.timeout(ANSWER_SECONDS):
                return await future
        except TimeoutError:
            # Whoever gives up on a request says so (2025-11-25, basic/lifecycle "Timeouts").
            given_up = {"requestId": identifier, "reason": "There was no answer in time."}
            await outlet.send(encode_notification("notifications/cancelled", given_up))
            raise ClientFailed(f"The client did not answer {request['method']} in time.") from None
        finally:
            del self._waiting[identifier]

    async def deliver(self, session: str, response: dict[str, Any]) -> None:
        """Passes a client's response on to who waits for it. Raises Refused while other workers are out of reach."""
        worker = str(response.get("id", "")).partition(".")[0]
        if not _WORKER.fullmatch(worker):
            return  # no question of ours has such an id
        # As JSON: the channel layer's encoding has no integers beyond 64 bits, and JSON does.
        data = {"session": session, "response": encode(response).decode()}
        try:
            await self._bus.tell(worker, ANSWER, data)
        except (RedisError, OSError):
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None

    def _answered(self, data: dict[str, Any]) -> None:
        response = msgspec.json.decode(data["response"])
        session, future = self._waiting.get(response.get("id"), ("", None))
        # A session answers what it was asked, and nobody else's question.
        if future is None or session != data["session"] or future.done():
            return
        result = response.get("result")
        if isinstance(result, dict):
            future.set_result(result)
        else:
            error = response.get("error")
            message = error.get("message") if isinstance(error, dict) else None
            future.set_exception(ClientFailed(f"The client answered with an error: {message or 'unknown'}"))
