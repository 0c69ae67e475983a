"""The configuration of an OpenID connection: what is typed, what is stored, and what a login needs of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from core.envelope import Keyring
from tenants.models import SsoConnection
from tenants.sso.oidc.metadata import OpenIdProvider, provider_at
from tenants.validation import refused_fields
from tenants.vault.clients import entered_registration
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.registration import Registration, Way, decode, encode
from tenants.vault.oauth.running import with_provider
from tenants.vault.purposes import SSO_CONNECTION

SCOPES = "openid email profile"
GROUPS_CLAIM = "groups"
FIELDS = ("issuer", "client_id", "client_secret", "auth_method", "scopes", "groups_claim")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """What a login at an OpenID provider needs."""

    provider: OpenIdProvider
    registration: Registration
    scopes: str
    groups_claim: str


def oidc_configured(
    connection: SsoConnection, keyring: Keyring, draft: Mapping[str, str], provider: OpenIdProvider
) -> None:
    """Writes what was typed into the connection. A secret that is left empty stays, at the same provider.

    Raises Refused(INVALID_INPUT).
    """
    registration = _registration(connection, keyring, draft, provider)
    scopes = draft.get("scopes", "").split() or SCOPES.split()
    connection.config = {
        "issuer": provider.issuer,
        "client_id": registration.client_id,
        "auth_method": registration.auth_method,
        "scopes": " ".join(dict.fromkeys(["openid", *scopes])),
        "groups_claim": draft.get("groups_claim", "").strip() or GROUPS_CLAIM,
        "provider": msgspec.to_builtins(provider),
    }
    connection.sealed = keyring.seal(SSO_CONNECTION, encode(registration), *sealed_row(connection))


def provider_asked(issuer: str) -> OpenIdProvider:
    """The provider at an issuer that was typed. Never inside a transaction. Raises Refused(INVALID_INPUT)."""
    if not issuer.strip():
        raise refused_fields({"issuer": "Enter the provider's issuer, such as https://login.example.com."})
    try:
        return with_provider(lambda client: provider_at(client, issuer))
    except OAuthFailed as failed:
        raise refused_fields({"issuer": str(failed)}) from None


def oidc_settings(connection: SsoConnection, keyring: Keyring) -> OidcSettings:
    """What is stored. Raises core.crypto.Forged and core.envelope.KeyGone."""
    config = connection.config
    return OidcSettings(
        provider=oidc_provider(connection),
        registration=decode(keyring.unseal(SSO_CONNECTION, connection.sealed, *sealed_row(connection))),
        scopes=config["scopes"],
        groups_claim=config["groups_claim"],
    )


def oidc_provider(connection: SsoConnection) -> OpenIdProvider:
    """The provider's metadata as they were last checked."""
    return msgspec.convert(connection.config["provider"], OpenIdProvider)


def sealed_row(connection: SsoConnection) -> tuple[str, ...]:
    """What a connection's secrets are bound to: its row, and whom they are shown."""
    return (str(connection.pk), connection.kind, str(connection.config.get("issuer", "")))


def _registration(
    connection: SsoConnection, keyring: Keyring, draft: Mapping[str, str], provider: OpenIdProvider
) -> Registration:
    secret, client_id, method = draft.get("client_secret", ""), draft.get("client_id", ""), draft.get("auth_method", "")
    same = connection.sealed and connection.config.get("issuer") == provider.issuer
    if not secret and same:
        former = decode(keyring.unseal(SSO_CONNECTION, connection.sealed, *sealed_row(connection)))
        if former.client_id == client_id.strip() and method in {"", former.auth_method}:
            return former
    made = entered_registration(client_id=client_id, secret=secret, auth_method=method)
    return msgspec.structs.replace(made, way=Way.ENTERED)
