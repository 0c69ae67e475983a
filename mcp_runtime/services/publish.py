"""Publishing: the document that workers serve changes in the same transaction as what it describes."""

from django.db.models import Q, QuerySet

from billing.resale.models import SERVED, Purchase
from core.channels import ENDPOINTS_CHANNEL
from core.events import notify
from mcp_runtime.addresses import upstream_url
from mcp_runtime.curation.shape import Curation, read_curation
from mcp_runtime.curation.tools import fixed_arguments
from mcp_runtime.models import (
    AccessKey,
    Definition,
    Endpoint,
    Prompt,
    PublishedEndpoint,
    Resource,
    Tool,
    ToolRule,
    Upstream,
)
from mcp_runtime.services.versions import version_held, version_record
from mcp_runtime.snapshots import structs
from tenants.services.api_keys import live


def publish(endpoint: Endpoint) -> None:
    """Raises the endpoint's version, stores its snapshot and tells the workers on commit."""
    stored = Endpoint.objects.select_for_update().values_list("version", "held_version").get(pk=endpoint.pk)
    endpoint.version, endpoint.held_version = stored[0] + 1, stored[1]
    endpoint.save(update_fields=["version", "updated_at"])
    latest = _snapshot(endpoint)
    version_record(endpoint, latest)
    held = version_held(endpoint, latest)
    PublishedEndpoint.objects.update_or_create(
        tenant_id=endpoint.tenant_id,
        endpoint=endpoint,
        defaults={
            "slug": endpoint.slug,
            "version": endpoint.version,
            "document": structs.encode(held or latest),
            "preview": structs.encode(latest) if held else None,
        },
    )
    announce(endpoint)


def announce(endpoint: Endpoint, *, ended_session: str = "") -> None:
    """Tells the workers, on commit, that the endpoint changed or that one of its sessions ended."""
    change = structs.EndpointChanged(
        tenant_id=str(endpoint.tenant_id),
        endpoint=endpoint.slug,
        version=endpoint.version,
        ended_session=ended_session,
    )
    notify(ENDPOINTS_CHANNEL, structs.encode(change).decode())


def _snapshot(endpoint: Endpoint) -> structs.EndpointSnapshot:
    tools = Tool.objects.filter(endpoint=endpoint, enabled=True).select_related("definition").order_by("name")
    prompts = Prompt.objects.filter(endpoint=endpoint, enabled=True).select_related("definition")
    resources = Resource.objects.filter(endpoint=endpoint, enabled=True).select_related("definition")
    keys = AccessKey.objects.filter(live(), _paid(), endpoint=endpoint, revoked_at=None).order_by("created_at", "id")
    return structs.EndpointSnapshot(
        tenant_id=str(endpoint.tenant_id),
        endpoint_id=str(endpoint.pk),
        endpoint_slug=endpoint.slug,
        name=endpoint.name,
        version=endpoint.version,
        access=endpoint.access,
        instructions=endpoint.instructions,
        description=endpoint.description,
        website_url=endpoint.website_url,
        icons=endpoint.icons,
        listed=endpoint.listed,
        allowed_origins=endpoint.allowed_origins,
        tools=[_tool(tool) for tool in tools],
        prompts=[_prompt(prompt) for prompt in prompts],
        resources=[_resource(resource) for resource in resources],
        keys=[_key(key) for key in keys],
        upstreams=[upstream_snapshot(upstream) for upstream in _upstreams(endpoint)],
        tool_rules=_tool_rules(endpoint),
        requires_proof=endpoint.requires_proof,
        logins=endpoint.logins,
        stopped=endpoint.stopped_message,
        stopped_since=endpoint.stopped_at.timestamp() if endpoint.stopped_at else 0,
    )


def _paid() -> Q:
    """The condition of a key that nobody bought, or whose purchase stands."""
    return Q(purchase_id=None) | Q(purchase_id__in=Purchase.objects.filter(standing__in=SERVED).values("pk"))


def _tool_rules(endpoint: Endpoint) -> dict[str, list[str]] | None:
    rules = ToolRule.objects.filter(endpoint=endpoint)
    if not rules.exists():
        return None
    # A rule whose group is gone lets nobody in, and still says that there are rules.
    named = rules.exclude(group=None).order_by("pk").values_list("group_id", "patterns")
    return {str(group_id): patterns for group_id, patterns in named}


def _upstreams(endpoint: Endpoint) -> QuerySet[Upstream]:
    rows = Upstream.objects.filter(endpoint=endpoint, enabled=True).defer("material")
    return rows.select_related("tenant", "endpoint").order_by("slug")


def upstream_snapshot(upstream: Upstream) -> structs.UpstreamSnapshot:
    """What workers know of an upstream."""
    return structs.UpstreamSnapshot(
        id=str(upstream.pk),
        slug=upstream.slug,
        name=upstream.name,
        kind=upstream.kind,
        config=upstream.config,
        revision=upstream.revision,
        health=upstream.health,
        reason=upstream.health_reason,
        since=upstream.health_since.timestamp(),
        connect_url=upstream_url(upstream.tenant.slug, upstream.endpoint.slug, upstream.slug),
        quarantined=upstream.quarantined_at is not None,
    )


def _tool(tool: Tool) -> structs.ToolSnapshot:
    curation = read_curation(tool.definition.curation) if tool.definition else Curation()
    return structs.ToolSnapshot(
        id=str(tool.pk),
        name=tool.name,
        title=tool.title,
        description=tool.description,
        source=tool.source,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=tool.annotations,
        config=tool.config,
        secrets=tool.secrets,
        meta=tool.meta,
        icons=tool.icons,
        task=tool.task,
        calls_per_minute=tool.calls_per_minute,
        upstream=_upstream_id(tool.definition),
        curation=structs.CallCuration(
            fixed_arguments(curation), curation.project, curation.maximum_bytes, curation.guard
        ),
        seconds=curation.timeout,
    )


def _upstream_id(definition: Definition | None) -> str:
    return str(definition.upstream_id) if definition else ""


def _prompt(prompt: Prompt) -> structs.PromptSnapshot:
    return structs.PromptSnapshot(
        id=str(prompt.pk),
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        arguments=prompt.arguments,
        source=prompt.source,
        config=prompt.config,
        meta=prompt.meta,
        icons=prompt.icons,
        upstream=_upstream_id(prompt.definition),
    )


def _resource(resource: Resource) -> structs.ResourceSnapshot:
    return structs.ResourceSnapshot(
        id=str(resource.pk),
        uri=resource.uri,
        is_template=resource.is_template,
        name=resource.name,
        title=resource.title,
        description=resource.description,
        mime_type=resource.mime_type,
        meta=resource.meta,
        icons=resource.icons,
        source=resource.source,
        config=resource.config,
        upstream=_upstream_id(resource.definition),
    )


def _key(key: AccessKey) -> structs.KeySnapshot:
    expires_at = key.expires_at.timestamp() if key.expires_at else None
    return structs.KeySnapshot(
        id=str(key.pk),
        digest=key.digest,
        expires_at=expires_at,
        tools=key.tools,
        calls_per_minute=key.calls_per_minute,
    )
