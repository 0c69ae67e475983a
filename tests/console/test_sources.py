"""Sources in the console: added, imported with progress, repaired, changed, deleted."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mcp_runtime.models import HealthState, ImportRun, Upstream
from mcp_runtime.services.imports import run_begin, run_progress
from mcp_runtime.sources.upstream import Health, RefusedOperation, UpstreamFailed
from tenants.vault.selectors import secrets_of
from tests.console.source_desk import EMBEDDED, Desk
from tests.mcp_runtime.upstreams.paper import tool

PETS = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example.com/v1"}],
    "paths": {
        "/pets/{id}": {
            "get": {
                "operationId": "getPet",
                "summary": "One pet",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "A pet"}},
            }
        }
    },
}


def test_an_endpoint_without_sources_says_what_they_are_for(desk: Desk) -> None:
    assert "No sources yet" in desk.text(f"{desk.base}sources/")


def test_every_kind_can_be_chosen_and_has_its_form(desk: Desk) -> None:
    chosen = desk.text(f"{desk.base}new-source/")
    links = re.findall(r'href="([^"]+/new-source/[^"]+/)"', chosen)
    assert len(links) >= 4
    for link in links:
        assert 'name="names_prefix"' in desk.text(link)
    assert desk.browser.get(f"{desk.base}new-source/none/").status_code == 404


def test_a_pasted_document_is_imported_approved_and_served(desk: Desk) -> None:
    answer = desk.add("openapi", pasted=json.dumps(PETS), timeout="30")
    assert answer.headers["Location"] == desk.pets
    assert "Importing" in desk.text(desk.pets)
    desk.perform()
    shown = desk.text(desk.pets)
    assert "OpenAPI 3.1" in shown
    assert "getPet" in shown
    assert "1 approved." in desk.decide("approve-clean").content.decode()
    assert desk.tools() == ["pets_getPet"]
    tree = desk.text(f"{desk.base}sources/")
    assert "1 tool served" in tree
    assert "https://pets.example.com" in desk.text(desk.pets)


def test_an_uploaded_database_and_its_statements_become_tools(desk: Desk, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER, total INTEGER)")
    database.close()
    file = SimpleUploadedFile("shop.db", (tmp_path / "shop.db").read_bytes())
    row = {"row-0-name": "orders", "row-0-sql": "SELECT id, total FROM orders WHERE id = :id"}
    typed = row | {"row-0-parameters": '[{"name": "id", "type": "integer"}]', "engine": "sqlite", "file": file}
    assert desk.add("sql", **typed).status_code == 302
    desk.perform()
    desk.decide("approve-clean")
    assert desk.tools() == ["pets_orders"]
    edited = desk.text(f"{desk.pets}edit/")
    assert "SELECT id, total FROM orders WHERE id = :id" in edited


def test_rows_are_added_and_removed_and_what_was_typed_stays(desk: Desk) -> None:
    typed = {"engine": "postgresql", "host": "db.example.com", "row-0-name": "first", "password": "not shown again"}
    added = desk.add("sql", act="add", **typed)
    shown = added.content.decode()
    assert (added.status_code, 'value="first"' in shown, "row-1-name" in shown) == (200, True, True)
    assert 'value="db.example.com"' in shown
    assert "not shown again" not in shown
    removed = desk.add("sql", act="remove-0", **typed).content.decode()
    assert 'value="first"' not in removed
    assert desk.inside(Upstream.objects.count) == 0


def test_what_is_wrong_in_a_row_is_said_at_the_row(desk: Desk) -> None:
    typed = {"engine": "postgresql", "host": "db.example.com", "database": "shop", "user": "reader", "port": "5432"}
    refused = desk.add("sql", **typed, **{"row-0-name": "no spaces", "row-0-sql": "SELECT 1"})
    shown = refused.content.decode()
    assert refused.status_code == 422
    assert 'id="id_row-0-name_error"' in shown
    assert "SELECT 1" in shown


@pytest.mark.parametrize(
    ("kind", "typed", "sentence"),
    [
        ("openapi", {}, "Give the document"),
        ("openapi", {"url": "https://a.example.com", "pasted": "{}"}, "Give one of the three"),
        ("openapi", {"pasted": "{", "timeout": "30"}, "id_file_error"),
        ("openapi", {"url": "http://127.0.0.1/openapi.json", "timeout": "30"}, "id_url_error"),
        ("openapi", {"url": "https://a.example.com", "secret_name": "key"}, "A secret has a name and a value"),
        ("graphql", {"url": "http://10.0.0.1/", "depth": "10", "aliases": "1", "cost": "10"}, "id_url_error"),
        ("paper", {"written": '{"wrong": 1}'}, "wrong: Leave it out."),
        ("paper", {"slug": "Pets"}, "id_slug_error"),
        ("paper", {"names_prefix": "no spaces"}, "id_names_prefix_error"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_added(
    desk: Desk, kind: str, typed: dict[str, str], sentence: str
) -> None:
    refused = desk.add(kind, **typed)
    assert refused.status_code == 422
    assert sentence in refused.content.decode()
    assert desk.inside(Upstream.objects.count) == 0


def test_a_file_has_to_be_chosen_again(desk: Desk) -> None:
    file = SimpleUploadedFile("pets.json", b"{}")
    refused = desk.add("openapi", file=file, timeout="no number")
    assert "Choose the file again" in refused.content.decode()


def test_an_address_is_made_of_the_name(desk: Desk) -> None:
    assert desk.add(name="9 Pets & Co", slug="").headers["Location"] == f"{desk.base}sources/pets_co/"


def test_a_running_import_is_asked_about_and_reloads_the_page_when_it_is_over(desk: Desk) -> None:
    desk.add()
    run = desk.inside(ImportRun.objects.get)
    desk.inside(lambda: run_begin(run_id=run.pk))
    desk.inside(lambda: run_progress(run_id=run.pk, done=30, total=120, doing="Reading operations"))
    shown = desk.text(desk.pets)
    assert f'hx-get="{desk.pets}progress/" hx-trigger="every 1s"' in shown
    assert "Reading operations" in shown
    assert "30 of 120" in shown
    asked = desk.browser.get(f"{desk.pets}progress/", headers={"HX-Request": "true"})
    assert "30 of 120" in asked.content.decode()
    assert "<html" not in asked.content.decode()
    assert desk.browser.get(f"{desk.pets}progress/").headers["Location"] == desk.pets
    desk.inside(lambda: ImportRun.objects.update(state="failed", error="It hung up."))
    over = desk.browser.get(f"{desk.pets}progress/", headers={"HX-Request": "true"})
    assert over.headers["HX-Refresh"] == "true"
    assert "It hung up." in desk.text(desk.pets)


def test_a_second_import_meanwhile_is_refused_in_a_sentence(desk: Desk) -> None:
    desk.add()
    again = desk.browser.post(f"{desk.pets}import/", follow=True)
    assert "An import of this upstream is under way." in again.content.decode()


def test_what_was_not_imported_is_named_with_the_reason(desk: Desk) -> None:
    desk.imported(tool("a"), refused=[RefusedOperation(EMBEDDED, "It streams.")])
    shown = desk.text(desk.pets)
    assert "1 not imported, and why" in shown
    assert "It streams." in shown
    assert EMBEDDED not in shown


def test_a_source_that_needs_a_login_says_so_and_takes_its_secret_again(desk: Desk) -> None:
    desk.imported(tool("a"))
    reason = "pets.example.com answered 401."
    desk.inside(lambda: Upstream.objects.update(health=HealthState.NEEDS_LOGIN, health_reason=reason))
    shown = desk.text(desk.pets)
    assert "Needs login" in shown
    assert reason in shown
    assert "Enter its secret again" in shown
    assert desk.browser.post(f"{desk.pets}secrets/", {"name": "token"}).status_code == 422
    stored = desk.browser.post(f"{desk.pets}secrets/", {"name": "token", "value": "s3cret-value"}, follow=True)
    assert "Secret token is stored." in stored.content.decode()
    assert "s3cret-value" not in stored.content.decode()
    upstream = desk.inside(Upstream.objects.get)
    assert [secret.name for secret in desk.inside(lambda: secrets_of(upstream.pk))] == ["token"]
    assert desk.inside(lambda: ImportRun.objects.latest("created_at")).state == "queued"
    desk.browser.post(f"{desk.pets}secrets/", {"name": "token", "remove": "on"})
    assert desk.inside(lambda: secrets_of(upstream.pk)) == []


@pytest.mark.parametrize(
    ("health", "word"), [("ok", "OK"), ("degraded", "Degraded"), ("down", "Down"), ("denied", "Denied")]
)
def test_the_tree_says_how_each_is(desk: Desk, health: str, word: str) -> None:
    desk.imported(tool("a"))
    desk.inside(lambda: Upstream.objects.update(health=health))
    assert word in desk.text(f"{desk.base}sources/")


def test_a_failed_import_leaves_all_as_it_was_and_says_why(desk: Desk) -> None:
    desk.imported(tool("a"))
    desk.decide("approve-clean")
    desk.paper.failure = UpstreamFailed("The token was revoked.", Health.NEEDS_LOGIN)
    desk.browser.post(f"{desk.pets}import/")
    desk.perform()
    assert "The token was revoked." in desk.text(desk.pets)
    assert desk.tools() == ["pets_a"]


def test_it_is_changed_switched_off_and_deleted_by_name(desk: Desk) -> None:
    desk.imported(tool("a"))
    desk.decide("approve-clean")
    edited = desk.browser.post(
        f"{desk.pets}edit/", {"name": "All pets", "plain_names": "on", "written": "{}"}, follow=True
    )
    assert "Source All pets is changed." in edited.content.decode()
    assert desk.tools() == ["a"]
    off = desk.browser.post(f"{desk.pets}switch/", {}, follow=True)
    assert "Clients see nothing of it" in off.content.decode()
    assert desk.browser.post(f"{desk.pets}delete/", {"confirmation": "All pets"}).status_code == 422
    assert (
        desk.browser.post(f"{desk.pets}delete/", {"confirmation": "pets"}).headers["Location"] == f"{desk.base}sources/"
    )
    assert desk.tools() == []


def test_a_viewer_looks_and_changes_nothing(desk: Desk, viewer: Client) -> None:
    desk.imported(tool("a"))
    shown = viewer.get(desk.pets).content.decode()
    assert 'name="pick"' not in shown
    assert "Delete source" not in shown
    assert viewer.get(desk.page_of("a")).status_code == 200
    for path in (f"{desk.pets}decide/", f"{desk.pets}import/", f"{desk.pets}switch/", desk.page_of("a")):
        assert viewer.post(path, {"act": "approve-clean"}).status_code == 403
    assert desk.tools() == []


def test_a_kind_that_is_not_there_any_more_is_still_shown(desk: Desk) -> None:
    desk.imported(tool("a"))
    desk.inside(lambda: Upstream.objects.update(kind="former"))
    assert "former" in desk.text(desk.pets)
    assert desk.browser.get(f"{desk.pets}edit/").status_code == 404
