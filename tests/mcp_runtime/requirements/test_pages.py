"""Lists in pages: whole, in order, stable while they change, and cursors that are good for one caller alone."""

from typing import Any

import pytest

from mcp_runtime.models import Tool
from mcp_runtime.protocol import errors
from mcp_runtime.services.tools import tool_create, tool_delete
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually
from tests.mcp_runtime.requirements.conftest import Meet, furnish
from tests.mcp_runtime.requirements.sandbox import KIND
from tests.mcp_runtime.requirements.speaking import EVERY_REVISION, Speaker, result_of, speaking, told

requirement = pytest.mark.requirement
LISTS = {
    "tools/list": ("tools", "name"),
    "prompts/list": ("prompts", "name"),
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("resourceTemplates", "uriTemplate"),
}
MADE_UP: tuple[Any, ...] = ("", "made up", "e30", "e30.e30", "a" * 5_000, "é", 7, None, {}, [])


@pytest.fixture
def stage(cast: Cast) -> Stage:
    """An endpoint that this test alone changes."""
    return furnish(cast.tenant, cast.alice)


@pytest.fixture
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_runtime.protocol.listing.PAGE", 1)


async def _pages(speaker: Speaker, method: str) -> list[dict[str, Any]]:
    """All pages of a list, as a client asks for them."""
    pages = [result_of(await speaker.ask(method, {}))]
    while "nextCursor" in pages[-1]:
        pages.append(result_of(await speaker.ask(method, {"cursor": pages[-1]["nextCursor"]})))
    return pages


@requirement("pages", "deterministic-order")
@pytest.mark.usefixtures("_short_pages")
@pytest.mark.parametrize("method", LISTS)
@EVERY_REVISION
async def test_a_list_comes_whole_in_pages_and_in_the_same_order_each_time(
    speaker: Speaker, other_worker: Worker, method: str
) -> None:
    member, name = LISTS[method]
    pages = await _pages(speaker, method)
    names = [entry[name] for page in pages for entry in page[member]]
    assert len(pages) == len(names) == len(set(names)) > 0
    assert names == sorted(names)
    elsewhere = await _pages(speaker.elsewhere(other_worker), method)
    assert [page[member] for page in elsewhere] == [page[member] for page in pages]
    assert len({page.get("cacheScope") for page in pages}) == 1


@requirement("cursors")
@EVERY_REVISION
async def test_a_cursor_that_was_made_up_is_refused_an_empty_one_too(speaker: Speaker) -> None:
    for method in LISTS:
        for cursor in MADE_UP:
            answer = await speaker.ask(method, {"cursor": cursor})
            assert told(answer) == speaker.refusal(errors.INVALID_PARAMS), (method, cursor)


@requirement("cursors")
@pytest.mark.usefixtures("_short_pages")
@EVERY_REVISION
async def test_a_cursor_is_good_for_its_own_list_endpoint_tenant_and_principal_alone(
    meet: Meet, neighbour: Stage, colleague: str
) -> None:
    mine = await meet()
    cursor = result_of(await mine.ask("tools/list", {}))["nextCursor"]
    refused = mine.refusal(errors.INVALID_PARAMS)
    for stranger in (await meet(where=neighbour), await meet(key=colleague)):
        assert told(await stranger.ask("tools/list", {"cursor": cursor})) == refused
    for altered in (cursor[:-1], f"{cursor}A", cursor.partition(".")[0]):
        assert told(await mine.ask("tools/list", {"cursor": altered})) == refused
    for method in ("prompts/list", "resources/list", "resources/templates/list"):
        assert told(await mine.ask(method, {"cursor": cursor})) == refused
    assert result_of(await mine.ask("tools/list", {"cursor": cursor}))["tools"]


@requirement("pages")
@pytest.mark.usefixtures("_short_pages")
@EVERY_REVISION
async def test_a_list_that_changes_under_way_neither_repeats_nor_skips_what_stays(
    stage: Stage, worker: Worker, version: str
) -> None:
    slug = stage.endpoint.slug
    speaker = await speaking(version, worker, stage.path, stage.key)
    first = result_of(await speaker.ask("tools/list", {}))
    before = [entry["name"] for page in await _pages(speaker, "tools/list") for entry in page["tools"]]

    def change(actor: Any) -> None:
        tools = {tool.name: tool.pk for tool in Tool.objects.filter(endpoint=stage.endpoint)}
        for name in before[:2]:
            tool_delete(actor=actor, endpoint_slug=slug, tool_id=tools[name])
        tool_create(actor=actor, endpoint_slug=slug, source=KIND, draft=ToolDraft(name="zzz"))

    await stage.change(change)

    async def heard() -> bool:
        return bool(result_of(await speaker.ask("tools/list", {}))["tools"][0]["name"] == before[2])

    await eventually(heard)
    names, page = [], first
    while "nextCursor" in page:
        page = result_of(await speaker.ask("tools/list", {"cursor": page["nextCursor"]}))
        names += [entry["name"] for entry in page["tools"]]
    assert names == [*before[2:], "zzz"]
