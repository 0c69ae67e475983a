"""Members who reach for more than their role gives: on pages, over REST, and with fields that are not theirs to set."""

import json
from typing import Any

import pytest
from django.test import Client

from core.tenancy import tenant_context
from tenants.models import McpClient, Role, SsoConnection
from tenants.services.api_keys import api_key_issue
from tests.attacks.conftest import Stage
from tests.conftest import unique
from tests.console.conftest import signed_in

PAGES = [
    "clients/known/",
    "clients/new/",
    "clients/policy/",
    "settings/audit/",
    "settings/audit/download/jsonl/",
    "settings/audit/download/csv/",
    "settings/audit/webhooks/new/",
    "settings/networks/",
    "settings/provisioning/",
    "sso/",
    "sso/new/",
    "sso/policy/",
    "sso/domains/new/",
]
READING = [
    "audit-events",
    "audit-events/export",
    "audit-targets",
    "clients",
    "deprovisions",
    "scim-connections",
    "sso/connections",
    "sso/domains",
]
WRITING: dict[str, dict[str, Any]] = {
    "audit-targets": {"name": "x", "url": "https://a.example/"},
    "clients": {"name": "x", "grant_types": ["authorization_code"], "redirect_uris": ["https://a.example/"]},
    "scim-connections": {"name": "x", "default_role": "viewer"},
    "sso/connections": {"name": "x", "kind": "oidc"},
    "sso/domains": {"name": "corp.example"},
    "api-keys": {"name": "x", "role": "admin"},
    "invitations": {"email": "x@example.com", "role": "admin"},
}
LOW = [Role.DEVELOPER, Role.VIEWER]


def _browser(stage: Stage, role: Role) -> Client:
    return signed_in(stage.cast.bob if role == Role.DEVELOPER else stage.cast.join("vera", role))


def _rest(stage: Stage, role: Role) -> Client:
    actor = stage.cast.acting(stage.cast.alice)
    with tenant_context(stage.cast.tenant.id):
        _key, secret = api_key_issue(actor=actor, name=unique("key"), role=role)
    return Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.mark.parametrize("role", LOW)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_those_who_manage_is_shut(stage: Stage, role: Role, page: str) -> None:
    where = f"/t/{stage.cast.tenant.slug}/{page}"
    browser = _browser(stage, role)
    assert browser.get(where).status_code in {403, 405}
    assert browser.post(where, {}).status_code in {403, 405}


@pytest.mark.parametrize("role", LOW)
def test_a_key_of_a_low_role_reads_and_writes_nothing_of_it(stage: Stage, role: Role) -> None:
    rest = _rest(stage, role)
    assert {path: rest.get(f"/api/v1/{path}").status_code for path in READING} == dict.fromkeys(READING, 403)
    answers = {
        path: rest.post(f"/api/v1/{path}", body, content_type="application/json") for path, body in WRITING.items()
    }
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(WRITING, 403)


ASSIGNED: dict[str, dict[str, Any]] = {
    "sso/connections": {"name": "x", "kind": "oidc", "is_enabled": True, "trial": {"ok": True}},
    "clients": {"name": "x", "grant_types": ["client_credentials"], "client_id": "mine", "kind": "registered"},
    "scim-connections": {"name": "x", "default_role": "viewer", "tenant_id": "00000000-0000-0000-0000-000000000000"},
    "audit-targets": {"name": "x", "url": "https://a.example/", "cursor": 0},
    "sso/domains": {"name": "corp.example", "verified_at": "2026-01-01T00:00:00Z"},
    "api-keys": {"name": "x", "role": "viewer", "digest": "0" * 64},
    "invitations": {"email": "x@example.com", "role": "viewer", "token_digest": "0" * 64},
}


@pytest.mark.parametrize("path", ASSIGNED)
def test_a_field_that_is_nobodys_to_set_is_refused(stage: Stage, path: str) -> None:
    answer = _rest(stage, Role.ADMIN).post(f"/api/v1/{path}", ASSIGNED[path], content_type="application/json")
    assert answer.status_code == 422


def test_a_client_that_registers_itself_sets_nothing_that_a_tenant_decides(stage: Stage) -> None:
    wanted = {"kind": "registered", "scopes": "admin", "endpoints": [], "client_id": "mine", "client_secret": "known"}
    answer = stage.public.programs().post(
        f"{stage.public.base}/register",
        json.dumps({"redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "none"} | wanted),
        content_type="application/json",
    )
    assert answer.status_code == 201
    with stage.public.inside():
        made = McpClient.objects.get(client_id=answer.json()["client_id"])
        assert (made.kind, made.scopes, made.endpoints, made.secret_digest) == ("dynamic", "", None, "")


def test_an_admin_puts_no_connection_into_use(stage: Stage) -> None:
    path = f"/api/v1/sso/connections/{stage.sso.connection.pk}"
    answer = _rest(stage, Role.ADMIN).patch(path, {"enabled": False}, content_type="application/json")
    assert answer.status_code == 403
    with tenant_context(stage.cast.tenant.id):
        assert SsoConnection.objects.get(pk=stage.sso.connection.pk).is_enabled
