"""The upstreams of an endpoint, and the kinds of upstream there are."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, HealthState, Upstream
from mcp_runtime.services import upstreams
from mcp_runtime.services.endpoints import changing, endpoint_for
from mcp_runtime.services.upstreams import UpstreamFields
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import UpstreamDraft
from mcp_runtime.upstream_selectors import upstream_shown, upstreams_of
from tenants.access import Permission
from tenants.vault.selectors import secrets_of

router = Router(tags=["Upstreams"])
PATH = "/endpoints/{slug:endpoint}/upstreams"
ONE = PATH + "/{slug:upstream}"
FILE = {
    "requestBody": {
        "required": True,
        "description": "The file as it is, at most 16 MiB.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class KindOut(Schema):
    """A kind of upstream."""

    kind: str
    title: str


class Kinds(Schema):
    """The kinds of upstream there are."""

    items: list[KindOut]


class SecretOut(Schema):
    """That a secret is stored; its value is never shown."""

    name: str
    destination: str = Field(description="Where it may be sent.")
    is_used: bool = Field(description="Whether the upstream is there now; if not, enter the secret again.")
    updated_at: Moment


class UpstreamOut(Schema):
    """Something outside that an endpoint offers tools of."""

    id: UUID
    slug: str
    name: str
    kind: str
    config: dict[str, Any]
    prefix: str = Field(description="Put before the names of its tools and prompts.")
    enabled: bool
    speaks: str = Field(description="What the last import found there, such as OpenAPI 3.1.")
    instructions: str = Field(description="What it says about itself to models.")
    health: HealthState
    health_reason: str
    health_since: Moment
    quarantined_at: Moment | None = Field(description="Since when it is out of service because it kept failing.")
    discovered_at: Moment | None = Field(description="When the last import succeeded.")
    material_bytes: int = Field(description="How large the document or file is that was uploaded.")
    secrets: list[SecretOut]
    definition_count: int
    waiting_count: int = Field(description="How many definitions wait for somebody's decision.")
    tool_count: int = Field(description="How many of its tools clients can call.")
    created_at: Moment
    updated_at: Moment


class UpstreamIn(Body):
    """A new upstream."""

    slug: str = Field(description="1 to 24 small letters, digits and underscores, a letter first. It stays.")
    kind: str = Field(description="GET /upstream-kinds lists them.")
    name: str = Field(description="1 to 80 characters.")
    prefix: str | None = Field(default=None, description="At most 32 characters; null: the slug and an underscore.")
    config: dict[str, Any] = Field(
        default={}, description="What its kind needs; docs/api.md says where it is described."
    )
    secrets: dict[str, str] = Field(default={}, description="Values that are stored sealed and never shown again.")
    material: str | None = Field(
        default=None, description="A document or a schema as a text; what is larger than 512 KiB, or no text, is PUT."
    )


class UpstreamPatch(Body):
    """What to change; what is left out stays. `config` is replaced whole; a secret set to an empty text is removed."""

    name: str = Field(default_factory=str)
    prefix: str = Field(default_factory=str)
    config: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    material: str | None = None
    enabled: StrictBool = Field(default_factory=bool)


class Upstreams(Page[UpstreamOut]):
    """Upstreams, the earliest first."""


@router.get("/upstream-kinds", response=answers(200, Kinds), summary="List the kinds of upstream")
def upstream_kind_list(request: ApiRequest) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    return {"items": [UPSTREAM_SOURCES[kind] for kind in sorted(UPSTREAM_SOURCES)]}


@router.get(PATH, response=answers(200, Upstreams, 404, 422), summary="List the upstreams of an endpoint")
def upstream_list(request: ApiRequest, endpoint: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        page = page_of(upstreams_of(endpoint_for(endpoint)), paging)
        return page | {"items": [_shown(upstream) for upstream in page["items"]]}


@router.post(PATH, response=written(201, UpstreamOut, 404), summary="Add an upstream")
def upstream_create(request: ApiRequest, endpoint: str, payload: UpstreamIn) -> Status[dict[str, Any]]:
    """Nothing of it is served until it is imported and approved."""
    draft = UpstreamDraft(payload.config, payload.secrets, _material(payload))
    with tenant_context(request.auth.tenant.id):
        made = upstreams.upstream_create(
            actor=request.auth,
            endpoint_slug=endpoint,
            slug=payload.slug,
            kind=payload.kind,
            fields=UpstreamFields(payload.name, payload.prefix, draft),
        )
        return Status(201, _found(endpoint_for(endpoint), made.slug))


@router.get(ONE, response=answers(200, UpstreamOut, 404), summary="Show an upstream")
def upstream_show(request: ApiRequest, endpoint: str, upstream: str) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return _found(endpoint_for(endpoint), upstream)


@router.patch(ONE, response=written(200, UpstreamOut, 404), summary="Change, or switch, an upstream")
def upstream_change(request: ApiRequest, endpoint: str, upstream: str, payload: UpstreamPatch) -> dict[str, Any]:
    """Its slug and kind stay. Secrets do not go along to another destination."""
    given = payload.model_dump(exclude_unset=True)
    with tenant_context(request.auth.tenant.id):
        with changing(actor=request.auth, endpoint_slug=endpoint) as held:
            current = upstreams.upstream_for(held, upstream, lock=True)
            if given.keys() - {"enabled"}:
                fields = UpstreamFields(
                    given.get("name", current.name),
                    given.get("prefix", current.prefix),
                    UpstreamDraft(given.get("config", current.config), given.get("secrets", {}), _material(payload)),
                )
                upstreams.upstream_update(actor=request.auth, endpoint_slug=endpoint, slug=upstream, fields=fields)
            if "enabled" in given:
                upstreams.upstream_switch(
                    actor=request.auth, endpoint_slug=endpoint, slug=upstream, enabled=given["enabled"]
                )
        return _found(endpoint_for(endpoint), upstream)


@router.put(
    ONE + "/material", response=written(200, UpstreamOut, 404), summary="Upload a document or file", openapi_extra=FILE
)
def upstream_upload(request: ApiRequest, endpoint: str, upstream: str) -> dict[str, Any]:
    """In place of what was uploaded before: an OpenAPI document, a schema, a descriptor set, an SQLite file."""
    request.auth.require(Permission.EDIT_ENDPOINTS)
    material = _uploaded(request)
    with tenant_context(request.auth.tenant.id):
        with changing(actor=request.auth, endpoint_slug=endpoint) as held:
            current = upstreams.upstream_for(held, upstream, lock=True)
            fields = UpstreamFields(current.name, current.prefix, UpstreamDraft(current.config, material=material))
            upstreams.upstream_update(actor=request.auth, endpoint_slug=endpoint, slug=upstream, fields=fields)
        return _found(endpoint_for(endpoint), upstream)


@router.delete(ONE, response=answers(204, None, 404, 409), summary="Delete an upstream")
def upstream_delete(request: ApiRequest, endpoint: str, upstream: str) -> Status[None]:
    """All that is served of it, and its secrets, go with it."""
    with tenant_context(request.auth.tenant.id):
        upstreams.upstream_delete(actor=request.auth, endpoint_slug=endpoint, slug=upstream)
    return Status(204, None)


def _found(endpoint: Endpoint, slug: str) -> dict[str, Any]:
    return _shown(upstream_shown(endpoint, slug))


def _shown(upstream: Upstream) -> dict[str, Any]:
    """All that an answer says of an upstream, read now, while the tenant's context is open."""
    names = (name for name in UpstreamOut.model_fields if name != "secrets")
    return {name: getattr(upstream, name) for name in names} | {"secrets": _secrets(upstream)}


def _secrets(upstream: Upstream) -> list[dict[str, Any]]:
    # A kind that this platform does not have any more reaches nothing.
    source = UPSTREAM_SOURCES.get(upstream.kind)
    destination = source.destination(upstream.config) if source else ""
    return [
        {
            "name": secret.name,
            "destination": secret.destination,
            "is_used": secret.destination == destination,
            "updated_at": secret.updated_at,
        }
        for secret in secrets_of(upstream.pk)
    ]


def _material(payload: UpstreamIn | UpstreamPatch) -> bytes | None:
    return None if payload.material is None else payload.material.encode()


def _uploaded(request: ApiRequest) -> bytes:
    """The body, read no further than its limit; raises Refused(BODY_TOO_LARGE)."""
    body: bytes = request.read(upstreams.MAXIMUM_MATERIAL_BYTES + 1)
    if len(body) > upstreams.MAXIMUM_MATERIAL_BYTES:
        raise Refused(refusals.BODY_TOO_LARGE)
    return body
