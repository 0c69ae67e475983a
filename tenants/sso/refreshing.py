"""Providers' metadata, looked at again once a day: certificates and addresses are exchanged there first."""

import logging
from uuid import UUID

import msgspec
from django.utils import timezone

from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import SsoConnection, SsoDomainHolder, SsoKind
from tenants.sso.connections import connection_for
from tenants.sso.oidc.config import oidc_provider
from tenants.sso.oidc.metadata import provider_at
from tenants.sso.saml.config import Provider, provider_checked, provider_config
from tenants.sso.saml.documents import BadDocument
from tenants.sso.saml.metadata import provider_fetched
from tenants.vault.oauth.failures import MetadataRefused, OAuthFailed
from tenants.vault.oauth.running import with_provider

logger = logging.getLogger(__name__)


def metadata_refresh() -> int:
    """Looks at the metadata of every connection in use; how many changed. Opens contexts of its own.

    Nobody comes in by a tenant without a verified domain, so that those which have one are all there are.
    """
    tenants = set(SsoDomainHolder.objects.values_list("tenant_id", flat=True))
    return sum(refreshed(tenant_id, connection_id) for tenant_id in tenants for connection_id in _of(tenant_id))


def refreshed(tenant_id: UUID, connection_id: UUID) -> bool:
    """Looks at one connection's metadata; whether they changed. What cannot be read leaves all as it was."""
    with tenant_context(tenant_id):
        connection = connection_for(connection_id)
    try:
        told = _told(connection)
    except (OAuthFailed, BadDocument, Refused) as problem:
        logger.warning("The metadata of connection %s cannot be read: %s", connection_id, problem)
        _note(tenant_id, connection_id, f"metadata: {problem}")
        return False
    with tenant_context(tenant_id):
        connection = connection_for(connection_id, locked=True)
        before = dict(connection.config)
        connection.config = before | told
        connection.refreshed_at = timezone.now()
        connection.save(update_fields=["config", "refreshed_at"])
    return bool(connection.config != before)


def _of(tenant_id: UUID) -> list[UUID]:
    with tenant_context(tenant_id):
        return list(SsoConnection.objects.filter(is_enabled=True).values_list("pk", flat=True))


def _told(connection: SsoConnection) -> dict[str, object]:
    """What of a configuration the provider's metadata tell now. Raises OAuthFailed, BadDocument and Refused."""
    if connection.kind == SsoKind.OIDC:
        issuer = oidc_provider(connection).issuer
        found = with_provider(lambda client: provider_at(client, issuer))
        if found.issuer != issuer:
            raise MetadataRefused("They are another issuer's now.")
        # As the row has it, in which tuples are lists: otherwise nothing would ever be as it was.
        return {"provider": msgspec.json.decode(msgspec.json.encode(found))}
    url = connection.config.get("metadata_url", "")
    if not url:
        return {}
    return _told_saml(connection, provider_checked(provider_fetched(url)))


def _told_saml(connection: SsoConnection, provider: Provider) -> dict[str, object]:
    if provider.entity_id != connection.config["entity_id"]:
        raise BadDocument("They are another provider's now.")
    return provider_config(provider)


def _note(tenant_id: UUID, connection_id: UUID, sentence: str) -> None:
    with tenant_context(tenant_id):
        SsoConnection.objects.filter(pk=connection_id).update(last_error=sentence[:500], refreshed_at=timezone.now())
