"""An endpoint's prompts and resources over REST."""

from typing import Any

import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import PublishedEndpoint
from mcp_runtime.services import content
from mcp_runtime.snapshots import structs
from tests.conftest import Cast, unique
from tests.console.api.conftest import Api, Keys

ABSENT = "00000000-0000-4000-8000-000000000000"
ROLES = ["viewer", "developer", "admin", "owner"]
PNG = "iVBORw0KGgo="


def _message(block: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": block}


def _text(text: str) -> dict[str, Any]:
    return _message({"type": "text", "text": text})


PROMPT: dict[str, Any] = {
    "name": "greet",
    "title": "Greet",
    "arguments": [{"name": "who", "title": "Who", "description": "Whom to greet.", "required": True}, {"name": "how"}],
    "config": {"messages": [_text("Greet {who} {how}")], "completions": {"how": ["warmly", "briefly"]}},
    "icons": [{"src": "https://example.com/i.png"}],
    "meta": {"com.example/x": 1},
}
RESOURCE: dict[str, Any] = {
    "uri": "notes://{day}",
    "is_template": True,
    "name": "Notes",
    "mime_type": "text/markdown",
    "config": {"text": "# {day}", "completions": {"day": ["monday", "tuesday"]}},
    "icons": [{"src": "https://example.com/i.png"}],
    "meta": {"com.example/x": 1},
}
SINGLE: dict[str, Any] = {"uri": "notes://today", "name": "Today", "config": {"text": "x"}}
KINDS = {"prompts": PROMPT, "resources": RESOURCE}


def _published(cast: Cast, endpoint: str) -> structs.EndpointSnapshot:
    with tenant_context(cast.tenant.id):
        return structs.decode(bytes(PublishedEndpoint.objects.get(slug=endpoint).document))


def _without(made: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in made.items() if name not in {*names, "updated_at"}}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_made_listed_changed_switched_off_and_deleted(cast: Cast, keys: Keys, endpoint: str, kind: str) -> None:
    place = f"/endpoints/{endpoint}/{kind}"
    made = keys.developer.post(place, **KINDS[kind])
    assert (made.status, made.body) == (201, made.body | KINDS[kind] | {"source": "static", "enabled": True})
    path = f"{place}/{made.body['id']}"
    assert keys.viewer.get(path).body == made.body
    assert keys.viewer.get(place).body == {"items": [made.body], "total": 1, "limit": 50, "offset": 0}
    changed = keys.developer.patch(path, description="Says hello.").body
    assert _without(changed, "description") == _without(made.body, "description")
    (served,) = getattr(_published(cast, endpoint), kind)
    assert (served.description, served.meta, served.icons) == ("Says hello.", made.body["meta"], made.body["icons"])
    assert keys.developer.patch(path, enabled=False).body["enabled"] is False
    assert getattr(_published(cast, endpoint), kind) == []
    assert keys.developer.patch(path, title="Again").body["enabled"] is False
    assert keys.developer.delete(path).status == 204
    assert {keys.developer.delete(path).code, keys.developer.get(path).code} == {"not_found"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_is_paged(keys: Keys, endpoint: str, kind: str) -> None:
    place = f"/endpoints/{endpoint}/{kind}"
    for number in range(3):
        own = {"name": f"n{number}"} | ({"uri": f"notes://{number}/{{day}}"} if kind == "resources" else {})
        assert keys.owner.post(place, **(KINDS[kind] | own)).status == 201
    page = keys.viewer.get(f"{place}?limit=1&offset=1").body
    assert ([item["name"] for item in page["items"]], page["total"]) == (["n1"], 3)
    assert keys.viewer.get(f"{place}?limit=0").fields == ["limit"]


ARGUMENT = {"name": "who"}
LINK = {"type": "resource_link", "uri": "notes://today", "name": "Today"}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "data": PNG, "mimeType": "image/png", "annotations": {"audience": ["user"], "priority": 0.5}},
        {"type": "audio", "data": PNG, "mimeType": "audio/wav"},
        {"type": "image", "data": "{who}", "mimeType": "image/png"},
        LINK | {"title": "T", "size": 4, "icons": [{"src": "https://example.com/i.png"}], "_meta": {"com.x/y": 1}},
        {"type": "resource", "resource": {"uri": "notes://{who}", "text": "x", "mimeType": "text/plain"}},
        {"type": "resource", "resource": {"uri": "{who}", "blob": PNG}},
    ],
)
def test_a_message_may_be_of_every_kind_of_content(keys: Keys, endpoint: str, block: dict[str, Any]) -> None:
    config = {"messages": [_message(block, "assistant")]}
    made = keys.owner.post(f"/endpoints/{endpoint}/prompts", **(PROMPT | {"config": config}))
    assert (made.status, made.body["config"]) == (201, config)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": "telepathy"}, "source"),
        ({"name": "two words"}, "name"),
        ({"name": ""}, "name"),
        ({"title": "x" * 81}, "title"),
        ({"description": "x" * 4_001}, "description"),
        ({"arguments": [{}]}, "arguments.0.name"),
        ({"arguments": [{"name": []}]}, "arguments.0.name"),
        ({"arguments": [{"name": ""}]}, "arguments.0.name"),
        ({"arguments": [{"name": "x" * 65}]}, "arguments.0.name"),
        ({"arguments": [{"name": "a", "required": "yes"}]}, "arguments.0.required"),
        ({"arguments": [{"name": "a", "default": "b"}]}, "arguments.0.default"),
        ({"arguments": [ARGUMENT, ARGUMENT], "config": {"messages": [_text("x")]}}, "arguments"),
        ({"arguments": [{"name": "two words"}], "config": {"messages": [_text("x")]}}, "arguments"),
        ({"arguments": [{"name": f"a{number}"} for number in range(51)]}, "arguments"),
        ({"arguments": "who"}, "arguments"),
        ({"config": {}}, "config.messages"),
        ({"config": []}, "config"),
        ({"config": {"messages": []}}, "config.messages"),
        ({"config": {"messages": [_text("x")] * 101}}, "config.messages"),
        ({"config": {"messages": ["x"]}}, "config.messages[0]"),
        ({"config": {"messages": [_text("x"), _message({"type": "text"})]}}, "config.messages[1].content.text"),
        ({"config": {"messages": [{"role": "system", "content": LINK}]}}, "config.messages[0].role"),
        ({"config": {"messages": [_message({"text": "x"})]}}, "config.messages[0].content.type"),
        ({"config": {"messages": [_message({"type": "video"})]}}, "config.messages[0].content.type"),
        ({"config": {"messages": [_message(LINK | {"data": "x"})]}}, "config.messages[0].content.data"),
        ({"config": {"messages": [_message(LINK | {"uri": "no uri"})]}}, "config.messages[0].content.uri"),
        ({"config": {"messages": [_message(LINK | {"_meta": {"mcp/x": 1}})]}}, "config.messages[0].content"),
        ({"config": {"messages": [_message(LINK | {"icons": [{"src": "x"}]})]}}, "config.messages[0].content"),
        (
            {"config": {"messages": [_message({"type": "image", "data": "?", "mimeType": "image/png"})]}},
            "config.messages[0].content.data",
        ),
        (
            {"config": {"messages": [_message({"type": "resource", "resource": {"uri": "x:y"}})]}},
            "config.messages[0].content.resource",
        ),
        (
            {"config": {"messages": [_message({"type": "resource", "resource": {"uri": "x:y", "blob": "?"}})]}},
            "config.messages[0].content.resource.blob",
        ),
        ({"config": {"messages": [_text("\0")]}}, "config"),
        ({"config": {"messages": [_text("x" * 600_000)]}}, "config"),
        ({"config": PROMPT["config"] | {"completions": {"nobody": ["x"]}}}, "config.completions.nobody"),
        ({"config": PROMPT["config"] | {"completions": {"who": ["two\nlines"]}}}, "config.completions.who"),
        ({"config": PROMPT["config"] | {"completions": {"who": [""]}}}, "config.completions.who"),
        ({"config": PROMPT["config"] | {"completions": {"who": "x"}}}, "config.completions[...]"),
        ({"config": PROMPT["config"] | {"more": 1}}, "config.more"),
        ({"icons": [{"src": "http://example.com/i.png"}]}, "icons"),
        ({"meta": {"io.modelcontextprotocol/x": 1}}, "meta"),
        ({"meta": {"ui": {}}}, "meta"),
        ({"enabled": "yes"}, "enabled"),
        ({"uri": "notes://x"}, "uri"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_prompt_is_refused_by_field(keys: Keys, endpoint: str, change: dict[str, Any], field: str) -> None:
    assert keys.owner.post(f"/endpoints/{endpoint}/prompts", **(PROMPT | change)).fields == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": "conformance"}, "source"),
        ({"uri": "no uri"}, "uri"),
        ({"uri": ""}, "uri"),
        ({"uri": f"notes://{'x' * 1_000}"}, "uri"),
        ({"uri": "notes://{day}"}, "uri"),
        ({"is_template": True}, "uri"),
        ({"uri": "notes://{day}/{day}", "is_template": True}, "uri"),
        ({"uri": "skill://s/../x"}, "uri"),
        ({"uri": "skill://s/SKILL.md"}, "config.text"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"title": "x" * 81}, "title"),
        ({"description": "x" * 4_001}, "description"),
        ({"mime_type": "markdown"}, "mime_type"),
        ({"mime_type": "text/html\r\nX: y"}, "mime_type"),
        ({"mime_type": f"text/{'x' * 100}"}, "mime_type"),
        ({"uri": "ui://app/page", "mime_type": "text/html"}, "mime_type"),
        ({"config": {}}, "config"),
        ({"config": {"text": "x", "blob": PNG}}, "config"),
        ({"config": {"text": 7}}, "config.text"),
        ({"config": {"blob": "not base64"}}, "config.blob"),
        ({"config": {"blob": "é"}}, "config.blob"),
        ({"config": {"blob": "A" * 600_000}}, "config"),
        ({"config": {"text": "\0"}}, "config"),
        ({"config": {"text": "x", "completions": {"day": ["x"]}}}, "config.completions.day"),
        ({"config": {"text": "x", "more": 1}}, "config.more"),
        ({"meta": {"ui": {}}}, "meta"),
        ({"uri": "ui://app/page", "meta": {"ui": {"csp": {"connectDomains": ["*"]}}}}, "meta"),
        ({"icons": [7]}, "icons.0"),
        ({"is_template": "yes"}, "is_template"),
        ({"id": ABSENT}, "id"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_resource_is_refused_by_field(keys: Keys, endpoint: str, change: dict[str, Any], field: str) -> None:
    assert keys.owner.post(f"/endpoints/{endpoint}/resources", **(SINGLE | change)).fields == [field]


def test_a_skill_and_an_app_are_resources(keys: Keys, endpoint: str) -> None:
    place = f"/endpoints/{endpoint}/resources"
    manifest = "---\nname: brew\ndescription: Makes tea.\n---\nBoil water.\n"
    skill = keys.developer.post(place, uri="skill://brew/SKILL.md", name="x", config={"text": manifest}).body
    assert (skill["name"], skill["description"], skill["mime_type"]) == ("brew", "Makes tea.", "text/markdown")
    meta = {"ui": {"csp": {"connectDomains": ["https://api.example.com"]}}}
    app = keys.developer.post(place, uri="ui://app/page", name="App", meta=meta, config={"text": "<p>"}).body
    assert (app["mime_type"], app["meta"]) == ("text/html;profile=mcp-app", meta)
    picture = keys.developer.post(place, uri="file:///a.png", name="A", mime_type="image/png", config={"blob": PNG})
    assert picture.body["config"] == {"blob": PNG}


def test_a_name_or_uri_in_use_is_a_conflict(keys: Keys, endpoint: str) -> None:
    for kind, body in KINDS.items():
        place = f"/endpoints/{endpoint}/{kind}"
        assert keys.owner.post(place, **body).status == 201
        answer = keys.owner.post(place, **body)
        assert (answer.status, answer.code) == (409, "conflict")


def test_a_change_may_not_empty_what_is_needed(keys: Keys, endpoint: str) -> None:
    for kind, body in KINDS.items():
        place = f"/endpoints/{endpoint}/{kind}"
        path = f"{place}/{keys.owner.post(place, **body).body['id']}"
        for wrong in ({"name": ""}, {"name": None}, {"enabled": None}, {"source": "static"}, {"icons": None}):
            assert keys.owner.patch(path, **wrong).fields == list(wrong)
        assert keys.owner.patch(path).body == keys.owner.get(path).body


def test_an_argument_that_is_proposed_for_cannot_be_taken_away(keys: Keys, endpoint: str) -> None:
    place = f"/endpoints/{endpoint}/prompts"
    path = f"{place}/{keys.owner.post(place, **PROMPT).body['id']}"
    assert keys.owner.patch(path, arguments=[]).fields == ["config.completions.how"]
    config = {"messages": [_text("Hi")]}
    assert keys.owner.patch(path, arguments=[], config=config).body["arguments"] == []


def _fill(client: Api, place: str, number: int) -> int:
    return client.post(place, uri=f"notes://{number}", name="N", config={"text": "x" * 1_000}).status


def test_the_limits_are_told(keys: Keys, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"/endpoints/{endpoint}/resources"
    assert {_fill(keys.owner, place, number) for number in range(100)} == {201}
    answer = keys.owner.post(place, **SINGLE)
    assert (answer.code, "100 resources" in answer.body["detail"]) == ("limit_reached", True)
    monkeypatch.setattr(content, "MAXIMUM_CONTENT_CHARACTERS", 1024)
    own = keys.owner.get(f"{place}?limit=1").body["items"][0]
    answer = keys.owner.patch(f"{place}/{own['id']}", config={"text": "another"})
    assert (answer.status, answer.code) == (422, "limit_reached")
    assert keys.owner.get(f"{place}/{own['id']}").body == own


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_a_viewer_writes_nothing(keys: Keys, endpoint: str, kind: str, role: str) -> None:
    place, client = f"/endpoints/{endpoint}/{kind}", keys.of(role)
    bad = KINDS[kind] | {"name": ""}
    answers = [client.post(place, **bad), client.patch(f"{place}/{ABSENT}"), client.delete(f"{place}/{ABSENT}")]
    assert {answer.status == 403 for answer in answers} == {role == "viewer"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_of_another_tenant_or_endpoint_is_not_found(keys: Keys, endpoint: str, kind: str) -> None:
    other = keys.owner.post("/endpoints", slug=unique("other"), name="Other").body["slug"]
    theirs = keys.stranger.post("/endpoints", slug=unique("e"), name="Theirs").body["slug"]
    mine = keys.owner.post(f"/endpoints/{other}/{kind}", **KINDS[kind]).body["id"]
    foreign = keys.stranger.post(f"/endpoints/{theirs}/{kind}", **KINDS[kind]).body["id"]
    for path in (f"{endpoint}/{kind}/{mine}", f"{endpoint}/{kind}/{foreign}", f"{theirs}/{kind}/{foreign}"):
        assert keys.owner.get(f"/endpoints/{path}").code == "not_found"
        assert keys.owner.patch(f"/endpoints/{path}", title="Mine").code == "not_found"
        assert keys.owner.delete(f"/endpoints/{path}").code == "not_found"
    assert keys.owner.get(f"/endpoints/{theirs}/{kind}").code == "not_found"
    assert keys.owner.post(f"/endpoints/{theirs}/{kind}", **KINDS[kind]).code == "not_found"


def test_the_kinds_of_prompt_and_resource_are_listed(keys: Keys) -> None:
    sources = keys.viewer.get("/sources").body
    assert {"kind": "static", "title": "Written messages"} in sources["prompts"]
    assert {"kind": "static", "title": "Written content"} in sources["resources"]
