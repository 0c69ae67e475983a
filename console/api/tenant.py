"""The tenant that the key belongs to."""

from uuid import UUID

from ninja import Router, Schema
from pydantic import Field

from billing.entitlements import entitlement_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from console.client_addresses import client_address
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.access import Permission
from tenants.models import Tenant
from tenants.services import tenants
from tenants.services.networks import MAXIMUM_NETWORKS, networks_set

router = Router(tags=["Tenant"])


class TenantOut(Schema):
    """A tenant."""

    id: UUID
    slug: str = Field(description="The tenant's part of every endpoint's URL.")
    name: str
    created_at: Moment
    delete_after: Moment | None = Field(description="When the tenant will be deleted, unless it is restored before.")


class TenantPatch(Body):
    """What to change; what is left out stays."""

    name: str = Field(default_factory=str, description="1 to 80 characters.")
    slug: str = Field(default_factory=str, description="Addresses with the former slug go on working.")


class NetworksOut(Schema):
    """Networks (CIDR) from which a tenant may be reached; an empty list is everywhere."""

    endpoints: list[str]
    console: list[str] = Field(description="From where the console and this API may be used.")


class NetworksIn(Body):
    """Both lists, in place of those that are."""

    endpoints: list[str] = Field(max_length=MAXIMUM_NETWORKS)
    console: list[str] = Field(max_length=MAXIMUM_NETWORKS)


class Transfer(Body):
    """To whom the tenant goes."""

    user_id: UUID = Field(description="Another member of the tenant.")


class PlanOut(Schema):
    """A tier, and how much of it is used. A limit of null means unlimited."""

    name: str
    title: str
    connections: int | None = Field(description="HTTP exchanges with your endpoints open at one moment.")
    endpoints: int | None
    tools_per_endpoint: int
    support: str
    endpoints_used: int


@router.get("/tenant", response=answers(200, TenantOut), summary="Show the tenant")
def tenant_show(request: ApiRequest) -> Tenant:
    return request.auth.tenant


@router.patch("/tenant", response=written(200, TenantOut), summary="Rename the tenant")
def tenant_change(request: ApiRequest, payload: TenantPatch) -> Tenant:
    actor, given = request.auth, payload.model_dump(exclude_unset=True)
    with tenant_context(actor.tenant.id):
        return tenants.tenant_rename(
            actor=actor, name=given.get("name", actor.tenant.name), slug=given.get("slug", actor.tenant.slug)
        )


@router.get("/tenant/networks", response=answers(200, NetworksOut), summary="From where it may be reached")
def networks_show(request: ApiRequest) -> dict[str, list[str]]:
    request.auth.require(Permission.MANAGE_TENANT)
    return _networks(request.auth.tenant)


@router.put("/tenant/networks", response=written(200, NetworksOut), summary="Set from where it may be reached")
def networks_change(request: ApiRequest, payload: NetworksIn) -> dict[str, list[str]]:
    """Refused where the console's list would shut out the address that this request comes from."""
    with tenant_context(request.auth.tenant.id):
        return _networks(networks_set(actor=request.auth, **payload.model_dump(), address=client_address(request)))


def _networks(tenant: Tenant) -> dict[str, list[str]]:
    return {"endpoints": tenant.endpoint_networks, "console": tenant.console_networks}


@router.post("/tenant/transfer", response=written(200, TenantOut), summary="Hand the tenant to another member")
def tenant_transfer(request: ApiRequest, payload: Transfer) -> Tenant:
    """The former owner stays as an admin. Keys with the owner's role end, this one too."""
    actor = request.auth
    with tenant_context(actor.tenant.id):
        tenants.tenant_transfer(actor=actor, to_user_id=payload.user_id)
    return actor.tenant


@router.post("/tenant/delete", response=answers(200, TenantOut), summary="Delete the tenant after a grace period")
def tenant_delete(request: ApiRequest) -> Tenant:
    """Endpoints stop at once. Until `delete_after`, the owner can restore the tenant."""
    actor = request.auth
    with tenant_context(actor.tenant.id):
        return tenants.tenant_delete(actor=actor)


@router.post("/tenant/restore", response=answers(200, TenantOut, 404), summary="Take a deletion back")
def tenant_restore(request: ApiRequest) -> Tenant:
    actor = request.auth
    with tenant_context(actor.tenant.id):
        return tenants.tenant_restore(actor=actor)


@router.get("/plan", response=answers(200, PlanOut), summary="Show the plan and its limits")
def plan_show(request: ApiRequest) -> PlanOut:
    with tenant_context(request.auth.tenant.id):
        held = entitlement_of(request.auth.tenant.id)
        used = Endpoint.objects.count()
    return PlanOut(
        name=held.plan.name,
        title=held.title,
        connections=held.connections,
        endpoints=held.endpoints,
        tools_per_endpoint=held.tools_per_endpoint,
        support=held.support,
        endpoints_used=used,
    )
