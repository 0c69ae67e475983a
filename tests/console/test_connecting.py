"""The lines that connect a client work as they stand, against a real worker."""

import json
import shlex
import subprocess
import sys
import urllib.request

import pytest
from pytest_django import Settings

from console.connecting import connections
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.access_keys import access_key_issue
from tests.conftest import Cast
from tests.console.conftest import MakesEndpoint, make_tool

CLIENT_SECONDS = 60


@pytest.fixture
def lines(cast: Cast, endpoint: Endpoint, tool: Tool, runtime: str, settings: Settings) -> dict[str, str]:
    """The lines of each client, with a key that works."""
    settings.RUNTIME_URL = runtime
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        _, secret = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="Client")
    found = connections(tenant=cast.tenant, endpoint=endpoint, key=secret)
    return {connection.id: connection.text for connection in found}


def _sent(curl: str) -> list[str]:
    """The names of the tools that the request of a curl line lists."""
    words = shlex.split(curl.replace("\\\n", " "))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    data = words[words.index("-d") + 1].encode()
    request = urllib.request.Request(words[1], data=data, headers=headers)  # noqa: S310  the worker of this test
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return [tool["name"] for tool in json.load(response)["result"]["tools"]]


def test_the_curl_line_lists_the_tools(lines: dict[str, str]) -> None:
    assert _sent(lines["curl"]) == ["echo"]


def test_an_open_endpoint_needs_no_key(
    cast: Cast, make_endpoint: MakesEndpoint, runtime: str, settings: Settings
) -> None:
    settings.RUNTIME_URL = runtime
    found = make_endpoint(access="open")
    make_tool(cast, found)
    curl = connections(tenant=cast.tenant, endpoint=found)[0].text
    assert "Authorization" not in curl
    assert _sent(curl) == ["echo"]


@pytest.mark.system
def test_the_python_lines_list_the_tools(lines: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", lines["python"]], capture_output=True, text=True, timeout=CLIENT_SECONDS, check=False
    )
    assert "echo" in done.stdout, done.stderr


@pytest.mark.parametrize("client", ["mcp-json", "cursor", "vs-code"])
def test_the_files_are_json_and_hold_url_and_key(lines: dict[str, str], endpoint: Endpoint, client: str) -> None:
    (servers,) = json.loads(lines[client]).values()
    server = servers[endpoint.slug]
    assert server["url"].endswith(f"/{endpoint.slug}/mcp")
    assert server["headers"]["Authorization"].startswith("Bearer amk_")


def test_the_claude_line_is_one_command(lines: dict[str, str], endpoint: Endpoint) -> None:
    words = shlex.split(lines["claude-code"])
    assert words[:6] == ["claude", "mcp", "add", "--transport", "http", endpoint.slug]
    assert words[7] == "--header"
    assert words[8].startswith("Authorization: Bearer amk_")
