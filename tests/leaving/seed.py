"""Run inside a platform's own Django: makes the people who will be put out, and reads what they stored.

Loaded by path (`armstrong manage shell`), so that it imports nothing of the tests.
"""

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress

from billing.entitlements import entitlement_grant
from billing.plans.models import Standing
from billing.plans.selling import plan_on_sale
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.sources.upstream import UpstreamDraft
from tenants.access import Actor, actor_for
from tenants.models import Connection, Membership, Role, Tenant, User
from tenants.scim.connections import scim_connection_create, scim_token_issue
from tenants.services.api_keys import api_key_issue
from tenants.vault.keyrings import keyring_for_opening
from tenants.vault.token_sets import tokens_of

SLUG = "leaving"


def seeded(tenant: str, owner: str, password: str, people: list[str], upstream: str) -> dict[str, Any]:
    """An endpoint with a slow tool and an upstream that wants logins, whoever provisions, and `people` with keys."""
    actor = actor_for(User.objects.get(email=owner), tenant)
    with tenant_context(actor.tenant.id):
        endpoint_create(actor=actor, slug=SLUG, name="Leaving")
        tool_create(actor=actor, endpoint_slug=SLUG, source="conformance", draft=ToolDraft(name="slow_compute"))
        fields = UpstreamFields("Files", draft=UpstreamDraft(config={"url": upstream}))
        made = upstream_create(actor=actor, endpoint_slug=SLUG, slug="files", kind="mcp", fields=fields)
        plan = plan_on_sale("enterprise")
        entitlement_grant(tenant_id=actor.tenant.id, plan=plan, standing=Standing.ACTIVE)
        scim = scim_connection_create(actor=actor, name="Directory")
        _, scim_token = scim_token_issue(actor=actor, connection_id=scim.pk)
        _, admin_key = api_key_issue(actor=actor, name="The owner's", role=Role.ADMIN)
    return {
        "tenant_id": str(actor.tenant.id),
        "mcp_url": mcp_url(tenant, SLUG),
        "upstream_id": str(made.pk),
        "scim_id": str(scim.pk),
        "scim_token": scim_token,
        "admin_key": admin_key,
        "people": {name: _person(actor.tenant, name, password) for name in people},
    }


def _person(tenant: Tenant, name: str, password: str) -> dict[str, str]:
    user = User.objects.create_user(f"{name}@leavers.example", password, name=name.capitalize())
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    with tenant_context(tenant.id):
        Membership.objects.create(tenant=tenant, user=user, role=Role.ADMIN)
        actor = Actor(tenant=tenant, role=Role.ADMIN, user=user)
        _, api_key = api_key_issue(actor=actor, name="deploys", role=Role.VIEWER)
        _, access_key = access_key_issue(actor=actor, endpoint_slug=SLUG, name=f"agent of {name}")
    return {"id": str(user.pk), "email": user.email, "api_key": api_key, "access_key": access_key}


def upstream_tokens(tenant_id: str) -> dict[str, str]:
    """The access tokens that are stored for people, by whose they are."""
    with tenant_context(UUID(tenant_id)):
        keyring = keyring_for_opening(UUID(tenant_id))
        rows = Connection.objects.exclude(user=None).select_related("client")
        return {str(row.user_id): tokens_of(keyring, row).access_token for row in rows}
