"""The refresh token grant: every use brings a new token, and may narrow what the access token is good for."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from tenants.authorization import grants, refreshing, resources, scopes
from tenants.authorization.asked import Asked
from tenants.models import User


class RefreshGrant(RefreshTokenGrant):
    """Authlib's grant over our rows."""

    INCLUDE_NEW_REFRESH_TOKEN = True
    request: Asked

    def authenticate_refresh_token(self, refresh_token: str) -> refreshing.Held | None:
        """What it stands for; None when it is not good."""
        return refreshing.held(refresh_token, self.request.client)

    def validate_token_request(self) -> None:
        """Raises OAuth2Error unless the token is this client's and good, and the same resource is asked for."""
        super().validate_token_request()
        grant = self.request.refresh_token.grant
        resources.require_same(self.server.resources, self.request.form.get("resource", ""), grant.endpoint)
        resources.wanted(self.server.resources, grant.resource)  # it may be gone by now

    def _validate_token_scope(self, token: refreshing.Held) -> None:
        """Authlib's compares names; ours imply each other."""
        asked = self.request.payload.scope
        if asked and not scopes.covers(token.get_scope(), asked):
            raise InvalidScopeError("This is more than was granted.")

    def authenticate_user(self, refresh_token: refreshing.Held) -> User:
        """Who granted it."""
        return refresh_token.grant.user

    def issue_token(self, user: User, refresh_token: refreshing.Held) -> dict[str, Any]:
        """The token response with the next refresh token. Raises InvalidGrantError for a person who has left."""
        del user  # the grant's
        following = refreshing.succeeded(refresh_token, self.request.form["refresh_token"])
        asked = self.request.payload.scope or ""
        return grants.token_answer(refresh_token.grant, self.request.client, asked, following)

    def revoke_old_credential(self, refresh_token: refreshing.Held) -> None:
        """Done when its successor was stored."""
