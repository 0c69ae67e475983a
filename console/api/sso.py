"""Single sign-on: connections, domains, setup links, and what members need."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.services.telling import tell_board
from tenants.access import Permission
from tenants.models import Role, SsoConnection, SsoDomain, SsoKind, Tenant
from tenants.sso import connections as services
from tenants.sso import domains
from tenants.sso.connections import Admission, configurer
from tenants.sso.policy import policy_set
from tenants.sso.setup_links import setup_link_make

router = Router(tags=["Single sign-on"])
# What of a configuration is told: certificates of ours and endpoints of theirs are in their metadata.
TOLD = (
    "issuer",
    "client_id",
    "auth_method",
    "scopes",
    "groups_claim",
    "metadata_url",
    "entity_id",
    "sso_url",
    "slo_url",
    "slo_binding",
)


class RoleOfGroup(Body):
    """A role that a group gives."""

    group: str = Field(description="As the provider names it.")
    role: str = Field(description="admin, developer or viewer.")


class SsoConnectionOut(Schema):
    """An identity provider. Its secrets are told to nobody."""

    id: UUID
    name: str
    kind: SsoKind
    enabled: bool = Field(alias="is_enabled")
    tried: bool = Field(description="Whether a trial login worked with the configuration as it is.")
    makes_members: bool
    default_role: Role
    roles: list[RoleOfGroup]
    takes_unsolicited: bool = Field(description="Whether SAML logins may begin at the provider.")
    takes_assertions: bool = Field(description="Whether clients may come with its identity assertions (ID-JAG).")
    configuration: dict[str, str]
    certificates: list[str] = Field(description="Of a SAML provider: base64 of DER.")
    last_error: str
    last_login_at: Moment | None
    created_at: Moment

    @staticmethod
    def resolve_tried(connection: SsoConnection) -> bool:
        return bool(connection.trial.get("ok"))

    @staticmethod
    def resolve_configuration(connection: SsoConnection) -> dict[str, str]:
        return {name: connection.config[name] for name in TOLD if connection.config.get(name)}

    @staticmethod
    def resolve_certificates(connection: SsoConnection) -> list[str]:
        return list(connection.config.get("certificates", []))


class SsoConnectionIn(Body):
    """A new connection, which is not in use."""

    name: str
    kind: str = Field(description=f"One of {', '.join(SsoKind.values)}.")


class SsoConnectionPatch(Body):
    """What to change; what is left out stays. Of one in use, the owner alone changes anything."""

    name: str = Field(default_factory=str)
    enabled: bool = Field(default=False, description="Only the owner puts one into use, after a trial that worked.")
    makes_members: bool = Field(default=True)
    default_role: str = Field(default=Role.VIEWER)
    roles: list[RoleOfGroup] = Field(default_factory=list)
    takes_unsolicited: bool = Field(default=False)
    takes_assertions: bool = Field(default=False)


class ProviderIn(Body):
    """Which provider it is: the fields of OpenID Connect, or of SAML, for which metadata are enough."""

    issuer: str = ""
    client_id: str = ""
    client_secret: str = Field(default="", description="Left empty, the one that is stored stays.")
    auth_method: str = ""
    scopes: str = ""
    groups_claim: str = ""
    metadata_url: str = ""
    metadata_xml: str = ""
    entity_id: str = ""
    sso_url: str = ""
    slo_url: str = ""
    slo_binding: str = Field(default="", description="How it takes logout messages: redirect (usual) or post.")
    certificates: str = Field(default="", description="PEM, one after another.")
    email_attribute: str = ""
    name_attribute: str = ""
    groups_attribute: str = ""


class SetupLinkOut(Schema):
    """A link with which somebody without an account configures the connection. It is told this once."""

    url: str


class SsoDomainOut(Schema):
    """A domain of mail addresses."""

    id: UUID
    name: str
    verified_at: Moment | None
    record_name: str = Field(description="Where the TXT record has to be.")
    record_text: str = Field(description="What it has to say.")
    last_error: str
    created_at: Moment

    @staticmethod
    def resolve_record_name(domain: SsoDomain) -> str:
        return domains.proof_of(domain).name

    @staticmethod
    def resolve_record_text(domain: SsoDomain) -> str:
        return domains.proof_of(domain).text


class SsoDomainIn(Body):
    """A domain to claim."""

    name: str


class PolicyOut(Schema):
    """What members need to enter."""

    requires_sso: bool
    requires_mfa: bool
    sso_counts_as_mfa: bool


class PolicyPatch(Body):
    """What to change; what is left out stays."""

    requires_sso: bool = Field(default=False, description="The owner may also come with a password and a second step.")
    requires_mfa: bool = Field(default=False)
    sso_counts_as_mfa: bool = Field(default=True)


class SsoConnections(Page[SsoConnectionOut]):
    """Connections, the earliest first."""


class SsoDomains(Page[SsoDomainOut]):
    """Domains, the earliest first."""


@router.get("/sso/connections", response=answers(200, SsoConnections, 422), summary="List the SSO connections")
def sso_connection_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_TENANT)
    with tenant_context(request.auth.tenant.id):
        return page_of(SsoConnection.objects.all(), paging)


@router.post("/sso/connections", response=written(201, SsoConnectionOut), summary="Make an SSO connection")
def sso_connection_create(request: ApiRequest, payload: SsoConnectionIn) -> Status[SsoConnection]:
    with tenant_context(request.auth.tenant.id):
        return Status(201, services.connection_create(actor=request.auth, name=payload.name, kind=payload.kind))


@router.get(
    "/sso/connections/{uuid:connection_id}", response=answers(200, SsoConnectionOut, 404), summary="Show a connection"
)
def sso_connection_show(request: ApiRequest, connection_id: UUID) -> SsoConnection:
    request.auth.require(Permission.MANAGE_TENANT)
    with tenant_context(request.auth.tenant.id):
        return services.connection_for(connection_id)


@router.patch(
    "/sso/connections/{uuid:connection_id}", response=written(200, SsoConnectionOut, 404), summary="Change a connection"
)
def sso_connection_change(request: ApiRequest, connection_id: UUID, payload: SsoConnectionPatch) -> SsoConnection:
    given = payload.model_dump(exclude_unset=True)
    with tenant_context(request.auth.tenant.id):
        return _changed(request, services.connection_for(connection_id), given)


@router.put(
    "/sso/connections/{uuid:connection_id}/provider",
    response=written(200, SsoConnectionOut, 404),
    summary="Say which provider a connection is of",
)
def sso_connection_configure(request: ApiRequest, connection_id: UUID, payload: ProviderIn) -> SsoConnection:
    """The provider's metadata are read. A trial login, which needs a browser, comes before it can be put into use."""
    by = configurer(request.auth)
    return services.connection_configure(by=by, connection_id=connection_id, draft=payload.model_dump())


@router.delete(
    "/sso/connections/{uuid:connection_id}", response=answers(204, None, 404, 409), summary="Remove a connection"
)
def sso_connection_delete(request: ApiRequest, connection_id: UUID) -> Status[None]:
    """The sessions of those who came by it end; they stay members."""
    with tenant_context(request.auth.tenant.id):
        services.connection_delete(actor=request.auth, connection_id=connection_id)
    return Status(204, None)


@router.post(
    "/sso/connections/{uuid:connection_id}/setup-links",
    response=answers(201, SetupLinkOut, 404, 409, 422),
    summary="Make a setup link",
)
def sso_setup_link_create(request: ApiRequest, connection_id: UUID) -> Status[dict[str, str]]:
    with tenant_context(request.auth.tenant.id):
        return Status(201, {"url": setup_link_make(actor=request.auth, connection_id=connection_id)})


@router.get("/sso/domains", response=answers(200, SsoDomains, 422), summary="List the domains")
def sso_domain_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_TENANT)
    with tenant_context(request.auth.tenant.id):
        return page_of(SsoDomain.objects.all(), paging)


@router.post("/sso/domains", response=written(201, SsoDomainOut), summary="Claim a domain")
def sso_domain_create(request: ApiRequest, payload: SsoDomainIn) -> Status[SsoDomain]:
    """It counts once it is verified."""
    with tenant_context(request.auth.tenant.id):
        return Status(201, domains.domain_add(actor=request.auth, name=payload.name))


@router.get("/sso/domains/{uuid:domain_id}", response=answers(200, SsoDomainOut, 404), summary="Show a domain")
def sso_domain_show(request: ApiRequest, domain_id: UUID) -> SsoDomain:
    request.auth.require(Permission.MANAGE_TENANT)
    with tenant_context(request.auth.tenant.id):
        return domains.domain_for(domain_id)


@router.post(
    "/sso/domains/{uuid:domain_id}/verify",
    response=answers(200, SsoDomainOut, 404, 409, 503),
    summary="Look for a domain's record",
)
def sso_domain_verify(request: ApiRequest, domain_id: UUID) -> SsoDomain:
    return domains.domain_verify(actor=request.auth, domain_id=domain_id)


@router.delete("/sso/domains/{uuid:domain_id}", response=answers(204, None, 404), summary="Give a domain up")
def sso_domain_delete(request: ApiRequest, domain_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        domains.domain_remove(actor=request.auth, domain_id=domain_id)
    return Status(204, None)


@router.get("/sso/policy", response=answers(200, PolicyOut), summary="Show what members need")
def sso_policy_show(request: ApiRequest) -> Tenant:
    request.auth.require(Permission.VIEW)
    return request.auth.tenant


@router.patch("/sso/policy", response=written(200, PolicyOut), summary="Say what members need")
def sso_policy_change(request: ApiRequest, payload: PolicyPatch) -> Tenant:
    """Sessions of people are held to it from their next page on. API keys are not sessions, and go on.

    Where single sign-on becomes required, what members let clients do without it ends; the owner's goes on.
    """
    tenant, given = request.auth.tenant, payload.model_dump(exclude_unset=True)
    wanted = {name: given.get(name, getattr(tenant, name)) for name in PolicyPatch.model_fields}
    with tenant_context(tenant.id):
        tell_board(tenant.id)
        return policy_set(actor=request.auth, **wanted)


def _changed(request: ApiRequest, connection: SsoConnection, given: dict[str, Any]) -> SsoConnection:
    actor = request.auth
    admission = {name: given[name] for name in Admission.__dataclass_fields__ if name in given}
    if "name" in given:
        connection = services.connection_rename(actor=actor, connection_id=connection.pk, name=given["name"])
    if admission:
        stored = {name: getattr(connection, name) for name in Admission.__dataclass_fields__}
        wanted = Admission(**(stored | admission))
        connection = services.connection_set_admission(actor=actor, connection_id=connection.pk, admission=wanted)
    if "enabled" in given:
        act = services.connection_enable if given["enabled"] else services.connection_disable
        connection = act(actor=actor, connection_id=connection.pk)
    return connection
