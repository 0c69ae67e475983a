"""Where clients of HTTP+SSE post to: addresses of open streams, whichever worker holds them.

An address names its worker and cannot be guessed, and is good for its endpoint and its principal alone. What is posted
to another worker travels over the bus, and is accepted once that worker has it.
"""

import asyncio
import itertools
import re
import secrets
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from core import crypto, refusals
from core.refusals import Refused
from mcp_runtime.bus import Bus
from mcp_runtime.transports.connections import Connection

POST = "post"
VERDICT = "verdict"
PURPOSE = "mcp stream"
NONCE_BYTES = 16
ANSWER_SECONDS = 5.0
# All that one worker may have on its way to others, who share the broker's patience for slow listeners.
BYTES_IN_FLIGHT = 8 * 1024 * 1024
TAKEN, FULL, GONE = "taken", "full", "gone"
_ADDRESS = re.compile(r"([0-9a-f]{16})\.([0-9a-f]{32})\.([0-9a-f]{64})")


class Owner(NamedTuple):
    """Whose stream it is."""

    tenant_id: str
    endpoint_id: str
    principal_id: str


class Mailboxes:
    """Those of one worker, and the way to all others."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._connections: dict[str, Connection] = {}
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._bytes = 0
        self._replies: set[asyncio.Task[None]] = set()
        bus.on(POST, self._posted)
        bus.on(VERDICT, self._judged)

    def open(self, connection: Connection, owner: Owner) -> str:
        """An address for a connection of this worker's."""
        name = f"{self._bus.worker}.{secrets.token_hex(NONCE_BYTES)}"
        address = f"{name}.{crypto.sign(PURPOSE, _signed(name, owner)).hex()}"
        self._connections[address] = connection
        return address

    def close(self, address: str) -> None:
        """Nothing is taken there any more."""
        del self._connections[address]

    def check(self, address: str, owner: Owner) -> None:
        """Raises Refused(SESSION_NOT_FOUND) unless the address was made for `owner`."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise Refused(refusals.SESSION_NOT_FOUND)
        try:
            crypto.verify(PURPOSE, _signed(f"{found[1]}.{found[2]}", owner), bytes.fromhex(found[3]))
        except crypto.Forged:
            raise Refused(refusals.SESSION_NOT_FOUND) from None

    async def deliver(self, address: str, body: bytes) -> None:
        """Hands a message in. Raises Refused: SESSION_NOT_FOUND, OVERLOADED, TEMPORARILY_UNAVAILABLE."""
        worker = address.partition(".")[0]
        verdict = self._take(address, body) if worker == self._bus.worker else await self._send(worker, address, body)
        if verdict == FULL:
            raise Refused(refusals.OVERLOADED)
        if verdict != TAKEN:
            raise Refused(refusals.SESSION_NOT_FOUND)

    def _take(self, address: str, body: bytes) -> str:
        connection = self._connections.get(address)
        if connection is None:
            return GONE
        return TAKEN if connection.take(body) else FULL

    async def _send(self, worker: str, address: str, body: bytes) -> str:
        if self._bytes + len(body) > BYTES_IN_FLIGHT:
            return FULL
        number = next(self._numbers)
        self._bytes += len(body)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        letter = {"address": address, "body": body, "from": self._bus.worker, "number": number}
        try:
            await self._bus.tell(worker, POST, letter)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await future
        except TimeoutError:
            return GONE  # a worker that is silent for so long has ended, and its streams with it
        except (RedisError, OSError):
            raise Refused(refusals.TEMPORARILY_UNAVAILABLE) from None
        finally:
            del self._waiting[number]
            self._bytes -= len(body)

    def _posted(self, data: dict[str, Any]) -> None:
        verdict = {"number": data["number"], "verdict": self._take(data["address"], data["body"])}
        task = asyncio.ensure_future(self._reply(data["from"], verdict))
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def _reply(self, worker: str, verdict: dict[str, Any]) -> None:
        try:
            await self._bus.tell(worker, VERDICT, verdict)
        except (RedisError, OSError):
            return  # who asked will say that it cannot tell

    def _judged(self, data: dict[str, Any]) -> None:
        future = self._waiting.get(data["number"])
        if future is not None and not future.done():
            future.set_result(data["verdict"])


def _signed(name: str, owner: Owner) -> bytes:
    return "\n".join((name, *owner)).encode()
