"""Clients that somebody who manages the tenant registered."""

from typing import Any

from mcp_runtime.models import Endpoint
from tenants.authorization.registering import ClientFields, client_register
from tests.conftest import Cast
from tests.console.oauth.flows import Flow


def registered(cast: Cast, endpoint: Endpoint, *grant_types: str, stranger: bool = False, **changed: Any) -> Flow:
    """A client with a secret, of the cast's tenant or of the stranger's."""
    said: dict[str, Any] = {"name": "Service", "auth_method": "client_secret_post", "redirect_uris": []} | changed
    tenant, owner = (cast.elsewhere, cast.charlie) if stranger else (cast.tenant, cast.alice)
    flow = Flow(tenant, endpoint)
    with flow.inside():
        actor = Cast.acting_inside(owner, tenant)
        fields = ClientFields(grant_types=list(grant_types), **said)
        client, flow.secret = client_register(actor=actor, fields=fields)
    flow.client_id = client.client_id
    return flow
