"""Pages of prompts and resources: list, make, show, try, change, switch, delete."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Prompt, Resource
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft
from tests.conftest import Cast
from tests.console.conftest import signed_in

SCRIPT = "<script>alert(1)</script>"
IMAGE = {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}
# As a browser sends it: rows of which some were removed, and one in which nothing was typed.
PROMPT: dict[str, str] = {
    "name": "greet",
    "title": "Greet",
    "description": "Greets\r\nsomebody.",
    "argument-0-name": "who",
    "argument-0-description": "Whom to greet.",
    "argument-0-required": "on",
    "argument-0-completions": "Joe\r\nMike\r\n",
    "argument-2-name": "",
    "argument-3-name": "how",
    "message-1-role": "user",
    "message-1-text": "Greet {who}\r\n{how}",
    "message-4-role": "assistant",
    "message-4-text": "",
    "message-4-block": json.dumps(IMAGE),
    "message-5-role": "user",
    "message-5-text": " ",
    "icons": "",
    "meta": '{"com.example/x": 1}',
}
RESOURCE: dict[str, str] = {
    "uri": "notes://{day}",
    "name": "Notes",
    "mime_type": "text/markdown",
    "text": "# {day}\r\n",
    "proposals": "day: monday\r\nday: tuesday",
}
PLACES = {"prompts": PROMPT, "resources": RESOURCE}
WRITTEN = PromptDraft(
    name="greet",
    title=f"T{SCRIPT}",
    description=f"D{SCRIPT}",
    arguments=[{"name": "who", "description": f"A{SCRIPT}", "required": True}],
    config={"messages": [{"role": "user", "content": {"type": "text", "text": "Greet {who}" + SCRIPT}}]},
)


@pytest.fixture
def here(base: str, endpoint: Endpoint) -> str:
    """Where the endpoint's pages begin."""
    return f"{base}/endpoints/{endpoint.slug}"


def _prompt(cast: Cast) -> Prompt:
    with tenant_context(cast.tenant.id):
        return Prompt.objects.get()


def _resource(cast: Cast) -> Resource:
    with tenant_context(cast.tenant.id):
        return Resource.objects.get()


def _count(cast: Cast) -> int:
    with tenant_context(cast.tenant.id):
        return Prompt.objects.count() + Resource.objects.count()


def _only(cast: Cast, kind: str) -> Prompt | Resource:
    return _prompt(cast) if kind == "prompts" else _resource(cast)


def _write(cast: Cast, endpoint: Endpoint, draft: PromptDraft | ResourceDraft) -> None:
    given: dict[str, Any] = {"actor": cast.acting(cast.alice), "endpoint_slug": endpoint.slug, "source": "static"}
    with tenant_context(cast.tenant.id):
        if isinstance(draft, PromptDraft):
            prompt_create(**given, draft=draft)
        else:
            resource_create(**given, draft=draft)


def test_an_empty_list_says_what_the_thing_is_for(bob: Client, viewer: Client, here: str) -> None:
    for kind in PLACES:
        page = bob.get(f"{here}/{kind}/").text
        assert f"No {kind} yet" in page
        assert f"{here}/{kind}/new/" in page
        assert f"{here}/{kind}/new/" not in viewer.get(f"{here}/{kind}/").text


def test_it_makes_a_prompt(cast: Cast, bob: Client, here: str) -> None:
    response = bob.post(f"{here}/prompts/new/", PROMPT, follow=True)
    assert "Prompt greet is live" in response.text
    prompt = _prompt(cast)
    assert (prompt.source, prompt.title, prompt.description) == ("static", "Greet", "Greets\nsomebody.")
    assert prompt.arguments == [{"name": "who", "description": "Whom to greet.", "required": True}, {"name": "how"}]
    text = {"type": "text", "text": "Greet {who}\n{how}"}
    assert prompt.config == {
        "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": IMAGE}],
        "completions": {"who": ["Joe", "Mike"]},
    }
    assert (prompt.icons, prompt.meta) == ([], {"com.example/x": 1})
    assert "greet" in bob.get(f"{here}/prompts/").text


def test_it_makes_a_template(cast: Cast, bob: Client, here: str) -> None:
    response = bob.post(f"{here}/resources/new/", RESOURCE, follow=True)
    assert "Resource Notes is live" in response.text
    resource = _resource(cast)
    assert (resource.uri, resource.is_template, resource.mime_type) == ("notes://{day}", True, "text/markdown")
    assert resource.config == {"text": "# {day}\n", "completions": {"day": ["monday", "tuesday"]}}
    assert "notes://{day}" in bob.get(f"{here}/resources/").text


@pytest.mark.parametrize(
    ("content", "config"),
    [(b"\x89PNG\xff", {"blob": "iVBOR/8="}), (b"a,b\r\n1,2", {"text": "a,b\r\n1,2"}), (b"a\0b", {"blob": "YQBi"})],
)
def test_a_file_is_stored_as_what_it_is(
    cast: Cast, bob: Client, here: str, content: bytes, config: dict[str, str]
) -> None:
    file = SimpleUploadedFile("a.bin", content, "application/x-own")
    response = bob.post(f"{here}/resources/new/", {"uri": "file:///a", "name": "A", "file": file})
    assert response.status_code == 302
    resource = _resource(cast)
    assert (resource.config, resource.mime_type) == (config, "application/x-own")
    form = {"uri": "file:///a", "name": "Renamed", "text": config.get("text", "")}
    assert bob.post(f"{here}/resources/{resource.pk}/edit/", form).status_code == 302
    assert (_resource(cast).name, _resource(cast).config) == ("Renamed", config)


def test_a_file_beyond_the_limit_is_refused(cast: Cast, bob: Client, here: str) -> None:
    for size, status in ((383 * 1024 + 1, 422), (383 * 1024, 302)):
        file = SimpleUploadedFile("a.bin", b"\xff" * size, "image/png")
        response = bob.post(f"{here}/resources/new/", {"uri": "file:///a", "name": "A", "file": file})
        assert response.status_code == status
        assert status == 302 or list(response.context["form"].errors) == ["file"]
    assert _count(cast) == 1


@pytest.mark.parametrize("kind", PLACES)
def test_saving_an_editor_unchanged_changes_nothing(cast: Cast, bob: Client, here: str, kind: str) -> None:
    bob.post(f"{here}/{kind}/new/", PLACES[kind])
    before = _only(cast, kind)
    form = bob.get(f"{here}/{kind}/{before.pk}/edit/").context["form"]
    rows = [*form.arguments, *form.messages] if kind == "prompts" else []
    shown = {row[name].html_name: row[name].value() for row in (form, *rows) for name in row.fields}
    prepared = {name: "" if value in (None, False) else value for name, value in shown.items() if name != "file"}
    typed = {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in prepared.items()}
    assert bob.post(f"{here}/{kind}/{before.pk}/edit/", typed).status_code == 302
    after = _only(cast, kind)
    for field in ("name", "title", "description", "config", "meta", "icons"):
        assert getattr(after, field) == getattr(before, field)


def test_rows_are_added_and_removed_and_what_was_typed_stays(cast: Cast, bob: Client, here: str) -> None:
    url = f"{here}/prompts/new/"
    form = bob.post(url, PROMPT | {"act": "add-argument"}).context["form"]
    assert [row["name"].value() for row in form.arguments] == ["who", "", "how", None]
    form = bob.post(url, PROMPT | {"act": "remove-message-1", "name": ""}).context["form"]
    assert [row["block"].value() for row in form.messages] == [json.dumps(IMAGE), None]
    assert [row["name"].value() for row in form.arguments] == ["who", "", "how"]
    assert form.status == 200
    many = {f"message-{number}-text": "x" for number in range(100)} | {"act": "add-message"}
    assert len(list(bob.post(url, many).context["form"].messages)) == 100
    assert _count(cast) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ({"name": "two words"}, "form", "letters"),
        ({"icons": "{}"}, "form", "list"),
        ({"meta": "[]"}, "form", "object"),
        ({"meta": '{"mcp/x": 1}'}, "form", "reserved"),
        ({"argument-3-name": "how?"}, "form", "underscores"),
        ({"argument-3-name": "who"}, "form", "name of its own"),
        ({"argument-3-name": "", "argument-3-title": "How"}, "arguments", "Name the argument"),
        ({"argument-3-name": "x" * 65}, "arguments", "64"),
        ({"message-1-role": "system"}, "messages", "valid choice"),
        ({"message-4-text": "Also a text"}, "messages", "either a text"),
        ({"message-4-block": "{"}, "messages", "line 1"),
        ({"message-4-block": '{"type": "video"}'}, "messages", "content.type"),
        ({"message-1-text": "", "message-4-block": ""}, "form", "1 to 100"),
    ],
)
def test_a_bad_prompt_is_refused_at_its_place(
    cast: Cast, bob: Client, here: str, wrong: tuple[dict[str, str], str, str]
) -> None:
    change, where, said = wrong
    response = bob.post(f"{here}/prompts/new/", PROMPT | change)
    assert response.status_code == 422
    form = response.context["form"]
    rows = {"form": [form], "arguments": list(form.arguments), "messages": list(form.messages)}
    found = {name: " ".join(str(shown.errors) for shown in those if shown.errors) for name, those in rows.items()}
    assert [name for name, errors in found.items() if errors] == [where]
    assert said in found[where]
    assert "Whom to greet." in response.text
    assert "is not saved" in response.text or form.non_field_errors()
    assert _count(cast) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ({"uri": "no uri"}, "uri", "notes://today"),
        ({"uri": "notes://{day"}, "uri", "variables"),
        ({"uri": "skill://x/SKILL.md", "proposals": ""}, "text", "YAML"),
        ({"uri": "ui://a/b", "proposals": ""}, "mime_type", "mcp-app"),
        ({"name": ""}, "name", "blank"),
        ({"mime_type": "markdown"}, "mime_type", "text/markdown"),
        ({"text": ""}, "text", "choose a file"),
        ({"proposals": "monday"}, "proposals", "Line 1"),
        ({"proposals": "month: may"}, "proposals", "month"),
    ],
)
def test_a_bad_resource_is_refused_at_its_field(
    cast: Cast, bob: Client, here: str, wrong: tuple[dict[str, str], str, str]
) -> None:
    change, field, said = wrong
    response = bob.post(f"{here}/resources/new/", RESOURCE | change)
    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert said in str(response.context["form"].errors)
    assert _count(cast) == 0


@pytest.mark.parametrize("kind", PLACES)
def test_it_switches_off_and_on_asks_and_then_deletes(cast: Cast, bob: Client, here: str, kind: str) -> None:
    bob.post(f"{here}/{kind}/new/", PLACES[kind])
    item = _only(cast, kind)
    own = f"{here}/{kind}/{item.pk}"
    off = bob.post(f"{own}/switch/", follow=True).text
    assert "clients no longer see it" in off
    assert "on to try it" in off
    assert not _only(cast, kind).enabled
    bob.post(f"{own}/edit/", PLACES[kind] | {"title": "Another"})
    assert (_only(cast, kind).enabled, _only(cast, kind).title) == (False, "Another")
    bob.post(f"{own}/switch/", {"enabled": "on"})
    assert _only(cast, kind).enabled
    assert f"Delete {kind[:-1]} {item.name}" in bob.get(f"{own}/delete/").text
    assert _count(cast) == 1
    assert "is deleted" in bob.post(f"{own}/delete/", follow=True).text
    assert _count(cast) == 0


@pytest.mark.parametrize("kind", PLACES)
def test_a_viewer_looks_and_a_stranger_finds_nothing(
    cast: Cast, viewer: Client, charlie: Client, here: str, kind: str
) -> None:
    signed_in(cast.bob).post(f"{here}/{kind}/new/", PLACES[kind])
    own = f"{here}/{kind}/{_only(cast, kind).pk}"
    assert {viewer.get(path).status_code for path in (f"{here}/{kind}/", f"{own}/")} == {200}
    assert "Try it" not in viewer.get(f"{own}/").text
    writes = [f"{here}/{kind}/new/", *(f"{own}/{act}/" for act in ("edit", "switch", "delete", "try"))]
    assert {viewer.post(path, PLACES[kind]).status_code for path in writes} == {403}
    assert {charlie.get(path).status_code for path in (f"{here}/{kind}/", f"{own}/", f"{own}/edit/")} == {404}
    assert {charlie.post(path).status_code for path in writes} == {404}
    assert _only(cast, kind).enabled


def test_what_a_program_writes_has_no_editor(cast: Cast, alice: Client, endpoint: Endpoint, here: str) -> None:
    _write(cast, endpoint, WRITTEN)
    with tenant_context(cast.tenant.id):
        Prompt.objects.update(source="conformance")
    own = f"{here}/prompts/{_prompt(cast).pk}"
    assert f"{own}/edit/" not in alice.get(f"{own}/").text
    assert alice.get(f"{own}/edit/").status_code == 404


def test_it_escapes_what_people_wrote(cast: Cast, alice: Client, endpoint: Endpoint, here: str) -> None:
    _write(cast, endpoint, WRITTEN)
    draft = ResourceDraft(uri="x:y", name=f"N{SCRIPT}", title=f"T{SCRIPT}", config={"text": SCRIPT})
    _write(cast, endpoint, draft)
    own = (f"prompts/{_prompt(cast).pk}/", f"resources/{_resource(cast).pk}/")
    pages = ["prompts/", "resources/", *(f"{one}{act}" for one in own for act in ("", "edit/", "delete/"))]
    for page in pages:
        assert SCRIPT not in alice.get(f"{here}/{page}").text, page


def test_a_prompt_and_a_resource_are_tried(
    cast: Cast, bob: Client, endpoint: Endpoint, here: str, runtime: str
) -> None:
    # Both before the worker hears of the endpoint: it would learn of a later one a moment after.
    bob.post(f"{here}/prompts/new/", PROMPT)
    bob.post(f"{here}/resources/new/", RESOURCE)
    page = bob.post(f"{here}/prompts/{_prompt(cast).pk}/try/", {"argument_0": "Joe", "argument_1": ""})
    text, image = page.context["trial"].blocks
    assert text == {"text": "Greet Joe\n", "label": "user"}
    assert (image["label"], image["image"]) == ("assistant", "data:image/png;base64,iVBORw0KGgo=")
    assert "Mcp-Method: prompts/get" in page.text
    url = f"{here}/resources/{_resource(cast).pk}/try/"
    part = bob.post(url, {"argument_0": "a/b ü"}, headers={"hx-request": "true"})
    assert part.context["trial"].blocks == [{"text": "# a/b ü\n", "label": "notes://a%2Fb%20%C3%BC text/markdown"}]
    assert "<html" not in part.text
    assert "Refused" in bob.post(url, {"argument_0": ""}).text


def test_a_search_narrows_the_list(cast: Cast, bob: Client, here: str) -> None:
    for kind, typed in PLACES.items():
        bob.post(f"{here}/{kind}/new/", typed)
        own = f"{here}/{kind}/{_only(cast, kind).pk}/"
        assert own in bob.get(f"{here}/{kind}/?q={typed['name'][:4]}").text
        part = bob.get(f"{here}/{kind}/?q=nothing", headers={"hx-request": "true"}).text
        assert "matches “nothing”" in part
        assert own not in part
