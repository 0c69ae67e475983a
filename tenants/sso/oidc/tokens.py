"""Tokens of an OpenID provider: asked for with a code, and held to OpenID Connect Core before anything is believed."""

import base64
import hashlib
import hmac
import time
from collections.abc import Collection
from typing import Any, NamedTuple

from joserfc.jwt import Token

from core.foreign_json import NotAnObject, foreign_object
from core.outbound import Client, FetchFailed, fetch
from core.refusals import Refused
from tenants.jwks import TokenRefused, verified
from tenants.sso.checks import MAXIMUM_SUBJECT, Trace
from tenants.sso.oidc.metadata import OpenIdProvider
from tenants.vault.oauth.client_auth import authenticated
from tenants.vault.oauth.exchanging import READING, host_of, require_success, send_form
from tenants.vault.oauth.registration import Registration

LEEWAY_SECONDS = 60
MAXIMUM_AGE_SECONDS = 600  # of an ID token that was asked for just now
MAXIMUM_ACCESS_TOKEN = 16_384


class Tokens(NamedTuple):
    """What a token endpoint issued, unchecked."""

    id_token: str
    access_token: str


class Expected(NamedTuple):
    """Who a token has to come from and be for, and the nonce that it has to repeat."""

    provider: OpenIdProvider
    client_id: str
    nonce: str


async def by_code(
    client: Client,
    provider: OpenIdProvider,
    registration: Registration,
    *,
    code: str,
    redirect_uri: str,
    verifier: str,
) -> Tokens:
    """The tokens for a code (OpenID Connect Core section 3.1.3). Raises tenants.vault.oauth.failures.OAuthFailed."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    who, headers = authenticated(registration, provider.as_oauth())
    answer = require_success(await send_form(client, provider.token_endpoint, {**fields, **who}, headers))
    id_token, access = answer.get("id_token"), answer.get("access_token")
    return Tokens(id_token if isinstance(id_token, str) else "", access if isinstance(access, str) else "")


def signed(trace: Trace, token: str, provider: OpenIdProvider, what: str) -> Token:
    """A token that the provider signed with an algorithm of ours. Raises CheckFailed."""
    try:
        found = verified(token, jwks_uri=provider.jwks_uri, algorithms=provider.algorithms)
    except TokenRefused as refused:
        raise trace.failed(f"{what}: signature", str(refused)) from None
    trace.require(f"{what}: signature", "", holds=True, came=found.header.get("alg"))
    return found


def require_issued(trace: Trace, claims: dict[str, Any], provider: OpenIdProvider, client_id: str, what: str) -> None:
    """Checks what ID tokens and logout tokens have in common: issuer, audience, time. Raises CheckFailed."""
    issuer = claims.get("iss")
    trace.require(f"{what}: iss", f"It has to be {provider.issuer}.", holds=issuer == provider.issuer, came=issuer)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    trace.require(
        f"{what}: aud", f"It has to name the client {client_id}.", holds=client_id in audiences, came=audience
    )
    expires, issued = _moment(claims.get("exp")), _moment(claims.get("iat"))
    now = time.time()
    trace.require(
        f"{what}: exp", "The token has expired.", holds=now < expires + LEEWAY_SECONDS, came=claims.get("exp")
    )
    recent = now - MAXIMUM_AGE_SECONDS - LEEWAY_SECONDS < issued < now + LEEWAY_SECONDS
    trace.require(f"{what}: iat", "The token was not issued just now: compare the clocks.", holds=recent, came=issued)


def id_claims(trace: Trace, tokens: Tokens, expected: Expected) -> dict[str, Any]:
    """The claims of the ID token (OpenID Connect Core section 3.1.3.7). Raises CheckFailed."""
    what = "ID token"
    trace.require(what, "The provider issued none: ask it for the scope openid.", holds=bool(tokens.id_token))
    token = signed(trace, tokens.id_token, expected.provider, what)
    claims = dict(token.claims)
    trace.said.update(claims)
    require_issued(trace, claims, expected.provider, expected.client_id, what)
    _require_party(trace, claims, expected.client_id)
    nonce = claims.get("nonce")
    ours = isinstance(nonce, str) and hmac.compare_digest(nonce.encode("utf-8", "replace"), expected.nonce.encode())
    trace.require(f"{what}: nonce", "It is not the one of this login.", holds=ours)
    subject = claims.get("sub")
    named = isinstance(subject, str) and 0 < len(subject) <= MAXIMUM_SUBJECT and subject.isprintable()
    trace.require(f"{what}: sub", "It names nobody.", holds=named, came=subject)
    if "at_hash" in claims:
        holds = claims["at_hash"] == _half_hash(tokens.access_token, token.header.get("alg"))
        trace.require(f"{what}: at_hash", "The access token is another's.", holds=holds)
    return claims


def _require_party(trace: Trace, claims: dict[str, Any], client_id: str) -> None:
    """With several audiences, or where it is named, the authorized party is this client."""
    party, audience = claims.get("azp"), claims.get("aud")
    several = isinstance(audience, list) and len(audience) > 1
    if party is not None or several:
        trace.require("ID token: azp", f"It has to be {client_id}.", holds=party == client_id, came=party)


async def userinfo(client: Client, provider: OpenIdProvider, access_token: str) -> dict[str, Any]:
    """What the provider's userinfo endpoint says (OpenID Connect Core section 5.3); empty where it says nothing.

    Only a JSON object is read: one that is signed by itself would need keys and checks of its own.
    """
    printable = access_token.isascii() and access_token.isprintable() and len(access_token) <= MAXIMUM_ACCESS_TOKEN
    if not provider.userinfo_endpoint or not access_token or not printable:
        return {}
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
    try:
        answer = await fetch(client, "GET", provider.userinfo_endpoint, headers=headers, limits=READING)
        return foreign_object(answer.body) if answer.status == 200 else {}
    except (FetchFailed, Refused, NotAnObject):
        return {}


def with_userinfo(
    trace: Trace, claims: dict[str, Any], told: dict[str, Any], provider: OpenIdProvider
) -> dict[str, Any]:
    """The claims with what userinfo adds to them, and never what it says otherwise. Raises CheckFailed."""
    if not told:
        return claims
    same = told.get("sub") == claims.get("sub")
    sentence = f"{host_of(provider.userinfo_endpoint)} speaks of another person."
    trace.require("userinfo: sub", sentence, holds=same, came=told.get("sub"))
    trace.said.update({name: value for name, value in told.items() if name not in trace.said})
    return {**told, **claims}


def missing(claims: dict[str, Any], wanted: Collection[str]) -> bool:
    """Whether a claim that is wanted has to be asked for at the userinfo endpoint."""
    return any(name not in claims for name in wanted)


def _moment(value: object) -> float:
    """A NumericDate (RFC 7519 section 2); 0 for what is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11 else 0.0


def _half_hash(access_token: str, algorithm: object) -> str:
    # OpenID Connect Core section 3.1.3.6: the hash of the signature's algorithm, which of Ed25519 is SHA-512.
    hashed = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    whole = hashed(access_token.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
