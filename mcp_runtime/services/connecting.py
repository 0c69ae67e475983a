"""Connecting upstreams by OAuth: the vault's services, asked for an upstream of an endpoint."""

from dataclasses import dataclass
from uuid import UUID

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Upstream
from mcp_runtime.services.upstreams import source_of
from mcp_runtime.services.watching import watch
from tenants.access import Actor
from tenants.models import Connection, GrantType
from tenants.vault.clients import entered_registration
from tenants.vault.connections import ConnectionDraft, connection_create


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectFields:
    """What somebody says of a connection. Without `client_id` we register ourselves at the provider.

    With `issuer`, that provider is used; else the upstream is asked for its own.
    """

    label: str = ""
    personal: bool = False
    grant_type: str = GrantType.CODE
    scopes: str = ""
    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    auth_method: str = ""
    subject: UUID | None = None


def upstream_connect(*, actor: Actor, upstream_id: UUID, fields: ConnectFields) -> Connection:
    """Makes a connection for an upstream; see `connection_create`, which raises what this raises.

    Opens contexts of its own, since the provider is asked. Raises Refused(NOT_FOUND) for an unknown upstream too.
    """
    with tenant_context(actor.tenant.id):
        upstream = Upstream.objects.defer("material").filter(pk=upstream_id).first()
        if upstream is None:
            raise Refused(refusals.NOT_FOUND)
        destination = source_of(upstream.kind).destination(upstream.config)
    url = upstream.config.get("url")
    wanted = fields.client_id or fields.client_secret or fields.auth_method
    entered = (
        entered_registration(client_id=fields.client_id, secret=fields.client_secret, auth_method=fields.auth_method)
        if wanted
        else None
    )
    draft = ConnectionDraft(
        holder=upstream_id,
        url=url if isinstance(url, str) else destination,
        destination=destination,
        label=fields.label,
        personal=fields.personal,
        grant_type=fields.grant_type,
        scopes=fields.scopes,
        subject=fields.subject,
        entered=entered,
        issuer=fields.issuer,
    )
    return connection_create(actor=actor, draft=draft)


def upstream_connected(connection: Connection) -> Upstream | None:
    """Has the upstream that a login was for looked at now: what it needed is there. None where it is gone.

    Runs inside the connection's tenant's context.
    """
    rows = Upstream.objects.select_related("endpoint").defer("material")
    upstream = rows.filter(pk=connection.holder).first()
    if upstream is not None:
        watch(upstream)
    return upstream
