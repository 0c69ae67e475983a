"""Versions of what an endpoint offers: listed, compared, held and let go."""

from typing import Any

from ninja import Router, Schema, Status
from pydantic import Field, StrictInt

from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.addresses import preview_url
from mcp_runtime.models import Endpoint
from mcp_runtime.services import holding
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission

router = Router(tags=["Versions"])
PATH = "/endpoints/{slug:endpoint}/versions"


class VersionOut(Schema):
    """What an endpoint offered from a moment on."""

    version: int
    created_at: Moment


class Versions(Schema):
    """The remembered versions, the latest first."""

    held_version: int | None = Field(description="The one that is served; null: the latest.")
    preview_url: str | None = Field(description="Where the latest is served while another is held.")
    items: list[VersionOut]


class DifferenceOut(Schema):
    """What changed, by name; resources by URI."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class Comparison(Schema):
    """What changed from one version to another."""

    tools: DifferenceOut
    prompts: DifferenceOut
    resources: DifferenceOut
    texts: DifferenceOut


class HoldIn(Body):
    """Which version to serve."""

    version: StrictInt


@router.get(PATH, response=answers(200, Versions, 404), summary="List the versions of an endpoint")
def version_list(request: ApiRequest, endpoint: str) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return _versions(request, endpoint_for(endpoint))


@router.get(PATH + "/{int:before}/{int:after}", response=answers(200, Comparison, 404), summary="Compare two versions")
def version_compare(request: ApiRequest, endpoint: str, before: int, after: int) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        found = endpoint_for(endpoint)
        return holding.difference(holding.version_of(found, before), holding.version_of(found, after))


@router.put(PATH + "/held", response=written(200, Versions, 404), summary="Serve one version")
def version_hold(request: ApiRequest, endpoint: str, payload: HoldIn) -> dict[str, Any]:
    """Clients get it within a second. What is changed meanwhile is served at the preview's URL."""
    with tenant_context(request.auth.tenant.id):
        held = holding.version_hold(actor=request.auth, endpoint_slug=endpoint, version=payload.version)
        return _versions(request, held)


@router.delete(PATH + "/held", response=answers(204, None, 404, 409), summary="Serve the latest again")
def version_release(request: ApiRequest, endpoint: str) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        holding.version_release(actor=request.auth, endpoint_slug=endpoint)
    return Status(204, None)


def _versions(request: ApiRequest, endpoint: Endpoint) -> dict[str, Any]:
    preview = preview_url(request.auth.tenant.slug, endpoint.slug) if endpoint.held_version is not None else None
    return {
        "held_version": endpoint.held_version,
        "preview_url": preview,
        "items": list(holding.versions_of(endpoint)),
    }
