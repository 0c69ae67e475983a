"""The lines that connect an MCP client to an endpoint, ready to paste."""

import json
import shlex
from dataclasses import dataclass

from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import Access, Endpoint
from tenants.models import Tenant

PLACEHOLDER = "YOUR_KEY"
REVISION = "2026-07-28"


@dataclass(frozen=True, slots=True)
class Connection:
    """One client: its name, where the text belongs, and the text."""

    id: str
    title: str
    hint: str
    text: str


def connections(*, tenant: Tenant, endpoint: Endpoint, key: str = PLACEHOLDER) -> list[Connection]:
    """How each client connects to `endpoint` with `key`; an open endpoint needs none."""
    url = mcp_url(tenant.slug, endpoint.slug)
    bearer = "" if endpoint.access == Access.OPEN else f"Bearer {key}"
    name = endpoint.slug
    return [
        Connection("curl", "curl", "Paste it into a shell: it lists the tools.", _curl(url, bearer)),
        Connection("claude-code", "Claude Code", "Paste it into a shell.", _claude_code(name, url, bearer)),
        Connection("mcp-json", ".mcp.json", "Put it at the root of a project.", _mcp_json(name, url, bearer)),
        Connection("cursor", "Cursor", "Put it into ~/.cursor/mcp.json.", _cursor(name, url, bearer)),
        Connection("vs-code", "VS Code", "Put it into .vscode/mcp.json.", _vs_code(name, url, bearer)),
        Connection("python", "Python", "With the SDK: pip install mcp.", _python(url, bearer)),
        Connection(
            "typescript",
            "TypeScript",
            "With the SDK: npm install @modelcontextprotocol/sdk.",
            _typescript(url, bearer),
        ),
    ]


def _curl(url: str, bearer: str) -> str:
    meta = {"io.modelcontextprotocol/protocolVersion": REVISION, "io.modelcontextprotocol/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    headers = [
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"MCP-Protocol-Version: {REVISION}",
        "Mcp-Method: tools/list",
        *([f"Authorization: {bearer}"] if bearer else []),
    ]
    lines = [f"curl {shlex.quote(url)}", *(f"  -H {shlex.quote(header)}" for header in headers)]
    return " \\\n".join([*lines, f"  -d {shlex.quote(json.dumps(body))}"])


def _claude_code(name: str, url: str, bearer: str) -> str:
    header = f' --header "Authorization: {bearer}"' if bearer else ""
    return f"claude mcp add --transport http {name} {shlex.quote(url)}{header}"


def _mcp_json(name: str, url: str, bearer: str) -> str:
    return _json({"mcpServers": {name: {"type": "http", "url": url} | _headers(bearer)}})


def _cursor(name: str, url: str, bearer: str) -> str:
    return _json({"mcpServers": {name: {"url": url} | _headers(bearer)}})


def _vs_code(name: str, url: str, bearer: str) -> str:
    return _json({"servers": {name: {"type": "http", "url": url} | _headers(bearer)}})


def _headers(bearer: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": bearer}} if bearer else {}


def _json(value: object) -> str:
    return json.dumps(value, indent=2)


def _python(url: str, bearer: str) -> str:
    headers = f'headers={{"Authorization": "{bearer}"}}' if bearer else ""
    return f"""\
import asyncio

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main():
    async with httpx2.AsyncClient({headers}) as http:
        transport = streamable_http_client("{url}", http_client=http)
        async with Client(transport) as client:
            print(await client.list_tools())


asyncio.run(main())"""


def _typescript(url: str, bearer: str) -> str:
    options = f', {{\n  requestInit: {{ headers: {{ Authorization: "{bearer}" }} }},\n}}' if bearer else ""
    return f"""\
import {{ Client }} from "@modelcontextprotocol/sdk/client/index.js";
import {{ StreamableHTTPClientTransport }} from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const transport = new StreamableHTTPClientTransport(new URL("{url}"){options});
const client = new Client({{ name: "my-app", version: "1.0.0" }});
await client.connect(transport);
console.log(await client.listTools());"""
