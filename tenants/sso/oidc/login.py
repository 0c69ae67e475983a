"""A login at an OpenID provider: the request that a browser carries there, and what comes of its answer."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.common.security import generate_token

from core.outbound import Client
from tenants.sso.checks import Asserted, Trace, groups_of
from tenants.sso.oidc.config import OidcSettings
from tenants.sso.oidc.metadata import OpenIdProvider
from tenants.sso.oidc.tokens import Expected, Tokens, by_code, id_claims, missing, userinfo, with_userinfo
from tenants.sso.pending import Pending
from tenants.vault.oauth.authorization import Pkce, code_of
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.metadata import S256
from tenants.vault.oauth.running import with_provider

NONCE_CHARACTERS = 43  # 256 bits
LONGEST_NAME = 100


def new_nonce() -> str:
    """A value that ties an ID token to this login."""
    return str(generate_token(NONCE_CHARACTERS))


def request_url(settings: OidcSettings, *, redirect_uri: str, state: str, nonce: str, pkce: Pkce) -> str:
    """Where the person is sent (OpenID Connect Core section 3.1.2.1, with PKCE)."""
    fields = {
        "response_type": "code",
        "client_id": settings.registration.client_id,
        "redirect_uri": redirect_uri,
        "scope": settings.scopes,
        "state": state,
        "nonce": nonce,
        "code_challenge": pkce.challenge,
        "code_challenge_method": S256,
    }
    return _with_query(settings.provider.authorization_endpoint, fields)


def answer_asserted(
    settings: OidcSettings, pending: Pending, answer: Mapping[str, str], *, redirect_uri: str, trace: Trace
) -> Asserted:
    """Whom the provider vouches for, in an answer whose state is known. Never inside a transaction.

    Raises CheckFailed; `trace` holds the checks up to the one that failed.
    """
    provider = settings.provider
    try:
        code = code_of(answer, provider.as_oauth())
    except OAuthFailed as failed:
        raise trace.failed("answer", str(failed), answer.get("error_description") or answer.get("iss", "")) from None
    trace.require("answer", "", holds=True)
    tokens = _exchanged(settings, pending, code, redirect_uri, trace)
    claims = id_claims(trace, tokens, Expected(provider, settings.registration.client_id, pending.nonce))
    if missing(claims, ("email", settings.groups_claim)):
        told = with_provider(lambda client: userinfo(client, provider, tokens.access_token))
        claims = with_userinfo(trace, claims, told, provider)
    return _asserted(claims, settings.groups_claim, tokens.id_token)


def sign_out_url(provider: OpenIdProvider, *, client_id: str, hint: str, returns_to: str, state: str) -> str:
    """Where a person signs out at the provider (OpenID Connect RP-Initiated Logout); "" where they cannot."""
    if not provider.end_session_endpoint:
        return ""
    fields = {"client_id": client_id, "post_logout_redirect_uri": returns_to, "state": state}
    return _with_query(provider.end_session_endpoint, fields | ({"id_token_hint": hint} if hint else {}))


def _exchanged(settings: OidcSettings, pending: Pending, code: str, redirect_uri: str, trace: Trace) -> Tokens:
    async def exchange(client: Client) -> Tokens:
        return await by_code(
            client,
            settings.provider,
            settings.registration,
            code=code,
            redirect_uri=redirect_uri,
            verifier=pending.verifier,
        )

    try:
        tokens = with_provider(exchange)
    except OAuthFailed as failed:
        raise trace.failed("token endpoint", str(failed)) from None
    trace.require("token endpoint", "", holds=True)
    return tokens


def _asserted(claims: dict[str, Any], groups_claim: str, id_token: str) -> Asserted:
    return Asserted(
        subject=claims["sub"],
        email=_text(claims, "email"),
        email_verified=_yes_or_no(claims.get("email_verified")),
        name=_text(claims, "name")[:LONGEST_NAME],
        groups=groups_of(claims.get(groups_claim)),
        index=_text(claims, "sid"),
        hint=id_token,
    )


def _yes_or_no(value: object) -> bool | None:
    """A claim of yes or no, which some providers write as a text; None where it is not there."""
    if value is None:
        return None
    return value is True or value == "true"


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 1000 else ""


def _with_query(url: str, fields: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(fields)}"
