"""The API as a client sees it: one key for each role, JSON in, JSON out."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from core.tenancy import tenant_context
from tenants.models import Role, Tenant, User
from tenants.services.api_keys import api_key_issue
from tests.conftest import Cast, unique
from tests.mcp_runtime.upstreams.conftest import paper

__all__ = ["paper"]

BASE = "/api/v1"
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "number", "request_id"}


@dataclass(frozen=True)
class Answer:
    """A response, read as JSON where there is a body."""

    status: int
    body: Any
    response: Any

    @property
    def code(self) -> str:
        """The refusal's name; fails unless this is a whole problem document."""
        assert self.response["Content-Type"] == "application/problem+json"
        assert self.body.keys() >= PROBLEM_MEMBERS
        assert self.body["status"] == self.status
        assert self.body["request_id"] == self.response["X-Request-Id"]
        return str(self.body["code"])

    @property
    def fields(self) -> list[str]:
        """The names of the wrong fields of an invalid input."""
        assert (self.status, self.code) == (422, "invalid_input")
        return sorted(self.body["fields"])


class Api:
    """A client that presents one key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.client = Client(headers={"Authorization": f"Bearer {key}"} if key else {}, enforce_csrf_checks=True)

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> Answer:
        """Sends `body` as it is."""
        response = self.client.generic(method, BASE + path, body, content_type=content_type)
        return Answer(response.status_code, json.loads(response.content) if response.content else None, response)

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, **body: Any) -> Answer:
        return self.send("POST", path, json.dumps(body).encode())

    def patch(self, path: str, **body: Any) -> Answer:
        return self.send("PATCH", path, json.dumps(body).encode())

    def put(self, path: str, **body: Any) -> Answer:
        return self.send("PUT", path, json.dumps(body).encode())

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)


@dataclass(frozen=True)
class Keys:
    """A client for each role in Alice's tenant, and one for the owner of another."""

    owner: Api
    admin: Api
    developer: Api
    viewer: Api
    stranger: Api

    def of(self, role: str) -> Api:
        """The client whose key has `role`."""
        client = getattr(self, role)
        assert isinstance(client, Api)
        return client


@pytest.fixture
def keys(cast: Cast) -> Keys:
    """Keys that Alice made in her tenant, and Charlie in his."""

    def issued(user: User, tenant: Tenant, roles: Iterable[Role]) -> dict[str, Api]:
        actor = cast.acting(user, tenant)
        with tenant_context(tenant.id):
            return {role.value: Api(api_key_issue(actor=actor, name=role.value, role=role.value)[1]) for role in roles}

    stranger = issued(cast.charlie, cast.elsewhere, [Role.OWNER])
    return Keys(**issued(cast.alice, cast.tenant, Role), stranger=stranger[Role.OWNER])


@pytest.fixture
def endpoint(keys: Keys) -> str:
    """The slug of an endpoint in Alice's tenant."""
    made = keys.owner.post("/endpoints", slug=unique("e"), name="Weather")
    assert made.status == 201
    return str(made.body["slug"])
