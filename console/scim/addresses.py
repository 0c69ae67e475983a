"""Where identity providers reach a tenant by SCIM."""

from uuid import UUID

from django.conf import settings


def base_url(connection_id: UUID) -> str:
    """Where a connection's resources are; it stays whatever the tenant is called."""
    return f"{settings.CONSOLE_URL}/scim/v2/{connection_id}"
