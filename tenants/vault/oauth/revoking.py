"""Revocation of tokens at their provider (RFC 7009)."""

from core.outbound import Client
from tenants.vault.oauth.client_auth import authenticated
from tenants.vault.oauth.exchanging import send_form
from tenants.vault.oauth.metadata import ProviderMetadata
from tenants.vault.oauth.registration import Registration

REVOKED = 200  # also for a token that was not valid any more (section 2.2)


async def revoke(client: Client, provider: ProviderMetadata, registration: Registration, token: str, hint: str) -> int:
    """Revokes one token; returns the HTTP status of the answer, REVOKED when it is done.

    `hint` is "access_token" or "refresh_token". Raises ProviderAway when it is worth trying again, and OAuthFailed.
    """
    who, headers = authenticated(registration, provider)
    fields = {"token": token, "token_type_hint": hint, **who}
    return (await send_form(client, provider.revocation_endpoint, fields, headers)).status
