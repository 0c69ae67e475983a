"""The addresses of ours that identity providers are told: stable, whatever a tenant or a connection is called."""

from uuid import UUID

from django.conf import settings


def base(tenant_id: UUID, connection_id: UUID) -> str:
    """What all addresses of a connection begin with."""
    return f"{settings.CONSOLE_URL}/sso/connections/{tenant_id}/{connection_id}"


def callback(tenant_id: UUID, connection_id: UUID) -> str:
    """Where an OpenID provider sends people back to: one of its own for each connection, against mix-ups."""
    return f"{base(tenant_id, connection_id)}/callback"


def backchannel(tenant_id: UUID, connection_id: UUID) -> str:
    """Where an OpenID provider posts logout tokens to."""
    return f"{base(tenant_id, connection_id)}/backchannel-logout"


def signed_out() -> str:
    """Where an OpenID provider sends people who signed out here."""
    return f"{settings.CONSOLE_URL}/sso/signed-out/"


def acs(tenant_id: UUID, connection_id: UUID) -> str:
    """The assertion consumer service."""
    return f"{base(tenant_id, connection_id)}/acs"


def slo(tenant_id: UUID, connection_id: UUID) -> str:
    """The single logout service."""
    return f"{base(tenant_id, connection_id)}/slo"


def metadata(tenant_id: UUID, connection_id: UUID) -> str:
    """The service provider's metadata, whose address is its entity ID."""
    return f"{base(tenant_id, connection_id)}/metadata"
