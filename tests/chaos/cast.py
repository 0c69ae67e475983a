"""Makes what the probe calls: tenants with the same tools, so that a mix-up would show, and tools with an upstream.

armstrong manage shell --no-imports -c 'from tests.chaos import cast; cast.main()'
"""

import json
import os
import sys

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.models import Tool
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.conformance import conformance_endpoint
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create, tool_update
from mcp_runtime.sources.contract import ToolDraft
from tenants.access import actor_for
from tenants.models import User
from tenants.services.tenants import tenant_create
from tests.chaos.calls import tool_names
from tests.chaos.upstream import BEHAVIOURS, VARIABLE
from tests.entitled import entitle

EMAIL = "chaos@example.com"
ENDPOINT = "echo"
TENANTS = ("chaos-a", "chaos-b", "chaos-c")
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


def main() -> None:
    """Prints one line of JSON: for each tenant its id, slug, path and key (the fields of calls.Account)."""
    owner = User.objects.create_user(EMAIL, name="Chaos")
    made = [_tenant(owner, slug) for slug in TENANTS]
    sys.stdout.write(json.dumps(made) + "\n")


def _tenant(owner: User, slug: str) -> dict[str, str]:
    tenant = tenant_create(owner=owner, name=slug, slug=slug)
    with tenant_context(tenant.id):
        # Requests enough for the probe, while its connections are counted all the same.
        entitle(tenant.id, "enterprise")
    actor = actor_for(owner, slug)
    with tenant_context(tenant.id):
        endpoint_create(actor=actor, slug=ENDPOINT, name="Echo")
        for name in tool_names():
            draft = ToolDraft(name=name, config={"function": "echo"})
            tool_create(actor=actor, endpoint_slug=ENDPOINT, source="builtin", draft=draft)
        if upstream := os.environ.get(VARIABLE):
            for name in BEHAVIOURS:
                draft = ToolDraft(name=name, config=_calling(upstream, name), input_schema=NOTHING)
                tool_create(actor=actor, endpoint_slug=ENDPOINT, source="http", draft=draft)
        conformance_endpoint(actor=actor)
        _, key = access_key_issue(actor=actor, endpoint_slug=ENDPOINT, name="chaos")
    return {"tenant_id": str(tenant.id), "tenant": slug, "path": mcp_path(slug, ENDPOINT), "key": key}


def _calling(upstream: str, name: str) -> dict[str, object]:
    return {"method": "GET", "url": f"{upstream}/{name}", "timeout": 2}


def change(slug: str, description: str) -> None:
    """Changes a tool of a tenant, so that all who listen hear that the list has changed."""
    actor = actor_for(User.objects.get(email=EMAIL), slug)
    name = tool_names()[-1]
    draft = ToolDraft(name=name, description=description, config={"function": "echo"})
    with tenant_context(actor.tenant.id):
        tool = Tool.objects.get(endpoint__slug=ENDPOINT, name=name)
        tool_update(actor=actor, endpoint_slug=ENDPOINT, tool_id=tool.pk, draft=draft)
