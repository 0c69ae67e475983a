"""What a provider is told when tokens are revoked."""

import msgspec

from tenants.vault.oauth.metadata import ProviderMetadata
from tenants.vault.oauth.registration import Registration
from tenants.vault.oauth.tokens import TokenSet


class Errand(msgspec.Struct, frozen=True):
    """Which tokens, each with its hint (RFC 7009 section 2.1), at which provider, and who says so."""

    provider: ProviderMetadata
    registration: Registration
    tokens: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"Errand(issuer={self.provider.issuer!r}, tokens={len(self.tokens)})"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Errand).decode


def errand_for(provider: ProviderMetadata, registration: Registration, got: TokenSet) -> Errand:
    """The refresh token first: with it most providers end the access tokens of the same grant (RFC 7009 section 2)."""
    access = (got.access_token, "access_token")
    named = ((got.refresh_token, "refresh_token"), access) if got.refresh_token else (access,)
    return Errand(provider, registration, named)
