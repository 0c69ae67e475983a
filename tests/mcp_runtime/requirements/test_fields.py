"""What an object has in each revision: the members that the revision knows, and none that came later."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from core.refusals import Refused
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.worker import Worker
from tenants.access import Actor
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.requirements.sandbox import KIND, RICH
from tests.mcp_runtime.requirements.speaking import (
    EVERY_REVISION,
    SESSION_REVISIONS,
    STATELESS_REVISIONS,
    Speaker,
    result_of,
    since,
)
from tests.witness import schemas
from tests.witness.judging import complaints

requirement = pytest.mark.requirement
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
# Each member with the first revision that has it (schema/<revision>/schema.json).
FIRST = "2024-11-05"
TOOL = {
    "name": FIRST, "description": FIRST, "inputSchema": FIRST, "annotations": "2025-03-26", "title": "2025-06-18",
    "outputSchema": "2025-06-18", "_meta": "2025-06-18", "icons": "2025-11-25",
}  # fmt: skip
PROMPT = {
    "name": FIRST, "description": FIRST, "arguments": FIRST, "title": "2025-06-18", "_meta": "2025-06-18",
    "icons": "2025-11-25",
}  # fmt: skip
ARGUMENT = {"name": FIRST, "description": FIRST, "required": FIRST, "title": "2025-06-18"}
RESOURCE = {
    "uri": FIRST, "name": FIRST, "description": FIRST, "mimeType": FIRST, "title": "2025-06-18", "_meta": "2025-06-18",
    "icons": "2025-11-25",
}  # fmt: skip
TEMPLATE = {"uriTemplate": FIRST, "name": FIRST, "title": "2025-06-18", "_meta": "2025-06-18", "icons": "2025-11-25"}
SERVER = {"name": FIRST, "version": FIRST, "title": "2025-06-18"}
ENVELOPE = {"resultType": "2026-07-28", "_meta": "2026-07-28"}
LISTED = {**ENVELOPE, "ttlMs": "2026-07-28", "cacheScope": "2026-07-28"}
CALLED = {**ENVELOPE, "content": FIRST, "isError": FIRST, "structuredContent": "2025-06-18"}


def _of(version: str, members: dict[str, str]) -> set[str]:
    """The members that `version` has."""
    return {name for name, first in members.items() if first <= version}


async def _first(speaker: Speaker, method: str, member: str, **having: Any) -> dict[str, Any]:
    """The first entry of a list that has these members."""
    listed = result_of(await speaker.ask(method, {}))
    assert set(listed) - {"nextCursor"} == _of(speaker.version, LISTED) | {member}
    found: dict[str, Any] = next(entry for entry in listed[member] if having.items() <= entry.items())
    return found


@requirement("tool-fields", "list-tools")
@EVERY_REVISION
async def test_a_tool_has_what_the_revision_knows(speaker: Speaker) -> None:
    tool = await _first(speaker, "tools/list", "tools", name="promising")
    assert set(tool) == _of(speaker.version, TOOL)
    assert tool["inputSchema"] == {"type": "object"}


@requirement("prompt-fields", "list-prompts")
@EVERY_REVISION
async def test_a_prompt_has_what_the_revision_knows(speaker: Speaker) -> None:
    prompt = await _first(speaker, "prompts/list", "prompts", name="greet")
    assert set(prompt) == _of(speaker.version, PROMPT)
    assert set(prompt["arguments"][0]) == _of(speaker.version, ARGUMENT)


@requirement("resource-fields", "list-resources", "list-templates")
@EVERY_REVISION
async def test_a_resource_and_a_template_have_what_the_revision_knows(speaker: Speaker) -> None:
    resource = await _first(speaker, "resources/list", "resources", uri="notes://today")
    assert set(resource) == _of(speaker.version, RESOURCE)
    template = await _first(speaker, "resources/templates/list", "resourceTemplates", name="Day")
    assert set(template) == _of(speaker.version, TEMPLATE)


@requirement("server-info")
@SESSION_REVISIONS
async def test_the_server_says_who_it_is_when_a_session_begins(sandbox: Stage, worker: Worker, version: str) -> None:
    met = result_of(await sandbox.client(worker).initialize(version))
    assert set(met) == {"protocolVersion", "capabilities", "serverInfo"}
    assert set(met["serverInfo"]) == _of(version, SERVER)


@requirement("server-info", "discover", "result-type")
@STATELESS_REVISIONS
async def test_the_server_says_who_it_is_in_every_result(speaker: Speaker) -> None:
    for method, params in (
        ("server/discover", {}),
        ("tools/list", {}),
        ("tools/call", {"name": "echo"}),
        ("prompts/list", {}),
        ("prompts/get", {"name": "greet", "arguments": {"who": "Joe"}}),
        ("resources/list", {}),
        ("resources/templates/list", {}),
        ("resources/read", {"uri": "notes://today"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "ask"}, "argument": {"name": "w", "value": ""}}),
    ):
        result = result_of(await speaker.ask(method, params))
        assert result["resultType"] == "complete", method
        assert set(result["_meta"][SERVER_INFO]) == _of(speaker.version, SERVER), method


@requirement("discover")
@STATELESS_REVISIONS
async def test_what_is_discovered_is_what_is_served(speaker: Speaker) -> None:
    found = result_of(await speaker.ask("server/discover"))
    assert set(found) == {"supportedVersions", "capabilities", "ttlMs", "cacheScope", "resultType", "_meta"}
    assert found["supportedVersions"] == [speaker.version]
    offered = {"tools", "prompts", "resources", "completions", "logging"}
    assert set(found["capabilities"]) - {"extensions"} == offered
    for method in ("tools/list", "prompts/list", "resources/list"):
        assert result_of(await speaker.ask(method, {}))


@requirement("structured-content")
@EVERY_REVISION
async def test_structured_content_comes_with_a_text_that_says_the_same(speaker: Speaker) -> None:
    result = result_of(await speaker.call("promising"))
    assert set(result) == _of(speaker.version, CALLED)
    assert result["content"] == [{"type": "text", "text": '{"n":1}'}]
    assert result.get("structuredContent") == ({"n": 1} if speaker.version >= "2025-06-18" else None)


@requirement("structured-content-of-any-kind")
@EVERY_REVISION
async def test_what_is_no_object_is_structured_content_from_2026_on_and_text_before(speaker: Speaker) -> None:
    for name, value, text in (("number", 7, "7"), ("list", [{"n": 1}], '[{"n":1}]'), ("null", None, "null")):
        result = result_of(await speaker.call(name))
        assert result["content"] == [{"type": "text", "text": text}]
        assert ("structuredContent" in result) is speaker.stateless
        assert result.get("structuredContent", value) == value


@requirement("output-schema")
@EVERY_REVISION
async def test_an_answer_that_breaks_its_output_schema_is_an_error(speaker: Speaker) -> None:
    result = result_of(await speaker.call("lying"))
    assert result["isError"] is True
    assert "structuredContent" not in result


def _kinds(version: str) -> list[str]:
    """What each block of RICH is in a revision: the kinds that came later are told in those that there were."""
    if version < "2025-03-26":
        return ["text", "image", "resource", "resource", "text"]
    return ["text", "image", "audio", "resource", "text" if version < "2025-06-18" else "resource_link"]


def _members(block: Any) -> Iterator[str]:
    """The names of all members, at any depth."""
    for name, value in block.items():
        yield name
        if isinstance(value, dict) and name != "_meta":
            yield from _members(value)


@requirement("content-kinds")
@EVERY_REVISION
async def test_content_is_of_the_kinds_and_has_the_members_that_the_revision_knows(speaker: Speaker) -> None:
    called = result_of(await speaker.call("rich"))["content"]
    got = [message["content"] for message in result_of(await speaker.ask("prompts/get", {"name": "rich"}))["messages"]]
    later = {"_meta": "2025-06-18", "lastModified": "2025-06-18", "icons": "2025-11-25"}
    for blocks in (called, got):
        assert [block["type"] for block in blocks] == _kinds(speaker.version)
        known = {name for block in blocks for name in _members(block)} & set(later)
        assert known == _of(speaker.version, later)
        assert blocks == RICH or speaker.version < "2025-11-25"


@requirement("resource-contents")
@EVERY_REVISION
async def test_contents_repeat_the_uri_and_are_text_or_base64(speaker: Speaker) -> None:
    for uri, content in (
        ("notes://today", {"mimeType": "text/plain", "text": "Write tests."}),
        ("notes://picture", {"mimeType": "image/png", "blob": "AA=="}),
        ("notes://day/a%20b", {"text": "a b"}),
    ):
        result = result_of(await speaker.ask("resources/read", {"uri": uri}))
        assert set(result) == _of(speaker.version, LISTED) | {"contents"}
        (only,) = result["contents"]
        assert {name: value for name, value in only.items() if name != "_meta"} == {"uri": uri, **content}
        assert "_meta" not in only or speaker.version >= "2025-06-18"


@requirement("later-fields-are-stripped")
@EVERY_REVISION
async def test_nothing_has_a_member_that_came_later(speaker: Speaker) -> None:
    """The strict judge looks at every message of every test; here it is seen to tell, and to have nothing to tell."""
    if not schemas.has(speaker.version):
        pytest.skip("the published schemas are not at hand")
    for method, params in (
        ("tools/list", {}), ("prompts/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
        ("tools/call", {"name": "rich"}), ("prompts/get", {"name": "rich"}), ("resources/read", {"uri": "notes://today"}),
    ):  # fmt: skip
        message = (await speaker.ask(method, params)).json
        assert complaints(message, speaker.version, method) == []
        later = {**message, "result": {**message["result"], "laterMember": 1}}
        assert complaints(later, speaker.version, method)


def _create(slug: str, draft: ToolDraft, actor: Actor) -> None:
    tool_create(actor=actor, endpoint_slug=slug, source=KIND, draft=draft)


@requirement("header-annotations")
@since("2026-07-28")
async def test_a_tool_for_which_clients_would_drop_it_is_not_published(sandbox: Stage, version: str) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "empty": {"properties": {"a": {"type": "string", "x-mcp-header": ""}}},
        "a space": {"properties": {"a": {"type": "string", "x-mcp-header": "a b"}}},
        "a line break": {"properties": {"a": {"type": "string", "x-mcp-header": "a\r\nb"}}},
        "beyond ASCII": {"properties": {"a": {"type": "string", "x-mcp-header": "é"}}},
        "a number": {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        "twice": {"properties": {n: {"type": "string", "x-mcp-header": n} for n in ("Same", "sAME")}},
        "items": {"properties": {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}}},
        "anyOf": {"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]},
        "$defs": {"$defs": {"d": {"type": "string", "x-mcp-header": "A"}}},
    }

    slug = sandbox.endpoint.slug
    for name, schema in wrong.items():
        draft = ToolDraft(name="bad", input_schema={"type": "object", **schema})
        with pytest.raises(Refused) as refused:
            await sandbox.change(partial(_create, slug, draft))
        assert refused.value.data["fields"]["input_schema"], name
