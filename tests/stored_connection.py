"""A connection as it is after a login, for tests that need one in the database and no provider."""

import time
import uuid

import msgspec

from tenants.models import Connection, OAuthClient, Tenant
from tenants.vault.keyrings import keyring_for_sealing
from tenants.vault.oauth import registration
from tenants.vault.oauth.metadata import ProviderMetadata
from tenants.vault.oauth.registration import Registration, Way
from tenants.vault.oauth.tokens import TokenSet
from tenants.vault.purposes import CLIENT, client_row
from tenants.vault.token_sets import tokens_stored

DESTINATION = "https://mcp.example.com"


def stored_connection(tenant: Tenant, issuer: str, label: str, holder: uuid.UUID | None = None) -> Connection:
    """Runs inside the tenant's context."""
    keyring = keyring_for_sealing(tenant.id)
    provider = ProviderMetadata(
        issuer,
        f"{issuer}/authorize",
        f"{issuer}/token",
        revocation_endpoint=f"{issuer}/revoke",
    )
    client = OAuthClient.objects.create(
        tenant=tenant,
        issuer=issuer,
        provider=msgspec.to_builtins(provider),
        way=Way.DYNAMIC,
        client_id=f"client of {label}",
        sealed=keyring.seal(CLIENT, registration.encode(Registration(Way.DYNAMIC, label)), *client_row(issuer)),
        redirect_uri="",
    )
    connection = Connection.objects.create(
        tenant=tenant,
        holder=holder or uuid.uuid4(),
        label=label,
        destination=DESTINATION,
        resource=DESTINATION,
        client=client,
        scopes=label,
    )
    got = TokenSet(f"access-{label}", time.time(), time.time() + 3600, f"refresh-{label}")
    tokens_stored(keyring, connection, got, None)
    return Connection.objects.select_related("client").get(pk=connection.pk)
