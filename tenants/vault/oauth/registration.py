"""What a provider knows us as: registered beforehand, by a document that it reads, or dynamically (RFC 7591)."""

from enum import StrEnum
from typing import Any

import msgspec

from core.outbound import Client
from tenants.vault.oauth.exchanging import host_of, require_success, send_json
from tenants.vault.oauth.failures import MetadataRefused, RegistrationNeeded
from tenants.vault.oauth.metadata import BASIC, NONE, POST, ProviderMetadata

CLIENT_NAME = "Joe Armstrong AGI MCP"
GRANTS = ["authorization_code", "refresh_token"]
MAXIMUM_CLIENT_ID = 1000
MAXIMUM_SECRET = 4000


class Way(StrEnum):
    """How a registration came about."""

    ENTERED = "entered"  # somebody registered us at the provider and entered what came of it
    DOCUMENT = "document"  # our client ID is the URL of a document that the provider reads
    DYNAMIC = "dynamic"  # we registered ourselves


class Registration(msgspec.Struct, frozen=True, omit_defaults=True):
    """A client at a provider. `secret` is a password, or for private_key_jwt a private key as PEM.

    `expires_at` is when the secret ends, in seconds since the epoch; 0: never (RFC 7591 section 3.2.1).
    """

    way: str
    client_id: str
    auth_method: str = NONE
    secret: str = ""
    key_id: str = ""
    expires_at: float = 0

    def __repr__(self) -> str:
        return f"Registration(way={self.way!r}, client_id={self.client_id!r}, auth_method={self.auth_method!r})"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Registration).decode


def client_document(client_id: str, redirect_uri: str) -> dict[str, Any]:
    """The client ID metadata document, whose `client_id` is the URL that it is served at."""
    return {"client_id": client_id, **_described(redirect_uri), "token_endpoint_auth_method": NONE}


async def registered(
    client: Client, provider: ProviderMetadata, redirect_uri: str, document_url: str, scopes: str
) -> Registration:
    """A registration that nobody has to enter: by document where the provider reads them, else dynamically.

    `document_url` is where our document is published, "" where the provider could not read it.
    Raises RegistrationNeeded where the provider takes neither, ProviderRefused, ProviderAway and MetadataRefused.
    """
    if provider.reads_documents and document_url.startswith("https://"):
        return Registration(Way.DOCUMENT, document_url)
    if not provider.registration_endpoint:
        raise RegistrationNeeded(
            f"{host_of(provider.issuer)} registers no clients by itself. Register one there and enter it here."
        )
    return await _dynamically(client, provider, redirect_uri, scopes)


async def _dynamically(client: Client, provider: ProviderMetadata, redirect_uri: str, scopes: str) -> Registration:
    wanted: dict[str, Any] = {
        **_described(redirect_uri),
        "application_type": "web",
        "token_endpoint_auth_method": _method(provider),
    }
    if scopes:
        wanted["scope"] = scopes
    answer = require_success(await send_json(client, provider.registration_endpoint, wanted, {}))
    client_id, secret = answer.get("client_id"), answer.get("client_secret", "")
    # RFC 7591 section 3.2.1: the server may have chosen another method than the one that was asked for.
    method = answer.get("token_endpoint_auth_method", wanted["token_endpoint_auth_method"] if secret else NONE)
    if not (_is_text(client_id, MAXIMUM_CLIENT_ID) and (secret == "" or _is_text(secret, MAXIMUM_SECRET))):
        raise MetadataRefused(f"{host_of(provider.issuer)} registered a client that is not valid.")
    if method not in {BASIC, POST, NONE} or (method != NONE and not secret):
        raise MetadataRefused(f"{host_of(provider.issuer)} registered a client that cannot authenticate.")
    expires_at = answer.get("client_secret_expires_at", 0)
    return Registration(
        Way.DYNAMIC,
        str(client_id),
        method,
        secret if method != NONE else "",
        expires_at=float(expires_at) if isinstance(expires_at, int) and method != NONE else 0,
    )


def _method(provider: ProviderMetadata) -> str:
    """A secret where the provider gives one: it keeps a stolen refresh token from being used elsewhere."""
    return next((method for method in (BASIC, POST, NONE) if method in provider.auth_methods), BASIC)


def _described(redirect_uri: str) -> dict[str, Any]:
    return {
        "client_name": CLIENT_NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": GRANTS,
        "response_types": ["code"],
    }


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
