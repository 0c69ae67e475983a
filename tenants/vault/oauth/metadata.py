"""What an authorization server says of itself (RFC 8414, OpenID Connect Discovery), checked before it is believed."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.outbound import Client, Policy
from tenants.vault.oauth.exchanging import host_of, read_document, require_secure
from tenants.vault.oauth.failures import MetadataRefused

MAXIMUM_ISSUER = 500
MAXIMUM_ENTRIES = 200
MAXIMUM_ENTRY = 200
S256 = "S256"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
BASIC, POST, NONE, SIGNED = "client_secret_basic", "client_secret_post", "none", "private_key_jwt"


class ProviderMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """An authorization server. `is_guessed`: it published nothing, and its endpoints are those of MCP 2025-03-26."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str = ""
    revocation_endpoint: str = ""
    scopes: tuple[str, ...] = ()
    auth_methods: tuple[str, ...] = (BASIC,)  # RFC 8414 section 2: what is meant when nothing is said
    signing_algorithms: tuple[str, ...] = ()
    tells_issuer: bool = False  # RFC 9207: each of its answers has `iss`
    reads_documents: bool = False  # takes the URL of a client ID metadata document as a client ID
    is_guessed: bool = False


async def provider_metadata(client: Client, issuer: str) -> ProviderMetadata | None:
    """The metadata of `issuer`, None where it publishes none. Raises MetadataRefused and ProviderAway."""
    require_secure(issuer, client.policy, "issuer")
    for url in places(issuer):
        document = await read_document(client, url, "authorization server metadata")
        if document is not None:
            return checked(document, issuer, client.policy)
    return None


def places(issuer: str) -> list[str]:
    """Where an issuer's metadata may be, first choice first (MCP authorization; RFC 8414 section 3.1)."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    inserted = [f"{origin}{AUTHORIZATION_SERVER}{path}", f"{origin}{OPENID}{path}"]
    return [*inserted, f"{origin}{path}{OPENID}"] if path else inserted


def guessed(base: str) -> ProviderMetadata:
    """The endpoints of a server that publishes nothing (MCP 2025-03-26, fallbacks without metadata discovery)."""
    return ProviderMetadata(
        issuer=base,
        authorization_endpoint=f"{base}/authorize",
        token_endpoint=f"{base}/token",
        registration_endpoint=f"{base}/register",
        auth_methods=(NONE, POST, BASIC),
        is_guessed=True,
    )


def checked(document: dict[str, Any], issuer: str, policy: Policy) -> ProviderMetadata:
    """The document, believed where it may be. Raises MetadataRefused.

    The issuer has to be the one that was asked (RFC 8414 section 3.3), by plain comparison; every endpoint https, since
    a person or a credential is sent there; and PKCE by S256 has to be named, without which MCP clients must not go on.
    """
    if document.get("issuer") != issuer or len(issuer) > MAXIMUM_ISSUER:
        raise MetadataRefused(f"The metadata of {host_of(issuer)} is another issuer's.")
    methods = texts_in(document, "code_challenge_methods_supported")
    if S256 not in methods:
        raise MetadataRefused(f"{host_of(issuer)} does not say that it supports PKCE with S256.")
    endpoint = partial(endpoint_in, document, policy, of=f"The metadata of {host_of(issuer)}")
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=endpoint("authorization_endpoint", required=True),
        token_endpoint=endpoint("token_endpoint", required=True),
        registration_endpoint=endpoint("registration_endpoint"),
        revocation_endpoint=endpoint("revocation_endpoint"),
        scopes=texts_in(document, "scopes_supported"),
        auth_methods=texts_in(document, "token_endpoint_auth_methods_supported") or (BASIC,),
        signing_algorithms=texts_in(document, "token_endpoint_auth_signing_alg_values_supported"),
        tells_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        reads_documents=document.get("client_id_metadata_document_supported") is True,
    )


def endpoint_in(document: dict[str, Any], policy: Policy, name: str, *, of: str, required: bool = False) -> str:
    """An endpoint that a document names, empty for none; `of` begins the sentence of the refusal.

    Raises MetadataRefused for one that is no https URL, or that is not there and has to be.
    """
    url = document.get(name)
    if url is None and not required:
        return ""
    if not isinstance(url, str):
        raise MetadataRefused(f"{of} has no {name}.")
    return require_secure(url, policy, name)


def texts_in(document: dict[str, Any], name: str) -> tuple[str, ...]:
    """The texts of a list in a document, as far as a row can hold them."""
    value = document.get(name)
    texts = [entry for entry in (value if isinstance(value, list) else []) if isinstance(entry, str)]
    return tuple([text for text in texts if 0 < len(text) <= MAXIMUM_ENTRY and text.isprintable()][:MAXIMUM_ENTRIES])
