"""Tools: checked by their source, valid where clients read them, with secrets that nobody reads back."""

import uuid
from typing import Any

import pytest

from core import crypto, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, PublishedEndpoint, Tool
from mcp_runtime.services import tools
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.snapshots import structs
from mcp_runtime.snapshots.structs import ToolSnapshot
from mcp_runtime.sources import registry
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft, ToolHandler, Workshop
from tenants.models import Role
from tests.conftest import Cast, unique
from tests.entitled import entitle_outside
from tests.races import at_once, refused_names


class Paper:
    """A source for tests: it takes any configuration but a `wrong` one, and is never called."""

    kind = "paper"
    title = "Paper"

    def check(self, draft: ToolDraft) -> ToolDraft:
        if "wrong" in draft.config:
            raise InvalidConfig({"config.wrong": "Leave it out."})
        return draft

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's source, in the registry."""
    monkeypatch.setitem(registry.SOURCES, "paper", Paper())


@pytest.fixture
def endpoint(cast: Cast) -> Endpoint:
    """An endpoint of Alice's tenant."""
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return endpoint_create(actor=actor, slug=unique("e"), name="E")


def _create(cast: Cast, endpoint: Endpoint, name: str = "weather", *, source: str = "paper", **fields: Any) -> Tool:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return tools.tool_create(
            actor=actor, endpoint_slug=endpoint.slug, source=source, draft=ToolDraft(name=name, **fields)
        )


def _update(cast: Cast, endpoint: Endpoint, tool: Tool, *, enabled: bool = True, **fields: Any) -> Tool:
    actor = cast.acting(cast.alice)
    draft = ToolDraft(**{"name": tool.name} | fields)
    with tenant_context(cast.tenant.id):
        return tools.tool_update(
            actor=actor, endpoint_slug=endpoint.slug, tool_id=tool.pk, draft=draft, enabled=enabled
        )


def _published(cast: Cast, endpoint: Endpoint) -> structs.EndpointSnapshot:
    with tenant_context(cast.tenant.id):
        return structs.decode(bytes(PublishedEndpoint.objects.get(endpoint=endpoint).document))


def test_a_tool_is_published_while_it_is_enabled(cast: Cast, endpoint: Endpoint) -> None:
    tool = _create(cast, endpoint, title=" Weather ", config={"a": [1, 2.5, None, "ü"]})
    (published,) = _published(cast, endpoint).tools
    assert (published.name, published.title, published.config) == ("weather", "Weather", {"a": [1, 2.5, None, "ü"]})
    _update(cast, endpoint, tool, enabled=False)
    assert _published(cast, endpoint).tools == []


def test_a_deleted_tool_is_gone_at_once(cast: Cast, endpoint: Endpoint) -> None:
    tool = _create(cast, endpoint)
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tools.tool_delete(actor=actor, endpoint_slug=endpoint.slug, tool_id=tool.pk)
    assert _published(cast, endpoint).tools == []
    with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
        tools.tool_delete(actor=actor, endpoint_slug=endpoint.slug, tool_id=tool.pk)
    assert refusal.value.refusal is refusals.NOT_FOUND


def test_secrets_are_sealed_to_their_tool_and_kept_until_replaced(cast: Cast, endpoint: Endpoint) -> None:
    tool = _create(cast, endpoint, secrets={"token": "hunter2", "other": "swordfish"})
    tool = _update(cast, endpoint, tool, secrets={"other": ""})
    assert list(tool.secrets) == ["token"]
    bound_to = structs.secrets_bound_to(str(cast.tenant.id), str(tool.pk))
    opened = crypto.unseal(structs.SECRETS_PURPOSE, tool.secrets["token"], bound_to=bound_to)
    assert opened == b"hunter2"
    with tenant_context(cast.tenant.id):
        stored = str(Tool.objects.values().get(pk=tool.pk))
    assert "hunter2" not in stored + structs.encode(_published(cast, endpoint)).decode()
    elsewhere = structs.secrets_bound_to(str(cast.elsewhere.id), str(tool.pk))
    with pytest.raises(crypto.Forged):
        crypto.unseal(structs.SECRETS_PURPOSE, tool.secrets["token"], bound_to=elsewhere)


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.requirement("tool-names", "json-schema")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"source": "telepathy"}, "source"),
        ({"name": ""}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "ends\n"}, "name"),
        ({"title": "x" * 81}, "title"),
        ({"title": "a\x1bb"}, "title"),
        ({"description": "x" * 4001}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"input_schema": {"type": "array"}}, "input_schema"),
        ({"input_schema": {"type": "object", "properties": {"a": {"type": "strin"}}}}, "input_schema"),
        ({"input_schema": {"type": "object", "$ref": "https://elsewhere.example/schema"}}, "input_schema"),
        ({"input_schema": {"type": "object", "maxProperties": 2**70}}, "input_schema"),
        ({"input_schema": {"type": "object", "properties": {"a": {"x-mcp-header": "A B"}}}}, "input_schema"),
        ({"output_schema": {"type": "string"}}, "output_schema"),
        ({"annotations": {"readOnlyHint": "yes"}}, "annotations"),
        ({"annotations": {"evilHint": True}}, "annotations"),
        ({"config": {"wrong": 1}}, "config.wrong"),
        ({"config": {"a": "\0"}}, "config"),
        ({"config": {"\ud800": 1}}, "config"),
        ({"config": {"a": float("inf")}}, "config"),
        ({"config": {"a": float("nan")}}, "config"),
        ({"config": {"a": 2**64}}, "config"),
        ({"config": _deep(100)}, "config"),
        ({"config": _deep(50_000)}, "config"),
        ({"config": {"a": ["x" * 100_000] * 6}}, "config"),
        ({"secrets": {"a": "x" * 8193}}, "secrets"),
        ({"secrets": {"a": "\ud800"}}, "secrets"),
    ],
)
def test_a_bad_field_is_named(cast: Cast, endpoint: Endpoint, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        _create(cast, endpoint, **fields)
    assert refusal.value.refusal is refusals.INVALID_INPUT
    assert list(refusal.value.data["fields"]) == [field]


def test_hints_are_kept(cast: Cast, endpoint: Endpoint) -> None:
    _create(cast, endpoint, annotations={"readOnlyHint": True, "openWorldHint": False})
    (published,) = _published(cast, endpoint).tools
    assert published.annotations == {"readOnlyHint": True, "openWorldHint": False}


@pytest.mark.requirement("tool-names")
def test_a_name_is_used_once_on_an_endpoint(cast: Cast, endpoint: Endpoint) -> None:
    outcomes = at_once(lambda: _create(cast, endpoint), lambda: _create(cast, endpoint))
    assert refused_names([*outcomes]) == ["conflict"]


def test_a_plan_allows_so_many_tools(cast: Cast, endpoint: Endpoint) -> None:
    entitle_outside(cast.tenant.id, tools_per_endpoint=1)
    _create(cast, endpoint)
    with pytest.raises(Refused) as refusal:
        _create(cast, endpoint, "second")
    assert refusal.value.refusal is refusals.LIMIT_REACHED


def test_a_tool_is_found_on_its_own_endpoint_alone(cast: Cast, endpoint: Endpoint) -> None:
    tool = _create(cast, endpoint)
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        other = endpoint_create(actor=actor, slug=unique("other"), name="Other")
    stranger = cast.acting(cast.charlie, cast.elsewhere)
    with tenant_context(cast.elsewhere.id):
        theirs = endpoint_create(actor=stranger, slug=endpoint.slug, name="Theirs")
    for who, place in ((actor, other), (stranger, theirs)):
        with pytest.raises(Refused) as refusal, tenant_context(place.tenant_id):
            tools.tool_delete(actor=who, endpoint_slug=place.slug, tool_id=tool.pk)
        assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_viewer_changes_nothing(cast: Cast, endpoint: Endpoint) -> None:
    viewer = cast.acting(cast.join("dora", Role.VIEWER))
    draft = ToolDraft(name="t")
    for act in (
        lambda: tools.tool_create(actor=viewer, endpoint_slug=endpoint.slug, source="paper", draft=draft),
        lambda: tools.tool_update(actor=viewer, endpoint_slug=endpoint.slug, tool_id=uuid.uuid4(), draft=draft),
        lambda: tools.tool_delete(actor=viewer, endpoint_slug=endpoint.slug, tool_id=uuid.uuid4()),
    ):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            act()
        assert refusal.value.refusal is refusals.PERMISSION_DENIED
