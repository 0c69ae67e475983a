"""Token endpoints: what is asked there, and tokens as they come back (RFC 6749, RFC 7636, RFC 8693, RFC 8707)."""

import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from core.outbound import Client
from tenants.vault.oauth.client_auth import authenticated
from tenants.vault.oauth.exchanging import host_of, require_success, send_form
from tenants.vault.oauth.failures import AnswerRefused
from tenants.vault.oauth.metadata import ProviderMetadata
from tenants.vault.oauth.registration import Registration

MAXIMUM_TOKEN = 16_384
LONGEST_SECONDS = 366 * 24 * 3600
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  RFC 8693 section 3
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 section 2.1
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class TokenSet(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a provider issued. Times are seconds since the epoch; `expires_at` None: it did not say."""

    access_token: str
    issued_at: float
    expires_at: float | None = None
    refresh_token: str = ""
    scope: str = ""

    def __repr__(self) -> str:
        return f"TokenSet(issued_at={self.issued_at!r}, expires_at={self.expires_at!r})"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(TokenSet).decode


async def by_code(
    client: Client,
    provider: ProviderMetadata,
    registration: Registration,
    *,
    code: str,
    redirect_uri: str,
    verifier: str,
    resource: str,
) -> TokenSet:
    """The tokens for an authorization code (RFC 6749 section 4.1.3). Raises OAuthFailed."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    return await _asked(client, provider, registration, _for_resource(fields, resource))


async def by_refresh(
    client: Client, provider: ProviderMetadata, registration: Registration, *, tokens: TokenSet, resource: str
) -> TokenSet:
    """New tokens for old ones (RFC 6749 section 6). A refresh token that is not replaced stays. Raises OAuthFailed."""
    fields = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    fresh = await _asked(client, provider, registration, _for_resource(fields, resource))
    return msgspec.structs.replace(
        fresh, refresh_token=fresh.refresh_token or tokens.refresh_token, scope=fresh.scope or tokens.scope
    )


async def by_client(
    client: Client, provider: ProviderMetadata, registration: Registration, *, scopes: str, resource: str
) -> TokenSet:
    """A token for the client itself (RFC 6749 section 4.4). Raises OAuthFailed."""
    fields = {"grant_type": "client_credentials", **({"scope": scopes} if scopes else {})}
    return await _asked(client, provider, registration, _for_resource(fields, resource))


async def by_exchange(
    client: Client,
    provider: ProviderMetadata,
    registration: Registration,
    *,
    subject_token: str,
    scopes: str,
    resource: str,
) -> TokenSet:
    """A token for `resource`, for another one of the same person's (RFC 8693 section 2.1). Raises OAuthFailed."""
    fields = {
        "grant_type": EXCHANGE,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN_TYPE,
        "requested_token_type": ACCESS_TOKEN_TYPE,
        **({"scope": scopes} if scopes else {}),
    }
    return await _asked(client, provider, registration, _for_resource(fields, resource))


def _for_resource(fields: dict[str, str], resource: str) -> dict[str, str]:
    return {**fields, "resource": resource} if resource else fields


async def _asked(
    client: Client, provider: ProviderMetadata, registration: Registration, fields: Mapping[str, str]
) -> TokenSet:
    who, headers = authenticated(registration, provider)
    asked_at = time.time()
    response = await send_form(client, provider.token_endpoint, {**fields, **who}, headers)
    return _token_set(require_success(response), host_of(provider.token_endpoint), asked_at)


def _token_set(answer: dict[str, Any], host: str, asked_at: float) -> TokenSet:
    kind, access, refresh = answer.get("token_type"), answer.get("access_token"), answer.get("refresh_token", "")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise AnswerRefused(f"{host} issued a token of a kind that is not Bearer.")
    if not isinstance(access, str) or len(access) > MAXIMUM_TOKEN or not _BEARER.fullmatch(access):
        raise AnswerRefused(f"{host} issued an access token that is not valid.")
    if refresh and not (isinstance(refresh, str) and len(refresh) <= MAXIMUM_TOKEN and _PRINTABLE.fullmatch(refresh)):
        raise AnswerRefused(f"{host} issued a refresh token that is not valid.")
    scope = answer.get("scope")
    lifetime = _seconds(answer.get("expires_in"))
    return TokenSet(
        access_token=access,
        issued_at=asked_at,
        # Counted from before it was asked for: what the network takes is not lifetime.
        expires_at=None if lifetime is None else asked_at + lifetime,
        refresh_token=refresh or "",
        scope=scope[:2000] if isinstance(scope, str) else "",
    )


def _seconds(value: object) -> float | None:
    """`expires_in`, which some providers write as a text; None for what is no number of seconds."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return float(min(value, LONGEST_SECONDS))
