"""The official SDK's client of 2025-03-26, which knows a URL alone; its login is told on standard output and input.

`client.py URL ADDRESS`: every name is at ADDRESS. Prints the URL for the person's browser, reads code and state from a
line, and prints the names of the tools and what echo says.
"""

import asyncio
import json
import socket
import sys

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp.types import TextContent

CALLBACK = "https://app.example/callback"


class Kept:
    """What the client keeps."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.info = client_info


def tell(line: str) -> None:
    """Says a line to who started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def to_browser(url: str) -> None:
    """Hands the person's address over."""
    tell(url)


async def came_back() -> tuple[str, str | None]:
    """What the person's browser brought."""
    said = json.loads(await asyncio.to_thread(sys.stdin.readline))
    return said["code"], said["state"]


def names_lead_to(address: str) -> None:
    """Has every name be at one address: a test's names are in no DNS."""
    usual = socket.getaddrinfo
    socket.getaddrinfo = lambda _host, *rest, **named: usual(address, *rest, **named)


async def main(url: str, address: str) -> None:
    """Comes in, and calls a tool."""
    names_lead_to(address)
    metadata = OAuthClientMetadata.model_validate({"client_name": "Early", "redirect_uris": [CALLBACK]})
    auth = OAuthClientProvider(url, metadata, Kept(), to_browser, came_back)
    async with streamablehttp_client(url, auth=auth) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        said = await session.call_tool("echo", {"text": "Hello"})
        texts = [content.text for content in said.content if isinstance(content, TextContent)]
        tell(json.dumps({"tools": tools, "said": texts[0]}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
