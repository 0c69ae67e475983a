"""An author who waits to be told: makes tenants, changes tools and limits through the services the console uses.

python -m django shell --verbosity 0 --command 'from tests.bench import authoring; authoring.main()'

A line of JSON in (`{"do": "change" | "limit" | "tenants", …}`), a line out, with `at`: when it had committed, in
seconds of the machine's monotonic clock.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.models import Tool
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create, tool_update
from mcp_runtime.sources.contract import ToolDraft
from tenants.access import Actor, actor_for
from tenants.models import User
from tenants.services.tenants import tenant_create
from tests.bench.endpoint import ENDPOINT, OWNER, TENANT
from tests.entitled import entitle


def change(description: str) -> dict[str, Any]:
    """Describes the echo tool anew: whoever listens to the list of tools is told."""
    actor = _actor(TENANT)
    with tenant_context(actor.tenant.id):
        tool = Tool.objects.get(name="echo")
        draft = ToolDraft(name="echo", description=description, config={"function": "echo"})
        tool_update(actor=actor, endpoint_slug=ENDPOINT, tool_id=tool.pk, draft=draft)
    return {}


def limit(connections: int) -> dict[str, Any]:
    """Sets how many connections the tenant may have open."""
    tenant = _actor(TENANT).tenant
    with tenant_context(tenant.id):
        entitle(tenant.id, connections=connections)
    return {}


def tenants(first: int, count: int, tools: int) -> dict[str, Any]:
    """Makes tenants with an endpoint of so many tools each; what opens them."""
    owner = User.objects.get(email=OWNER)
    made = []
    for number in range(first, first + count):
        tenant = tenant_create(owner=owner, name=f"Bench {number}", slug=f"bench-{number}")
        with tenant_context(tenant.id):
            entitle(tenant.id, "unlimited", connections=1_000)
        actor = actor_for(owner, tenant.slug)
        with tenant_context(tenant.id):
            slug = endpoint_create(actor=actor, slug=ENDPOINT, name="Echo").slug
            for tool in range(tools):
                draft = ToolDraft(name=f"echo{tool or ''}", config={"function": "echo"})
                tool_create(actor=actor, endpoint_slug=slug, source="builtin", draft=draft)
            _, key = access_key_issue(actor=actor, endpoint_slug=slug, name="bench")
        made.append({"path": mcp_path(tenant.slug, slug), "key": key})
    return {"made": made}


def _actor(tenant: str) -> Actor:
    return actor_for(User.objects.get(email=OWNER), tenant)


WISHES: dict[str, Callable[..., dict[str, Any]]] = {"change": change, "limit": limit, "tenants": tenants}


def main() -> None:
    """Obeys the lines of the standard input until it ends."""
    for line in sys.stdin:
        wish = json.loads(line)
        answer = WISHES[wish.pop("do")](**wish)
        sys.stdout.write(json.dumps(answer | {"at": time.monotonic()}) + "\n")
        sys.stdout.flush()
