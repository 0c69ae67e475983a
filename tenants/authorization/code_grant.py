"""The authorization code grant: PKCE with S256 for every client, for one resource, by a person who is a member."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError, OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from django.utils import timezone

from core import keys
from tenants.authorization import grants, people, refreshing, resources, scopes, tokens
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient
from tenants.authorization.proofs import THUMBPRINT
from tenants.models import AuthorizationCode, ClientGrant, User

LIFETIME = timedelta(minutes=2)
S256 = "S256"
PROOF_KEY = "dpop_jkt"  # RFC 9449 section 10


class ProofKey(CodeChallenge):
    """PKCE (RFC 7636), of every client and by S256 alone (OAuth 2.1 section 4.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = [S256]
    DEFAULT_CODE_CHALLENGE_METHOD = S256

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        """Raises InvalidRequestError without a challenge, and for a challenge that is not of S256."""
        said = grant.request.form
        if "code_challenge" not in said:
            raise InvalidRequestError("PKCE is required: send a code_challenge.")
        if said.get("code_challenge_method") != S256:
            raise InvalidRequestError("The code_challenge_method has to be S256.")
        super().validate_code_challenge(grant, redirect_uri)


@dataclass(frozen=True, slots=True)
class HeldCode:
    """A code that was presented and is good."""

    row: AuthorizationCode
    grant: ClientGrant
    code_challenge_method: str = S256

    @property
    def code_challenge(self) -> str:
        """What the verifier is held against."""
        return self.row.code_challenge

    def get_redirect_uri(self) -> str:
        """As the authorization request named it; empty where it named none."""
        return self.row.redirect_uri

    def get_scope(self) -> str:
        """What was granted."""
        return self.grant.scopes


class CodeGrant(AuthorizationCodeGrant):
    """Authlib's grant over our rows."""

    request: Asked
    redirect_uri: Any

    def validate_authorization_request(self) -> str:
        """Where the answer goes. Raises OAuth2Error, with `redirect_uri` where the client may be told."""
        redirect_uri: str = super().validate_authorization_request()
        try:
            self._find_terms()
        except OAuth2Error as error:
            error.redirect_uri = redirect_uri
            raise
        return redirect_uri

    def _find_terms(self) -> None:
        if len(self.request.payload.data.get(PROOF_KEY, "")) not in {0, THUMBPRINT}:
            raise InvalidRequestError("The dpop_jkt is not a thumbprint by SHA-256.")
        self.request.resource = resources.wanted(self.server.resources, self.request.payload.data.get("resource", ""))
        self.request.scope = scopes.within(self.request.scope, people.most_of(self.request.user.pk))
        if not self.request.scope:
            raise InvalidScopeError("You can grant none of these scopes.")

    def terms(self, redirect_uri: str) -> grants.Terms:
        """What is asked for, once it was validated."""
        assert self.request.resource is not None  # noqa: S101  validated before
        return grants.Terms(self.request.scope, self.request.resource, redirect_uri, by_sso=self.request.by_sso)

    def generate_authorization_code(self) -> str:
        """A fresh code."""
        return tokens.secret(tokens.CODE)

    def save_authorization_code(self, code: str, request: Asked) -> None:
        """Stores the grant and the code's digest."""
        client: KnownClient = request.client
        redirect_uri = request.payload.redirect_uri or client.get_default_redirect_uri() or ""
        grant = grants.grant_open(
            tenant_id=self.server.tenant_id, client=client, user=request.user, terms=self.terms(redirect_uri)
        )
        AuthorizationCode.objects.create(
            tenant_id=self.server.tenant_id,
            grant=grant,
            digest=keys.digest(code),
            redirect_uri=request.payload.redirect_uri or "",
            code_challenge=request.payload.data["code_challenge"],
            proof_key=request.payload.data.get(PROOF_KEY, ""),
            expires_at=timezone.now() + LIFETIME,
        )

    def query_authorization_code(self, code: str, client: KnownClient) -> HeldCode | None:
        """What a presented code stands for; None when it is not good. One that was used before ends its grant."""
        row = AuthorizationCode.objects.filter(digest=keys.digest(code), grant__client=client.row).first()
        if row is None:
            return None
        grant = ClientGrant.objects.select_for_update(no_key=True).get(pk=row.grant_id)
        row.refresh_from_db()
        if row.used_at is not None:
            grants.grant_end(grant, grants.TWICE)
            return None
        is_good = grant.revoked_at is None and row.expires_at > timezone.now()
        return HeldCode(row, grant) if is_good else None

    def validate_token_request(self) -> None:
        """Raises OAuth2Error unless the code is this client's and good, and the same resource is asked for."""
        super().validate_token_request()
        found: HeldCode = self.request.authorization_code
        if found.row.proof_key not in {"", self.request.client.proof_key}:
            raise InvalidGrantError("The code is bound to another key than the proof's.")
        grant = found.grant
        resources.require_same(self.server.resources, self.request.form.get("resource", ""), grant.endpoint)

    def authenticate_user(self, authorization_code: HeldCode) -> User:
        """Who granted it."""
        return authorization_code.grant.user

    def generate_token(self, *_said: Any, include_refresh_token: bool = True, **_named: Any) -> dict[str, Any]:
        """The token response. Raises InvalidGrantError for a person who has left."""
        grant = self.request.authorization_code.grant
        refresh_token = refreshing.first(grant, self.request.client) if include_refresh_token else ""
        return grants.token_answer(grant, self.request.client, refresh_token=refresh_token)

    def delete_authorization_code(self, authorization_code: HeldCode) -> None:
        """Uses it up; it is kept, so that a second use is told from a guess."""
        AuthorizationCode.objects.filter(pk=authorization_code.row.pk).update(used_at=timezone.now())
