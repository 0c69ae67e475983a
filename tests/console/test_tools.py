"""Tools' pages: choose, make, change, switch, delete."""

import json
from typing import Any

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from tests.conftest import Cast
from tests.console.conftest import make_tool

SCRIPT = "<script>alert(1)</script>"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HTTP: dict[str, Any] = {
    "name": "weather",
    "title": "Weather",
    "description": "The weather of a city.",
    "effect": "reads",
    "input_schema": json.dumps(SCHEMA),
    "method": "POST",
    "url": "https://api.example.com/v1/{city}",
    "query": "units=metric\nlang=en",
    "headers": "Accept-Language: en",
    "body_kind": "json",
    "body": '{"city": "{city}"}',
    "pointer": "/data",
    "structured": "on",
    "success": "200, 404",
    "timeout": "5",
    "size_limit": "64",
    "secret_name": "Authorization",
    "secret_value": "Bearer very-secret-token",
}


@pytest.fixture
def tools(base: str, endpoint: Endpoint) -> str:
    """Where the endpoint's tools' pages begin."""
    return f"{base}/endpoints/{endpoint.slug}/tools"


def _tool(cast: Cast) -> Tool:
    with tenant_context(cast.tenant.id):
        return Tool.objects.get()


def _names(cast: Cast) -> list[str]:
    with tenant_context(cast.tenant.id):
        return list(Tool.objects.values_list("name", flat=True))


def test_it_shows_what_can_be_chosen(bob: Client, tools: str) -> None:
    page = bob.get(f"{tools}/new/").text
    assert f"{tools}/new/http/" in page
    assert f"{tools}/new/builtin/?choice=echo" in page


def test_choosing_a_function_fills_the_form(bob: Client, tools: str) -> None:
    page = bob.get(f"{tools}/new/builtin/?choice=calculate").text
    assert 'value="calculate" selected' in page
    assert 'name="name" value="calculate"' in page
    assert bob.get(f"{tools}/new/builtin/?choice={SCRIPT}").status_code == 200


def test_an_unknown_kind_is_not_found(bob: Client, tools: str) -> None:
    assert bob.get(f"{tools}/new/shell/").status_code == 404


def test_it_makes_a_builtin_tool(cast: Cast, bob: Client, tools: str) -> None:
    response = bob.post(f"{tools}/new/builtin/", {"function": "echo", "name": "say"}, follow=True)
    assert "Tool say is live" in response.text
    tool = _tool(cast)
    assert (tool.name, tool.title, tool.config) == ("say", "Echo", {"function": "echo"})


def test_it_makes_an_http_tool(cast: Cast, bob: Client, tools: str) -> None:
    response = bob.post(f"{tools}/new/http/", HTTP)
    assert response.status_code == 302, response.context["form"].errors
    tool = _tool(cast)
    assert (tool.source, tool.annotations, tool.input_schema) == ("http", {"readOnlyHint": True}, SCHEMA)
    assert tool.config == {
        "method": "POST",
        "url": "https://api.example.com/v1/{city}",
        "query": {"units": "metric", "lang": "en"},
        "headers": {"Accept-Language": "en"},
        "body": {"kind": "json", "template": {"city": "{city}"}},
        "result": {"pointer": "/data", "structured": True, "success": [200, 404]},
        "timeout": 5.0,
        "size_limit": 65536,
    }


def test_a_secret_is_written_and_never_read_back(cast: Cast, bob: Client, tools: str) -> None:
    bob.post(f"{tools}/new/http/", HTTP)
    tool = _tool(cast)
    assert list(tool.secrets) == ["Authorization"]
    for page in (f"{tools}/{tool.pk}/", f"{tools}/{tool.pk}/edit/"):
        shown = bob.get(page).text
        assert "very-secret-token" not in shown
        assert tool.secrets["Authorization"] not in shown


def test_saving_an_editor_unchanged_changes_nothing(cast: Cast, bob: Client, tools: str) -> None:
    bob.post(f"{tools}/new/http/", HTTP)
    before = _tool(cast)
    form = bob.get(f"{tools}/{before.pk}/edit/").context["form"]
    typed = {name: form[name].value() for name in form.fields}
    assert (
        bob.post(f"{tools}/{before.pk}/edit/", {k: v for k, v in typed.items() if v not in (None, [])}).status_code
        == 302
    )
    after = _tool(cast)
    for field in ("name", "title", "description", "input_schema", "annotations", "config", "secrets"):
        assert getattr(after, field) == getattr(before, field)


@pytest.mark.parametrize(("source", "typed"), [("builtin", {"function": "echo", "name": "say"}), ("http", HTTP)])
def test_an_editor_keeps_what_only_the_api_sets(
    cast: Cast, bob: Client, tools: str, source: str, typed: dict[str, Any]
) -> None:
    bob.post(f"{tools}/new/{source}/", typed)
    tool, said = _tool(cast), {"meta": {"com.example/x": 1}, "icons": [{"src": "https://example.com/i.png"}]}
    with tenant_context(cast.tenant.id):
        Tool.objects.filter(pk=tool.pk).update(**said)
    assert bob.post(f"{tools}/{tool.pk}/edit/", {**typed, "title": "Another"}).status_code == 302
    tool = _tool(cast)
    assert (tool.title, {"meta": tool.meta, "icons": tool.icons}) == ("Another", said)


def test_it_takes_a_secret_away(cast: Cast, bob: Client, tools: str) -> None:
    bob.post(f"{tools}/new/http/", HTTP)
    typed = HTTP | {"secret_name": "", "secret_value": "", "removed_secrets": ["Authorization"]}
    bob.post(f"{tools}/{_tool(cast).pk}/edit/", typed)
    assert _tool(cast).secrets == {}


@pytest.mark.parametrize(
    "wrong",
    [
        ("input_schema", '{"type": "object",}', "line 1, column 18"),
        ("input_schema", "[]", "JSON object"),
        ("input_schema", json.dumps(SCHEMA | {"type": "string"}), "object"),
        ("input_schema", json.dumps(SCHEMA | {"properties": {"city": {"type": "nonsense"}}}), "nonsense"),
        ("url", "ftp://example.com/{city}", "http"),
        ("url", "http://127.0.0.1/{city}", "public"),
        ("url", "https://api.example.com/{town}", "town"),
        ("query", "no separator", "Line 1"),
        ("headers", "A: 1\nA: 2", "twice"),
        ("headers", "Host: evil", "Host"),
        ("body", "{", "line 1"),
        ("pointer", "no-slash", "/"),
        ("success", "20", "three digits"),
        ("timeout", "3600", "60"),
        ("secret_value", "", "name and a value"),
    ],
)
def test_it_rejects_at_the_field_and_keeps_what_was_typed(
    cast: Cast, bob: Client, tools: str, wrong: tuple[str, str, str]
) -> None:
    field, text, said = wrong
    response = bob.post(f"{tools}/new/http/", HTTP | {field: text})
    assert response.status_code == 422
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert said in str(form.errors)
    assert "The weather of a city." in response.text
    assert _names(cast) == []


def test_it_rejects_a_name_that_is_taken(bob: Client, tools: str, tool: Tool) -> None:
    response = bob.post(f"{tools}/new/builtin/", {"function": "time", "name": tool.name})
    assert response.context["form"].errors == {"name": ["This is taken. Choose another."]}


def test_it_switches_off_and_on(cast: Cast, bob: Client, tools: str, tool: Tool) -> None:
    off = bob.post(f"{tools}/{tool.pk}/switch/", follow=True).text
    assert "clients no longer see it" in off
    assert "Switch the tool on to try it" in off
    assert not _tool(cast).enabled
    bob.post(f"{tools}/{tool.pk}/switch/", {"enabled": "on"})
    assert _tool(cast).enabled


def test_it_asks_and_then_deletes(cast: Cast, bob: Client, tools: str, tool: Tool) -> None:
    assert f"Delete tool {tool.name}" in bob.get(f"{tools}/{tool.pk}/delete/").text
    assert _names(cast) == [tool.name]
    bob.post(f"{tools}/{tool.pk}/delete/")
    assert _names(cast) == []


def test_a_viewer_looks_and_changes_nothing(cast: Cast, viewer: Client, tools: str, tool: Tool) -> None:
    page = viewer.get(f"{tools}/{tool.pk}/")
    assert page.status_code == 200
    assert "Try it" not in page.text
    posts = ["new/builtin/", *(f"{tool.pk}/{act}/" for act in ("edit", "switch", "delete", "call"))]
    assert {viewer.post(f"{tools}/{path}", {"function": "time", "name": "x"}).status_code for path in posts} == {403}
    assert (_tool(cast).name, _tool(cast).enabled) == (tool.name, True)


def test_it_hides_tools_from_strangers(cast: Cast, charlie: Client, tools: str, tool: Tool) -> None:
    paths = ["", "edit/", "delete/"]
    assert {charlie.get(f"{tools}/{tool.pk}/{path}").status_code for path in paths} == {404}
    assert charlie.post(f"{tools}/{tool.pk}/call/").status_code == 404


def test_it_escapes_what_people_wrote(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    tool = make_tool(cast, endpoint, title=f"T{SCRIPT}", description=f"D{SCRIPT}")
    here = f"{base}/endpoints/{endpoint.slug}/"
    pages = (here, *(f"{here}tools/{tool.pk}/{path}" for path in ("", "edit/", "delete/")), f"{base}/playground/")
    for page in pages:
        assert SCRIPT not in alice.get(page).text, page


@pytest.mark.parametrize(("source", "typed"), [("builtin", {"function": "echo", "name": "say"}), ("http", HTTP)])
def test_it_limits_how_often_a_tool_may_be_called(
    cast: Cast, bob: Client, tools: str, source: str, typed: dict[str, Any]
) -> None:
    assert bob.post(f"{tools}/new/{source}/", typed | {"calls_per_minute": "0"}).status_code == 422
    bob.post(f"{tools}/new/{source}/", typed | {"calls_per_minute": "60"})
    tool = _tool(cast)
    assert tool.calls_per_minute == 60
    assert 'value="60"' in bob.get(f"{tools}/{tool.pk}/edit/").text
    assert "Calls a minute" in bob.get(f"{tools}/{tool.pk}/").text
