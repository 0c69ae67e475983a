"""The official TypeScript clients, unchanged: version 1, and version 2 in both eras."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from tests.clients.conftest import Demo
from tests.node_packages import NODE, NoRegistry, installed

BOUND_SECONDS = 20
SOURCE = Path(__file__).parent / "typescript"
CLIENTS = {
    ("v1", ""): "2025-11-25",
    ("v2", '"legacy"'): "2025-11-25",
    ("v2", '"auto"'): "2026-07-28",
    ("v2", '{"pin": "2026-07-28"}'): "2026-07-28",
}
"""(SDK, negotiation mode as JSON): the revision that is spoken."""


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the clients are installed; without them and without a registry the tests are skipped."""
    try:
        return installed(SOURCE)
    except NoRegistry as reason:
        pytest.skip(str(reason))


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
async def driver(folder: Path, demo: Demo, client: tuple[str, str], key: str | None = None) -> AsyncIterator[Driver]:
    """Starts a client; when the test is through, it closes its connection and must end well."""
    async with asyncio.timeout(BOUND_SECONDS):
        process = await asyncio.create_subprocess_exec(
            NODE,
            folder / "driver.mjs",
            *client,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"MCP_URL": demo.url, "MCP_KEY": key or demo.key},
        )
        try:
            yield Driver(process)
            _output, errors = await process.communicate()
            assert key or process.returncode == 0, errors
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.mark.parametrize("client", CLIENTS, ids=" ".join)
async def test_it_lists_and_calls_the_demo_tools(folder: Path, demo: Demo, client: tuple[str, str]) -> None:
    async with driver(folder, demo, client) as driven:
        assert (await driven.ask("connected"))["version"] == CLIENTS[client]
        assert await driven.names() == set(CATALOGUE)
        echoed = await driven.ask("call", name="echo", arguments={"text": "Hello, Joe. Hello, Mike."})
        assert echoed["content"] == [{"type": "text", "text": "Hello, Joe. Hello, Mike."}]
        calculated = await driven.ask("call", name="calculate", arguments={"expression": "6 * 7"})
        assert calculated["structuredContent"] == {"result": 42}
        failed = await driven.ask("call", name="calculate", arguments={"expression": "1 / 0"})
        assert failed["isError"] is True


@pytest.mark.parametrize("client", CLIENTS, ids=" ".join)
async def test_it_calls_a_tool_made_while_it_is_connected(folder: Path, demo: Demo, client: tuple[str, str]) -> None:
    async with driver(folder, demo, client) as driven:
        assert "made_just_now" not in await driven.names()
        await demo.make_tool("made_just_now", "echo")
        while "made_just_now" not in await driven.names():
            pass
        # The other worker may hear of it a moment later than the one that has listed it.
        while "error" in (answer := await driven.answer("call", name="made_just_now", arguments={"text": "already"})):
            pass
        assert answer["value"]["content"] == [{"type": "text", "text": "already"}]


@pytest.mark.parametrize("client", CLIENTS, ids=" ".join)
async def test_it_is_told_when_its_key_is_wrong(folder: Path, demo: Demo, client: tuple[str, str]) -> None:
    async with driver(folder, demo, client, key="wrong") as driven:
        assert "invalid_credentials" in await driven.failure()
