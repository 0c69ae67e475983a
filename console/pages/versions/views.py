"""Versions of what an endpoint offers: which is served, what changed, and going back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from console.access import MemberRequest, member
from console.pages.endpoints.views import about
from console.rendering import page, rows_of
from mcp_runtime.addresses import preview_url
from mcp_runtime.models import EndpointVersion
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.holding import difference, version_hold, version_of, version_release, versions_of
from tenants.access import Permission


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Every remembered version, the latest first."""
    found = endpoint_for(endpoint)
    versions = versions_of(found)
    context = about(request, found, here="versions") | {
        "rows": rows_of(request, versions),
        "latest": versions.values_list("version", flat=True).first(),
        "preview_url": preview_url(request.actor.tenant.slug, endpoint),
    }
    return page(request, "versions/index.html", context)


@require_safe
@member(Permission.VIEW)
def detail(request: MemberRequest, endpoint: str, version: int) -> HttpResponse:
    """What a version changed, and how it differs from what is offered now."""
    found = endpoint_for(endpoint)
    shown, versions = version_of(found, version), list(versions_of(found))
    earlier = next((other for other in versions if other.version < version), None)
    context = about(request, found, here="versions") | {
        "version": shown,
        "latest": versions[0].version,
        "since": [
            ("From the version before", earlier, _difference(earlier, shown)),
            ("From it to the latest", versions[0], _difference(shown, versions[0])),
        ],
    }
    return page(request, "versions/detail.html", context)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def hold(request: MemberRequest, endpoint: str, version: int) -> HttpResponse:
    """Serves one version from now on."""
    version_hold(actor=request.actor, endpoint_slug=endpoint, version=version)
    messages.success(request, f"Version {version} is served. What you change now is served at the preview's address.")
    return redirect("version_list", request.actor.tenant.slug, endpoint)


@require_POST
@member(Permission.EDIT_ENDPOINTS)
def release(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Serves the latest again."""
    version_release(actor=request.actor, endpoint_slug=endpoint)
    messages.success(request, "The latest version is served, and every change from now on.")
    return redirect("version_list", request.actor.tenant.slug, endpoint)


def _difference(before: EndpointVersion | None, after: EndpointVersion) -> list[tuple[str, list[str]]]:
    """Lines such as ("Tools added", [names]), those that say something."""
    if before is None or before.version == after.version:
        return []
    lines = []
    for kind, found in difference(before, version_of(after.endpoint, after.version)).items():
        for word in ("added", "changed", "removed"):
            names = getattr(found, word)
            if names:
                lines.append((f"{kind.capitalize()} {word}", names))
    return lines
