"""The client credentials grant: a program that acts for itself, with a secret or a key of its own."""

import uuid
from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from tenants.authorization import resources, tokens
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient, note_use


class ClientGrantType(ClientCredentialsGrant):
    """Authlib's grant, for one endpoint that the client may act at."""

    request: Asked

    def validate_token_request(self) -> None:
        """Raises OAuth2Error unless the client proved itself, and may act there."""
        super().validate_token_request()
        found = resources.wanted(self.server.resources, self.request.form.get("resource", ""))
        if not self.request.client.may_act_at(found.endpoint_id):
            raise resources.InvalidTarget("This client may not act at this endpoint.")
        self.request.resource = found

    def generate_token(self, *_said: Any, scope: str | None = None, **_named: Any) -> dict[str, Any]:
        """The token response. Raises InvalidScopeError."""
        client: KnownClient = self.request.client
        allowed = client.get_allowed_scope(scope)
        if not allowed:
            raise InvalidScopeError("This client may have none of these scopes.")
        assert self.request.resource is not None  # noqa: S101  validated before
        note_use(client.row)
        issue = tokens.Issue(
            tenant_id=self.server.tenant_id,
            subject=client.get_client_id(),
            client_id=client.get_client_id(),
            scope=allowed,
            resource=self.request.resource.url,
            endpoint_id=self.request.resource.endpoint_id,
            # Nobody's consent: a name of its own, by which this one token can be revoked.
            grant=str(uuid.uuid4()),
            proof_key=client.proof_key,
        )
        return tokens.answered(issue)
