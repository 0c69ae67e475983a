"""Two tenants with one of everything in each; Alice's carries a mark in every text that somebody could read."""

import functools
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import timedelta

import pytest
from django.apps import apps
from django.core import mail
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from psycopg import sql

from core.keys import digest
from core.tenancy import tenant_context
from mcp_runtime.models import (
    AlertChannel,
    Definition,
    Endpoint,
    HealthEvent,
    ImportRun,
    Prompt,
    Resource,
    RunState,
    ToolRule,
    Upstream,
    Watch,
)
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tool_rules import tool_rule_set
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from tenants.access import Actor
from tenants.authorization.grant_types import CLIENT, CODE
from tenants.models import (
    AuditTarget,
    AuthMethod,
    ClientGrant,
    ClientKind,
    EndpointHost,
    Group,
    GroupClient,
    McpClient,
    Membership,
    Role,
    SsoConnection,
    SsoDomain,
    SsoSetupLink,
    Tenant,
    TrustedIssuer,
    User,
)
from tenants.services.api_keys import api_key_issue
from tenants.services.groups import group_create, group_fill
from tenants.services.members import member_invite
from tenants.services.tenants import tenant_create
from tenants.sso.saml.config import saml_prepared
from tenants.vault.keyrings import keyring_for_sealing
from tests.conftest import TERMS, unique
from tests.entitled import entitle_outside
from tests.isolation.billed import billed, sold
from tests.isolation.provisioned import provisioned_by
from tests.stored_connection import stored_connection


@dataclass(frozen=True)
class Belongings:
    """One tenant's people, names and ids: what a URL or a body may hold."""

    owner: User
    member: User
    tenant_id: str
    tenant: str
    endpoint: str
    tool: str
    prompt: str
    resource: str
    upstream: str
    definition: str
    import_run: str
    alert_channel: str
    audit_target: str
    access_key: str
    group: str
    tool_rule: str
    invitation: str
    invitation_token: str
    api_key: str
    connection: str
    mcp_client: str
    invoice: str
    invoice_line: str
    offer: str
    sale: str
    trusted_issuer: str
    client_grant: str
    sso_connection: str
    sso_begun: str
    sso_domain: str
    sso_link: str
    host: str
    sso_token: str
    scim_connection: str
    scim_token: str
    scim_group: str
    deprovision: str
    member_session: str
    user: str
    api_secret: str = field(repr=False)
    access_secret: str = field(repr=False)

    def value(self, name: str) -> str:
        """What this tenant puts where a probe names one of the fields above."""
        return str(getattr(self, name))

    def ids(self) -> dict[str, str]:
        """Everything that a request could name."""
        return {entry.name: self.value(entry.name) for entry in fields(self) if entry.type is str}


@dataclass(frozen=True)
class Stage:
    """`mark` is in every readable text of Alice's tenant and nowhere else."""

    mark: str
    alice: Belongings
    charlie: Belongings

    def browser(self, user: User) -> Client:
        """A browser in which `user` is signed in."""
        client = Client()
        client.force_login(user)
        return client

    def rows(self) -> list[tuple[str, str]]:
        """All that Alice's tenant holds in the database, for comparing before and after."""
        return _rows_of(self.alice)


def build() -> Stage:
    """Both tenants, fresh."""
    alice, charlie = _half("alice"), _half("charlie")
    return Stage(mark=alice.mark, alice=alice.who, charlie=charlie.who)


@pytest.fixture
def stage() -> Stage:
    """A stage of the test's own."""
    return build()


@dataclass(frozen=True)
class Half:
    """One of the two tenants, and its rows as they were built."""

    who: Belongings
    mark: str
    rows: list[tuple[str, str]]


def _half(name: str) -> Half:
    mark = f"mark{uuid.uuid4().hex[:12]}" if name == "alice" else "plain"
    who = _tenant(name, mark)
    return Half(who, mark, _rows_of(who))


@pytest.fixture(scope="session")
def _standing() -> dict[str, Half]:
    return {}


@pytest.fixture
def standing_stage(_standing: dict[str, Half]) -> Iterator[Stage]:
    """A stage in which every row is as it was built: a tenant that the former test changed is exchanged for another."""
    for name in {"alice", "charlie"} - _standing.keys():
        _standing[name] = _half(name)
    yield Stage(_standing["alice"].mark, _standing["alice"].who, _standing["charlie"].who)
    for name, half in list(_standing.items()):
        if _rows_of(half.who) != half.rows:
            del _standing[name]


def _tenant(name: str, mark: str) -> Belongings:
    owner, member = _person(name, mark), _person(f"{name}-member", mark)
    tenant = tenant_create(owner=owner, name=f"{name} {mark}", slug=unique(name))
    entitle_outside(tenant.id, **TERMS)
    with tenant_context(tenant.id):
        Membership.objects.create(tenant=tenant, user=member, role=Role.DEVELOPER)
    entitle_outside(tenant.id, **TERMS)
    return _filled(tenant, owner, member, mark)


def _person(name: str, mark: str) -> User:
    return User.objects.create_user(f"{unique(name)}@{mark}.example", name=f"{name} {mark}")


def _filled(tenant: Tenant, owner: User, member: User, mark: str) -> Belongings:
    acting = Actor(tenant=tenant, role=Role.OWNER, user=owner)
    with tenant_context(tenant.id):
        endpoint = endpoint_create(actor=acting, slug=unique("e"), name=f"Endpoint {mark}", instructions=f"Do {mark}.")
        draft = ToolDraft(name=f"tool-{mark}", title=mark, description=mark, config={"function": "echo"})
        tool = tool_create(actor=acting, endpoint_slug=endpoint.slug, source="builtin", draft=draft)
        prompt, resource = _written(acting, endpoint.slug, mark)
        upstream, definition, run = _imported(endpoint, mark)
        channel = _watched(upstream, mark)
        heard = {"name": mark, "url": f"https://{mark}.example/audit", "error": mark}
        target = AuditTarget.objects.create(tenant=tenant, cursor=0, **heard)
        key, access_secret = access_key_issue(actor=acting, endpoint_slug=endpoint.slug, name=f"key {mark}")
        rule = _ruled(acting, endpoint, member, mark)
        invitation = member_invite(actor=acting, email=f"{unique('guest')}@{mark}.example", role=Role.VIEWER)
        grant = _let_in(endpoint, member, mark)
        connection = stored_connection(tenant, f"https://127.0.0.1:9/{mark}", mark)
        sso = _signing_in(tenant, endpoint, mark)
        api_key, api_secret = api_key_issue(actor=acting, name=f"api {mark}", role=Role.OWNER)
        provisioned = provisioned_by(acting, mark) | billed(tenant, mark) | sold(endpoint, mark)
    return Belongings(
        owner=owner,
        member=member,
        tenant_id=str(tenant.id),
        tenant=tenant.slug,
        endpoint=endpoint.slug,
        tool=str(tool.pk),
        prompt=str(prompt.pk),
        resource=str(resource.pk),
        upstream=upstream.slug,
        definition=str(definition.pk),
        import_run=str(run.pk),
        alert_channel=str(channel.pk),
        audit_target=str(target.pk),
        access_key=str(key.pk),
        group=str(rule.group_id),
        tool_rule=str(rule.pk),
        invitation=str(invitation.pk),
        invitation_token=_token_mailed_to(invitation.email),
        api_key=str(api_key.pk),
        connection=str(connection.pk),
        mcp_client=str(grant.client.pk),
        client_grant=str(grant.pk),
        trusted_issuer=_trusted(tenant, mark),
        **sso,
        **provisioned,
        user=str(member.pk),
        api_secret=api_secret,
        access_secret=access_secret,
    )


def _trusted(tenant: Tenant, mark: str) -> str:
    """The id of an issuer that is trusted."""
    url = f"https://{mark}.example"
    with tenant_context(tenant.id):
        return str(TrustedIssuer.objects.create(tenant=tenant, name=mark, issuer=url, algorithms=["RS256"]).pk)


def _ruled(acting: Actor, endpoint: Endpoint, member: User, mark: str) -> ToolRule:
    """A group, and what it may use."""
    group = group_create(actor=acting, name=f"Group {mark}")
    group_fill(actor=acting, group_id=group.pk, emails=[member.email])
    return tool_rule_set(actor=acting, endpoint_slug=endpoint.slug, group_id=group.pk, patterns=[mark])


def _written(acting: Actor, slug: str, mark: str) -> tuple[Prompt, Resource]:
    content = {"type": "text", "text": f"Tell of {mark}."}
    asked = PromptDraft(name=f"prompt-{mark}", title=mark, config={"messages": [{"role": "user", "content": content}]})
    read = ResourceDraft(uri=f"notes://{mark}", name=f"Note {mark}", config={"text": mark})
    prompt = prompt_create(actor=acting, endpoint_slug=slug, source="static", draft=asked)
    return prompt, resource_create(actor=acting, endpoint_slug=slug, source="static", draft=read)


def _imported(endpoint: Endpoint, mark: str) -> tuple[Upstream, Definition, ImportRun]:
    ours = {"tenant_id": endpoint.tenant_id}
    slug = f"u{uuid.uuid4().hex[:12]}"
    config = {"url": f"https://{mark}.example/openapi.json"}
    upstream = Upstream.objects.create(**ours, endpoint=endpoint, slug=slug, name=mark, kind="openapi", config=config)
    offered = {"name": mark, "description": mark, "input_schema": {"type": "object"}, "config": {}}
    definition = Definition.objects.create(**ours, upstream=upstream, form="tool", name=mark, offered=offered)
    run = ImportRun.objects.create(
        **ours, upstream=upstream, state=RunState.DONE, refused=[{"name": mark, "reason": ""}]
    )
    return upstream, definition, run


def _watched(upstream: Upstream, mark: str) -> AlertChannel:
    """What a look at an upstream came to, the change that it made, and who is told of that."""
    ours = {"tenant_id": upstream.tenant_id}
    Watch.objects.create(**ours, upstream=upstream, release_failed=mark)
    changed = {"before": "ok", "after": "down", "evidence": "probe", "at": timezone.now(), "seconds": 1}
    HealthEvent.objects.create(**ours, upstream=upstream, reason=mark, **changed)
    url = f"https://{mark}.example/hook"
    return AlertChannel.objects.create(**ours, name=mark, kind="webhook", url=url)


def _let_in(endpoint: Endpoint, member: User, mark: str) -> ClientGrant:
    """A client that a member has let in."""
    ours, callback = {"tenant_id": endpoint.tenant_id}, f"https://{mark}.example/callback"
    keys = f"https://{mark}.example/jwks"
    itself = {"grant_types": [CODE, CLIENT], "auth_method": AuthMethod.SIGNED, "jwks_uri": keys}
    client = McpClient.objects.create(
        **ours, **itself, kind=ClientKind.REGISTERED, client_id=unique("mcp"), name=mark, redirect_uris=[callback]
    )
    GroupClient.objects.create(**ours, group=Group.objects.create(**ours, name=f"Agents {mark}"), client=client)
    return ClientGrant.objects.create(
        **ours,
        client=client,
        user=member,
        endpoint=endpoint.pk,
        resource=f"https://{mark}.example/mcp",
        scopes="mcp:call",
        redirect_uri=callback,
        expires_at=timezone.now() + timedelta(days=1),
    )


def _signing_in(tenant: Tenant, endpoint: Endpoint, mark: str) -> dict[str, str]:
    """A SAML connection in use, one that somebody with a link may set up, a domain, and a host."""
    told = {"entity_id": "https://idp.example", "sso_url": "https://idp.example/sso", "slo_url": "", "metadata_url": ""}
    attributes = {"email_attribute": "", "name_attribute": "", "groups_attribute": ""}
    connection = SsoConnection(tenant=tenant, name=mark, kind="saml", is_enabled=True, last_error=mark)
    saml_prepared(connection, keyring_for_sealing(tenant.id))
    certificates = [connection.config["own_certificate"]]
    connection.config |= told | attributes | {"certificates": certificates}
    connection.save()
    begun = SsoConnection.objects.create(tenant=tenant, name=f"{mark} new", kind="oidc")
    token, later = unique("setup"), timezone.now() + timedelta(days=1)
    link = SsoSetupLink.objects.create(
        tenant=tenant, connection=begun, token_digest=digest(token), expires_at=later, opened_at=timezone.now()
    )
    named = EndpointHost.objects.create(tenant=tenant, endpoint=endpoint.pk, name=f"{mark}.example", token=mark)
    domain = SsoDomain.objects.create(tenant=tenant, name=f"{mark}.example", token=mark)
    rows = {"sso_connection": connection, "sso_begun": begun, "sso_domain": domain, "sso_link": link, "host": named}
    return {**{name: str(row.pk) for name, row in rows.items()}, "sso_token": token}


def _token_mailed_to(email: str) -> str:
    (sent,) = [message for message in mail.outbox if message.to == [email]]
    found = re.search(r"/invitations/[^/\s]+/(\S+)", str(sent.body))
    assert found is not None
    return found[1]


def _tenant_models() -> list[type[Model]]:
    return [
        model
        for model in apps.get_models()
        if model is Tenant or any(entry.name == "tenant" for entry in model._meta.concrete_fields)
    ]


def _rows_of(who: Belongings) -> list[tuple[str, str]]:
    """Each row of the tenant with its table, by one statement: tests ask thousands of times."""
    with tenant_context(uuid.UUID(who.tenant_id)), connection.cursor() as cursor:
        cursor.execute(_all_tables())
        return sorted(cursor.fetchall())


@functools.cache
def _all_tables() -> sql.Composed:
    tables = sorted({model._meta.db_table for model in _tenant_models()})
    one = "SELECT {label} AS held_by, held::text AS row FROM {table} AS held"
    parts = [sql.SQL(one).format(label=sql.Literal(table), table=sql.Identifier(table)) for table in tables]
    return sql.SQL(" UNION ALL ").join(parts)
