"""MCP servers taken in as upstreams of an endpoint, as its owner does."""

from typing import Any

from core.tenancy import tenant_context
from mcp_runtime.models import ImportRun
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import import_start
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from tests.mcp_runtime.conftest import Stage


def imported(
    stage: Stage, config: dict[str, Any], secrets: dict[str, str] | None = None, *, slug: str = "sdk"
) -> ImportRun:
    """Adds a server, imports all that it offers, and approves what is clean; outside any tenant's context."""
    fields = UpstreamFields("SDK", draft=UpstreamDraft(config=config, secrets=secrets or {}))
    with tenant_context(stage.tenant.id):
        named: Any = {"actor": stage.actor, "endpoint_slug": stage.endpoint.slug}
        upstream_create(**named, slug=slug, kind="mcp", fields=fields)
        run = import_start(**named, upstream_slug=slug, approves_clean=True)
    import_perform(run.tenant_id, run.pk)
    with tenant_context(stage.tenant.id):
        return ImportRun.objects.get(pk=run.pk)
