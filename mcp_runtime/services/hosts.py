"""Hosts: which endpoint is at a tenant's own host, and host names that a tenant brings along for one endpoint.

Each service runs inside the actor's tenant context, except where it says that it opens its own.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.withdrawing import host_withdraw, hosts_announce, hosts_publish
from tenants.access import Actor, Permission
from tenants.domain_proof import Proof, look_noted, name_taken, new_token
from tenants.hosts.names import claimable
from tenants.models import EndpointHost, HostHolder, Tenant
from tenants.validation import cleaned

PREFIX = "armstrong-host-verification="
MAXIMUM_HOSTS = 50
LOOK_EVERY = timedelta(days=1)


def proof_of(host: EndpointHost) -> Proof:
    """The TXT record that proves a host."""
    return Proof(host.name, f"{PREFIX}{host.token}")


def default_set(*, actor: Actor, endpoint_slug: str) -> Endpoint:
    """Has an endpoint be the one at the tenant's host itself. Raises Refused: NOT_FOUND, PERMISSION_DENIED."""
    actor.require(Permission.MANAGE_TENANT)
    # Held against a second choice, so that there are never two.
    Tenant.objects.select_for_update(no_key=True).get()
    endpoint = endpoint_for(endpoint_slug)
    Endpoint.objects.filter(is_default=True).exclude(pk=endpoint.pk).update(is_default=False)
    Endpoint.objects.filter(pk=endpoint.pk).update(is_default=True)
    hosts_announce(actor.tenant.id)
    endpoint.is_default = True
    return endpoint


def host_claim(*, actor: Actor, name: str, endpoint_slug: str) -> EndpointHost:
    """Claims a host for an endpoint, which counts for nothing until it is verified.

    Raises Refused: INVALID_INPUT, CONFLICT for one that is claimed here already, LIMIT_REACHED, NOT_FOUND,
    PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    normal = claimable(name)
    # Held against the endpoint's deletion, which takes its hosts along.
    endpoint = endpoint_for(endpoint_slug, lock=True)
    if EndpointHost.objects.count() >= MAXIMUM_HOSTS:
        raise Refused(refusals.LIMIT_REACHED, f"There are at most {MAXIMUM_HOSTS} hosts.")
    host = cleaned(EndpointHost(tenant=actor.tenant, endpoint=endpoint.pk, name=normal, token=new_token()))
    host.save(force_insert=True)
    return host


def host_verify(*, actor: Actor, host_id: UUID) -> EndpointHost:
    """Looks for the host's TXT record. Opens contexts of its own, and asks DNS between them.

    Raises Refused: CONFLICT where the record is missing, or another tenant has verified the host;
    TEMPORARILY_UNAVAILABLE where DNS does not answer; NOT_FOUND, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    with tenant_context(actor.tenant.id):
        host = host_for(host_id)
    refused = proof_of(host).missing()
    with tenant_context(actor.tenant.id):
        host = host_for(host_id, lock=True)
        refused = refused or _take(host)
        look_noted(host, refused, timezone.now())
        host.save()
    if refused is not None:
        raise refused
    return host


def host_release(*, actor: Actor, host_id: UUID) -> None:
    """Gives a host up: nothing answers there within a second, and what clients got there is good no more.

    Raises Refused: NOT_FOUND, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    host = host_for(host_id, lock=True)
    host_withdraw(host)
    host.delete()


def host_for(host_id: UUID, *, lock: bool = False) -> EndpointHost:
    """A host of the tenant in context; raises Refused(NOT_FOUND)."""
    rows = EndpointHost.objects.select_for_update() if lock else EndpointHost.objects
    found = rows.filter(pk=host_id).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def next_look(now: datetime) -> datetime:
    """When a record that was found is looked for again."""
    return now + LOOK_EVERY


def _take(host: EndpointHost) -> Refused | None:
    """Makes a proven host this tenant's, unless another's is quicker."""
    now = timezone.now()
    fields = {"endpoint_id": host.endpoint, "look_at": next_look(now)}
    if refused := name_taken(HostHolder.objects, host.name, host.tenant_id, **fields):
        return refused
    host.verified_at = host.verified_at or now
    host.missing_since = host.withdrawn_at = None
    host.save()
    hosts_publish(host.tenant_id)
    return None
