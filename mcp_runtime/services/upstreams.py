"""Upstreams: create, change, switch, delete. Each service runs inside the actor's tenant context."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Endpoint, Upstream
from mcp_runtime.services.endpoints import changing
from mcp_runtime.services.serving import serve_all
from mcp_runtime.services.watching import unwatch, watch, watch_anew
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import UpstreamDraft, UpstreamSource
from tenants.access import Actor
from tenants.validation import cleaned, json_problem, refused_fields
from tenants.vault.revocations import holder_forget
from tenants.vault.secrets import secrets_forget, secrets_write

MAXIMUM_UPSTREAMS = 50
MAXIMUM_MATERIAL_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UpstreamFields:
    """What is the same of every kind. `prefix` stands before its tools' names; None leaves it, at first `<slug>_`."""

    name: str
    prefix: str | None = None
    draft: UpstreamDraft = field(default_factory=UpstreamDraft)


def upstream_for(endpoint: Endpoint, slug: str, *, lock: bool = False) -> Upstream:
    """An upstream of this endpoint, without its material; raises Refused(NOT_FOUND)."""
    rows = Upstream.objects.select_for_update() if lock else Upstream.objects.all()
    upstream = rows.defer("material").filter(endpoint=endpoint, slug=slug).first() if slug.isascii() else None
    if upstream is None:
        raise Refused(refusals.NOT_FOUND)
    return upstream


def source_of(kind: str) -> UpstreamSource:
    """The source of a kind of upstream; raises Refused(INVALID_INPUT) where there is none."""
    source = UPSTREAM_SOURCES.get(kind)
    if source is None:
        known = ", ".join(sorted(UPSTREAM_SOURCES))
        raise refused_fields({"kind": f"{kind} is not a kind of upstream. Choose one of {known}."})
    return source


def upstream_create(*, actor: Actor, endpoint_slug: str, slug: str, kind: str, fields: UpstreamFields) -> Upstream:
    """Adds an upstream, of which nothing is served until it is imported and approved.

    Raises Refused: INVALID_INPUT with `data["fields"]`, CONFLICT, LIMIT_REACHED.
    """
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        if Upstream.objects.filter(endpoint=endpoint).count() >= MAXIMUM_UPSTREAMS:
            raise Refused(refusals.LIMIT_REACHED, f"An endpoint has at most {MAXIMUM_UPSTREAMS} upstreams.")
        upstream = Upstream(id=uuid4(), tenant=actor.tenant, endpoint=endpoint, slug=slug, kind=kind, prefix=f"{slug}_")
        secrets = _write(upstream, fields)
        upstream.save(force_insert=True)
        _store(actor, upstream, secrets)
        watch(upstream)
        return upstream


def upstream_update(*, actor: Actor, endpoint_slug: str, slug: str, fields: UpstreamFields) -> Upstream:
    """Changes an upstream; its slug and kind stay. Secrets left out stay, but not for another destination."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        upstream = upstream_for(endpoint, slug, lock=True)
        before = source_of(upstream.kind).destination(upstream.config)
        secrets = _write(upstream, fields)
        upstream.save()
        if source_of(upstream.kind).destination(upstream.config) != before:
            secrets_forget(holder=upstream.pk)
            holder_forget(tenant_id=actor.tenant.id, holder=upstream.pk, by=actor.user)
        _store(actor, upstream, secrets)
        watch_anew(upstream)
        serve_all(upstream)
        return upstream


def upstream_switch(*, actor: Actor, endpoint_slug: str, slug: str, enabled: bool) -> Upstream:
    """Switches an upstream on or off: clients do not see what one that is off offers, and it is not probed."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        upstream = upstream_for(endpoint, slug, lock=True)
        upstream.enabled = enabled
        upstream.save(update_fields=["enabled", "updated_at"])
        watch(upstream)
        serve_all(upstream)
        return upstream


def upstream_delete(*, actor: Actor, endpoint_slug: str, slug: str) -> UUID:
    """Removes an upstream with all that is served of it, and its secrets; its connections are revoked."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        upstream = upstream_for(endpoint, slug, lock=True)
        upstream_id = upstream.pk
        secrets_forget(holder=upstream_id)
        holder_forget(tenant_id=actor.tenant.id, holder=upstream_id, by=actor.user)
        unwatch(upstream_id)
        upstream.delete()
        return upstream_id


def _write(upstream: Upstream, fields: UpstreamFields) -> dict[str, str]:
    """Writes what was checked, and returns the secrets that came with it, in clear."""
    draft = _checked(upstream.kind, fields.draft)
    upstream.name = fields.name.strip()
    upstream.revision += 1
    upstream.config = draft.config
    if draft.material is not None:
        upstream.material = draft.material
    if fields.prefix is not None:
        upstream.prefix = fields.prefix
    cleaned(upstream)
    return draft.secrets


def _checked(kind: str, draft: UpstreamDraft) -> UpstreamDraft:
    _require_storable(draft)
    try:
        return source_of(kind).check(draft)
    except InvalidConfig as error:
        raise refused_fields(error.fields) from None


def _require_storable(draft: UpstreamDraft) -> None:
    """Before a source looks at it: what the source's own check would stumble over."""
    values: dict[str, Any] = {"config": draft.config, "secrets": draft.secrets}
    wrong = {name: problem for name, value in values.items() if (problem := json_problem(value))}
    if len(draft.material or b"") > MAXIMUM_MATERIAL_BYTES:
        wrong["material"] = f"At most {MAXIMUM_MATERIAL_BYTES // 1024 // 1024} MiB."
    if wrong:
        raise refused_fields(wrong)


def _store(actor: Actor, upstream: Upstream, secrets: dict[str, str]) -> None:
    destination = source_of(upstream.kind).destination(upstream.config)
    secrets_write(actor=actor, holder=upstream.pk, destination=destination, secrets=secrets)
