"""An official TypeScript client in a process of its own, and what a test has it do."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.node_packages import NODE

BOUND_SECONDS = 30
LONGEST_LINE = 2**24  # bytes; an answer is one
SOURCE = Path(__file__).parent / "typescript"
CLIENTS = {
    ("v1", ""): "2025-11-25",
    ("v2", '"legacy"'): "2025-11-25",
    ("v2", '"auto"'): "2026-07-28",
    ("v2", '{"pin": "2026-07-28"}'): "2026-07-28",
    ("v1", "sse"): "2025-11-25",
}
"""(SDK, its transport or its negotiation mode as JSON): the revision that is spoken."""


class Place(Protocol):
    """An endpoint, and the key that it wants; empty for none."""

    @property
    def url(self) -> str:
        """Where it is."""

    @property
    def key(self) -> str:
        """What opens it."""


class Driver:
    """A client in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, command: str, **rest: Any) -> Any:
        """What the client answers to a command; fails when it raised an error."""
        answer = await self.answer(command, **rest)
        assert "error" not in answer, answer
        return answer.get("value")

    async def answer(self, command: str, **rest: Any) -> dict[str, Any]:
        """The value or the error of a command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **rest}).encode() + b"\n")
        line = await self._process.stdout.readline()
        assert line, "the client ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def names(self) -> set[str]:
        """The names of the tools."""
        return {tool["name"] for tool in await self.ask("list")}

    async def failure(self) -> str:
        """What the process says when it ends by itself."""
        _output, errors = await self._process.communicate()
        assert self._process.returncode
        return errors.decode()


@asynccontextmanager
async def driver(folder: Path, place: Place, client: tuple[str, str], key: str | None = None) -> AsyncIterator[Driver]:
    """Starts a client; when the test is through, it closes its connection and must end well."""
    async with asyncio.timeout(BOUND_SECONDS):
        process = await asyncio.create_subprocess_exec(
            NODE,
            folder / "driver.mjs",
            *client,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=os.environ | {"MCP_URL": place.url, "MCP_KEY": key or place.key},
        )
        try:
            yield Driver(process)
            _output, errors = await process.communicate()
            assert key or process.returncode == 0, errors
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
