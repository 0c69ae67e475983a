"""The official client of 2025-03-26: it leaves out the path of what it knows, and comes in by the tenant's host."""

import asyncio
import json
from pathlib import Path

import pytest
from django.conf import settings as current
from pytest_django import Settings

from mcp_runtime.models import Endpoint, Tool
from tests.conftest import Cast
from tests.console.conftest import endpoint, make_endpoint, tool
from tests.console.oauth.test_official_client import Browser, browser, served
from tests.python_environments import python_with

__all__ = ["browser", "endpoint", "make_endpoint", "served", "tool"]

HERE = Path(__file__).parent / "sdk_2025_03_26"
DOMAIN = "hosts.example"
BOUND_SECONDS = 60


@pytest.fixture(autouse=True)
def _domain(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TENANT_DOMAIN = DOMAIN
    monkeypatch.setenv("TENANT_DOMAIN", DOMAIN)


@pytest.mark.peers
@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("path", ["/mcp", "/{}/mcp"])
async def test_it_comes_in_by_itself(cast: Cast, endpoint: Endpoint, tool: Tool, browser: Browser, path: str) -> None:
    origin = f"http://{cast.tenant.slug}.{DOMAIN}:{current.RUNTIME_URL.rpartition(':')[2]}"
    python = await asyncio.to_thread(python_with, HERE)
    client = await asyncio.create_subprocess_exec(
        python,
        HERE / "client.py",
        f"{origin}{path.format(endpoint.slug)}",
        "127.0.0.1",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    async with asyncio.timeout(BOUND_SECONDS):
        asked = (await client.stdout.readline()).decode().strip()
        if not asked:
            pytest.fail((await client.communicate())[1].decode()[-4000:])
        await browser.follow(asked)
        back = {"code": browser.back["code"], "state": browser.back["state"]}
        said, error = await client.communicate(json.dumps(back).encode() + b"\n")
    assert json.loads(said or b"{}") == {"tools": [tool.name], "said": "Hello"}, error.decode()[-4000:]
    assert browser.back["iss"] == origin
