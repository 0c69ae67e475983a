"""Enterprise-managed authorization: a client comes with an assertion of the person's own identity provider (ID-JAG,
draft-ietf-oauth-identity-assertion-authz-grant), and nobody is asked.

The provider is one that the tenant signs in with (`tenants.sso`, OpenID Connect), whose connection takes assertions.
Who somebody is, whether they may come and whether they become a member is what a login by that connection would say.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from allauth.account.models import EmailAddress
from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from django.utils import timezone
from joserfc import jws
from joserfc.errors import JoseError

from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.authorization import grants, people, resources, scopes
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient
from tenants.authorization.grant_types import ASSERTION
from tenants.authorization.issuers import issuer_of
from tenants.jwks import TokenRefused, verified
from tenants.models import GrantOrigin, SsoConnection, SsoIdentity, SsoKind, Tenant, User
from tenants.replay import first_time
from tenants.sso.admitting import Known, admitted, recognised
from tenants.sso.checks import MAXIMUM_SUBJECT, Asserted, CheckFailed, Trace, groups_of
from tenants.sso.oidc.config import oidc_provider

TYPE = "oauth-id-jag+jwt"
LEEWAY_SECONDS = 60
LONGEST_SECONDS = 3_600  # an assertion is for one request, soon
LONGEST_JTI = 500
UNTRUSTED = "The assertion is none of an identity provider that is trusted here."


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that a provider of the tenant's signed, its claims unchecked."""

    connection: SsoConnection
    claims: dict[str, Any]


def verified_assertion(tenant_id: UUID, assertion: str) -> Assertion:
    """The assertion, signed by a provider whose assertions the tenant takes. Raises InvalidGrantError.

    Never inside a transaction: the provider's keys may have to be fetched.
    """
    connection = _connection(tenant_id, _issuer_in(assertion))
    if connection is None:
        raise InvalidGrantError(UNTRUSTED)
    provider = oidc_provider(connection)
    try:
        found = verified(assertion, jwks_uri=provider.jwks_uri, algorithms=provider.algorithms)
    except TokenRefused:
        raise InvalidGrantError("The assertion is not signed by its issuer.") from None
    return Assertion(connection, dict(found.claims))


def _issuer_in(assertion: str) -> str:
    """The issuer that an assertion names, nothing verified. Raises InvalidGrantError for a token of another kind."""
    try:
        found = jws.extract_compact(assertion.encode())
        header, claims = found.headers(), msgspec.json.decode(found.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise InvalidGrantError("The assertion is not a signed JSON Web Token.") from None
    # Else an ID token of the same provider would do.
    if header.get("typ") != TYPE or not isinstance(claims, dict):
        raise InvalidGrantError(f"The typ of an assertion has to be {TYPE}.")
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else ""


def _connection(tenant_id: UUID, issuer: str) -> SsoConnection | None:
    with tenant_context(tenant_id):
        taking = SsoConnection.objects.filter(kind=SsoKind.OIDC, is_enabled=True, takes_assertions=True)
        rows = list(taking.order_by("created_at", "pk"))
    return next((row for row in rows if oidc_provider(row).issuer == issuer), None)


class AssertionGrant(BaseGrant, TokenEndpointMixin):
    """The grant of clients that come with assertions."""

    GRANT_TYPE: Any = ASSERTION
    request: Asked

    def validate_token_request(self) -> None:
        """Raises OAuth2Error unless it is this client's assertion, for this server, for now and for the first time."""
        client: KnownClient = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(ASSERTION):
            raise UnauthorizedClientError("This client may not come with assertions.")
        claims = self.request.assertion.claims
        _require_meant_so(self.server.tenant_id, client, claims)
        self.request.resource = self._resource(claims)
        scope = self._scope(client, claims)
        if not _is_first(self.server.tenant_id, claims):
            raise InvalidGrantError("The assertion was used before.")
        self.request.user = _person(self.request.assertion, self.server.tenant_id)
        self.request.scope = scopes.within(scope, people.most_of(self.request.user.pk))
        if not self.request.scope:
            raise InvalidScopeError("The person may do none of this.")

    def _resource(self, claims: dict[str, Any]) -> resources.Resource:
        """Where the token is good: at what the assertion names, and where it names nothing at what the client asks."""
        named, asked = claims.get("resource", ""), self.request.form.get("resource", "")
        if not isinstance(named, str):
            raise resources.InvalidTarget("The assertion is for one resource at a time.")
        found = resources.wanted(self.server.resources, named or asked)
        resources.require_same(self.server.resources, asked, found.endpoint_id)
        return found

    def _scope(self, client: KnownClient, claims: dict[str, Any]) -> str:
        """What the assertion and the client's request both name, within what the client may have at all."""
        claimed, asked = claims.get("scope", ""), self.request.payload.scope or ""
        if not isinstance(claimed, str):
            raise InvalidGrantError("The scope of the assertion is not a text.")
        both = scopes.within(scopes.understood(asked), scopes.understood(claimed)) if asked and claimed else ""
        wanted = both if asked and claimed else scopes.understood(asked or claimed)
        scope = client.get_allowed_scope(wanted) if wanted else None
        if not scope:
            raise InvalidScopeError("The assertion covers none of these scopes.")
        return scope

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """The token response; no refresh token, since the client comes again with another assertion."""
        client, user, resource = self.request.client, self.request.user, self.request.resource
        assert resource is not None  # noqa: S101  validated before
        alike = grants.alike(client, user.pk, resource.endpoint_id).filter(
            origin=GrantOrigin.ASSERTION, resource=resource.url, scopes=self.request.scope
        )
        terms = grants.Terms(self.request.scope, resource, origin=GrantOrigin.ASSERTION, by_sso=True)
        grant = alike.select_for_update(no_key=True).first() or grants.grant_open(
            tenant_id=self.server.tenant_id, client=client, user=user, terms=terms
        )
        return 200, grants.token_answer(grant, client), self.TOKEN_RESPONSE_HEADER


def _require_meant_so(tenant_id: UUID, client: KnownClient, claims: dict[str, Any]) -> None:
    """Raises InvalidGrantError unless the claims are for this server, this client and this moment."""
    if claims.get("aud") not in (issuer_of(tenant_id), [issuer_of(tenant_id)]):
        raise InvalidGrantError("The assertion is for another server.")
    if claims.get("client_id") != client.get_client_id():
        raise InvalidGrantError("The assertion is another client's.")
    if "cnf" in claims:
        raise InvalidGrantError("The assertion is bound to a key, which is not supported here.")
    texts = ((claims.get("sub"), MAXIMUM_SUBJECT), (claims.get("jti"), LONGEST_JTI))
    if not all(isinstance(text, str) and 0 < len(text) <= longest and text.isprintable() for text, longest in texts):
        raise InvalidGrantError("The assertion names nobody, or not itself.")
    if not _is_of_now(claims):
        raise InvalidGrantError("The assertion is too old, is not good yet, or is good for too long.")


def _is_of_now(claims: dict[str, Any]) -> bool:
    now, moments = time.time(), [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    if any(type(moment) not in (int, float) for moment in moments):
        return False
    expires_at, issued_at, not_before = (float(str(moment)) for moment in moments)
    is_fresh = now - LONGEST_SECONDS < issued_at <= now + LEEWAY_SECONDS and not_before <= now + LEEWAY_SECONDS
    return is_fresh and now - LEEWAY_SECONDS < expires_at < now + LONGEST_SECONDS


def _is_first(tenant_id: UUID, claims: dict[str, Any]) -> bool:
    until = datetime.fromtimestamp(claims["exp"] + LEEWAY_SECONDS, UTC)
    token = f"{claims['iss']} {claims['jti']}"
    return first_time(tenant_id=tenant_id, kind="id-jag", token=token, expires_at=until)


def _person(assertion: Assertion, tenant_id: UUID) -> User:
    """Whom the assertion is of, as a login by its connection would find or make them. Raises InvalidGrantError."""
    connection, claims, tenant = assertion.connection, assertion.claims, Tenant.objects.get(pk=tenant_id)
    email, name = claims.get("email"), claims.get("name")
    asserted = Asserted(
        subject=claims["sub"],
        email=email if isinstance(email, str) else "",
        email_verified=claims.get("email_verified", None) in (True, "true", None),
        name=name[:100] if isinstance(name, str) and name.isprintable() else "",
        groups=groups_of(claims.get(connection.config["groups_claim"])),
    )
    try:
        # Who was put out since it was issued does not come back by it.
        issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        known = recognised(connection, tenant, asserted, Trace(), began_at=issued_at)
        if known.membership is None:
            return admitted(connection, tenant, asserted, known).user
    except (CheckFailed, Refused):
        raise InvalidGrantError("The person of the assertion may not come in here.") from None
    return _linked(connection, known, asserted.subject)


def _linked(connection: SsoConnection, known: Known, subject: str) -> User:
    """A member, from now on known by their subject. What their groups give them, logins alone change."""
    user = known.user
    if user is None or not EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
        raise InvalidGrantError("The person of the assertion never proved their address.")
    if known.identity is None:
        # Of somebody who closed their account: the provider knows its next one by the same name.
        SsoIdentity.objects.filter(connection=connection, subject=subject).delete()
        SsoIdentity.objects.create(
            tenant_id=connection.tenant_id,
            connection=connection,
            subject=subject,
            user=user,
            last_login_at=timezone.now(),
        )
    return user
