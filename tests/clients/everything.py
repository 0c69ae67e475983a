"""An endpoint with everything that a server can offer, and what its owner does while clients are connected."""

import uuid
from dataclasses import dataclass

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.models import Endpoint, Resource
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.conformance import conformance_endpoint
from mcp_runtime.services.content import resource_update
from mcp_runtime.services.endpoints import endpoint_update
from mcp_runtime.services.publish import publish
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ResourceDraft, ToolDraft
from tenants.models import Tenant, User
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, make_user, unique
from tests.entitled import entitle
from tests.mcp_runtime.driving import in_console

INSTRUCTIONS = "Call what you like."
WATCHED = "test://watched-resource"
PAGES = 600  # more than one page of a list holds


@dataclass(frozen=True)
class Everything:
    """Where the endpoint is; `key` is empty where none is needed."""

    url: str
    key: str
    tenant: Tenant
    alice: User

    @property
    def headers(self) -> dict[str, str]:
        """What a client sends with each request."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    async def change_watched(self) -> None:
        """Alice changes the resource that clients watch."""

        def change() -> None:
            with tenant_context(self.tenant.id):
                actor = Cast.acting_inside(self.alice, self.tenant)
                draft = ResourceDraft(uri=WATCHED, name="Watched resource", config={"text": unique("text")})
                watched = Resource.objects.get(uri=WATCHED)
                resource_update(actor=actor, endpoint_slug="conformance", resource_id=watched.pk, draft=draft)

        await in_console(change)


def make_everything(origin: str, access: str) -> Everything:
    """The endpoint, open to anyone or for those with a key."""
    alice = make_user("alice")
    tenant = tenant_create(owner=alice, name="Acme", slug=unique("acme"))
    with tenant_context(tenant.id):
        entitle(tenant.id, "unlimited")
        actor = Cast.acting_inside(alice, tenant)
        slug = conformance_endpoint(actor=actor).slug
        for name in ("echo", "calculate"):
            draft = ToolDraft(name=name, config={"function": name})
            tool_create(actor=actor, endpoint_slug=slug, source="builtin", draft=draft)
        endpoint = endpoint_update(
            actor=actor,
            endpoint_slug=slug,
            name="Everything",
            instructions=INSTRUCTIONS,
            access=access,
            allowed_origins=[],
        )
        _add_pages(tenant, endpoint)
        key = access_key_issue(actor=actor, endpoint_slug=slug, name="tour")[1] if access == "key" else ""
    return Everything(origin + mcp_path(tenant.slug, slug), key, tenant, alice)


def _add_pages(tenant: Tenant, endpoint: Endpoint) -> None:
    """Many resources, published at once."""
    Resource.objects.bulk_create(
        Resource(
            id=uuid.uuid4(),
            tenant=tenant,
            endpoint=endpoint,
            uri=f"page://{number:04}",
            name=f"Page {number}",
            description="One of many.",
            source="static",
            config={"text": str(number)},
        )
        for number in range(PAGES)
    )
    publish(endpoint)
