"""The rows: floors, ours and the peers, each with its wire and with what one operation of it is."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from core.embedded.postgres import HOST
from tests.bench import contextforge, environments
from tests.bench.database import KNOWN_AS, Endpoint
from tests.bench.processes import ROOT, Program, Row, Server, ServerFailed, pinned, running, serving, uvicorn
from tests.bench.wire import WITH_SESSIONS, Call, WrongAnswer
from tests.python_environments import NotInstalled

FLOOR = Row(
    "empty raw ASGI (floor)",
    uvicorn("tests.bench.servers.floor:app"),
    "/mcp",
    checked_with=0,
    operation="the same bytes to everybody, nothing read",
)
ECHO = Row(
    "raw ASGI, decodes and echoes, checks nothing",
    uvicorn("tests.bench.servers.echo:app"),
    "/mcp",
    operation="decode JSON, answer its text",
)
PYTHON_SDK = Row("Python SDK 2.3.0 MCPServer, no authentication", uvicorn("tests.bench.servers.python_sdk:app"), "/mcp")
IN_SESSIONS = Call(WITH_SESSIONS, sessions=1)
# V8 compiles what runs often, later: the first seconds are not what a server costs.
NODE_WARM_SECONDS = 8


def ours(made: Endpoint, *, root: Path = ROOT, name: str = "ours: key authentication, validation, limits") -> Row:
    """Our runtime role as containers run it, with all that it does for each call switched on."""
    address = {"HOST": HOST, "PORT": "{port}", "RUNTIME_URL": f"http://{HOST}:{{port}}"}
    command = (sys.executable, "-m", "config.cli", "serve", "runtime")
    return Row(name, command, made.path, made.key, made.environment | address, root=root)


def by_token(made: Endpoint) -> Row:
    """Ours, called with an access token in the key's place: the runtime is known by a name, which the token is for."""
    row = ours(made, name="ours, with an access token (JWT) in the place of the key")
    address = {"RUNTIME_URL": KNOWN_AS, "RUNTIME_HOSTS": HOST}
    return Row(row.name, row.command, row.path, made.token, row.environment | address)


def proxied(made: Endpoint) -> Row:
    """Ours, with a tool of the http source. Only our process is counted, not the server that it calls."""
    row = ours(made, name="ours, proxied: the same, and the call goes on to another server over HTTP")
    operation = "tools/call that POSTs to another server and answers what it says"
    return Row(row.name, row.command, row.path, row.key, row.environment, Call(tool="proxied"), operation)


@contextmanager
def upstream(port: int, *, core: int, logs: Path) -> Iterator[None]:
    """The server that `proxied` calls, on the core of the load. Raises ServerFailed."""
    command = (sys.executable, "-m", "tests.bench.servers.upstream", str(port))
    with running(Program("the server behind the proxied row", pinned(core, command)), port, logs):
        yield


def python_sdk_in_a_session() -> Row:
    """The Python SDK again, on the older wire."""
    return Row(
        "Python SDK 2.3.0 MCPServer, one session, no authentication",
        PYTHON_SDK.command,
        PYTHON_SDK.path,
        call=IN_SESSIONS,
    )


def fastmcp() -> Row:
    """FastMCP in an environment of its own. Raises NotInstalled."""
    command = uvicorn("server:app", python=environments.python("fastmcp"))
    return Row("FastMCP 4.1.6, no authentication", command, "/mcp", root=environments.SOURCES / "fastmcp")


def typescript_1() -> Row:
    """The TypeScript SDK 1, which knows sessions only. Raises NotInstalled."""
    folder = environments.node_folder("typescript")
    return Row(
        "TypeScript SDK 1.32.2 McpServer, node:http, one session, no authentication",
        environments.node(folder / "v1.mjs"),
        "/mcp",
        call=IN_SESSIONS,
        warm_seconds=NODE_WARM_SECONDS,
    )


def typescript_2() -> Row:
    """The TypeScript SDK 2 on the wire without sessions. Raises NotInstalled."""
    folder = environments.node_folder("typescript")
    return Row(
        "TypeScript SDK 2.4.0 McpServer, node:http, no authentication",
        environments.node(folder / "v2.mjs"),
        "/mcp",
        warm_seconds=NODE_WARM_SECONDS,
    )


def context_forge(scratch: Path, upstream: int) -> Row:
    """ContextForge before an MCP server of the Python SDK at port `upstream`. Raises NotInstalled."""
    folder = scratch / "contextforge"
    folder.mkdir()
    secret = secrets.token_urlsafe(48)
    return Row(
        "ContextForge 1.1.0, proxied, 8 sessions, key authentication, SQLite",
        uvicorn("mcpgateway.main:app", python=environments.python("contextforge")),
        "/mcp",
        secret,
        contextforge.environment(folder, secret),
        Call(WITH_SESSIONS, sessions=8),
        "tools/call that goes on to an MCP server (Python SDK 2.3.0) in a session kept open",
        root=folder,
        prepare=contextforge.registering(upstream),
        start_seconds=150,
        connections=8,
        stretch=3,
    )


@contextmanager
def peers(scratch: Path, *, core: int, load_core: int) -> Iterator[tuple[list[Server], list[str]]]:
    """The peers beyond the Python SDK's newest wire that run here, and for each that does not, why."""
    running: list[Server] = []
    absent: list[str] = []
    with ExitStack() as stack:
        upstream = stack.enter_context(serving(PYTHON_SDK, core=load_core, logs=scratch))
        gateway = partial(context_forge, scratch, upstream.port)
        for make in (python_sdk_in_a_session, fastmcp, typescript_1, typescript_2, gateway):
            try:
                running.append(stack.enter_context(serving(make(), core=core, logs=scratch)))
            except (NotInstalled, ServerFailed, WrongAnswer) as reason:
                absent.append(str(reason))
        yield running, absent
