"""Where an endpoint is reached."""

from django.conf import settings


def mcp_path(tenant_slug: str, endpoint_slug: str) -> str:
    """The path of an MCP endpoint at the runtime's origin."""
    return f"/t/{tenant_slug}/{endpoint_slug}/mcp"


def mcp_url(tenant_slug: str, endpoint_slug: str) -> str:
    """The URL that people paste into MCP clients."""
    return f"{settings.RUNTIME_URL}{mcp_path(tenant_slug, endpoint_slug)}"


def preview_url(tenant_slug: str, endpoint_slug: str) -> str:
    """Where the latest version is served while an earlier one is held."""
    return f"{settings.RUNTIME_URL}/t/{tenant_slug}/{endpoint_slug}/preview/mcp"


def upstream_url(tenant_slug: str, endpoint_slug: str, upstream_slug: str) -> str:
    """The console's page of an upstream, on which a person connects it again."""
    return f"{settings.CONSOLE_URL}/t/{tenant_slug}/endpoints/{endpoint_slug}/sources/{upstream_slug}"
