"""Streams held open: sessions whose GET stays, opened again when it ends, as a client with sense does."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.calls import Account
from tests.chaos.http1 import Connection, Lost, dial, read_head, request

REVISION = "2025-11-25"
OPEN_SECONDS = 5.0
PAUSE_SECONDS = 0.05
CLIENT = {"name": "chaos", "version": "1"}


@dataclass
class Streams:
    """`count` clients of one endpoint, each with a session and a stream. `ended` and `opened` are moments."""

    account: Account
    port: int
    count: int
    space: str = ""
    opened: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    # What came over each stream, by client.
    events: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    @property
    def are_open(self) -> int:
        """How many are open now."""
        return len(self._open)

    def start(self) -> None:
        """Opens them."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._hold(index)) for index in range(self.count)]

    async def stop(self) -> None:
        """Closes them."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._open.clear()

    async def _hold(self, index: int) -> None:
        session = ""
        while True:
            try:
                session = session or await open_session(self.account, self.port, self.space)
                await self._listen(index, session)
            except (Lost, OSError, EOFError, TimeoutError, ValueError) as error:
                self.refused.append(f"{type(error).__name__}: {error}")
            if index in self._open:
                self._open.discard(index)
                self.ended.append(time.monotonic())
            await asyncio.sleep(PAUSE_SECONDS)

    async def _listen(self, index: int, session: str) -> None:
        async with asyncio.timeout(OPEN_SECONDS):
            reader, writer = await dial(self.port, self.space)
        try:
            headers = session_headers(self.account, f"localhost:{self.port}", session)
            writer.write(request("GET", self.account.path, headers | {"Accept": "text/event-stream"}))
            async with asyncio.timeout(OPEN_SECONDS):
                status, _ = await read_head(reader)
            if status != 200:
                raise Lost(f"HTTP {status}")
            self.opened.append(time.monotonic())
            self._open.add(index)
            while line := await reader.readline():
                if line.startswith(b"data: {"):
                    self.events.setdefault(index, []).append(json.loads(line[6:]))
        finally:
            writer.transport.abort()


def session_headers(account: Account, host: str, session: str = "") -> dict[str, str]:
    """The headers of a request in a session."""
    known = {"Mcp-Session-Id": session, "MCP-Protocol-Version": REVISION} if session else {}
    if account.key:
        known["Authorization"] = f"Bearer {account.key}"
    return {
        "Host": host,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    } | known


async def open_session(account: Account, port: int, space: str = "", **capabilities: Any) -> str:
    """Initializes a session and returns its id; raises Lost."""
    params = {"protocolVersion": REVISION, "capabilities": capabilities, "clientInfo": CLIENT}
    message = {"jsonrpc": "2.0", "id": "open", "method": "initialize", "params": params}
    connection, shown = Connection(port, space), f"localhost:{port}"
    try:
        first = request("POST", account.path, session_headers(account, shown), json.dumps(message).encode())
        answer = await connection.ask(first, OPEN_SECONDS)
        session = answer.headers.get("mcp-session-id", "")
        if answer.status != 200 or not session:
            raise Lost(f"no session: HTTP {answer.status}")
        said = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
        await connection.ask(
            request("POST", account.path, session_headers(account, shown, session), said), OPEN_SECONDS
        )
    finally:
        connection.close()
    return session
