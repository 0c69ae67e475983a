"""From which networks a tenant's endpoints, and its console and REST API, may be reached. In the tenant's context."""

from core import refusals
from core.networks import Networks, network_of
from core.refusals import Refused
from tenants.access import Actor, Permission
from tenants.authorization.publishing import gate_publish
from tenants.models import Tenant
from tenants.validation import refused_fields

MAXIMUM_NETWORKS = 100


def networks_set(*, actor: Actor, endpoints: list[str], console: list[str], address: str) -> Tenant:
    """Replaces both lists; an empty one lets in every address. `address` is where the actor is.

    Raises Refused(INVALID_INPUT) for what is no network, and for a console's list that would shut its author out.
    """
    actor.require(Permission.MANAGE_TENANT)
    wanted = {"endpoints": _checked("endpoints", endpoints), "console": _checked("console", console)}
    if wanted["console"] and not Networks.of(wanted["console"]).admit(address):
        shown = address or "which nobody can tell"
        raise refused_fields({"console": f"You would lock yourself out: your own address is {shown}. Add it."})
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)
    tenant.endpoint_networks, tenant.console_networks = wanted["endpoints"], wanted["console"]
    tenant.save(update_fields=["endpoint_networks", "console_networks"])
    gate_publish(tenant.pk)
    return tenant


def require_console_address(tenant: Tenant, address: str) -> None:
    """Raises Refused(ADDRESS_NOT_ALLOWED) unless the tenant's console may be reached from an address."""
    if tenant.console_networks and not Networks.of(tenant.console_networks).admit(address):
        raise Refused(refusals.ADDRESS_NOT_ALLOWED, f"Your address is {address or 'not known'}.")


def require_endpoints_address(tenant: Tenant, address: str) -> None:
    """Raises Refused(ADDRESS_NOT_ALLOWED) unless the tenant's endpoints may be called from an address."""
    if tenant.endpoint_networks and not Networks.of(tenant.endpoint_networks).admit(address):
        raise Refused(refusals.ADDRESS_NOT_ALLOWED, f"Your address is {address or 'not known'}.")


def _checked(name: str, texts: list[str]) -> list[str]:
    if len(texts) > MAXIMUM_NETWORKS:
        raise refused_fields({name: f"Write at most {MAXIMUM_NETWORKS} networks."})
    try:
        return list(dict.fromkeys(str(network_of(text)) for text in texts))
    except ValueError as error:
        raise refused_fields({name: ascii(str(error))[1:-1][:200]}) from None
