"""Connections of the data plane to a database that says nothing any more: given up in time."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from mcp_runtime import lines
from mcp_runtime.lines import DatabaseAway, Line

ANSWER_SECONDS = 0.3
# Well below what psycopg gives a server that is asked to end a query: ten seconds.
BOUND_SECONDS = 3.0


class Relay:
    """Between a client and the database; `silent` swallows whatever comes from either, and hangs up on nobody."""

    def __init__(self) -> None:
        self.silent = False
        self._relaying: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(os.environ["DATABASE_URL"])
        there = await asyncio.open_connection(parts.hostname, parts.port)
        for source, target in ((reader, there[1]), (there[0], writer)):
            self._relaying.add(asyncio.create_task(self._relay(source, target)))

    async def _relay(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                if not self.silent:
                    target.write(data)
        finally:
            target.close()

    async def close(self) -> None:
        for task in self._relaying:
            task.cancel()
        await asyncio.gather(*self._relaying, return_exceptions=True)


@pytest.fixture
async def relay() -> AsyncIterator[tuple[Relay, Line]]:
    """A line through a relay."""
    made = Relay()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    parts = urlsplit(os.environ["DATABASE_URL"])
    account = parts.netloc.rpartition("@")[0]
    port = server.sockets[0].getsockname()[1]
    line = Line(urlunsplit((parts.scheme, f"{account}@127.0.0.1:{port}", parts.path, "", "")))
    yield made, line
    await line.close()
    await made.close()
    server.close()
    await server.wait_closed()


async def _ask(line: Line) -> object:
    async with line.transaction() as connection:
        return await (await connection.execute("SELECT 7")).fetchone()


async def test_a_database_that_went_silent_is_away_in_time(
    relay: tuple[Relay, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, line = relay
    assert await _ask(line) == (7,)
    monkeypatch.setattr(lines, "ANSWER_SECONDS", ANSWER_SECONDS)
    made.silent = True
    began = time.monotonic()
    with pytest.raises(DatabaseAway):
        await _ask(line)
    assert time.monotonic() - began < BOUND_SECONDS
    made.silent = False
    monkeypatch.undo()
    assert await _ask(line) == (7,)


async def test_who_asks_while_a_line_is_closed_leaves_no_connection_behind(relay: tuple[Relay, Line]) -> None:
    _, line = relay
    asking = asyncio.create_task(_ask(line))
    await asyncio.sleep(0)  # it has begun to connect
    await line.close()
    with pytest.raises(DatabaseAway):
        await asking
    with pytest.raises(DatabaseAway):
        await _ask(line)
