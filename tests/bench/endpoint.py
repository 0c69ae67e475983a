"""Makes what the measured runtime serves: a tenant, an endpoint, its echo tools, a key.

python -m django shell --verbosity 0 --command 'from tests.bench import endpoint; endpoint.main()'
"""

import json
import os
import sys
import time
import uuid
from typing import Any

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.models import Endpoint
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ToolDraft
from tenants.access import actor_for
from tenants.authorization.gate import ACCESS_TOKEN_TYPE, CALL_SCOPE, MAXIMUM_TOKEN_SECONDS
from tenants.authorization.issuers import issuer_of
from tenants.authorization.signing import sign
from tenants.models import User
from tenants.services.tenants import tenant_create
from tests.bench.database import KNOWN_AS, UPSTREAM
from tests.entitled import entitle

OWNER, TENANT, ENDPOINT = "bench@example.com", "bench", "echo"
TEXT_ONLY = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


def main() -> None:
    """Prints one line of JSON: the endpoint's path, a key's secret, and an access token."""
    owner = User.objects.create_user(OWNER, name="Bench")
    tenant = tenant_create(owner=owner, name="Bench", slug=TENANT)
    # More requests a second than any plan but this one sells; its connections are counted all the same.
    with tenant_context(tenant.id):
        entitle(tenant.id, "unlimited", connections=500_000)
    actor = actor_for(owner, tenant.slug)
    with tenant_context(tenant.id):
        endpoint = endpoint_create(actor=actor, slug=ENDPOINT, name="Echo")
        draft = ToolDraft(name="echo", config={"function": "echo"})
        tool_create(actor=actor, endpoint_slug=endpoint.slug, source="builtin", draft=draft)
        if upstream := os.environ.get(UPSTREAM):
            tool_create(actor=actor, endpoint_slug=endpoint.slug, source="http", draft=proxied(upstream))
        _, key = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="bench")
        path = mcp_path(tenant.slug, endpoint.slug)
        token = sign(tenant.id, claims(owner, endpoint, f"{KNOWN_AS}{path}"), typ=ACCESS_TOKEN_TYPE)
    sys.stdout.write(json.dumps({"path": path, "key": key, "token": token}) + "\n")


def claims(owner: User, endpoint: Endpoint, resource: str) -> dict[str, Any]:
    """What an access token says that its owner got by logging in; it lives for as long as one may."""
    now = time.time()
    return {
        "iss": issuer_of(endpoint.tenant_id),
        "aud": resource,
        "sub": str(owner.pk),
        "client_id": "bench",
        "scope": CALL_SCOPE,
        "iat": now,
        "exp": now + MAXIMUM_TOKEN_SECONDS,
        "jti": "bench",
        "grant": str(uuid.uuid4()),
        "endpoint": str(endpoint.pk),
    }


def proxied(upstream: str) -> ToolDraft:
    """The tool `proxied`: echo as the server at the URL `upstream` does it."""
    body = {"kind": "json", "template": {"text": "{text}"}}
    config = {"method": "POST", "url": upstream, "body": body, "result": {"pointer": "/text"}}
    return ToolDraft(name="proxied", config=config, input_schema=TEXT_ONLY)
