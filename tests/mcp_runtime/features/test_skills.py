"""Skills over MCP: what is listed can be verified by what is read, and nothing else is a skill."""

import base64
import hashlib
from typing import Any

import pytest

from core.refusals import Refused
from mcp_runtime.protocol import errors, listing
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.content import resource_create, resource_update
from mcp_runtime.sources.contract import ResourceDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client, eventually, whole
from tests.mcp_runtime.features.conftest import open_able

ID = "io.modelcontextprotocol/skills"
DEMO = "skill://conformance/demo/SKILL.md"
MANIFEST = "---\nname: {name}\ndescription: Does things.\n---\n{body}"


async def _asked(client: Client, method: str, **params: Any) -> Any:
    return (await whole(open_able(client, method, params))).json


async def _result(client: Client, method: str, **params: Any) -> Any:
    return (await _asked(client, method, **params))["result"]


async def _add(stage: Stage, uri: str, **members: Any) -> Any:
    members.setdefault("config", {"text": MANIFEST.format(name=uri.split("/")[-2], body="")})
    draft = ResourceDraft(**{"uri": uri, "name": "File", **members})
    return await stage.change(
        lambda actor: resource_create(actor=actor, endpoint_slug=stage.endpoint.slug, source="static", draft=draft)
    )


@pytest.mark.requirement("skills-list")
async def test_a_skill_is_listed_with_digests_of_what_is_read(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    listed = await _result(client, "skills/list")
    assert (listed["resultType"], listed["cacheScope"]) == ("complete", "private")
    demo, review = listed["skills"]
    assert demo["frontmatter"]["metadata"] == {"version": "1.0"}
    assert review["uri"] == "skill://conformance/review/SKILL.md"
    assert [file["uri"] for file in demo["resources"]] == [DEMO, "skill://conformance/demo/references/GUIDE.md"]
    for file in demo["resources"]:
        (content,) = (await _result(client, "resources/read", uri=file["uri"]))["contents"]
        raw = content["text"].encode()
        assert (file["digest"], file["size"]) == (f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw))
    got = await _result(client, "skills/get", uri=DEMO)
    assert got["skill"] == demo
    assert (got["resultType"], got["cacheScope"]) == ("complete", "private")


@pytest.mark.requirement("skills-folders")
async def test_a_folder_has_its_direct_children(path: str, worker: Worker) -> None:
    client = Client(worker, path)
    read = await _result(client, "resources/directory/read", uri="skill://conformance/demo")
    assert (read["resultType"], "ttlMs" in read) == ("complete", False)
    manifest, references = read["resources"]
    assert (manifest["uri"], manifest["name"], manifest["mimeType"]) == (DEMO, "demo", "text/markdown")
    folder = {"uri": "skill://conformance/demo/references", "name": "references", "mimeType": "inode/directory"}
    assert references == folder
    top = await _result(client, "resources/directory/read", uri="skill://conformance")
    assert [child["name"] for child in top["resources"]] == ["demo", "review"]


@pytest.mark.requirement("skills-unknown")
@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("skills/get", "skill://nowhere/SKILL.md"),
        ("skills/get", "skill://conformance/demo"),
        ("skills/get", "skill://conformance/demo/references/GUIDE.md"),
        ("skills/get", "test://static-text"),
        ("skills/get", None),
        ("skills/get", 7),
        ("resources/directory/read", DEMO),
        ("resources/directory/read", "skill://conformance/demo/"),
        ("resources/directory/read", "skill://nowhere"),
        ("resources/directory/read", "skill://"),
        ("resources/directory/read", "test://template"),
        ("resources/directory/read", []),
    ],
)
async def test_what_is_no_skill_or_no_folder_is_invalid(path: str, worker: Worker, method: str, uri: Any) -> None:
    answer = await whole(open_able(Client(worker, path), method, {"uri": uri}))
    assert (answer.status, answer.json["error"]["code"]) == (400, errors.INVALID_PARAMS)


@pytest.mark.requirement("skills-pages")
async def test_both_lists_come_in_pages(path: str, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 1)
    client = Client(worker, path)
    for method, member, params in (
        ("skills/list", "skills", {}),
        ("resources/directory/read", "resources", {"uri": "skill://conformance/demo"}),
    ):
        first = await _result(client, method, **params)
        second = await _result(client, method, **params, cursor=first["nextCursor"])
        assert len(first[member]) == len(second[member]) == 1
        assert first[member] != second[member]
        assert "nextCursor" not in second
    other = {"uri": "skill://conformance", "cursor": first["nextCursor"]}
    assert (await _asked(client, "resources/directory/read", **other))["error"]["code"] == errors.INVALID_PARAMS


@pytest.mark.requirement("skills-undeclared")
async def test_an_endpoint_without_skills_does_not_know_the_extension(stage: Stage, worker: Worker) -> None:
    client = stage.client(worker)
    assert ID not in (await _result(client, "server/discover"))["capabilities"].get("extensions", {})
    answer = await whole(open_able(client, "skills/list", {}))
    assert (answer.status, answer.json["error"]["code"]) == (404, errors.METHOD_NOT_FOUND)


@pytest.mark.requirement("skills-undeclared")
async def test_sessions_know_nothing_of_it(path: str, worker: Worker, legacy: Client) -> None:
    assert (await _result(Client(worker, path), "server/discover"))["capabilities"]["extensions"][ID] == {
        "directoryRead": True
    }
    assert (await legacy.legacy("skills/list")).json["error"]["code"] == errors.METHOD_NOT_FOUND


async def test_files_that_are_made_when_asked_for_have_no_digests(stage: Stage, worker: Worker) -> None:
    await _add(stage, "skill://a/made/SKILL.md")
    await _add(stage, "skill://a/made/data/{day}", is_template=True, config={"text": "{day}"})
    await _add(stage, "skill://a/made-up/SKILL.md")
    client = stage.client(worker)
    made_up, made = sorted((await _result(client, "skills/list"))["skills"], key=lambda skill: len(skill["uri"]))[::-1]
    assert made["resources"] == "dynamic"
    assert [file["uri"] for file in made_up["resources"]] == ["skill://a/made-up/SKILL.md"]


async def test_a_skill_in_a_skill_is_part_of_both(stage: Stage, worker: Worker) -> None:
    await _add(stage, "skill://outer/SKILL.md")
    await _add(stage, "skill://outer/inner/SKILL.md")
    raw = b"\x00\xff\r\n"
    await _add(stage, "skill://outer/inner/x.bin", config={"blob": base64.b64encode(raw).decode()})
    skills = {
        skill["uri"]: {file["uri"]: (file["digest"], file["size"]) for file in skill["resources"]}
        for skill in (await _result(stage.client(worker), "skills/list"))["skills"]
    }
    assert len(skills["skill://outer/SKILL.md"]) == 3
    inner = skills["skill://outer/inner/SKILL.md"]
    assert len(inner) == 2
    assert inner["skill://outer/inner/x.bin"] == (f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw))


async def test_a_change_of_a_file_changes_its_digest(stage: Stage, worker: Worker) -> None:
    await _add(stage, "skill://s/SKILL.md")
    resource = await _add(stage, "skill://s/notes.md", config={"text": "before"})
    client = stage.client(worker)
    before = await _result(client, "skills/get", uri="skill://s/SKILL.md")
    draft = ResourceDraft(uri="skill://s/notes.md", name="File", config={"text": "after it"})
    await stage.change(
        lambda actor: resource_update(
            actor=actor, endpoint_slug=stage.endpoint.slug, resource_id=resource.pk, draft=draft
        )
    )

    async def changed() -> bool:
        return bool(await _result(client, "skills/get", uri="skill://s/SKILL.md") != before)

    await eventually(changed)
    _, notes = (await _result(client, "skills/get", uri="skill://s/SKILL.md"))["skill"]["resources"]
    assert notes["digest"] == f"sha256:{hashlib.sha256(b'after it').hexdigest()}"


async def test_who_is_limited_to_certain_tools_sees_no_skill(stage: Stage, worker: Worker) -> None:
    await _add(stage, "skill://s/SKILL.md")
    _, scoped = await stage.change(
        lambda actor: access_key_issue(actor=actor, endpoint_slug=stage.endpoint.slug, name="echo", tools=["echo"])
    )
    client = stage.client(worker, key=scoped)
    assert (await _result(client, "skills/list"))["skills"] == []
    for method, uri in (("skills/get", "skill://s/SKILL.md"), ("resources/directory/read", "skill://s")):
        assert (await _asked(client, method, uri=uri))["error"]["code"] == errors.INVALID_PARAMS


async def test_a_manifest_is_listed_under_what_it_says(stage: Stage, worker: Worker) -> None:
    await _add(stage, "skill://s/SKILL.md", name="Another name", mime_type="text/plain")
    (resource,) = (await _result(stage.client(worker), "resources/list"))["resources"]
    shown = {name: resource[name] for name in ("name", "description", "mimeType")}
    assert shown == {"name": "s", "description": "Does things.", "mimeType": "text/markdown"}


@pytest.mark.parametrize(
    ("uri", "config", "field"),
    [
        ("skill://s/SKILL.md", {"text": "no front matter"}, "config.text"),
        ("skill://s/SKILL.md", {"text": MANIFEST.format(name="other", body="")}, "config.text"),
        ("skill://S/SKILL.md", {"text": MANIFEST.format(name="S", body="")}, "config.text"),
        ("skill://a--b/SKILL.md", {"text": MANIFEST.format(name="a--b", body="")}, "config.text"),
        ("skill://s/SKILL.md", {"text": "---\nname: s\n---\n"}, "config.text"),
        ("skill://s/SKILL.md", {"text": "---\nname: s\ndescription: ''\n---\n"}, "config.text"),
        ("skill://s/SKILL.md", {"text": f"---\nname: s\ndescription: {'x' * 1025}\n---\n"}, "config.text"),
        (
            "skill://s/SKILL.md",
            {"text": "---\nname: s\ndescription: d\nmetadata: {io.modelcontextprotocol/x: y}\n---\n"},
            "config.text",
        ),
        ("skill://s/SKILL.md", {"blob": "AAAA"}, "config.blob"),
        ("skill://s", {"text": "x"}, "uri"),
        ("skill://s/../x", {"text": "x"}, "uri"),
        ("skill://s/./x", {"text": "x"}, "uri"),
        ("skill://s//x", {"text": "x"}, "uri"),
        ("skill://s/%2e%2e/x", {"text": "x"}, "uri"),
        ("skill://s/a%2Fb", {"text": "x"}, "uri"),
        ("skill://s/a%5Cb", {"text": "x"}, "uri"),
        ("skill://s/a%00", {"text": "x"}, "uri"),
        ("skill://s/x?y", {"text": "x"}, "uri"),
        ("skill://s/x#y", {"text": "x"}, "uri"),
        ("skill://s/x/", {"text": "x"}, "uri"),
    ],
)
async def test_what_hosts_would_refuse_is_not_stored(stage: Stage, uri: str, config: Any, field: str) -> None:
    with pytest.raises(Refused) as refused:
        await _add(stage, uri, config=config)
    assert list(refused.value.data["fields"]) == [field]
