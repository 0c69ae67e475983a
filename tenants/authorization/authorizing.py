"""The authorization endpoint (RFC 6749 section 3.1): what is asked for, what the person says, and where that leads.

Each runs inside the tenant's context, with a client that was found before.
"""

from dataclasses import dataclass

from authlib.oauth2 import OAuth2Error

from tenants.audit.recording import audit_note
from tenants.authorization import grants
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient
from tenants.authorization.code_grant import CodeGrant
from tenants.authorization.server import Answer, Server
from tenants.models import User


@dataclass(frozen=True, slots=True)
class Intent:
    """A valid request of a client to a person."""

    server: Server
    grant: CodeGrant
    client: KnownClient
    terms: grants.Terms

    @property
    def is_remembered(self) -> bool:
        """Whether the person has allowed just this before."""
        return grants.is_remembered(self.client, self.grant.request.user, self.terms)

    def answered(self, *, by: User | None) -> Answer:
        """Where the browser goes with the person's answer: with a code, or for None with `access_denied`."""
        if by is None:
            audit_note(action="consent.declined", kind="consent", name=self.client.row.name)
        answer: Answer = self.server.create_authorization_response(self.grant.request, by, self.grant)
        return answer


class Unanswerable(Exception):
    """The request is wrong in a way that its client must not be told by sending the person there; says what."""


def intent_of(server: Server, asked: Asked, user: User) -> Intent | Answer:
    """What a request asks of `user`, or the redirect that tells its client what is wrong with it.

    Raises Unanswerable where there is no address that is the client's for sure (RFC 6749 section 4.1.2.1).
    """
    try:
        grant: CodeGrant = server.get_consent_grant(asked, user)
    except OAuth2Error as error:
        if not error.redirect_uri:
            raise Unanswerable(error.get_error_description() or error.error) from None
        answer: Answer = server.handle_error_response(asked, error)
        return answer
    return Intent(server, grant, asked.client, grant.terms(grant.redirect_uri))
