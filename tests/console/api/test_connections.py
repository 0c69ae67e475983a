"""Connections over the API: made, told, disconnected, and no token in any answer."""

import json
import uuid

import pytest

from core.tenancy import tenant_context
from tenants.models import Connection
from tests.conftest import Cast
from tests.console.api.conftest import Keys
from tests.stored_connection import stored_connection


@pytest.fixture
def connection(cast: Cast) -> Connection:
    """An account of the tenant's."""
    with tenant_context(cast.tenant.id):
        return stored_connection(cast.tenant, "https://127.0.0.1:9/a", "an-account")


def test_a_connection_is_told_without_its_tokens(cast: Cast, keys: Keys, connection: Connection) -> None:
    told = keys.owner.get(f"/connections/{connection.pk}").body
    assert (told["state"], told["provider"], told["chosen"]) == ("connected", "https://127.0.0.1:9/a", True)
    assert told["connect_url"].endswith(f"/t/{cast.tenant.slug}/connections/{connection.pk}/connect/")
    listed = keys.owner.get("/connections")
    assert [item["id"] for item in listed.body["items"]] == [str(connection.pk)]
    assert "access-an-account" not in json.dumps(listed.body)
    assert "sealed" not in json.dumps(listed.body)


def test_disconnecting_answers_with_its_receipt(keys: Keys, connection: Connection) -> None:
    (receipt,) = keys.owner.post(f"/connections/{connection.pk}/disconnect").body
    assert (receipt["connection"], receipt["outcome"], receipt["tokens"]) == (str(connection.pk), "pending", 2)
    assert keys.owner.get(f"/connections/{connection.pk}").body["state"] == "revoked"
    assert [item["id"] for item in keys.owner.get("/revocations").body["items"]] == [receipt["id"]]


def test_everything_is_revoked_in_one_request(keys: Keys, connection: Connection) -> None:
    assert keys.developer.post("/revocations", scope="tenant").code == "permission_denied"
    assert keys.owner.post("/revocations", scope="provider", issuer="https://other.example.com").code == "not_found"
    assert keys.owner.post("/revocations", scope="member").fields == ["user_id"]
    assert keys.owner.post("/revocations", scope="everything").status == 422
    assert len(keys.owner.post("/revocations", scope="tenant").body) == 1
    assert keys.owner.post("/revocations", scope="tenant").body == []


def test_a_removed_connection_leaves_its_receipt(keys: Keys, connection: Connection) -> None:
    assert keys.owner.delete(f"/connections/{connection.pk}").status == 204
    assert keys.owner.get(f"/connections/{connection.pk}").code == "not_found"
    assert keys.owner.get("/revocations").body["total"] == 1


def test_an_unknown_upstream_is_not_found(keys: Keys) -> None:
    assert keys.owner.post("/connections", upstream=str(uuid.uuid4())).code == "not_found"
