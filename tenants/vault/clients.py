"""What providers know a tenant as: stored once for each issuer, sealed, and made again when our address changes."""

import time
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings

from core.crypto import Forged
from core.envelope import KeyGone, Keyring
from core.tenancy import tenant_context
from tenants.access import Actor
from tenants.models import OAuthClient
from tenants.validation import refused_fields
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.oauth.client_auth import InvalidKey, private_key
from tenants.vault.oauth.discovery import Protected
from tenants.vault.oauth.metadata import BASIC, NONE, POST, SIGNED, ProviderMetadata
from tenants.vault.oauth.registration import Registration, Way, decode, encode, registered
from tenants.vault.oauth.running import with_provider
from tenants.vault.purposes import CLIENT, client_row

EXPIRY_MARGIN_SECONDS = 3600
METHODS = (BASIC, POST, NONE, SIGNED)


def callback_url() -> str:
    """Where providers send people back to: exactly this, for every tenant."""
    return f"{settings.CONSOLE_URL}/connections/callback"


def document_url() -> str:
    """Where our client ID metadata document is: our client ID at providers that read such documents."""
    return f"{settings.CONSOLE_URL}/connections/client.json"


def entered_registration(*, client_id: str, secret: str = "", auth_method: str = "") -> Registration:
    """A registration that somebody made at the provider. Raises Refused(INVALID_INPUT) with `data["fields"]`."""
    method = auth_method or (BASIC if secret else NONE)
    wrong: dict[str, str] = {}
    if not client_id.strip() or len(client_id) > 1000 or not client_id.isprintable():
        wrong["client_id"] = "Enter the client ID that the provider gave."
    if method not in METHODS:
        wrong["auth_method"] = f"Choose one of {', '.join(METHODS)}."
    elif (method == NONE) is bool(secret):
        wrong["client_secret"] = "Enter the client's secret." if method != NONE else "A public client has no secret."
    elif method == SIGNED:
        wrong |= _key_problem(secret)
    if wrong:
        raise refused_fields(wrong)
    return Registration(Way.ENTERED, client_id.strip(), method, secret)


def client_at(*, actor: Actor, protected: Protected, entered: Registration | None) -> UUID:
    """The tenant's client at a resource's provider: as entered, as it is known already, or registered just now.

    Opens contexts of its own, and asks the provider between them. Raises tenants.vault.oauth.failures.OAuthFailed.
    """
    provider, redirect_uri = protected.provider, callback_url()
    if entered is None and (stored := _known(actor, provider, redirect_uri)) is not None:
        return stored
    registration = entered or with_provider(
        lambda http: registered(http, provider, redirect_uri, document_url(), protected.registrable)
    )
    with tenant_context(actor.tenant.id):
        return _stored(actor, provider, registration, redirect_uri)


def client_renewed(*, actor: Actor, provider: ProviderMetadata, scopes: str) -> None:
    """Registers anew at a provider that does not know us any more. Opens a context of its own. Raises OAuthFailed."""
    redirect_uri = callback_url()
    made = with_provider(lambda http: registered(http, provider, redirect_uri, document_url(), scopes))
    with tenant_context(actor.tenant.id):
        _stored(actor, provider, made, redirect_uri)


def registration_of(keyring: Keyring, client: OAuthClient) -> Registration:
    """The registration in clear. Raises core.crypto.Forged and core.envelope.KeyGone."""
    return decode(keyring.unseal(CLIENT, client.sealed, *client_row(client.issuer)))


def provider_of(client: OAuthClient) -> ProviderMetadata:
    """The provider's metadata as they were checked when they were stored."""
    return msgspec.convert(client.provider, ProviderMetadata)


def clients_resealed(keyring: Keyring) -> int:
    """Seals all registrations of the tenant in context with the keyring's current key; how many they were."""
    rows = list(OAuthClient.objects.select_for_update())
    for client in rows:
        sealed = keyring.resealed(CLIENT, client.sealed, *client_row(client.issuer))
        OAuthClient.objects.filter(pk=client.pk).update(sealed=sealed)
    return len(rows)


def _key_problem(pem: str) -> dict[str, str]:
    try:
        private_key(pem)
    except InvalidKey as invalid:
        return {"client_secret": str(invalid)}
    return {}


def _known(actor: Actor, provider: ProviderMetadata, redirect_uri: str) -> UUID | None:
    """The stored client, its provider's metadata renewed; None where there is none that works from our address."""
    with tenant_context(actor.tenant.id):
        client = OAuthClient.objects.select_for_update().filter(issuer=provider.issuer).first()
        if client is None or (client.way != Way.ENTERED and client.redirect_uri != redirect_uri):
            return None
        try:
            registration = registration_of(keyring_for_opening(actor.tenant.id), client)
        except (Forged, KeyGone):
            return None
        if registration.expires_at and registration.expires_at < time.time() + EXPIRY_MARGIN_SECONDS:
            return None
        client.provider = _plain(provider)
        client.save(update_fields=["provider", "updated_at"])
        return client.pk


def _stored(actor: Actor, provider: ProviderMetadata, registration: Registration, redirect_uri: str) -> UUID:
    keyring = keyring_for_sealing(actor.tenant.id)
    said = {
        "provider": _plain(provider),
        "way": registration.way,
        "client_id": registration.client_id,
        "sealed": keyring.seal(CLIENT, encode(registration), *client_row(provider.issuer)),
        "redirect_uri": redirect_uri,
    }
    client, _made = OAuthClient.objects.update_or_create(
        issuer=provider.issuer, defaults=said, create_defaults={"tenant": actor.tenant, **said}
    )
    return client.pk


def _plain(provider: ProviderMetadata) -> Any:
    return msgspec.to_builtins(provider)
