"""A client that registered itself at the authorization server of the cast's tenant."""

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.models import Role
from tenants.services.api_keys import api_key_issue
from tests.conftest import Cast
from tests.console.conftest import MakesEndpoint, signed_in
from tests.console.oauth.flows import Flow


@pytest.fixture
def flow(cast: Cast, endpoint: Endpoint) -> Flow:
    """A public client."""
    made = Flow(cast.tenant, endpoint)
    assert made.register().status_code == 201
    return made


@pytest.fixture
def confidential(cast: Cast, endpoint: Endpoint) -> Flow:
    """A client with a secret."""
    made = Flow(cast.tenant, endpoint)
    assert made.register(token_endpoint_auth_method="client_secret_post").status_code == 201
    return made


@pytest.fixture
def elsewhere(cast: Cast, make_endpoint: MakesEndpoint) -> Flow:
    """Another client of the same tenant, at another endpoint."""
    made = Flow(cast.tenant, make_endpoint("Elsewhere"))
    assert made.register().status_code == 201
    return made


@pytest.fixture
def person(cast: Cast) -> Client:
    """Bob's browser: a developer."""
    return signed_in(cast.bob)


@pytest.fixture
def rest(cast: Cast) -> Client:
    """A program with an admin's key to the REST API."""
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        _key, secret = api_key_issue(actor=actor, name="rest", role=Role.ADMIN)
    return Client(headers={"Authorization": f"Bearer {secret}"})
