"""A prompt and a resource, written in the browser and read by an MCP client."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import TextContent, TextResourceContents

from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_create
from tests.conftest import Cast
from tests.console.runtime import running_runtime
from tests.e2e.conftest import Look
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.e2e
SECONDS = 30


def _write_prompt(look: Look) -> None:
    page = look.page
    page.get_by_role("link", name="Prompts").click()
    look.keep("prompts-empty")
    page.get_by_role("link", name="Write the first prompt").click()
    page.get_by_label("Name", exact=True).fill("forecast")
    page.get_by_label("Text").fill("What will the weather be in {city}?")
    page.get_by_role("button", name="Add argument").click()
    argument = page.get_by_role("group", name="Argument 1")
    argument.get_by_label("Name").fill("city")
    argument.get_by_label("Required").check()
    argument.get_by_label("Proposals").fill("Oslo\nOsaka")
    look.keep("prompt-written")
    page.get_by_role("button", name="Create prompt").last.click()
    page.get_by_text("Prompt forecast is live").wait_for()


def _try_prompt(look: Look) -> None:
    page = look.page
    page.get_by_role("link", name="Weather").click()
    page.get_by_role("link", name="Prompts").click()
    page.get_by_role("link", name="forecast").click()
    page.get_by_label("city").fill("Oslo")
    page.get_by_role("button", name="Get forecast").click()
    page.get_by_text("What will the weather be in Oslo?").first.wait_for()
    look.keep("prompt-tried")


def _write_resource(look: Look, file: Path) -> None:
    page = look.page
    page.get_by_role("link", name="Weather").click()
    page.get_by_role("link", name="Resources").click()
    look.keep("resources-empty")
    page.get_by_role("link", name="Write the first resource").click()
    page.get_by_label("URI").fill("notes://today")
    page.get_by_label("Name").fill("Today")
    page.get_by_label("File").set_input_files(file)
    look.keep("resource-written")
    page.get_by_role("button", name="Create resource").click()
    page.get_by_text("Resource Today is live").wait_for()
    page.get_by_role("button", name="Read Today").click()
    page.get_by_text("Succeeded").wait_for()
    look.keep("resource-tried")


async def _read(url: str) -> tuple[str, str, list[str]]:
    async with asyncio.timeout(SECONDS), Client(url) as client:
        got = await client.get_prompt("forecast", {"city": "Osaka"})
        read = await client.read_resource("notes://today")
        listed = [prompt.name for prompt in (await client.list_prompts()).prompts]
    (message,), (contents,) = got.messages, read.contents
    assert isinstance(message.content, TextContent)
    assert isinstance(contents, TextResourceContents)
    return message.content.text, contents.text, listed


def test_what_is_written_in_the_browser_is_read_by_a_client(
    look: Look, cast: Cast, settings: Any, tmp_path: Path
) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        endpoint_create(actor=actor, slug="weather", name="Weather", access="open")
    file = tmp_path / "today.md"
    file.write_text("# Rain\n")
    with running_runtime() as origin:
        settings.RUNTIME_INTERNAL_URL = origin
        sign_in(look, cast)
        look.open(f"/t/{cast.tenant.slug}/endpoints/weather/")
        _write_prompt(look)
        _write_resource(look, file)
        _try_prompt(look)
        reading = _read(f"{origin}/t/{cast.tenant.slug}/weather/mcp")
        # In a thread of its own: the browser's loop has this one.
        with ThreadPoolExecutor(1) as threads:
            read = threads.submit(asyncio.run, reading).result(SECONDS)
    assert read == ("What will the weather be in Osaka?", "# Rain\n", ["forecast"])
