"""The page that shows everybody how a tenant's endpoints are. Runs inside the actor's tenant context."""

from collections.abc import Sequence

from billing.models import StatusPage
from billing.uptime.choosing import uptime_watch
from mcp_runtime.models import Endpoint
from tenants.access import Actor, Permission
from tenants.validation import refused_fields

LONGEST_NAME = 80


def status_page_set(*, actor: Actor, name: str, endpoint_slugs: Sequence[str], published: bool) -> StatusPage:
    """Says what the page is called, which endpoints it shows, and whether there is one.

    Raises Refused: INVALID_INPUT for a name that is empty or too long, for an endpoint that is not there and for a
    page that would show none, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    title = name.strip()
    if not title or len(title) > LONGEST_NAME or not title.isprintable():
        raise refused_fields({"name": f"Use 1 to {LONGEST_NAME} characters that can be seen."})
    shown = dict(Endpoint.objects.filter(slug__in=endpoint_slugs).values_list("slug", "pk"))
    if unknown := sorted(set(endpoint_slugs) - shown.keys()):
        raise refused_fields({"endpoints": f"There is no endpoint {unknown[0]}."})
    if published and not shown:
        raise refused_fields({"endpoints": "Choose at least one to show."})
    fields = {"name": title, "shown": sorted(str(pk) for pk in shown.values()), "published": published}
    page, _ = StatusPage.objects.update_or_create(tenant=actor.tenant, defaults=fields)
    if published:
        uptime_watch(actor.tenant.pk)
    return page
