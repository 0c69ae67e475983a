"""Endpoints, their tools and their keys over REST."""

from typing import Any

import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import PublishedEndpoint
from mcp_runtime.snapshots import structs
from tests.conftest import Cast, unique
from tests.console.api.conftest import Keys

ABSENT = "00000000-0000-4000-8000-000000000000"
ECHO: dict[str, Any] = {"source": "builtin", "name": "echo", "config": {"function": "echo"}}
HTTP: dict[str, Any] = {
    "source": "http",
    "name": "weather",
    "config": {"url": "https://api.example.com/weather/{city}"},
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "secrets": {"Authorization": "Bearer hunter2"},
}
LADDER = ["viewer", "developer", "admin", "owner"]


def _published(cast: Cast, endpoint: str) -> structs.EndpointSnapshot:
    with tenant_context(cast.tenant.id):
        return structs.decode(bytes(PublishedEndpoint.objects.get(slug=endpoint).document))


def test_an_endpoint_is_made_listed_changed_and_deleted(cast: Cast, keys: Keys) -> None:
    slug = unique("e")
    made = keys.developer.post("/endpoints", slug=slug, name="Weather", allowed_origins=["https://App.example.com/"])
    assert made.status == 201
    assert made.body["url"] == f"http://localhost:8100/t/{cast.tenant.slug}/{slug}/mcp"
    assert (made.body["access"], made.body["allowed_origins"]) == ("key", ["https://app.example.com"])
    path = f"/endpoints/{slug}"
    assert keys.viewer.get(path).body == made.body
    assert keys.viewer.get("/endpoints").body["items"] == [made.body]
    changed = keys.developer.patch(path, instructions="Ask for rain.").body
    assert (changed["instructions"], changed["name"], changed["allowed_origins"]) == (
        "Ask for rain.",
        "Weather",
        ["https://app.example.com"],
    )
    assert changed["version"] == made.body["version"] + 1
    assert keys.developer.delete(path).status == 204
    assert keys.developer.delete(path).code == "not_found"
    assert keys.developer.get(path).code == "not_found"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "E"}, ["slug"]),
        ({"slug": "No", "name": "E"}, ["slug"]),
        ({"slug": "e", "name": ""}, ["name"]),
        ({"slug": "e", "name": None}, ["name"]),
        ({"slug": "e", "name": "E", "access": "all"}, ["access"]),
        ({"slug": "e", "name": "E", "allowed_origins": ["*"]}, ["allowed_origins"]),
        ({"slug": "e", "name": "E", "allowed_origins": "https://a.example"}, ["allowed_origins"]),
        ({"slug": "e", "name": "E", "instructions": "x" * 4001}, ["instructions"]),
        ({"slug": "e", "name": "E", "description": "x" * 101}, ["description"]),
        ({"slug": "e", "name": "E", "website_url": "http://example.com"}, ["website_url"]),
        ({"slug": "e", "name": "E", "icons": [{"src": "javascript:alert(1)"}]}, ["icons"]),
        ({"slug": "e", "name": "E", "listed": "yes"}, ["listed"]),
        ({"slug": "e", "name": "E", "tenant": ABSENT, "version": 9}, ["tenant", "version"]),
    ],
)
def test_a_bad_endpoint_is_refused_by_field(keys: Keys, body: dict[str, object], fields: list[str]) -> None:
    assert keys.owner.post("/endpoints", **body).fields == fields


def test_the_slug_of_an_endpoint_stays(keys: Keys, endpoint: str) -> None:
    assert keys.owner.patch(f"/endpoints/{endpoint}", slug="other").fields == ["slug"]


def test_a_slug_in_use_is_a_conflict(keys: Keys, endpoint: str) -> None:
    answer = keys.owner.post("/endpoints", slug=endpoint, name="Again")
    assert (answer.status, answer.code) == (409, "conflict")


def test_the_plans_limit_is_told(keys: Keys) -> None:
    for number in range(10):
        assert keys.owner.post("/endpoints", slug=f"e{number}", name="E").status == 201
    answer = keys.owner.post("/endpoints", slug="e10", name="E")
    assert (answer.status, answer.code) == (422, "limit_reached")


def test_the_sources_and_the_functions_are_listed(keys: Keys) -> None:
    sources = {source["kind"]: source for source in keys.viewer.get("/sources").body["items"]}
    assert {"builtin", "http"} <= sources.keys()
    functions = {function["name"]: function for function in sources["builtin"]["functions"]}
    assert functions["echo"]["input_schema"]["required"] == ["text"]


def test_every_function_of_the_catalogue_makes_a_tool(keys: Keys, endpoint: str) -> None:
    sources = keys.viewer.get("/sources").body["items"]
    functions = next(source["functions"] for source in sources if source["kind"] == "builtin")
    for function in functions:
        made = keys.developer.post(
            f"/endpoints/{endpoint}/tools",
            source="builtin",
            name=function["name"],
            config={"function": function["name"]},
        )
        assert (made.status, made.body["input_schema"]) == (201, function["input_schema"])


def test_a_tool_is_made_changed_switched_off_and_deleted(cast: Cast, keys: Keys, endpoint: str) -> None:
    tools = f"/endpoints/{endpoint}/tools"
    made = keys.developer.post(tools, **ECHO)
    assert (made.status, made.body["name"], made.body["enabled"], made.body["secrets"]) == (201, "echo", True, [])
    path = f"{tools}/{made.body['id']}"
    assert keys.viewer.get(path).body == made.body
    assert keys.viewer.get(tools).body["items"] == [made.body]
    changed = keys.developer.patch(path, description="Says it again.").body
    assert changed | {"description": made.body["description"], "updated_at": made.body["updated_at"]} == made.body
    assert [tool.description for tool in _published(cast, endpoint).tools] == ["Says it again."]
    assert keys.developer.patch(path, enabled=False).body["enabled"] is False
    assert _published(cast, endpoint).tools == []
    assert keys.developer.patch(path, title="Echo!").body["enabled"] is False
    assert keys.developer.delete(path).status == 204
    assert keys.developer.delete(path).code == "not_found"
    assert keys.developer.get(path).code == "not_found"


def test_a_secret_is_named_and_never_shown(cast: Cast, keys: Keys, endpoint: str) -> None:
    tools = f"/endpoints/{endpoint}/tools"
    made = keys.developer.post(tools, **HTTP)
    assert (made.status, made.body["secrets"]) == (201, ["Authorization"])
    path = f"{tools}/{made.body['id']}"
    kept = keys.developer.patch(path, title="Weather")
    assert kept.body["secrets"] == ["Authorization"]
    for answer in (made, kept, keys.owner.get(path), keys.owner.get(tools)):
        assert b"hunter2" not in answer.response.content
    assert "hunter2" not in structs.encode(_published(cast, endpoint)).decode()
    assert keys.developer.patch(path, secrets={"Authorization": ""}).body["secrets"] == []


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"source": "telepathy"}, ["source"]),
        ({"name": "two words"}, ["name"]),
        ({"config": {"function": "format_disk"}}, ["config.function"]),
        ({"config": "echo"}, ["config"]),
        ({"config": {"function": "echo", "a": {"b": "\0"}}}, ["config"]),
        ({"input_schema": {"type": "object", "required": ["a"]}}, ["input_schema"]),
        ({"annotations": {"readOnlyHint": "perhaps"}}, ["annotations.readOnlyHint"]),
        ({"annotations": {"evil": True}}, ["annotations"]),
        ({"enabled": "yes"}, ["enabled"]),
        ({"secrets": {"token": 5}}, ["secrets.token"]),
        ({"id": ABSENT, "tenant_id": ABSENT}, ["id", "tenant_id"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_tool_is_refused_by_field(
    keys: Keys, endpoint: str, change: dict[str, object], fields: list[str]
) -> None:
    assert keys.owner.post(f"/endpoints/{endpoint}/tools", **(ECHO | change)).fields == fields


def test_a_change_may_not_empty_what_is_needed(keys: Keys, endpoint: str) -> None:
    path = f"/endpoints/{endpoint}/tools/{keys.owner.post(f'/endpoints/{endpoint}/tools', **ECHO).body['id']}"
    assert keys.owner.patch(path, name="").fields == ["name"]
    assert keys.owner.patch(path, name=None).fields == ["name"]
    assert keys.owner.patch(path, enabled=None).fields == ["enabled"]
    assert keys.owner.patch(path, source="http").fields == ["source"]
    assert keys.owner.patch(path).body == keys.owner.get(path).body


def test_a_key_is_made_shown_once_and_revoked(cast: Cast, keys: Keys, endpoint: str) -> None:
    keys.owner.post(f"/endpoints/{endpoint}/tools", **ECHO)
    path = f"/endpoints/{endpoint}/keys"
    made = keys.developer.post(path, name="laptop", tools=["echo"], expires_at="2027-01-01T00:00:00Z")
    assert made.status == 201
    secret = made.body.pop("secret")
    assert secret.startswith(made.body["prefix"])
    assert keys.viewer.get(path).body["items"] == [made.body]
    own = f"{path}/{made.body['id']}"
    assert keys.viewer.get(own).body == made.body
    assert [key.tools for key in _published(cast, endpoint).keys] == [["echo"]]
    assert keys.developer.delete(own).status == 204
    assert keys.developer.delete(own).code == "not_found"
    assert keys.developer.get(own).code == "not_found"
    assert keys.developer.get(path).body["total"] == 0
    assert _published(cast, endpoint).keys == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "k", "tools": ["absent"]}, ["tools"]),
        ({"name": "k", "tools": "echo"}, ["tools"]),
        ({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"name": "k", "expires_at": 10**18}, ["expires_at"]),
        ({"name": "k", "digest": "0" * 64}, ["digest"]),
    ],
)
def test_a_bad_key_is_refused_by_field(keys: Keys, endpoint: str, body: dict[str, object], fields: list[str]) -> None:
    assert keys.owner.post(f"/endpoints/{endpoint}/keys", **body).fields == fields


WRITES: list[tuple[str, str, dict[str, object]]] = [
    ("POST", "/endpoints", {"slug": "No", "name": "E"}),
    ("PATCH", "/endpoints/{endpoint}", {}),
    ("POST", "/endpoints/{endpoint}/tools", ECHO | {"name": ""}),
    ("PATCH", "/endpoints/{endpoint}/tools/" + ABSENT, {}),
    ("DELETE", "/endpoints/{endpoint}/tools/" + ABSENT, {}),
    ("POST", "/endpoints/{endpoint}/keys", {"name": ""}),
    ("DELETE", "/endpoints/{endpoint}/keys/" + ABSENT, {}),
    ("DELETE", "/endpoints/{endpoint}", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_viewer_writes_nothing(keys: Keys, endpoint: str, method: str, path: str, body: dict[str, object]) -> None:
    for role in LADDER:
        client, place = keys.of(role), path.format(endpoint=endpoint)
        answer = client.delete(place) if method == "DELETE" else getattr(client, method.lower())(place, **body)
        assert (answer.status == 403) is (role == "viewer"), (role, answer.body)
        assert answer.status != 403 or answer.code == "permission_denied"


def test_a_strangers_ids_are_not_found(keys: Keys, endpoint: str) -> None:
    theirs = keys.stranger.post("/endpoints", slug=unique("e"), name="Theirs").body["slug"]
    tool = keys.stranger.post(f"/endpoints/{theirs}/tools", **ECHO).body["id"]
    key = keys.stranger.post(f"/endpoints/{theirs}/keys", name="k").body["id"]
    for slug in (theirs, endpoint):
        for path in (f"/endpoints/{slug}/tools/{tool}", f"/endpoints/{slug}/keys/{key}"):
            assert keys.owner.get(path).code == "not_found"
            assert keys.owner.delete(path).code == "not_found"
        assert keys.owner.patch(f"/endpoints/{slug}/tools/{tool}", title="Mine").code == "not_found"
    for path in (f"/endpoints/{theirs}", f"/endpoints/{theirs}/tools", f"/endpoints/{theirs}/keys"):
        assert keys.owner.get(path).code == "not_found"
    assert keys.owner.patch(f"/endpoints/{theirs}", name="Mine").code == "not_found"
    assert keys.owner.delete(f"/endpoints/{theirs}").code == "not_found"
    assert keys.stranger.get(f"/endpoints/{theirs}/tools/{tool}").status == 200


def test_what_presents_an_endpoint_is_set_and_stays(cast: Cast, keys: Keys) -> None:
    slug, icons = unique("e"), [{"src": "https://example.com/i.png", "theme": "dark"}]
    shown = {"description": "Weather, by city.", "website_url": "https://example.com", "icons": icons, "listed": True}
    made = keys.developer.post("/endpoints", slug=slug, name="Weather", **shown)
    assert made.body | shown == made.body
    changed = keys.developer.patch(f"/endpoints/{slug}", description="Rain").body
    assert changed == changed | shown | {"description": "Rain"}
    published = _published(cast, slug)
    assert (published.description, published.website_url, published.icons) == ("Rain", "https://example.com", icons)
    assert published.listed


def test_what_a_tool_says_beside_its_fields_is_set_and_stays(cast: Cast, keys: Keys, endpoint: str) -> None:
    shown: dict[str, Any] = {
        "meta": {"ui": {"resourceUri": "ui://demo/page"}, "com.example/x": 1},
        "icons": [{"src": "https://example.com/i.png"}],
    }
    made = keys.developer.post(f"/endpoints/{endpoint}/tools", **ECHO, **shown)
    assert made.body | shown == made.body
    path = f"/endpoints/{endpoint}/tools/{made.body['id']}"
    changed = keys.developer.patch(path, title="Again", icons=[]).body
    assert (changed["meta"], changed["icons"]) == (shown["meta"], [])
    (tool,) = _published(cast, endpoint).tools
    assert (tool.meta, tool.icons) == (shown["meta"], [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"meta": {"ui": {"resourceUri": "https://example.com"}}}, "meta"),
        ({"meta": {"io.modelcontextprotocol/x": 1}}, "meta"),
        ({"meta": []}, "meta"),
        ({"icons": [{"src": "http://example.com/i.png"}]}, "icons"),
        ({"icons": [7]}, "icons"),
    ],
)
def test_what_a_tool_may_not_say_is_refused_by_field(
    keys: Keys, endpoint: str, body: dict[str, object], field: str
) -> None:
    answer = keys.developer.post(f"/endpoints/{endpoint}/tools", **ECHO, **body)
    assert (answer.status, [name.split(".")[0] for name in answer.fields]) == (422, [field])


def test_a_tool_or_key_of_another_endpoint_is_not_found(keys: Keys, endpoint: str) -> None:
    other = keys.owner.post("/endpoints", slug=unique("other"), name="Other").body["slug"]
    tool = keys.owner.post(f"/endpoints/{other}/tools", **ECHO).body["id"]
    key = keys.owner.post(f"/endpoints/{other}/keys", name="k").body["id"]
    for path in (f"/endpoints/{endpoint}/tools/{tool}", f"/endpoints/{endpoint}/keys/{key}"):
        assert keys.owner.get(path).code == "not_found"
        assert keys.owner.delete(path).code == "not_found"


def test_limits_of_a_tool_and_a_key_are_set_shown_published_and_taken_back(
    cast: Cast, keys: Keys, endpoint: str
) -> None:
    tools, of_keys = f"/endpoints/{endpoint}/tools", f"/endpoints/{endpoint}/keys"
    tool = keys.owner.post(tools, **(ECHO | {"calls_per_minute": 60})).body
    key = keys.owner.post(of_keys, name="k", calls_per_minute=5).body
    assert (tool["calls_per_minute"], key["calls_per_minute"]) == (60, 5)
    published = _published(cast, endpoint)
    assert (published.tools[0].calls_per_minute, published.keys[0].calls_per_minute) == (60, 5)
    path = f"{tools}/{tool['id']}"
    assert keys.owner.patch(path, title="T").body["calls_per_minute"] == 60
    assert keys.owner.patch(path, calls_per_minute=None).body["calls_per_minute"] is None


@pytest.mark.parametrize("wrong", [0, -1, 1_000_001, "many", 1.5, True])
def test_a_limit_that_means_nothing_is_refused_by_field(keys: Keys, endpoint: str, wrong: object) -> None:
    for path, body in (("tools", ECHO), ("keys", {"name": "k"})):
        answer = keys.owner.post(f"/endpoints/{endpoint}/{path}", **(body | {"calls_per_minute": wrong}))
        assert (answer.status, answer.fields) == (422, ["calls_per_minute"])
