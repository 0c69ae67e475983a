"""What an OpenID provider says of itself (OpenID Connect Discovery 1.0), checked before it is believed."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.outbound import Client, Policy
from tenants.vault.oauth.exchanging import host_of, read_document, require_secure
from tenants.vault.oauth.failures import MetadataRefused
from tenants.vault.oauth.metadata import BASIC, MAXIMUM_ISSUER, OPENID, ProviderMetadata, endpoint_in, texts_in

# Never "none", never a shared secret: what the provider lists beside these is not accepted.
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")


class OpenIdProvider(msgspec.Struct, frozen=True, omit_defaults=True):
    """An OpenID provider. `algorithms` are those of ours that it signs ID tokens with."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    auth_methods: tuple[str, ...] = (BASIC,)
    signing_algorithms: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ("RS256",)
    tells_issuer: bool = False  # RFC 9207

    def as_oauth(self) -> ProviderMetadata:
        """The same as an authorization server's metadata."""
        return ProviderMetadata(
            issuer=self.issuer,
            authorization_endpoint=self.authorization_endpoint,
            token_endpoint=self.token_endpoint,
            auth_methods=self.auth_methods,
            signing_algorithms=self.signing_algorithms,
            tells_issuer=self.tells_issuer,
        )


async def provider_at(client: Client, issuer: str) -> OpenIdProvider:
    """The provider whose issuer somebody typed, or whose discovery document's URL. Raises OAuthFailed."""
    asked = issuer.strip().removesuffix(OPENID)
    require_secure(asked, client.policy, "issuer")
    document = await read_document(client, f"{asked.rstrip('/')}{OPENID}", "discovery document")
    if document is None:
        raise MetadataRefused(f"{host_of(asked)} publishes no discovery document below that issuer.")
    return checked(document, asked, client.policy)


def checked(document: dict[str, Any], asked: str, policy: Policy) -> OpenIdProvider:
    """The document, believed where it may be (Discovery sections 3 and 4.3). Raises MetadataRefused.

    Its issuer has to be the one that was asked; a final slash, which the document's own address does not tell apart,
    may differ, and then the document is right.
    """
    issuer = document.get("issuer")
    if not isinstance(issuer, str) or len(issuer) > MAXIMUM_ISSUER or issuer.rstrip("/") != asked.rstrip("/"):
        raise MetadataRefused(f"The discovery document of {host_of(asked)} is another issuer's.")
    told = texts_in(document, "id_token_signing_alg_values_supported") or ("RS256",)
    algorithms = tuple(name for name in ALGORITHMS if name in told)
    if not algorithms:
        raise MetadataRefused(f"{host_of(asked)} signs with none of {', '.join(ALGORITHMS)}.")
    endpoint = partial(endpoint_in, document, policy, of=f"The discovery document of {host_of(asked)}")
    return OpenIdProvider(
        issuer=issuer,
        authorization_endpoint=endpoint("authorization_endpoint", required=True),
        token_endpoint=endpoint("token_endpoint", required=True),
        jwks_uri=endpoint("jwks_uri", required=True),
        userinfo_endpoint=endpoint("userinfo_endpoint"),
        end_session_endpoint=endpoint("end_session_endpoint"),
        auth_methods=texts_in(document, "token_endpoint_auth_methods_supported") or (BASIC,),
        signing_algorithms=texts_in(document, "token_endpoint_auth_signing_alg_values_supported"),
        algorithms=algorithms,
        tells_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def provider_host(provider: OpenIdProvider) -> str:
    """The host that a person is sent to."""
    return urlsplit(provider.authorization_endpoint).netloc
