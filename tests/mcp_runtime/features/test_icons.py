"""Icons, and how an endpoint presents itself: on the revisions that have them, and nowhere else."""

from typing import Any

import pytest

from core.refusals import Refused
from mcp_runtime.models import Access
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.services.endpoints import Presentation, endpoint_update
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import whole
from tests.mcp_runtime.features.conftest import open_able

ICONS: list[dict[str, Any]] = [
    {"src": "https://example.com/i.png", "mimeType": "image/png", "sizes": ["48x48", "any"], "theme": "dark"},
    {"src": "data:image/svg+xml;base64,PHN2Zy8+"},
]
SHOWN = {"description": "Tells what there is to tell.", "websiteUrl": "https://example.com/about", "icons": ICONS}
PLAIN: dict[str, Any] = {"role": "user", "content": {"type": "text", "text": "Hi"}}


async def _decorate(stage: Stage) -> None:
    """A tool, a prompt, a resource and a template with icons, on an endpoint with icons."""
    slug = stage.endpoint.slug

    def make(actor: Any) -> None:
        tool = ToolDraft(name="icons", icons=ICONS, config={"do": "echo"})
        tool_create(actor=actor, endpoint_slug=slug, source="probe", draft=tool)
        prompt = PromptDraft(name="icons", icons=ICONS, meta={"com.example/a": 1}, config={"messages": [PLAIN]})
        prompt_create(actor=actor, endpoint_slug=slug, source="static", draft=prompt)
        for uri, is_template in (("x://icons", False), ("x://{icons}/t", True)):
            resource = ResourceDraft(
                uri=uri, name="icons", is_template=is_template, icons=ICONS, config={"text": "{icons}"}
            )
            resource_create(actor=actor, endpoint_slug=slug, source="static", draft=resource)
        _present(actor, stage, description=SHOWN["description"], website_url=SHOWN["websiteUrl"], icons=ICONS)

    await stage.change(make)


def _present(actor: Any, stage: Stage, **presentation: Any) -> None:
    endpoint_update(
        actor=actor,
        endpoint_slug=stage.endpoint.slug,
        name="Demo",
        instructions="",
        access=Access.KEY,
        allowed_origins=[],
        presentation=Presentation(**presentation),
    )


LISTS = {"tools/list": "tools", "prompts/list": "prompts", "resources/list": "resources"}
LISTS |= {"resources/templates/list": "resourceTemplates"}


@pytest.mark.requirement("icons")
@pytest.mark.parametrize(
    ("version", "knows"), [("2024-11-05", False), ("2025-03-26", False), ("2025-06-18", False), ("2025-11-25", True)]
)
async def test_sessions_see_icons_from_the_revision_that_has_them(
    stage: Stage, worker: Worker, version: str, *, knows: bool
) -> None:
    await _decorate(stage)
    client = stage.client(worker)
    about = (await client.initialize(version)).json["result"]["serverInfo"]
    assert {name: about[name] for name in SHOWN if name in about} == (SHOWN if knows else {})
    for method, member in LISTS.items():
        entries = (await client.legacy(method)).json["result"][member]
        (entry,) = [entry for entry in entries if entry["name"] == "icons"]
        assert entry.get("icons") == (ICONS if knows else None)
    (prompt,) = (await client.legacy("prompts/list")).json["result"]["prompts"]
    assert ("_meta" in prompt) is (version >= "2025-06-18")


@pytest.mark.requirement("icons", revisions=("2026-07-28",))
async def test_2026_has_them_once_and_not_on_every_result(stage: Stage, worker: Worker) -> None:
    await _decorate(stage)
    client = stage.client(worker)
    discovered = (await whole(open_able(client, "server/discover", {}))).json["result"]
    about = discovered["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert {name: about[name] for name in SHOWN} == SHOWN
    for method, member in LISTS.items():
        result = (await whole(open_able(client, method, {}))).json["result"]
        (entry,) = [entry for entry in result[member] if entry["name"] == "icons"]
        assert entry["icons"] == ICONS
        brief = result["_meta"]["io.modelcontextprotocol/serverInfo"]
        assert sorted(brief) == ["name", "title", "version"]


@pytest.mark.requirement("icons")
@pytest.mark.parametrize(
    "icon",
    [
        {},
        {"src": ""},
        {"src": "http://example.com/i.png"},
        {"src": "https://"},
        {"src": "https://u:p@example.com/i.png"},
        {"src": "https://example.com/i.png\r\nX: y"},
        {"src": 'https://example.com/"><script>'},
        {"src": "https://[::1"},
        {"src": "https://example.com:99999/i"},
        {"src": "https://example.com/" + "x" * 2_000},
        {"src": "javascript:alert(1)"},
        {"src": "file:///etc/passwd"},
        {"src": "data:text/html;base64,PHNjcmlwdD4="},
        {"src": "data:image/png,raw"},
        {"src": "data:image/png;base64,=abc"},
        {"src": "data:image/png;base64," + "A" * 70_000},
        {"src": "https://example.com/i.png", "sizes": "48x48"},
        {"src": "https://example.com/i.png", "sizes": ["48"]},
        {"src": "https://example.com/i.png", "sizes": ["0x0"]},
        {"src": "https://example.com/i.png", "sizes": ["any"] * 21},
        {"src": "https://example.com/i.png", "theme": "blue"},
        {"src": "https://example.com/i.png", "mimeType": "text/html"},
        {"src": "https://example.com/i.png", "onload": "x"},
        "https://example.com/i.png",
    ],
)
async def test_icons_that_a_client_should_not_load_are_not_stored(stage: Stage, icon: Any) -> None:
    with pytest.raises(Refused) as refused:
        await stage.change(lambda actor: _present(actor, stage, icons=[icon]))
    assert list(refused.value.data["fields"]) == ["icons"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", "x" * 101),
        ("website_url", "http://example.com"),
        ("website_url", "javascript:x"),
        ("icons", ICONS * 6),
    ],
)
async def test_a_presentation_is_bounded(stage: Stage, field: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        await stage.change(lambda actor: _present(actor, stage, **{field: value}))
    assert list(refused.value.data["fields"]) == [field]
