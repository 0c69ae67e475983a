"""Versions: recorded when what is offered changes, held back, gone back to, and never with what was revoked."""

import pytest

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import EndpointVersion, Tool
from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.services.endpoints import changing
from mcp_runtime.services.holding import difference, version_hold, version_of, version_release, versions_of
from mcp_runtime.services.tools import tool_delete, tool_update
from mcp_runtime.services.versions import MAXIMUM_VERSIONS
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage, add_tool
from tests.mcp_runtime.driving import Client, eventually


async def _names(client: Client) -> set[str]:
    return {tool["name"] for tool in (await client.modern("tools/list")).json["result"]["tools"]}


async def _version(stage: Stage) -> int:
    return await stage.change(lambda _actor: versions_of(stage.endpoint)[0].version)


async def _add(stage: Stage, name: str) -> None:
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, name))


async def _hold(stage: Stage, version: int) -> None:
    slug = stage.endpoint.slug
    await stage.change(lambda actor: version_hold(actor=actor, endpoint_slug=slug, version=version))


async def _remove(stage: Stage, name: str) -> None:
    def work(actor: object) -> None:
        tool = Tool.objects.get(endpoint=stage.endpoint, name=name)
        tool_delete(actor=stage.actor, endpoint_slug=stage.endpoint.slug, tool_id=tool.pk)

    await stage.change(work)


def _preview(stage: Stage, worker: Worker) -> Client:
    return stage.client(worker, path=f"{stage.path.removesuffix('/mcp')}/preview/mcp")


async def test_a_version_that_is_held_is_served_and_changes_are_previewed(stage: Stage, worker: Worker) -> None:
    client, preview = stage.client(worker), _preview(stage, worker)
    await _hold(stage, await _version(stage))
    await _add(stage, "later")
    await eventually(lambda: _offers(preview, "later"))
    assert "later" not in await _names(client)
    called = await preview.modern("tools/call", {"name": "later", "arguments": {"a": 1}})
    assert called.json["result"]["structuredContent"] == {"a": 1}
    slug = stage.endpoint.slug
    await stage.change(lambda actor: version_release(actor=actor, endpoint_slug=slug))
    await eventually(lambda: _offers(client, "later"))


async def test_going_back_brings_a_deleted_tool_back_without_its_secrets(stage: Stage, worker: Worker) -> None:
    await stage.change(
        lambda actor: add_tool(actor, stage.endpoint.slug, "secretive", secrets={"token": "s3cr3t-value"})
    )
    client, version = stage.client(worker), await _version(stage)
    answer = await client.modern("tools/call", {"name": "secretive", "arguments": {}})
    assert answer.json["result"]["structuredContent"] == {"token": "s3cr3t-value"}
    await _remove(stage, "secretive")
    await _hold(stage, version)
    await eventually(lambda: _offers(client, "secretive"))
    answer = await client.modern("tools/call", {"name": "secretive", "arguments": {}})
    assert answer.json["result"]["structuredContent"] == {}


async def test_going_back_brings_no_revoked_key_back(stage: Stage, worker: Worker) -> None:
    version = await _version(stage)
    slug, key = stage.endpoint.slug, stage.access_key.pk
    await stage.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))
    await _hold(stage, version)
    assert (await stage.client(worker).modern("tools/list")).status == 401


async def test_there_is_no_preview_of_what_is_served_anyway(stage: Stage, worker: Worker) -> None:
    assert (await _preview(stage, worker).modern("tools/list")).status == 404


async def test_only_what_is_offered_makes_a_version(stage: Stage) -> None:
    before = await _version(stage)

    def touch(actor: object) -> None:
        with changing(actor=stage.actor, endpoint_slug=stage.endpoint.slug):
            pass

    await stage.change(touch)
    assert await _version(stage) == before


async def test_a_difference_names_what_changed(stage: Stage) -> None:
    before = await _version(stage)
    await _add(stage, "new")
    await _remove(stage, "crash")

    def change(actor: object) -> None:
        tool = Tool.objects.get(endpoint=stage.endpoint, name="echo")
        draft = ToolDraft(name="echo", description="Other.", input_schema=tool.input_schema, config=tool.config)
        tool_update(actor=stage.actor, endpoint_slug=stage.endpoint.slug, tool_id=tool.pk, draft=draft)

    await stage.change(change)
    after = await _version(stage)

    def compare(_actor: object) -> tuple[list[str], list[str], list[str]]:
        found = difference(version_of(stage.endpoint, before), version_of(stage.endpoint, after))["tools"]
        return found.added, found.changed, found.removed

    assert await stage.change(compare) == (["new"], ["echo"], ["crash"])


async def test_versions_are_bounded_and_the_held_one_is_kept(stage: Stage) -> None:
    held = await _version(stage)
    await _hold(stage, held)

    def change(actor: object) -> None:
        tool = Tool.objects.get(endpoint=stage.endpoint, name="echo")
        for number in range(MAXIMUM_VERSIONS + 5):
            draft = ToolDraft(name="echo", description=f"{number}", config=tool.config)
            tool_update(actor=stage.actor, endpoint_slug=stage.endpoint.slug, tool_id=tool.pk, draft=draft)

    await stage.change(change)
    versions = await stage.change(lambda _actor: [found.version for found in versions_of(stage.endpoint)])
    assert len(versions) == MAXIMUM_VERSIONS + 1
    assert versions[-1] == held


async def test_a_version_that_is_not_there_cannot_be_held(stage: Stage) -> None:
    with pytest.raises(Refused) as refused:
        await _hold(stage, 999_999)
    assert refused.value.refusal is refusals.NOT_FOUND


async def test_a_version_holds_no_secret(stage: Stage) -> None:
    await stage.change(
        lambda actor: add_tool(actor, stage.endpoint.slug, "secretive", secrets={"token": "s3cr3t-value"})
    )

    def documents(_actor: object) -> list[bytes]:
        return [bytes(found.document) for found in EndpointVersion.objects.filter(endpoint=stage.endpoint)]

    assert all(b'"secrets"' not in document for document in await stage.change(documents))


async def _offers(client: Client, name: str) -> bool:
    answer = await client.modern("tools/list")
    return answer.status == 200 and name in {tool["name"] for tool in answer.json["result"]["tools"]}
