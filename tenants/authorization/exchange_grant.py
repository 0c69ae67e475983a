"""Token exchange (RFC 8693): a service that was sent a person's token gets one of its own, for no more than that one.

The new token carries the grant of the one that it came from, and so ends with it.
"""

from typing import Any

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidRequestError,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from django.utils import timezone

from tenants.authorization import grants, own_tokens, people, resources, scopes, tokens
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient, note_use
from tenants.authorization.grant_types import EXCHANGE
from tenants.models import ClientGrant

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a name of RFC 8693
NOT_SPOKEN = ("actor_token", "actor_token_type", "audience")


class ExchangeGrant(BaseGrant, TokenEndpointMixin):
    """The grant of clients that the tenant lets exchange tokens."""

    GRANT_TYPE: Any = EXCHANGE
    request: Asked

    def validate_token_request(self) -> None:
        """Raises OAuth2Error unless the token is good, and what is asked for is within it."""
        client: KnownClient = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(EXCHANGE):
            raise UnauthorizedClientError("This client may not exchange tokens.")
        self._require_spoken()
        self._claims, self._grant = self._subject()
        self.request.resource = self._resource(client)
        self.request.scope = self._scope(client)

    def _require_spoken(self) -> None:
        said = self.request.form
        if unknown := next((name for name in NOT_SPOKEN if name in said), ""):
            raise InvalidRequestError(f"{unknown} is not supported here.")
        if said.get("subject_token_type") != ACCESS_TOKEN:
            raise InvalidRequestError(f"The subject_token_type has to be {ACCESS_TOKEN}.")
        if said.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise InvalidRequestError(f"The requested_token_type can be {ACCESS_TOKEN} alone.")

    def _subject(self) -> tuple[dict[str, Any], ClientGrant]:
        """What the presented token says, and its grant, held against its end. RFC 8693 section 2.2.2."""
        found = own_tokens.read(self.server.tenant_id, self.request.form.get("subject_token", ""))
        if found is None:
            raise InvalidRequestError("The subject_token is no good access token of this server.")
        grant = grants.alive().select_for_update(no_key=True).filter(pk=found.claims["grant"]).first()
        if grant is None:
            raise InvalidRequestError("The subject_token stands for no person.")
        return found.claims, grant

    def _resource(self, client: KnownClient) -> resources.Resource:
        asked = self.request.form.get("resource", "")
        found = resources.wanted(self.server.resources, asked or self._claims["aud"])
        # Another endpoint may have taken the name since.
        is_same = str(found.endpoint_id) == self._claims["endpoint"]
        if not (asked or is_same) or not client.may_act_at(found.endpoint_id):
            raise resources.InvalidTarget("This client may not act at this endpoint.")
        return found

    def _scope(self, client: KnownClient) -> str:
        asked, held = self.request.payload.scope or "", self._claims["scope"]
        if asked and not scopes.covers(held, asked):
            raise InvalidScopeError("This is more than the subject_token is good for.")
        allowed = scopes.within(client.get_allowed_scope(asked or held) or "", people.most_of(self._grant.user_id))
        if not allowed:
            raise InvalidScopeError("This client, or the person, may do none of this.")
        return allowed

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """The response (RFC 8693 section 2.2.1), without a refresh token: whoever is sent another can come again."""
        client, resource = self.request.client, self.request.resource
        assert resource is not None  # noqa: S101  validated before
        ClientGrant.objects.filter(pk=self._grant.pk).update(exchanged_at=timezone.now())
        note_use(client.row)
        issue = tokens.Issue(
            tenant_id=self.server.tenant_id,
            subject=self._claims["sub"],
            client_id=client.get_client_id(),
            scope=self.request.scope,
            resource=resource.url,
            endpoint_id=resource.endpoint_id,
            grant=self._claims["grant"],
            at_most_until=self._claims["exp"],
            proof_key=self.request.client.proof_key,
        )
        return 200, tokens.answered(issue) | {"issued_token_type": ACCESS_TOKEN}, self.TOKEN_RESPONSE_HEADER
